"""The cases flow as its users run it: documents deep in folders, copies of templates, statuses, open cases."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import CANVAS, START, Rehearsal, rehearsal_after

STATUS, CUSTOMER = "Case.Status", "Case.Customer Number"
CASES: dict[str, Any] = {
    "workspace_types": ["Case"],
    "customer": CUSTOMER,
    "status": STATUS,
    "closed": {STATUS: ["Resolved", "Closed"]},
    "rules": [
        {
            "name": "resolved",
            "when": {STATUS: "Resolved"},
            "repeat": True,
            "send": {"event": "case_resolved", "canvas": CANVAS, "consent": {"transactional": "they wait for it"}},
        },
        {
            "name": "claim_form",
            "document": {"name": "Claim Form*", "mime": "application/pdf"},
            "send": {
                "event": "claim_form",
                "properties": {"name": "${document.name}", "folder": "${document.folder}"},
            },
        },
        {
            "name": "letter",
            "document": {"when": {"Document.Kind": "Letter"}},
            "new_version": True,
            "send": {"event": "letter", "properties": {"version": "${document.version}"}},
        },
    ],
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Rehearsal]:
    """A world with one open case of somebody Braze knows; the baseline is done and five minutes have passed."""
    with rehearsal_after(_opened, tmp_path) as stage:
        yield stage


def _opened(stage: Rehearsal) -> None:
    stage.box.add_category("Case", [{"name": "Customer Number"}, {"name": "Status"}])
    stage.box.add_category("Document", [{"name": "Kind"}])
    stage.box.add_type("Case", ["Case"])
    stage.config["flows"] = {"cases": copy.deepcopy(CASES)}
    _case(stage, stage.customer(stage.open_workspaces()[0]), name="The first")
    stage.box.advance(600)
    assert stage.ecmbraze("init", "--non-interactive").code == 0
    assert _cases(stage, later=0)["mode"] == "baseline"


def _case(stage: Rehearsal, person: str, status: str = "Open", **more: Any) -> int:
    return stage.box.create_workspace("Case", values={CUSTOMER: person, STATUS: status}, **more)


def _first(stage: Rehearsal) -> tuple[int, str]:
    """The case of the fixture and whose it is."""
    case = stage.box.workspaces("Case")[0]
    return int(case["id"]), str(case["values"][CUSTOMER])


def _cases(stage: Rehearsal, *arguments: str, later: float = 900, code: int = 0) -> dict[str, Any]:
    stage.box.advance(later)
    done = stage.ecmbraze("cases", "--json", *arguments)
    assert done.code == code, (done.code, done.stderr[-1500:])
    return done.report


def _events(stage: Rehearsal, name: str) -> list[dict[str, Any]]:
    return [event["properties"] for event in stage.received()["events"] if event["name"] == name]


def _attribute(stage: Rehearsal, person: str, name: str) -> Any:
    return stage.box.call("GET", f"/braze/users/{person}").get("custom_attributes", {}).get(name)


def test_a_document_three_folders_deep_is_told_once_and_others_never_leave(office: Rehearsal) -> None:
    case, _ = _first(office)
    folder = case
    for name in ("Incoming", "2026", "November"):
        folder = office.box.folder(folder, name)
    office.box.file(folder, "Claim Form 7.pdf")
    office.box.file(folder, "Secret report.pdf")

    shown = _cases(office, "--dry-run")
    report, again = _cases(office, later=0), _cases(office)

    assert shown["plan_hash"] == report["plan_hash"]
    assert [line["rule"] for line in report["actions"]] == ["claim_form"]
    assert [event["folder"] for event in _events(office, "claim_form")] == ["Incoming/2026/November"]
    assert again["counts"]["planned"] == 0
    assert "Secret" not in str(office.received())


def test_copies_of_the_template_do_not_fire_and_a_reason_says_so(office: Rehearsal) -> None:
    case = _case(office, _first(office)[1], name="Born with documents")
    office.box.file(case, "Claim Form of the template.pdf")
    office.box.advance(120)
    office.box.file(case, "Claim Form of a person.pdf")

    report = _cases(office)

    assert [event["name"] for event in _events(office, "claim_form")] == ["Claim Form of a person.pdf"]
    assert any("came by template" in skip["reason"] for skip in report["skipped"])


def test_a_document_moved_in_with_an_old_date_is_found_by_the_sweep(office: Rehearsal) -> None:
    case, _ = _first(office)
    office.box.switch(move_bumps_modify_date=False)
    elsewhere = office.box.folder(2000, "Inbox")
    old = f"{START - timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"
    document = office.box.file(elsewhere, "Claim Form of old.pdf", created=old)
    _cases(office)
    office.box.filed(do="move", id=document, parent=case)
    office.box.flush_index()

    unseen, swept = _cases(office), _cases(office, later=25 * 3600)

    assert unseen["counts"]["planned"] == 0
    assert swept["counts"]["changed"] == 1
    assert [event["name"] for event in _events(office, "claim_form")] == ["Claim Form of old.pdf"]


def test_an_index_that_lags_only_delays_and_one_that_stands_still_is_told(office: Rehearsal) -> None:
    case, _ = _first(office)
    office.box.switch(index_lag_s=7200)
    office.box.file(case, "Claim Form late.pdf")
    at_once, later = _cases(office), _cases(office, later=7200)
    office.box.fault("status", status=400, json={"error": "no"}, path="/api/v2/search", times=99)
    blind = _cases(office)

    assert (at_once["counts"]["planned"], later["counts"]["sent"]) == (0, 1)
    assert any("by the sweep only" in note for note in blind["notes"])


def test_a_new_version_counts_only_where_the_rule_says_so_and_each_document_once(office: Rehearsal) -> None:
    case, _ = _first(office)
    form = office.box.file(case, "Claim Form.pdf")
    letter = office.box.file(case, "Dear you.pdf", categories=["Document"], values={"Document.Kind": "Letter"})
    _cases(office)
    for document in (form, letter):
        office.box.filed(do="version", id=document)
    _cases(office)
    office.box.filed(do="delete", id=form)
    _cases(office, later=25 * 3600)
    office.box.filed(do="restore", id=form)
    _cases(office, later=25 * 3600)

    assert len(_events(office, "claim_form")) == 1
    assert [event["version"] for event in _events(office, "letter")] == ["1", "2"]


def test_a_document_becomes_one_of_the_kind_when_its_category_is_filled_in(office: Rehearsal) -> None:
    case, _ = _first(office)
    letter = office.box.file(case, "Dear you.pdf", categories=["Document"])
    first = _cases(office)
    office.box.filed(do="edit", id=letter, values={"Document.Kind": "Letter"})

    second = _cases(office)

    assert (first["counts"]["planned"], second["counts"]["sent"]) == (0, 1)


def test_two_status_changes_between_two_polls_fire_what_holds_of_the_last(office: Rehearsal) -> None:
    case, person = _first(office)
    office.box.edit_workspace(case, {STATUS: "In Review"})
    office.box.edit_workspace(case, {STATUS: "Resolved"})
    report = _cases(office)
    office.box.edit_workspace(case, {STATUS: "Open"})
    _cases(office)
    office.box.edit_workspace(case, {STATUS: "Resolved"})

    _cases(office)

    assert "at the last look Case.Status was Open" in str(report["actions"])
    assert office.messages()[(person, "case_resolved")] == office.messages()[(person, CANVAS)] == 2


def test_open_cases_are_counted_over_all_cases_of_a_person_and_after_one_is_gone(office: Rehearsal) -> None:
    case, person = _first(office)
    second = _case(office, person)
    _case(office, person, "Closed")
    _cases(office)
    both = _attribute(office, person, "ecm_open_cases")
    office.box.edit_workspace(case, {STATUS: "Closed"})
    _cases(office)
    one = _attribute(office, person, "ecm_open_cases")
    office.box.delete_workspace(second)
    _cases(office)
    still = _attribute(office, person, "ecm_open_cases")

    _cases(office)

    assert (both, one, still, _attribute(office, person, "ecm_open_cases")) == (2, 1, 1, 0)
    assert _attribute(office, person, "ecm_last_case_status") == "Closed"


def test_a_message_about_a_document_that_is_gone_by_then_is_taken_back(office: Rehearsal) -> None:
    case, person = _first(office)
    office.box.call("DELETE", f"/braze/users/{person}")
    form = office.box.file(case, "Claim Form.pdf")
    assert _cases(office)["counts"]["waiting"] == 1
    office.box.filed(do="delete", id=form)
    office.box.call("PUT", f"/braze/users/{person}", {"email": "a@example.com"})

    report = _cases(office)

    assert report["counts"]["superseded"] == 1
    assert "is gone" in str(report["actions"])
    assert _events(office, "claim_form") == []


def test_a_backfill_tells_nothing_of_a_case_that_is_gone(office: Rehearsal) -> None:
    case, person = _first(office)
    office.box.edit_workspace(case, {STATUS: "Resolved"})
    _cases(office)
    told = office.messages()[(person, CANVAS)]
    second = _case(office, person, "Resolved", created=f"{START - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}")
    _cases(office)
    office.box.delete_workspace(second)
    for _ in range(2):
        _cases(office)

    report = _cases(office, "--since", "2026-01-01", "--include-messages", "--dry-run")

    records = {line["record"] for line in (*report["actions"], *report["skipped"])}  # the first was told before
    assert (f"ws:{case}" in records, f"ws:{second}" in records) == (True, False)
    assert office.messages()[(person, CANVAS)] == told


def test_a_message_that_could_not_be_written_is_not_lost_when_the_record_changes_or_is_replayed(
    office: Rehearsal,
) -> None:
    case, person = _first(office)
    office.config["flows"]["cases"]["rules"][0]["send"]["properties"] = {"case": "Your case: ${workspace.name}"}
    _cases(office)
    office.box.edit_workspace(case, {STATUS: "Resolved"}, name="x" * 248)
    _cases(office, code=3)
    office.box.edit_workspace(case, {}, name="y" * 248)
    _cases(office, code=3)
    kept = office.ecmbraze("quarantine", "list", "--json").stdout
    office.config["flows"]["cases"]["rules"][0]["send"]["properties"] = {"case": "${workspace.id}"}
    assert office.ecmbraze("quarantine", "replay", f"ws:{case}").code == 0

    report, again = _cases(office), _cases(office)

    assert "longer than 255" in kept
    assert (report["counts"]["sent"], again["counts"]["planned"]) == (2, 0)
    assert office.messages()[(person, CANVAS)] == office.messages()[(person, "case_resolved")] == 1
