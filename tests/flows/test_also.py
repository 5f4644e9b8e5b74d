"""One flow over workspace types whose recipient stands in different places (`also:`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, TYPE, Rehearsal, rehearsal

NUMBER = "Loan.Borrower Number"
ALSO = [{"workspace_types": ["Loan"], "customer": NUMBER}]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Rehearsal]:
    """Onboardings as ever, and a loan that carries the same category but names its customer elsewhere."""
    with rehearsal(tmp_path) as stage:
        stage.box.add_category("Loan", [{"name": "Borrower Number"}])
        stage.box.add_type("Loan", ["Onboarding", "Loan"])
        yield stage


def _loan(stage: Rehearsal, person: str, **values: str) -> int:
    stage.box.advance(60)
    return stage.box.create_workspace("Loan", name=f"Loan {person}", values={NUMBER: person, **values})


def _run(stage: Rehearsal, **expected: Any) -> dict[str, Any]:
    stage.box.advance(900)
    report = stage.run()
    assert {name: report["counts"][name] for name in expected} == expected, report["skipped"]
    return report


def test_each_type_finds_its_people_where_its_own_mapping_says(bank: Rehearsal) -> None:
    bank.flow["also"] = ALSO
    onboarding, other = bank.open_workspaces()[:2]
    loan = _loan(bank, bank.customer(other))
    bank.set_up()

    bank.box.edit_workspace(onboarding, {CONTRACT: "Approved"})
    bank.box.edit_workspace(loan, {CONTRACT: "Approved"})
    _run(bank)

    for person in (bank.customer(onboarding), bank.customer(other)):
        assert (bank.messages()[(person, CAMPAIGN)], bank.messages()[(person, "contract_approved")]) == (1, 1)
    _run(bank, sent=0)


def test_a_type_that_is_added_later_begins_with_a_baseline_of_its_own(bank: Rehearsal) -> None:
    onboarding, other, third = bank.open_workspaces()[:3]
    _loan(bank, bank.customer(other), **{CONTRACT: "Approved"})
    late = _loan(bank, bank.customer(third))
    bank.set_up()
    bank.flow["also"] = ALSO
    bank.box.edit_workspace(onboarding, {CONTRACT: "Approved"})

    report = _run(bank)

    assert report["mode"] == "live"
    assert bank.messages()[(bank.customer(onboarding), CAMPAIGN)] == 1
    assert bank.messages()[(bank.customer(other), CAMPAIGN)] == 0
    bank.box.edit_workspace(late, {CONTRACT: "Approved"})
    _run(bank)
    assert bank.messages()[(bank.customer(third), CAMPAIGN)] == 1


def test_the_newest_workspace_speaks_for_a_person_whatever_its_type(bank: Rehearsal) -> None:
    bank.flow["also"] = ALSO
    onboarding = bank.open_workspaces()[0]
    person = bank.customer(onboarding)
    bank.set_up()
    _loan(bank, person, **{"Onboarding.Stage": "Paid out"})
    _run(bank)

    bank.box.edit_workspace(onboarding, {"Onboarding.Stage": "Older"})
    _run(bank)

    attributes = bank.box.call("GET", f"/braze/users/{person}")["custom_attributes"]
    assert attributes["ecm_stage"] == "Paid out"


def test_check_tells_of_both_mappings_and_finds_a_wrong_name_in_either(bank: Rehearsal) -> None:
    bank.flow["also"] = ALSO
    loan = _loan(bank, "C-1")
    bank.ecmbraze("init", "--non-interactive")

    outbound = bank.ecmbraze("check", "--outbound", "--json")
    well = bank.ecmbraze("check")
    bank.flow["also"] = [{"workspace_types": ["Loan"], "customer": "Loan.Borower Number"}]
    wrong = bank.ecmbraze("check")

    assert loan
    facts = {row["fact"] for row in json.loads(outbound.stdout) if row["sort"] == "identifier"}
    assert facts == {"Onboarding.Customer Number", NUMBER}
    assert (well.code, wrong.code) == (0, 15)
    assert NUMBER in wrong.stdout + wrong.stderr  # did you mean


@pytest.mark.parametrize("types", [["Loan", TYPE], ["Loan", "Loan"]])
def test_a_type_stands_under_one_mapping_only(bank: Rehearsal, types: list[str]) -> None:
    bank.flow["also"] = [{"workspace_types": types, "customer": NUMBER}]

    refused = bank.ecmbraze("check")

    assert refused.code == 15
    assert "stands twice: each has one `customer`" in refused.stdout + refused.stderr
