"""The lifecycle flow as its users run it: time passes, nobody touches a contract, and the reminder still goes out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import CANVAS, START, TYPE, Rehearsal, rehearsal

END, STATUS, CUSTOMER = "Contract.Contract End", "Contract.Status", "Contract.Customer Number"
LIFECYCLE: dict[str, Any] = {
    "workspace_types": ["Contract"],
    "customer": CUSTOMER,
    "attributes": {"contract_end": END},
    "rules": [
        {
            "name": "contract_expiry",
            "when": {STATUS: "Active"},
            "before": {"date": END, "days": [90, 60, 30, 7], "at": "10:00", "grace": "3d"},
            "send": {"event": "contract_expiry", "canvas": CANVAS, "consent": {"transactional": "the contract ends"}},
        },
        {"name": "completed", "when": {STATUS: "Completed"}, "send": {"event": "contract_completed"}},
    ],
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Rehearsal]:
    """A world that also knows contracts; nothing was run yet."""
    with rehearsal(tmp_path) as stage:
        stage.box.add_category(
            "Contract", [{"name": "Customer Number"}, {"name": "Status"}, {"name": "Contract End", "type": "Date"}]
        )
        stage.box.add_type("Contract", ["Contract"])
        stage.config["flows"]["lifecycle"] = copy.deepcopy(LIFECYCLE)
        yield stage


def _contract(stage: Rehearsal, end: datetime, *, customer: str | None = None) -> tuple[int, str]:
    person = customer or stage.customer(stage.open_workspaces()[0])
    values = {CUSTOMER: person, STATUS: "Active", END: f"{end:%Y-%m-%d}"}
    return stage.box.create_workspace("Contract", name=f"Vertrag {person}", values=values), person


def _begin(stage: Rehearsal) -> None:
    assert stage.ecmbraze("init", "--non-interactive").code == 0
    assert _lifecycle(stage)["mode"] == "baseline"


def _lifecycle(stage: Rehearsal, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stage.ecmbraze("lifecycle", "--json", *arguments)
    assert done.code == code, (done.code, done.stderr[-1500:])
    return done.report


def _later(stage: Rehearsal, **span: float) -> None:
    stage.box.advance(timedelta(**span).total_seconds())


def test_a_contract_untouched_for_a_year_is_reminded_of_at_thirty_days(office: Rehearsal) -> None:
    _, person = _contract(office, START + timedelta(days=395))
    _begin(office)
    _later(office, days=365, hours=3)

    shown = _lifecycle(office, "--dry-run")
    report = _lifecycle(office)

    assert [(line["rule"], line["kind"]) for line in shown["actions"]] == [
        ("contract_expiry", "event"),
        ("contract_expiry", "canvas"),
    ]
    assert report["plan_hash"] == shown["plan_hash"]
    assert (report["counts"]["changed"], report["counts"]["sent"]) == (0, 2)
    assert office.messages()[(person, CANVAS)] == 1
    assert _lifecycle(office)["counts"]["planned"] == 0


def test_after_five_days_without_a_run_only_the_nearest_goes_out_and_none_beyond_its_grace(office: Rehearsal) -> None:
    office.config["flows"]["lifecycle"]["rules"][0]["before"] |= {"days": [32, 30, 28]}
    _, person = _contract(office, START + timedelta(days=32 + 10))
    _begin(office)
    _later(office, days=15)  # three days after the nearest, five after the first: still within the grace of the last

    first = _lifecycle(office)
    office.box.advance(0)
    _, other = _contract(office, START + timedelta(days=15 + 40), customer=office.customer(office.open_workspaces()[1]))
    _lifecycle(office)
    _later(office, days=20)  # its last reminder came due eight days ago
    late = _lifecycle(office, code=3)

    assert first["counts"]["sent"] == 2
    assert late["counts"]["expired"] == 1
    assert office.messages()[(person, CANVAS)] == 1
    assert office.messages()[(other, CANVAS)] == 0
    [missed] = [skip for skip in late["skipped"] if "longer ago than its grace; no run came in time" in skip["reason"]]
    assert (missed["customer"], missed["rule"]) == (other, "contract_expiry")
    assert _lifecycle(office)["counts"]["expired"] == 0  # said once


def test_a_reminder_that_was_never_awaited_is_told_and_does_not_count_as_missed(office: Rehearsal) -> None:
    _begin(office)
    _, _ = _contract(office, START + timedelta(days=20))

    report = _lifecycle(office)

    assert report["counts"]["expired"] == 0
    assert any(skip["reason"].endswith("longer ago than its grace") for skip in report["skipped"])


def test_a_moved_date_takes_back_what_waits_and_makes_new_reminders(office: Rehearsal) -> None:
    workspace, person = _contract(office, START + timedelta(days=31))
    office.box.call("DELETE", f"/braze/users/{person}")
    _begin(office)
    _later(office, days=1, hours=3)
    assert _lifecycle(office)["counts"]["waiting"] == 2  # not in Braze yet
    office.box.edit_workspace(workspace, {END: f"{START + timedelta(days=400):%Y-%m-%d}"})
    office.box.call("PUT", f"/braze/users/{person}", {"email": "a@example.com"})
    _later(office, hours=1)

    moved = _lifecycle(office)

    assert office.messages()[(person, CANVAS)] == 0
    assert moved["counts"]["superseded"] == 2
    assert all("has moved since" in line["why"] for line in moved["actions"] if line["state"] == "superseded")
    _later(office, days=400 - 90)
    _lifecycle(office)
    assert office.messages()[(person, CANVAS)] == 1


def test_completion_is_told_once_and_a_closed_contract_is_not_reminded_of(office: Rehearsal) -> None:
    workspace, person = _contract(office, START + timedelta(days=40))
    _begin(office)
    office.box.edit_workspace(workspace, {STATUS: "Completed"})
    _later(office, hours=1)
    _lifecycle(office)
    _later(office, days=10, hours=3)

    _lifecycle(office)

    assert office.messages()[(person, "contract_completed")] == 1
    assert office.messages()[(person, CANVAS)] == 0


def test_a_peak_is_forecast_and_must_be_confirmed(office: Rehearsal) -> None:
    office.config["guards"] = {"max_messages": 5}
    people = [office.customer(workspace) for workspace in office.open_workspaces()]
    for person in people:
        _contract(office, START + timedelta(days=31), customer=person)
    _begin(office)
    ahead = json.loads(office.ecmbraze("forecast", "--json").stdout)
    assert {(row["rule"], row["people"]) for row in ahead} == {("contract_expiry", len(people))}
    assert ahead[0]["day"] == f"{START + timedelta(days=1):%Y-%m-%d}"
    _later(office, days=1, hours=3)

    stopped = _lifecycle(office, code=6)
    _lifecycle(office, "--confirm", stopped["plan_hash"][:12])

    assert sum(n for (_, name), n in office.messages().items() if name == CANVAS) == len(people) >= 3


def test_a_peak_confirmed_ahead_goes_out_by_itself_and_nothing_beyond_it(office: Rehearsal) -> None:
    office.config["guards"] = {"max_messages": 1}
    people = [office.customer(workspace) for workspace in office.open_workspaces()]
    for person in people[:-1]:
        _contract(office, START + timedelta(days=31), customer=person)
    _begin(office)
    day = f"{START + timedelta(days=1):%Y-%m-%d}"
    assert office.ecmbraze("forecast", "--confirm", "2027-13-01").code == 2
    assert office.ecmbraze("forecast", "--confirm", "2026-11-20").code == 2  # nothing comes due then
    told = office.ecmbraze("forecast", "--confirm", day)
    _later(office, days=1, hours=3)

    report = _lifecycle(office)
    _contract(office, START + timedelta(days=31), customer=people[-1])
    beyond = _lifecycle(office, code=6)

    assert f"{2 * len(people) - 2} messages to {len(people) - 1} people on {day}" in told.stderr
    assert report["counts"]["sent"] == 2 * len(people) - 2
    assert "more than max_messages 1" in beyond["exit_reason"]


def test_silence_is_told_once_and_our_own_edits_are_no_activity(office: Rehearsal) -> None:
    rule = {
        "name": "silent",
        "inactive": {"days": 30, "at": "10:00"},
        "send": {"event": "silent", "properties": {"days": "${reminder.days}", "since": "${reminder.date}"}},
    }
    office.config["flows"]["lifecycle"]["rules"] = [rule]
    ours, person = _contract(office, START + timedelta(days=900))
    theirs, other = _contract(
        office, START + timedelta(days=900), customer=office.customer(office.open_workspaces()[1])
    )
    _begin(office)
    _later(office, days=20)
    office.box.edit_workspace(ours, {STATUS: "Reviewed"}, by_user=1000)  # the account of ecmbraze itself
    office.box.edit_workspace(theirs, {STATUS: "Reviewed"})
    _later(office, hours=1)
    _lifecycle(office)
    _later(office, days=10, hours=3)
    _lifecycle(office)
    first = office.messages()
    _later(office, days=20)
    _lifecycle(office)

    assert (first[(person, "silent")], first[(other, "silent")]) == (1, 0)
    assert office.messages()[(person, "silent")] == office.messages()[(other, "silent")] == 1
    told = [event["properties"] for event in office.received()["events"] if event["recipient"] == person]
    assert [(entry["days"], entry["since"]) for entry in told] == [(30, "2026-11-20")]


def test_one_round_runs_both_flows_in_one_scan_and_a_missing_type_ends_only_its_own(office: Rehearsal) -> None:
    _contract(office, START + timedelta(days=31))
    office.set_up()
    assert _lifecycle(office)["mode"] == "baseline"
    office.box.edit_workspace(office.open_workspaces()[1], {"Onboarding.Contract Status": "Approved"})
    _later(office, days=1, hours=3)

    both = office.ecmbraze("run", "--json").report["runs"]
    nothing = office.ecmbraze("run", "--json").report["runs"]
    office.box.rename_type("Contract", "Agreement")
    _later(office, hours=1)
    broken = office.ecmbraze("run", "--json")

    assert [(told["flow"], told["exit_code"], told["counts"]["sent"]) for told in both] == [
        ("onboarding", 0, 2),
        ("lifecycle", 0, 2),
    ]
    assert nothing == []
    assert broken.code == 15
    assert [told["exit_code"] for told in broken.report["runs"]] == [0, 15]
    assert f"workspaces/{TYPE}" in both[0]["watermarks"]


def test_a_reminder_added_to_the_rules_comes_due_for_a_contract_nobody_touches(office: Rehearsal) -> None:
    before = office.config["flows"]["lifecycle"]["rules"][0]["before"]
    before["days"] = [7]
    _, person = _contract(office, START + timedelta(days=40))
    _begin(office)
    before["days"] = [30, 7]
    _later(office, hours=1)
    assert _lifecycle(office)["counts"]["planned"] == 0
    _later(office, days=10, hours=3)

    assert _lifecycle(office)["counts"]["sent"] == 2

    assert office.messages()[(person, CANVAS)] == 1
    assert _lifecycle(office)["counts"]["planned"] == 0


def test_check_looks_at_every_flow_of_the_configuration(office: Rehearsal) -> None:
    _contract(office, START + timedelta(days=40))
    _begin(office)

    done = office.ecmbraze("check")

    assert done.code == 0, done.stdout + done.stderr
    assert f"lifecycle: canvas {CANVAS}" in done.stdout


def test_rules_that_are_changed_back_come_due_again(office: Rehearsal) -> None:
    before = office.config["flows"]["lifecycle"]["rules"][0]["before"]
    _, person = _contract(office, START + timedelta(days=40))
    _begin(office)
    for days in ([7], [90, 60, 30, 7]):
        before["days"] = days
        _later(office, hours=1)
        _lifecycle(office)
    _later(office, days=10)

    assert _lifecycle(office)["counts"]["sent"] == 2
    assert office.messages()[(person, CANVAS)] == 1


def test_a_reminder_of_a_contract_that_names_nobody_is_not_lost_when_the_customer_is_filled_in(
    office: Rehearsal,
) -> None:
    workspace, person = _contract(office, START + timedelta(days=31))
    office.box.edit_workspace(workspace, {CUSTOMER: ""})
    _begin(office)
    _later(office, days=1, hours=3)
    _lifecycle(office, code=3)
    office.box.edit_workspace(workspace, {CUSTOMER: person})
    _later(office, hours=1)

    _lifecycle(office)

    assert office.messages()[(person, CANVAS)] == 1


def test_what_is_due_of_a_type_the_flow_no_longer_names_disturbs_nobody(office: Rehearsal) -> None:
    office.box.add_type("Lease", ["Contract"])
    office.config["flows"]["lifecycle"]["workspace_types"] = ["Contract", "Lease"]
    _, person = _contract(office, START + timedelta(days=31))
    values = {CUSTOMER: person, STATUS: "Active", END: f"{START + timedelta(days=31):%Y-%m-%d}"}
    office.box.create_workspace("Lease", values=values)
    _begin(office)
    office.config["flows"]["lifecycle"]["workspace_types"] = ["Contract"]
    _later(office, days=1, hours=3)

    _lifecycle(office)

    assert office.messages()[(person, CANVAS)] == 1
