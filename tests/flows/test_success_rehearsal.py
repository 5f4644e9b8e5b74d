"""Success by flags with a task, and by Currents with a reminder, on the simulated systems over real HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ecmbraze.flows import BY_NAME
from tests.flows.test_success import DAY, HOUR, open_case, success
from tests.rehearsal import Rehearsal, rehearsal

CAMPAIGN = "3f0c0000-0000-4000-8000-000000000003"


def section(folder: Path) -> dict[str, Any]:
    """Return the section of the example with two rules: one by flags, with a task, one by Currents."""
    found: dict[str, Any] = yaml.safe_load(BY_NAME["success"].example)
    own = found["success"]
    (rule,) = own["rules"]
    del rule["escalate"]
    flags = {"campaigns": {"ids": [CAMPAIGN], "silent": "30d", "received": 1}}
    task = {"kind": "task", "assign": {"group": "Retention"}, "text": rule["follow_up"]["text"]}
    mails = {"currents": {"silent": "30d", "received": 1}}
    own["rules"] = [
        {**rule, "name": "by_flags", "engagement": flags, "follow_up": task},
        {**rule, "name": "by_mails", "engagement": mails},
    ]
    own["currents_files"] = str(folder)
    return found


def sync(stage: Rehearsal, folder: Path) -> None:
    """Copy what is new in the bucket, as a sync does; a file is as old as its copy."""
    at = stage.box.now().timestamp()
    for name, content in stage.box.bucket().items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (at, at))


def standing(stage: Rehearsal) -> dict[str, tuple[list[str], str]]:
    return {one["kind"]: (one["assignees"], one["status"]) for one in stage.box.follow_ups()}


def test_two_rules_call_for_the_same_silence_and_end_each_by_its_own_sign_of_life(tmp_path: Path) -> None:
    folder = tmp_path / "currents"
    folder.mkdir()
    with rehearsal(tmp_path, "--world", "example") as stage:
        stage.config["flows"] = section(folder)
        assert stage.ecmbraze("init", "--non-interactive").code == 0
        assert success(stage)["mode"] == "baseline"
        _, person = open_case(stage)
        stage.box.change({"external_id": person, "received": [{"id": CAMPAIGN}]})
        told = {"external_id": person, "message": CAMPAIGN}
        stage.box.advance(29 * DAY)
        stage.box.currents({"event": "delivery", **told}, {"event": "open", **told, "machine_open": True})
        sync(stage, folder)
        assert success(stage)["counts"]["sent"] == 0

        stage.box.advance(DAY)
        stage.box.currents({"event": "send", **told, "at": stage.box.now().isoformat()}, half_for_s=HOUR)
        sync(stage, folder)
        half = success(stage)
        assert "files that are not complete (1)" in " ".join(half["notes"])
        assert standing(stage) == {"task": (["Retention"], "open")}

        stage.box.advance(HOUR)
        sync(stage, folder)
        success(stage)
        assert standing(stage) == {"task": (["Retention"], "open"), "reminder": (["user01"], "open")}
        stage.box.advance(HOUR)
        assert success(stage)["counts"]["planned"] == 0

        stage.box.currents({"event": "click", **told, "suspected_bot_click": True}, {"event": "click", **told})
        sync(stage, folder)
        success(stage)
        assert standing(stage) == {"task": (["Retention"], "open"), "reminder": (["user01"], "completed")}

        stage.box.change({"external_id": person, "engaged": {CAMPAIGN: ["opened_email"]}})
        stage.box.advance(HOUR)
        success(stage)
        assert standing(stage)["task"] == (["Retention"], "completed")
        stage.box.advance(HOUR)
        assert success(stage)["counts"]["planned"] == 0
