"""Success where something stands in the way: a limit, a refusal, a date that is none, an export that is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.test_success_rounds import CUSTOMER, DUE, SECTION, STATUS, Desk
from tests.twins.wire import Fault, Trouble


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, SECTION)


def test_whom_a_limit_left_out_is_followed_up_by_a_later_run(desk: Desk) -> None:
    tickets = [desk.ticket("C-1"), desk.ticket("C-2")]

    assert desk.round(limit=2).count("planned") > 0  # the cases, and none of their customers
    assert desk.standing == []
    rehearsed, sent = desk.round(dry_run=True).report, desk.round().report
    assert rehearsed.plan_hash == sent.plan_hash
    assert [node for node, _ in desk.open] == tickets


def test_who_shares_an_address_is_silent_only_when_every_profile_at_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {**SECTION, "customer": {"attribute": CUSTOMER, "as": "email"}})
    for name in ("one", "two"):
        desk.braze.add(name, email="Shared@example.com")
    ticket = desk.ticket("shared@example.com")
    for silent, is_open in ((["one"], False), (["one", "two"], True), (["two"], False)):
        desk.silent("C-9", *silent)
        desk.round()
        assert bool(desk.open) is is_open
    assert desk.standing == [(ticket, "Retention", False)]


def test_of_whom_braze_knows_no_more_nobody_can_say_whether_they_are_silent(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    profile = desk.braze.people.pop("C-1")
    for _ in range(2):
        desk.round()
        assert desk.open == [(ticket, "Retention")]
    desk.braze.people["C-1"] = profile
    desk.silent("C-2")
    desk.round()
    assert desk.open == []


def test_a_limit_comes_to_everybody_who_waits_in_turns(desk: Desk) -> None:
    people = [f"C-{n}" for n in range(1, 10)]
    desk.silent(*people)
    tickets = [desk.ticket(person) for person in people]
    desk.round()
    assert len(desk.open) == 9
    desk.round(24 * 4)  # nine escalations
    desk.close(tickets[-1])

    for _ in range(5):  # the ticket, then two people a run, of nine who are due in each
        desk.round(limit=2)

    assert tickets[-1] not in [node for node, _ in desk.open]
    assert len(desk.open) == 16


def test_no_second_one_is_made_while_the_completion_of_the_first_is_refused(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.house.wire.faults.append(Fault(call="ecm completion", trouble=Trouble.REFUSED))
    desk.close(ticket)
    assert desk.round().codes == (3,)

    desk.ecm.edit(ticket, {STATUS: "Open"})
    desk.round()
    desk.round()
    assert desk.standing == [(ticket, "Retention", True)]


def test_a_case_that_came_to_a_customer_of_whom_another_cannot_be_read_leaves_nothing_behind(desk: Desk) -> None:
    moved, unreadable = desk.ticket("C-1", days=4), desk.ticket("C-2", days=4)
    desk.round()
    desk.ecm.edit(unreadable, {DUE: "soon"})
    why = f"{DUE} of ws:{unreadable}: 'soon' is no date."
    assert [one.reason for one in desk.round().report.skipped] == [why, why]  # of the case, and of its customer
    desk.ecm.edit(moved, {CUSTOMER: "C-2"})
    assert desk.round().codes == (3,)

    desk.ecm.edit(unreadable, {DUE: ""})
    assert desk.round().codes == (0,)
    assert "ecm_open_ticket" not in desk.braze.people["C-1"].attributes
    assert [node for node, _ in desk.open] == [unreadable]


def test_an_export_that_is_suddenly_empty_closes_nothing_until_the_next_is_empty_too(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.silent()

    outcome = desk.round()
    assert [one for one in outcome.report.notes if "its export has 0 people, the last had 2" in one]
    assert [node for node, _ in desk.open] == [ticket]
    desk.round()
    assert desk.open == []
