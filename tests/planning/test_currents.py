"""What Currents events add to a look: the time of the state that it shows, whatever order they come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from ecmbraze.model import SPAM, ChoiceEvent, Facts
from ecmbraze.planning import currents

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUT, IN = "unsubscribed", "opted_in"


def event(minutes: int, state: str = OUT, **more: Any) -> ChoiceEvent:
    known = {"id": f"{minutes}{state}", "person": "C-1", "addresses": (), "fact": "email", "source": "Link"}
    return ChoiceEvent(**{**known, "state": state, "at": NOON + timedelta(minutes=minutes), **more})


def at(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def timed(state: str, past: Facts | None, *events: ChoiceEvent, given: str | None = None) -> tuple[Any, Any]:
    """Return time and source; the last look was at noon, and its facts were so for an hour."""
    looked = (NOON - timedelta(hours=1), NOON) if past is not None else None
    found = currents.timed(["email"], {"email": state, "email.at": given}, past, looked, events)
    return found["email.at"], found["email.source"]


@pytest.mark.parametrize(
    ("state", "past", "events", "expected"),
    [
        (OUT, {"email": IN}, [event(5)], (at(5), "Link")),
        (OUT, {"email": IN}, [event(-9)], (at(-9), "Link")),  # the look lagged
        (OUT, {"email": IN}, [event(-11)], (None, None)),  # an older withdrawal, taken back since
        (IN, {"email": IN}, [event(5)], (None, None)),  # never the state itself
        (OUT, {"email": IN}, [event(5), event(7, IN)], (None, None)),  # what led to the state is not known yet
        (OUT, {"email": IN}, [event(5), event(5, IN)], (None, None)),  # in the same second
        (OUT, None, [event(-9000)], (at(-9000), "Link")),  # nobody looked before
        (OUT, {"email": OUT, "email.at": at(-90), "email.source": "X"}, [], (at(-90), "X")),
        (OUT, {"email": OUT, "email.at": at(-90), "email.source": "X"}, [event(5)], (at(-90), "X")),
        (IN, {"email": IN, "email.at": at(-90)}, [event(5, IN)], (at(5), "Link")),  # chosen once more
        (OUT, {"email": OUT, "after:email": at(-80)}, [event(-70)], (at(-70), "Link")),  # a late file
        (OUT, {"email": OUT, "after:email": at(-80)}, [event(-30)], (None, None)),  # it was so before
        (OUT, {"email": OUT, "after:email": at(-80)}, [event(-95)], (None, None)),  # of the time before
    ],
)
def test_a_state_gets_the_time_of_the_event_that_led_to_it(
    state: str, past: Facts | None, events: list[ChoiceEvent], expected: tuple[str | None, str | None]
) -> None:
    for order in permutations([*events, *events]):  # twice, in any order
        assert timed(state, past, *order) == expected


def test_a_time_that_the_profile_gives_stands_and_the_source_of_another_time_goes() -> None:
    past = {"email": OUT, "email.at": at(-90), "email.source": "X"}
    assert timed(OUT, past, given=at(3)) == (at(3), None)
    assert timed(OUT, past, given=at(-90)) == (at(-90), "X")
    assert timed(OUT, {"email": IN}, event(5), given=at(4)) == (at(4), "Link")


@pytest.mark.parametrize(
    ("facts", "past", "events", "expected"),
    [
        ({}, None, [event(1, SPAM), event(3, SPAM)], at(3)),
        ({}, None, [event(1, SPAM, addresses=("A@x.org",))], at(1)),
        ({}, None, [event(1, SPAM, addresses=("b@x.org",))], None),
        ({}, {"email.spam": at(1), "address": "a@x.org"}, [], at(1)),
        ({}, {"email.spam": at(1), "address": "b@x.org"}, [], None),
        ({"email": IN, "email.at": at(2)}, None, [event(1, SPAM)], None),
        ({"email": IN, "email.at": at(0)}, None, [event(1, SPAM)], at(1)),
        ({"email": OUT, "email.at": at(2)}, None, [event(1, SPAM)], at(1)),
    ],
)
def test_a_report_of_spam_belongs_to_the_address_until_its_owner_chooses_e_mail(
    facts: Facts, past: Facts | None, events: list[ChoiceEvent], expected: str | None
) -> None:
    assert currents.spam({"address": "a@x.org", **facts}, past, events) == expected


def test_what_a_look_took_from_an_event_leads_to_no_further_look() -> None:
    wanted, looked = frozenset({"email.source", currents.SPAM_REPORT}), (NOON - timedelta(hours=1), NOON)
    past: dict[str, Any] = {"email": OUT, "address": "a@x.org", "after:email": at(-80)}
    events = [event(-70), event(-5, SPAM)]
    assert currents.tells_more(wanted, past, looked, events)
    past |= currents.timed(["email"], past, past, looked, events) | {currents.SPAM_REPORT: at(-5)}
    assert not currents.tells_more(wanted, past, looked, events)
