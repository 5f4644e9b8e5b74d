"""Whether somebody is silent: by flags, to which only our own looks give a time, and by events of e-mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from ecmbraze.model import MailAct, MailEvent, Received
from ecmbraze.planning.engagement import Engagement
from ecmbraze.planning.silence import by_flags, by_mails, kept, looked

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = timedelta(days=1)
BY_FLAGS = Engagement(campaigns=("a", "b"), silent=30 * DAYS, received=1)
BY_MAILS = Engagement(currents=True, silent=30 * DAYS, received=2)


def told(looks: Mapping[int, Sequence[str]], way: Engagement = BY_FLAGS, *, armed: bool = True) -> bool | None:
    """Return what the last of some looks tells: day → what it shows, `a` received, `a!` engaged."""
    fact = None
    for day, shown in looks.items():
        rows = [Received(campaign=one[0], engaged=one.endswith("!")) for one in shown]
        flags = looked(fact, way.campaigns, rows, NOON + day * DAYS)
        fact = kept(flags)
    return by_flags(way, flags, rows, armed=armed, now=NOON + day * DAYS)


def test_who_received_something_and_never_opened_it_is_silent_once_the_rule_is_armed() -> None:
    assert told({0: ["a"]}, armed=False) is None
    assert told({0: ["a"]}) is True


def test_who_received_too_little_is_neither_silent_nor_engaged() -> None:
    two = replace(BY_FLAGS, received=2)
    assert [told({0: shown}, two) for shown in ([], ["a"], ["a", "c"], ["a", "b"])] == [None, None, None, True]
    assert told({0: []}, replace(BY_FLAGS, received=0)) is None


def test_a_flag_that_comes_up_between_two_looks_is_engagement_until_a_span_has_passed() -> None:
    assert told({0: ["a", "b"], 3: ["a!", "b"]}) is False
    assert told({0: ["a", "b"], 3: ["a!", "b"], 29: ["a!", "b"]}) is False
    assert told({0: ["a", "b"], 3: ["a!", "b"], 30: ["a!", "b"]}) is None  # of the first look only the day is kept
    assert told({0: ["a", "b"], 3: ["a!", "b"], 31: ["a!", "b"]}) is None  # it may have been on the first day
    assert told({0: ["a", "b"], 3: ["a!", "b"], 33: ["a!", "b"]}) is True


def test_a_flag_that_was_up_at_the_first_look_leaves_open_when_that_was() -> None:
    assert told({0: ["a!", "b"]}) is None
    assert told({0: ["a!", "b"], 29: ["a!", "b"]}) is None
    assert told({0: ["a!", "b"], 30: ["a!", "b"]}) is True


def test_a_flag_that_came_up_at_an_unknown_time_since_a_look_long_ago_leaves_it_open_too() -> None:
    assert told({0: ["a", "b"], 40: ["a!", "b"]}) is None
    assert told({0: ["a", "b"], 40: ["a!", "b"], 70: ["a!", "b"]}) is True


def test_a_campaign_that_was_opened_once_shows_no_silence_any_more() -> None:
    assert told({0: ["a!"], 90: ["a!"]}) is None


def test_a_campaign_that_is_told_no_more_was_engaged_with_all_the_same() -> None:
    assert told({0: ["a", "b"], 3: ["a!", "b"], 9: ["b"]}) is False
    assert told({0: ["a", "b"], 3: ["b"]}) is True


def test_looking_again_on_the_same_day_changes_nothing_that_is_kept() -> None:
    rows = [Received(campaign="a", engaged=False)]
    first = kept(looked(None, BY_FLAGS.campaigns, rows, NOON))
    assert kept(looked(first, BY_FLAGS.campaigns, rows, NOON + timedelta(hours=9))) == first
    assert kept(looked(first, BY_FLAGS.campaigns, rows, NOON + DAYS)) != first


def test_what_was_seen_for_one_rule_is_kept_when_another_asks() -> None:
    seen = looked(None, ["a"], [Received(campaign="a", engaged=True)], NOON)
    later = looked(kept(seen), ["b"], [], NOON + DAYS)
    assert later["a"] == seen["a"]


def event(act: MailAct, day: float, message: str = "m", number: str = "") -> MailEvent:
    return MailEvent(
        id=number or f"{act} {day}", act=act, person="C-1", address="", message=message, at=NOON + day * DAYS
    )


DELIVERED = [event(MailAct.DELIVERED, -3, "m1"), event(MailAct.DELIVERED, -2, "m2")]


@pytest.mark.parametrize(
    ("day", "expected"), [(-31, True), (-30, True), (-29.9, False), (-1, False), (0.5, False), (2, True)]
)
def test_an_open_or_click_within_the_span_is_engagement_and_one_from_far_ahead_is_a_test(
    day: float, expected: bool
) -> None:
    assert by_mails(BY_MAILS, [*DELIVERED, event(MailAct.ENGAGED, day)], complete=True, now=NOON) is expected


def test_what_was_not_read_whole_shows_engagement_and_never_silence() -> None:
    assert by_mails(BY_MAILS, DELIVERED, complete=False, now=NOON) is None
    assert by_mails(BY_MAILS, [event(MailAct.ENGAGED, -1)], complete=False, now=NOON) is False


def test_the_same_mail_told_twice_or_by_two_types_is_one() -> None:
    twice = [event(MailAct.DELIVERED, -3, "m1"), event(MailAct.DELIVERED, -3, "m1"), event(MailAct.SENT, -3, "m1")]
    assert by_mails(BY_MAILS, twice, complete=True, now=NOON) is None
    apart = [event(MailAct.SENT, -3, "e1"), event(MailAct.DELIVERED, -3, "e2")]  # Braze told no dispatch id
    assert by_mails(BY_MAILS, apart, complete=True, now=NOON) is None
    assert by_mails(BY_MAILS, [*twice, event(MailAct.SENT, -2, "m2")], complete=True, now=NOON) is True


def test_mails_from_before_the_span_are_none_that_were_left_alone() -> None:
    old = [event(MailAct.DELIVERED, -31, "m1"), event(MailAct.DELIVERED, -2, "m2")]
    assert by_mails(BY_MAILS, old, complete=True, now=NOON) is None


def test_the_order_of_events_makes_no_difference() -> None:
    events = [*DELIVERED, event(MailAct.ENGAGED, -40), event(MailAct.SENT, -3, "m1")]
    assert {by_mails(BY_MAILS, order, complete=True, now=NOON) for order in permutations(events)} == {True}
