"""Two flows over the same workspaces: what one of them reads must not cost the other what it knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CANVAS, CONTRACT, KYC, TYPE, Rehearsal, rehearsal_after

LIFECYCLE: dict[str, Any] = {
    "workspace_types": [TYPE],
    "customer": "Onboarding.Customer Number",
    "rules": [
        {
            "name": "identified",
            "when": {KYC: "Completed"},
            "send": {"event": "identified", "canvas": CANVAS, "consent": {"transactional": "they must know"}},
        }
    ],
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Rehearsal]:
    """Onboarding reads the contract, lifecycle the identification, of one workspace type; both had their baseline."""
    with rehearsal_after(_both_flows, tmp_path) as stage:
        yield stage


def _both_flows(stage: Rehearsal) -> None:
    stage.flow["milestones"] = stage.flow["milestones"][:1]
    stage.config["flows"]["lifecycle"] = LIFECYCLE
    assert stage.ecmbraze("init", "--non-interactive").code == 0
    assert stage.ecmbraze("run", "--now").code == 0


def _alone(stage: Rehearsal, flow: str) -> dict[str, Any]:
    stage.box.advance(timedelta(minutes=20).total_seconds())
    done = stage.ecmbraze(flow, "--json")
    assert done.code == 0, done.stderr[-1500:]
    return done.report


def test_a_flow_run_alone_keeps_what_the_other_knows_of_a_workspace(house: Rehearsal) -> None:
    workspace = house.open_workspaces()[0]
    house.box.edit_workspace(workspace, {"Onboarding.Stage": "another"})
    _alone(house, "onboarding")
    house.box.edit_workspace(workspace, {KYC: "Completed"})
    _alone(house, "onboarding")

    report = _alone(house, "lifecycle")

    assert report["counts"]["sent"] == 2
    assert house.messages()[(house.customer(workspace), CANVAS)] == 1


def test_messages_of_two_flows_that_waited_are_each_held_against_their_own_facts(house: Rehearsal) -> None:
    workspace = house.open_workspaces()[0]
    person = house.customer(workspace)
    house.box.call("DELETE", f"/braze/users/{person}")
    house.box.edit_workspace(workspace, {CONTRACT: "Approved", KYC: "Completed"})
    house.box.advance(600)
    assert house.ecmbraze("run", "--now").code == 0
    house.box.call("PUT", f"/braze/users/{person}", {"email": "a@example.com"})
    house.box.advance(600)

    done = house.ecmbraze("run", "--now")

    assert done.code == 0, done.stderr[-1500:]
    assert house.messages()[(person, CAMPAIGN)] == house.messages()[(person, CANVAS)] == 1
