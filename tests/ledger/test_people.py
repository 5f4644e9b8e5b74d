"""People in Braze in the mirror: kept, found and planned as workspaces are, by the same statements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.ledger.view import View
from ecmbraze.model import Change, Decision, Facts, PersonKey, Record, Skip, WorkspaceKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.customers import Customer

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CUSTOMER, LOAN = Customer(attribute="C.Number"), Customer(attribute="L.Number")
NEEDS = Needs(customers={"Customer": CUSTOMER, "Loan": LOAN}, people=frozenset({"email.state"}))
FLOW = "consent"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "state.db", {"ecm": "https://e", "braze": "https://b"}, NOW)


def _workspace(plan: PlanFile, number: int, *people: str, customer: Customer = CUSTOMER, type_name: str = "") -> str:
    record = Record(
        key=WorkspaceKey(id=number),
        stream=keys.workspaces(type_name or "Customer"),
        name=f"W{number}",
        created_at=NOW,
        modified_at=NOW,
        facts={customer.fact: people},
        customers=people,
    )
    plan.put_record(record, {customer.fact: people})
    return record.key.text


def _person(recipient: str, state: str = "subscribed", at: datetime = NOW, **facts: Any) -> Record:
    known: Facts = {"email.state": state, **facts}
    return Record(
        key=PersonKey(recipient=recipient),
        stream=keys.PEOPLE,
        name="",
        created_at=NOW,
        modified_at=at,
        facts=known,
        customers=(recipient,),
    )


def _put(ledger: Ledger, *records: Record, at: datetime = NOW, addresses: tuple[str, ...] = ()) -> None:
    plan = ledger.new_plan("t")
    for record in records:
        plan.put_record(record, {}, addresses=addresses)
    ledger.stage(plan).everything([], at)
    plan.discard()


def _directory(ledger: Ledger, **people: tuple[str, ...]) -> None:
    """Note which customers the workspaces lead to: ``c1=("C-1",)`` is workspace 1 of type Customer."""
    plan = ledger.new_plan("d")
    for name, whom in people.items():
        loan = name.startswith("l")
        _workspace(plan, int(name[1:]), *whom, customer=LOAN if loan else CUSTOMER, type_name="Loan" if loan else "")
    ledger.stage(plan).everything([], NOW)
    plan.discard()


def test_a_person_is_read_again_as_they_were_kept_with_only_the_facts_of_the_flow(ledger: Ledger) -> None:
    _put(ledger, _person("C-1", secret="x"))

    with_plan = ledger.new_plan("v")
    record = ledger.view(with_plan, FLOW, NEEDS).person("C-1")

    assert record == _person("C-1")
    assert record is not None
    assert (record.type, record.number, record.named) == ("", 0, {"email.state": "subscribed"})
    assert ledger.view(with_plan, FLOW, NEEDS).person("C-2") is None
    with_plan.discard()


def test_the_plan_in_hand_wins_over_the_ledger(ledger: Ledger) -> None:
    _put(ledger, _person("C-1"))
    plan = ledger.new_plan("v")
    plan.put_record(_person("C-1", "unsubscribed"), {})

    record = ledger.view(plan, FLOW, NEEDS).person("C-1")

    assert record is not None
    assert record.facts == {"email.state": "unsubscribed"}
    plan.discard()


def test_those_never_read_come_first_then_those_read_longest_ago(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1", "C-2"), c2=("C-3",), l3=("C-4", "C-1"))
    _put(ledger, _person("C-3"), at=NOW)
    _put(ledger, _person("C-1"), at=NOW + HOUR)
    _put(ledger, _person("C-9"), at=NOW - HOUR)  # whom no workspace leads to
    both = (CUSTOMER.fact, LOAN.fact)

    mirror = ledger.mirror

    assert mirror.oldest_people(both, 10) == ["C-2", "C-4", "C-3", "C-1"]
    assert mirror.oldest_people(both, 3) == ["C-2", "C-4", "C-3"]
    assert mirror.oldest_people(both, 1) == ["C-2"]
    assert mirror.oldest_people((CUSTOMER.fact,), 10) == ["C-2", "C-3", "C-1"]
    assert mirror.oldest_people((), 10) == []


def test_whom_no_workspace_leads_to_any_more_is_not_looked_at(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1",), c2=("C-2",), l3=("C-1",))
    both = (CUSTOMER.fact, LOAN.fact)

    _directory(ledger, c1=())
    assert ledger.mirror.oldest_people((CUSTOMER.fact,), 10) == ["C-2"]
    assert ledger.mirror.oldest_people(both, 10) == ["C-1", "C-2"]

    _directory(ledger, l3=())
    assert ledger.mirror.oldest_people(both, 10) == ["C-2"]


def test_a_look_that_found_nothing_new_counts_as_a_look_and_is_no_change(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1",), c2=("C-2",))
    for person in ("C-1", "C-2"):
        _put(ledger, _person(person), at=NOW)
    _moved(ledger)

    _put(ledger, _person("C-1"), at=NOW + HOUR)

    assert ledger.mirror.oldest_people((CUSTOMER.fact,), 10) == ["C-2", "C-1"]
    assert _candidates(ledger) == set()
    _put(ledger, _person("C-1", "unsubscribed", NOW + HOUR), at=NOW + 2 * HOUR)
    assert _candidates(ledger) == {"person:C-1"}


def test_whom_only_a_workspace_that_is_gone_leads_to_is_not_asked_for(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1",), c2=("C-2",))
    for _ in range(2):
        plan = ledger.new_plan("gone")
        plan.begin_scan(keys.workspaces("Customer"), NOW)
        plan.mark_seen(keys.workspaces("Customer"), ["ws:1"])
        plan.end_scan(keys.workspaces("Customer"), NOW, complete=True)
        ledger.stage(plan).everything([], NOW)
        plan.discard()

    assert ledger.mirror.oldest_people((CUSTOMER.fact,), 10) == ["C-1"]
    assert ledger.mirror.workspaces_of("C-2", [CUSTOMER.fact]) == []


def test_a_complete_listing_of_workspaces_makes_nobody_gone(ledger: Ledger) -> None:
    _put(ledger, _person("C-1"))
    for _ in range(3):
        plan = ledger.new_plan("listed")
        plan.begin_scan(keys.workspaces("Customer"), NOW)
        plan.end_scan(keys.workspaces("Customer"), NOW, complete=True)
        ledger.stage(plan).everything([], NOW)
        plan.discard()

    assert ledger.mirror.known(keys.PEOPLE) == 1


def test_an_address_tells_whose_it_is_however_it_is_written_and_only_the_newest(ledger: Ledger) -> None:
    _put(ledger, _person("C-1"), _person("C-2"), addresses=("Erika@Example.com",))
    _put(ledger, _person("C-2"), addresses=("other@example.com", "+49 1"))

    mirror = ledger.mirror

    assert mirror.people_at(" erika@example.COM ") == ["person:C-1"]
    assert mirror.people_at("other@example.com") == mirror.people_at("+49 1") == ["person:C-2"]
    assert mirror.people_at("nobody@example.com") == []


def test_no_address_stands_in_the_state_file_or_in_the_plan(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    plan.put_record(_person("C-1"), {}, addresses=("erika@example.com",))
    ledger.stage(plan).everything([], NOW)

    files = plan.path.read_bytes(), ledger.path.read_bytes()

    plan.discard()
    assert ledger.mirror.people_at("erika@example.com")
    assert not any(b"erika" in content for content in files)


def _moved(ledger: Ledger, *changes: Change, due: datetime | None = None) -> None:
    """Let the flow plan and stage changes, and move its position."""
    plan = ledger.new_plan("p")
    for change in changes:
        plan.put_decision(FLOW, change, Decision(memory={"n": 1}, due=due), NOW)
    for stream in NEEDS.streams:
        plan.put_watermark(FLOW, stream, NOW)
        plan.put_baseline(FLOW, stream, NEEDS.mapping_of(stream), NOW)
    ledger.stage(plan).everything([Part(flow=FLOW, facts=True, move=True)], NOW)
    plan.discard()


def _view(ledger: Ledger) -> View:
    """Return the ledger as the flow sees it before it planned anything."""
    plan = ledger.new_plan("empty")
    return ledger.view(plan, FLOW, NEEDS)


def _candidates(ledger: Ledger) -> set[str]:
    return _view(ledger).candidates()


def test_a_person_is_planned_when_they_changed_and_when_their_time_has_come(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1",))
    _put(ledger, _person("C-1"))
    assert _candidates(ledger) == {"ws:1", "person:C-1"}

    _moved(ledger, *_view(ledger).changes(["person:C-1"]), due=NOW + HOUR)

    view = _view(ledger)
    assert view.candidates() == set()
    assert (view.due(NOW), view.due(NOW + HOUR)) == (set(), {"person:C-1"})
    (change,) = view.changes(["person:C-1"])
    assert change.before is not None
    assert (change.before.facts, change.before.customers, change.memory) == (
        {"email.state": "subscribed"},
        ("C-1",),
        {"n": 1},
    )
    assert view.baseline(keys.PEOPLE) == NOW
    assert view.last_planned()[keys.PEOPLE] == NOW


def test_a_flow_that_names_no_fact_of_people_does_not_see_them(ledger: Ledger) -> None:
    _directory(ledger, c1=("C-1",))
    _put(ledger, _person("C-1"))
    plan = ledger.new_plan("other")

    view = ledger.view(plan, "onboarding", Needs(customers={"Customer": CUSTOMER}))

    assert view.candidates() == view.everything() == {"ws:1"}
    plan.discard()


def test_a_person_put_aside_is_planned_again_when_a_person_asks_for_it(ledger: Ledger) -> None:
    _put(ledger, _person("C-1"))
    _moved(ledger)
    plan = ledger.new_plan("q")
    plan.put_skip(FLOW, Skip(record="person:C-1", customer="C-1", rule="email", reason="r", quarantined=True), NOW)
    ledger.stage(plan).everything([Part(flow=FLOW, facts=True, move=False)], NOW)
    plan.discard()

    assert ledger.plan_again("person:C-1", NOW)

    view = _view(ledger)
    assert view.due(NOW) == view.candidates() == {"person:C-1"}
    assert [row[1] for row in ledger.quarantined(FLOW)] == ["person:C-1"]
    _moved(ledger, *view.changes(["person:C-1"]))
    assert ledger.quarantined(FLOW) == []


def test_a_scan_of_people_that_failed_leaves_nobody_behind(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    plan.begin_scan(keys.PEOPLE, NOW)
    plan.put_record(_person("C-1"), {}, addresses=("a@example.com",))
    plan.count(keys.PEOPLE, "read")

    plan.forget_stream(keys.PEOPLE)

    tables = ("record", "address", "scan", "counter")
    assert [list(plan.rows(f"SELECT * FROM {table}")) for table in tables] == [[]] * 4
    plan.discard()


def test_a_person_leads_to_their_workspaces_under_every_mapping_of_the_flow(ledger: Ledger) -> None:
    _directory(ledger, c10=("C-1",), c9=("C-1", "C-2"), l30=("C-1",), l4=("C-2",))

    view = _view(ledger)

    assert [record.key.text for record in view.of_customer("C-1")] == ["ws:9", "ws:10", "ws:30"]
    assert [record.customers for record in view.of_customer("C-2")] == [("C-2",), ("C-1", "C-2")]
    assert ledger.mirror.workspaces_of("C-1", list(NEEDS.mappings)) == ["ws:9", "ws:10", "ws:30"]
    assert view.audience() == 2


def test_a_mapping_speaks_only_for_the_types_it_is_written_for(ledger: Ledger) -> None:
    """Another flow may read the same type under another mapping: it is none of this flow's business."""
    plan = ledger.new_plan("d")
    facts: Facts = {CUSTOMER.fact: ("C-1",), LOAN.fact: ("C-2",)}
    record = Record(
        key=WorkspaceKey(id=1),
        stream=keys.workspaces("Loan"),
        name="L",
        created_at=NOW,
        modified_at=NOW,
        facts=facts,
        customers=("C-2",),
    )
    plan.put_record(record, {CUSTOMER.fact: ("C-1",), LOAN.fact: ("C-2",)})
    ledger.stage(plan).everything([], NOW)
    plan.discard()

    view = _view(ledger)

    assert view.of_customer("C-1") == []
    assert [one.customers for one in view.of_customer("C-2")] == [("C-2",)]
    assert view.audience() == 1


def test_what_is_known_of_people_does_not_begin_anew_with_another_customer_mapping(ledger: Ledger) -> None:
    _moved(ledger)
    plan = ledger.new_plan("other")
    other = ledger.view(plan, FLOW, Needs(customers={"Customer": LOAN}, people=NEEDS.people))

    assert other.baseline(keys.PEOPLE) == NOW
    assert other.baseline(keys.workspaces("Customer")) is None
    plan.discard()


def test_a_plan_whose_rows_were_merged_keeps_none_of_them(ledger: Ledger) -> None:
    plan = ledger.new_plan("slice")
    _workspace(plan, 1, "C-1")
    plan.put_record(_person("C-1"), {}, addresses=("a@example.com",))

    plan.forget_records()

    tables = ("record", "recipient", "address")
    assert [list(plan.rows(f"SELECT * FROM {table}")) for table in tables] == [[]] * 3
    plan.discard()
