"""Play the story at the pace of somebody who watches, and say whether every step showed what it claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from ecmbraze.cli.clock import WallClock
from ecmbraze.cli.demo import show
from ecmbraze.cli.demo.stage import START, ZONE, Stage
from ecmbraze.cli.demo.step import Step
from ecmbraze.cli.demo.story import STORY
from ecmbraze.sandbox.remote import RemoteSandbox

_READ_S = 3.3
"""How long a step stands before the next: sixteen of them in less than a minute."""


def play(folder: Path, *, fast: bool, kept: str) -> int:
    """Play the whole story in ``folder`` on a sandbox of its own, and return the exit code."""
    console = show.console()
    show.opening(console)
    watched = console.is_terminal and not fast
    pause = _pace(WallClock()) if watched else lambda: None
    with RemoteSandbox.start("--world", "empty", now=START) as box:
        return tell(STORY, Stage(box, folder), console, pause=pause, kept=kept)


def tell(
    story: Sequence[Step], stage: Stage, console: Console, *, pause: Callable[[], None] = lambda: None, kept: str = ""
) -> int:
    """Play a story step by step; return 0 when every step showed what it claims, else 1."""
    wrong = []
    for number, step in enumerate(story, start=1):
        stage.begin()
        step.act(stage)
        evidence = step.evidence(stage)
        pause()
        show.step(console, number, len(story), step, evidence, stage.box.now().astimezone(ZONE))
        wrong += [] if all(row.holds for row in evidence) else [number]
    show.ending(console, len(story), wrong, kept)
    return 1 if wrong else 0


def _pace(wall: WallClock) -> Callable[[], None]:
    """Return what waits until the step before was to be seen long enough; what the next took to play counts."""
    shown = wall.monotonic()

    def pause() -> None:
        nonlocal shown
        wall.sleep(max(0.0, shown + _READ_S - wall.monotonic()))
        shown = wall.monotonic()

    return pause
