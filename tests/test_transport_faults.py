"""What a run makes of a system in trouble: the right exit code, no request too many, nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CANVAS, CONTRACT, KYC, TYPE, Rehearsal, rehearsal_after


def _due(stage: Rehearsal, people: int = 1) -> list[str]:
    workspaces = stage.open_workspaces()[:people]
    for workspace in workspaces:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return [stage.customer(workspace) for workspace in workspaces]


def _asked(stage: Rehearsal, path: str) -> list[dict[str, Any]]:
    return [entry for entry in stage.box.journal() if path in entry["path"]]


def test_a_passing_500_of_the_workspace_types_costs_a_retry(stage: Rehearsal) -> None:
    (person,) = _due(stage)
    stage.box.fault("status", system="ecm", path="/businessworkspacetypes", status=500, json={"error": "x"}, times=1)

    stage.run(code=0)

    assert stage.messages()[(person, CAMPAIGN)] == 1


def test_a_500_of_the_workspace_types_that_stays_is_temporary(stage: Rehearsal) -> None:
    (person,) = _due(stage)
    stage.box.fault("status", system="ecm", path="/businessworkspacetypes", status=500, json={"error": "x"}, times=None)
    stage.run(code=5)
    stage.box.clear_faults()

    stage.run(code=0)

    assert stage.messages()[(person, CAMPAIGN)] == 1


def test_tickets_that_die_after_one_use_are_renewed_each_time(stage: Rehearsal) -> None:
    (person,) = _due(stage)
    stage.box.switch(ticket_ttl_requests=1)

    assert stage.ecmbraze("onboarding").code in (0, 5)
    stage.box.switch(ticket_ttl_requests=None)
    stage.run()

    assert stage.messages()[(person, CAMPAIGN)] == 1


@pytest.mark.parametrize("system", ["ecm", "braze"])
def test_a_ca_file_that_is_not_there_stops_before_anything_is_sent(stage: Rehearsal, system: str) -> None:
    (person,) = _due(stage)
    stage.config[system]["ca_file"] = str(stage.folder / "gone.pem")
    requests = len(stage.box.journal())

    ended = stage.ecmbraze("onboarding")

    assert (ended.code, "gone.pem" in ended.stderr, len(stage.box.journal())) == (15, True, requests)
    del stage.config[system]["ca_file"]
    stage.run()
    assert stage.messages()[(person, CAMPAIGN)] == 1


def _flow() -> dict[str, Any]:
    consent = {"transactional": "the contract"}
    rule = {"name": "signed", "when": {CONTRACT: "Approved"}, "send": {"canvas": CANVAS, "consent": consent}}
    return {"workspace_types": [TYPE], "customer": "Onboarding.Customer Number", "rules": [rule]}


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Rehearsal]:
    """Three flows over one workspace type, all of which have something to say to the same person."""
    with rehearsal_after(_three_flows, tmp_path) as stage:
        yield stage


def _three_flows(stage: Rehearsal) -> None:
    stage.flow["milestones"] = stage.flow["milestones"][:1]
    stage.config["flows"]["lifecycle"] = _flow()
    stage.config["flows"]["cases"] = {**_flow(), "status": CONTRACT, "closed": {KYC: "Completed"}}
    assert stage.ecmbraze("init", "--non-interactive").code == 0
    assert stage.ecmbraze("run", "--now").code == 0


def test_a_dead_endpoint_is_asked_for_one_flow_and_not_again_for_each(three: Rehearsal) -> None:
    (person,) = _due(three)
    three.box.fault("html500", system="braze", path="/users/export/ids", times=None)
    before = len(_asked(three, "/users/export/ids"))

    ended = three.ecmbraze("run", "--now", "--json")

    assert [report["exit_code"] for report in ended.report["runs"]] == [5, 5, 5]
    assert len(_asked(three, "/users/export/ids")) - before == 4
    three.box.clear_faults()
    three.box.advance(1200)
    assert three.ecmbraze("run", "--now").code == 0
    assert three.messages()[(person, CAMPAIGN)] == 1


def test_starts_in_a_window_that_is_used_up_send_nothing_too_early(stage: Rehearsal) -> None:
    stage.config["braze"]["track_batch"] = 2  # each person a request of their own
    stage.config["braze"]["connections"] = 1  # what a first wave may ask for is not known before its answers
    people = _due(stage, 3)
    stage.box.call("POST", "/braze/switches", {"headers": "mau", "track_per_hour": 1})

    for _ in range(4):
        assert stage.ecmbraze("onboarding").code == 8

    assert [entry["status"] for entry in _asked(stage, "/users/track")] == [201]
    stage.box.call("POST", "/braze/switches", {"track_per_hour": 1000})
    stage.box.advance(3600)
    stage.run()
    assert {stage.messages()[(person, "contract_approved")] for person in people} == {1}
