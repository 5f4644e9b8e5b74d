"""Parts of the demo's story for a forked process to play: it forks the program, which a test's own process may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ecmbraze.cli.demo import show
from ecmbraze.cli.demo.play import tell
from ecmbraze.cli.demo.stage import Stage
from ecmbraze.cli.demo.story import STORY
from ecmbraze.sandbox.remote import RemoteSandbox

CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"


def tell_spoiled(addresses: Mapping[str, str], folder: Path) -> int:
    """Tell the first two steps, with the campaign of the second one paused by somebody in Braze."""
    stage = Stage(RemoteSandbox(addresses), folder)
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"paused": True})
    return tell(STORY[:2], stage, show.console())


def look_without_acts(addresses: Mapping[str, str], folder: Path) -> int:
    """Print as JSON, per step, which of its rows hold in a world where a run saw that nothing happened."""
    stage = Stage(RemoteSandbox(addresses), folder)
    STORY[0].act(stage)
    held = []
    for step in STORY:
        stage.begin()
        held.append([row.holds for row in replace(step, cause=()).evidence(stage)])
    print(json.dumps(held))
    return 0
