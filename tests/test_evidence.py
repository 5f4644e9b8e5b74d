"""When an attempt in doubt is looked for, and what follows: the marker proves, absence only makes a person decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.engine.recover import evidence
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import AddressList, Kind, MessageInfo, Profile, State
from tests.fakes import systems
from tests.ledger.test_ledger import NOW, _action, _stage

ATTEMPT = "attempt-1"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class People:
    """Profiles that carry a marker or not, and how often they were asked for."""

    def __init__(self, marker: str = "") -> None:
        self.marker, self.asked = marker, 0

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        self.asked += 1
        return {recipient: (_profile(recipient, self.marker),) for recipient in recipients}

    def group_states(self, _group: str, _recipients: Sequence[str]) -> Mapping[str, str]:
        return {}

    def message(self, _kind: Kind, message_id: str) -> MessageInfo:
        return MessageInfo(title=message_id, stopped="")

    def hard_bounces(self, _since: datetime) -> frozenset[str]:
        return frozenset()

    def address_list(self, _which: AddressList, _since: datetime) -> Mapping[str, datetime]:
        return {}


def _profile(recipient: str, marker: str) -> Profile:
    return Profile(
        recipient=recipient,
        email=None,
        phone=None,
        email_subscribe="subscribed",
        push_subscribe="subscribed",
        custom_attributes={"ecmbraze_f": marker} if marker else {},
        custom_events={},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with one message in doubt since NOW."""
    made = Ledger.create(tmp_path / "state.db", {}, NOW)
    (row,) = _stage(made, _action())
    made.outbox.move([Step(row=row, state=State.IN_FLIGHT)], NOW, attempt=ATTEMPT)
    made.outbox.move([Step(row=row, state=State.IN_DOUBT, why="status 500")], NOW)
    return made


def _look(ledger: Ledger, people: People, after: timedelta) -> State:
    evidence.look(ledger.outbox, systems(people=people), NOW + after, marked=True)
    return ledger.outbox.rows("true")[0].state


def test_it_is_looked_for_after_5_minutes_30_minutes_and_6_hours_and_then_held(ledger: Ledger) -> None:
    people, second = People(), timedelta(seconds=1)
    for look, due in enumerate((5 * MINUTE, 30 * MINUTE, 6 * HOUR), start=1):
        assert (_look(ledger, people, due - second), people.asked) == (State.IN_DOUBT, look - 1)
        state = _look(ledger, people, due)
        assert (state, people.asked) == (State.HELD if look == 3 else State.IN_DOUBT, look)
        assert (_look(ledger, people, due + second), people.asked) == (state, look)


def test_a_look_that_came_late_counts_for_those_before_it(ledger: Ledger) -> None:
    people = People()

    assert _look(ledger, people, 5 * HOUR) is State.IN_DOUBT
    assert _look(ledger, people, 6 * HOUR - MINUTE) is State.IN_DOUBT
    assert people.asked == 1
    assert _look(ledger, people, 9 * HOUR) is State.HELD


@pytest.mark.parametrize("after", [5 * MINUTE, 30 * MINUTE, 6 * HOUR])
def test_its_own_marker_proves_it_whenever_it_shows(ledger: Ledger, after: timedelta) -> None:
    assert _look(ledger, People(ATTEMPT), after) is State.SENT


def test_the_marker_of_another_attempt_proves_nothing(ledger: Ledger) -> None:
    assert _look(ledger, People("attempt-2"), 5 * MINUTE) is State.IN_DOUBT
    assert _look(ledger, People("attempt-2"), 6 * HOUR) is State.HELD


def test_a_kill_after_the_last_look_was_noted_leaves_it_to_the_next_run(ledger: Ledger) -> None:
    (row,) = ledger.outbox.rows("true")
    ledger.outbox.looked([(row, 3)])  # and there the kill came

    assert _look(ledger, People(ATTEMPT), 7 * HOUR) is State.SENT


def test_a_message_whose_last_look_found_nothing_before_a_kill_is_held(ledger: Ledger) -> None:
    (row,) = ledger.outbox.rows("true")
    ledger.outbox.looked([(row, 3)])

    assert _look(ledger, People(), 7 * HOUR) is State.HELD
