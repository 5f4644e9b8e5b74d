"""What becomes of open follow-ups when what they rest on goes: the person, the flow, the rule, who was asked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.flows.test_success_rounds import SECTION, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, SECTION)


def test_the_open_follow_ups_of_an_erased_person_are_listed_and_no_run_touches_or_repeats_them(desk: Desk) -> None:
    ticket, other = desk.ticket("C-1"), desk.ticket("C-2")
    desk.round()
    desk.round(24 * 4)  # with their escalations
    marks = [one.made.mark for one in desk.office.reminders if one.node == ticket]

    kept = desk.house.erase("C-1")

    assert kept.follow_ups == tuple(f"[{mark}] on ws:{ticket}" for mark in marks)
    assert len(marks) == 2
    assert kept.documents == ()
    before = desk.standing
    desk.close(ticket)
    desk.ticket("C-1", days=9)
    for _ in range(2):
        desk.round(24)
    assert desk.standing == before
    desk.close(other)  # and those of others end as ever
    desk.round()
    assert {node for node, _ in desk.open} == {ticket}
    assert desk.house.erase("C-2").follow_ups == ()


def test_a_flow_that_was_disabled_for_days_goes_on_with_the_follow_up_it_left(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.house.clock.advance(timedelta(days=9))  # no run
    desk.close(ticket)
    desk.round()
    assert desk.open == []


def test_who_left_the_group_meanwhile_still_has_the_follow_up_and_nobody_gets_a_second_one(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.office.groups -= {"Retention"}
    desk.round()
    assert desk.standing == [(ticket, "Retention", True)]
    desk.close(ticket)
    assert desk.round().codes == (0,)
    assert desk.open == []
