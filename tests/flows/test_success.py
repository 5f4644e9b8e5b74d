"""Success as its users run it: a case waits, its customer falls silent, somebody is asked to call, until it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.flows import BY_NAME
from tests.rehearsal import Rehearsal, rehearsal

SEGMENT = "5e600000-0000-4000-8000-000000000001"
STATUS, CUSTOMER, OPENED = "Case.Status", "Case.Customer Number", "Case.Opened On"
DAY, HOUR = 86_400, 3600


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Rehearsal]:
    """The world and the section of the example, after its baseline and one more round."""
    with rehearsal(tmp_path, "--world", "example") as stage:
        stage.config["flows"] = yaml.safe_load(BY_NAME["success"].example)
        made = stage.ecmbraze("init", "--non-interactive")
        assert made.code == 0, made.stderr
        assert success(stage)["mode"] == "baseline"
        stage.box.advance(HOUR)
        assert success(stage)["counts"]["planned"] == 0
        stage.box.advance(HOUR)
        yield stage


def success(stage: Rehearsal, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stage.ecmbraze("success", "--json", *arguments)
    assert done.code == code, (done.code, done.stderr[-1500:], done.stdout[-1500:])
    return done.report


def silent(stage: Rehearsal, *people: str) -> None:
    stage.box.call("PUT", f"/braze/segments/{SEGMENT}", {"members": list(people)})


def open_case(stage: Rehearsal) -> tuple[int, str]:
    """Return a case that is open for more than two weeks, and its customer."""
    since = (stage.box.now().date()).isoformat()
    for one in stage.box.workspaces("Case"):
        values = one["values"]
        if values[STATUS] in ("Open", "In Progress") and str(values[OPENED])[:8] < since[:8]:
            return int(one["id"]), str(values[CUSTOMER])
    raise AssertionError("the world has no case that waits")


def standing(stage: Rehearsal) -> list[tuple[str, tuple[str, ...], bool]]:
    """Return (type of the workspace, who is asked, whether it is open) of every follow-up."""
    types = {one["id"]: one["type"] for one in stage.box.workspaces()}
    return [
        (types[one["node"]], tuple(one["assignees"]), one["status"] != "completed") for one in stage.box.follow_ups()
    ]


def test_who_waits_in_silence_is_followed_up_once_until_it_is_over(desk: Rehearsal) -> None:
    case, person = open_case(desk)
    silent(desk, person)
    dry = success(desk, "--dry-run")
    live = success(desk)

    assert dry["plan_hash"] == live["plan_hash"]
    assert standing(desk) == [("Customer", ("user01",), True)]
    [made] = desk.box.follow_ups()
    assert "A case is open since 2026-" in made["text"]
    desk.box.advance(HOUR)
    assert success(desk)["counts"]["planned"] == 0

    row = json.loads(desk.ecmbraze("forecast", "--days", "9", "--json").stdout)[-1]
    assert (row["flow"], row["rule"], row["messages"]) == ("success", "silent_and_waiting", 0)

    desk.box.advance(7 * DAY)
    assert success(desk)["counts"]["sent"] == 1
    assert standing(desk)[1] == ("Customer", ("Team Leads",), True)

    desk.box.edit_workspace(case, {STATUS: "Closed"})
    desk.box.advance(HOUR)
    success(desk)
    assert [is_open for _, _, is_open in standing(desk)] == [False, False]
    desk.box.advance(HOUR)
    assert success(desk)["counts"]["planned"] == 0
