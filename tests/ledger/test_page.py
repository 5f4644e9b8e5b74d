"""Planning asks the state file by pages: the answers are those of one question after the other, and there are few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.ledger.page import SIZE, Page
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.ledger.view import View
from ecmbraze.model import Action, Change, Decision, Facts, Kind, Record, Skip, State, WorkspaceKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.customers import Customer

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
CUSTOMER = Customer.model_validate("Onboarding.Customer Number")
NEEDS = Needs(customers={"Loan": CUSTOMER}, facts=frozenset({"Onboarding.Stage"}))


def _record(number: int, stage: str) -> Record:
    """Return a workspace; every third person has two of them."""
    person = f"C-{number - 1 if number % 3 == 0 else number}" + ("\0'\"\\ü/attribute/ %_" if number % 11 == 0 else "")
    facts: Facts = {CUSTOMER.fact: (person,), "Onboarding.Stage": stage}
    return Record(
        key=WorkspaceKey(id=number),
        stream=keys.workspaces("Loan"),
        name=f"Loan {number}",
        created_at=NOW,
        modified_at=NOW,
        facts=facts,
        customers=(person,),
    )


def _attribute(record: Record, name: str, value: str) -> Action:
    return Action(
        flow="onboarding",
        record=record.key.text,
        rule=name,
        occurrence="0",
        kind=Kind.ATTRIBUTE,
        recipient=record.customers[0],
        name=name,
        payload=value,
        expires_at=NOW + timedelta(days=1),
        reason="because",
    )


def _put(plan: PlanFile, records: Iterable[Record]) -> None:
    for record in records:
        plan.put_record(record, {CUSTOMER.fact: record.customers})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of two and a half pages, with all that is asked of a record."""
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    plan = ledger.new_plan("earlier")
    records = [_record(number, "Contract") for number in range(1, SIZE * 5 // 2)]
    _put(plan, records)
    for n, record in enumerate(records):
        seen = Change(record=record, before=None, fires=True, memory={})
        bad = Skip(record=record.key.text, customer=record.customers[0], rule="ecm_bad", reason="bad", quarantined=True)
        actions = (_attribute(record, "ecm_a", f"{n}"), _attribute(record, "ecm_b", "Ü")) if n % 2 else ()
        if n % 7:
            noted = Decision(actions=actions, skips=(bad,) if n % 5 == 0 else (), memory={"n": n})
            plan.put_decision("onboarding", seen, noted, NOW)
    ledger.stage(plan).everything([Part(flow="onboarding", facts=True, move=False)], NOW)
    plan.discard()
    for row in ledger.outbox.rows("state = 'ready'")[::2]:
        for state in (State.IN_FLIGHT, State.SENT):
            ledger.outbox.move([Step(row=row, state=state)], NOW)
    yield ledger
    ledger.close()


@pytest.fixture
def plan(ledger: Ledger) -> Iterator[PlanFile]:
    """A plan in which every other record has changed."""
    plan = ledger.new_plan("now")
    _put(plan, (_record(number, "Signed") for number in range(1, SIZE * 5 // 2, 2)))
    yield plan
    plan.discard()


@pytest.fixture
def view(ledger: Ledger, plan: PlanFile) -> View:
    return ledger.view(plan, "onboarding", NEEDS)


def _asked(view: View, change: Change) -> tuple[object, ...]:
    """Return everything that planning asks of one change."""
    person, key = change.record.customers[0], change.record.key.text
    others = view.of_customer(person)
    values = view.values_of(person, Kind.ATTRIBUTE)
    refused = [view.refused(key, person, name) for name in ("ecm_a", "ecm_bad")]
    return change, view.led_to(change), others, [view.earlier(one) for one in others], values, refused


def _all(view: View) -> list[str]:
    return sorted(view.everything(), key=keys.order)


def test_a_page_is_answered_as_its_records_are_one_by_one(view: View) -> None:
    by_pages = [_asked(view, change) for change in view.changes(_all(view))]

    alone = [_asked(view, change) for key in _all(view) for change in view.changes([key])]
    assert by_pages == alone
    assert len(by_pages) == SIZE * 5 // 2 - 1


def test_a_page_knows_whoever_bears_a_name_that_json_or_sql_would_spoil(view: View) -> None:
    (person,) = _record(44, "").customers
    (found,) = ([view.values_of(person, Kind.ATTRIBUTE)] for _ in view.changes(["ws:44"]))

    assert found == [{"ecm_a": "43", "ecm_b": "Ü"}]


def test_a_page_asks_the_state_file_as_often_as_one_record(view: View) -> None:
    asked: list[str] = []
    view._ledger.set_trace_callback(asked.append)
    for change in view.changes(_all(view)[:1]):
        _asked(view, change)
    of_one = len(asked)
    asked.clear()

    for change in view.changes(_all(view)):
        _asked(view, change)

    elsewhere = 2  # of somebody whose other record stands on the next page
    assert len(asked) <= 3 * (of_one + elsewhere)


def test_what_one_record_of_a_page_plans_for_a_person_counts_for_the_next(view: View, plan: PlanFile) -> None:
    found = []
    for change in view.changes(["ws:2", "ws:3"]):
        found.append(view.values_of("C-2", Kind.ATTRIBUTE).get("ecm_new"))
        plan.put_action(_attribute(change.record, "ecm_new", change.record.name))

    assert found == [None, "Loan 2"]


def test_of_many_keys_no_question_is_about_more_than_sqlite_takes_everywhere() -> None:
    asked: list[int] = []

    def ask(names: Sequence[str]) -> dict[str, str]:
        asked.append(len(names))
        return {name: name.upper() for name in names}

    page = Page(f"ws:{number}" for number in range(5 * SIZE + 1))
    for number in range(3):
        page.name(f"c-{number}-{one}" for one in range(SIZE))

    assert [page.of_record(f"ws:{number}", ask) for number in (0, 5 * SIZE, 1)] == ["WS:0", f"WS:{5 * SIZE}", "WS:1"]
    assert page.of_person(f"c-1-{SIZE - 1}", ask) == f"C-1-{SIZE - 1}"
    assert asked == [SIZE, 1, SIZE]
