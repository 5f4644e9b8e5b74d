"""The ledger keeps its promises by itself: states, keys, history, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ecmbraze.ledger.codec import instant
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.schema import PAIRS
from ecmbraze.ledger.stage import Part
from ecmbraze.ledger.waiting import WaitingPlan
from ecmbraze.model import Action, Json, Kind, Phase, Record, State, WorkspaceKey, keys

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "state.db", {"ecm": "https://e", "braze": "https://b"}, NOW)


def _action(kind: Kind = Kind.EVENT, payload: Json = "x", **more: object) -> Action:
    values: dict[str, object] = {
        "flow": "f",
        "record": "ws:1",
        "rule": "r",
        "occurrence": "1",
        "kind": kind,
        "recipient": "C-1",
        "name": "n",
        "payload": payload,
        "expires_at": NOW + timedelta(days=1),
        "reason": "because",
    }
    return Action(**{**values, **more})  # type: ignore[arg-type]


def _stage(ledger: Ledger, *actions: Action) -> list[Row]:
    plan = PlanFile(ledger.plan_path("t"))
    for action in actions:
        plan.put_action(action)
    ledger.stage(plan).everything([Part(flow="f", facts=False, move=False)], NOW)
    plan.discard()
    return ledger.outbox.rows("state = 'ready'")


def test_the_hour_that_a_clock_turned_back_repeats_is_two_instants() -> None:
    twice = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    assert [instant(twice), instant(twice.replace(fold=1))] == [
        "2026-10-25T00:30:00.000000Z",
        "2026-10-25T01:30:00.000000Z",
    ]


def _walk(ledger: Ledger, row: Row, *states: State) -> None:
    for state in states:
        ledger.outbox.move([Step(row=row, state=state)], NOW)


_WAY = {
    State.READY: (),
    State.WAITING: (State.WAITING,),
    State.IN_FLIGHT: (State.IN_FLIGHT,),
    State.IN_DOUBT: (State.IN_FLIGHT, State.IN_DOUBT),
    State.HELD: (State.IN_FLIGHT, State.IN_DOUBT, State.HELD),
    State.SENT: (State.IN_FLIGHT, State.SENT),
    State.REFUSED: (State.IN_FLIGHT, State.REFUSED),
    State.SUPPRESSED: (State.SUPPRESSED,),
    State.EXPIRED: (State.EXPIRED,),
    State.SUPERSEDED: (State.SUPERSEDED,),
    State.DROPPED: (State.IN_FLIGHT, State.REFUSED, State.DROPPED),
}


@pytest.mark.parametrize("old", State)
def test_the_database_enforces_every_pair_of_states(tmp_path: Path, old: State) -> None:
    for number, new in enumerate(State):
        ledger = Ledger.create(tmp_path / f"{number}.db", {}, NOW)
        (row,) = _stage(ledger, _action())
        _walk(ledger, row, *_WAY[old])
        if (old, new) in PAIRS:
            _walk(ledger, row, new)
        else:
            with pytest.raises(sqlite3.IntegrityError, match="no such step"):
                _walk(ledger, row, new)


@pytest.mark.parametrize("kind", [Kind.CAMPAIGN, Kind.CANVAS])
def test_a_message_counts_against_its_person_for_24_hours(ledger: Ledger, kind: Kind) -> None:
    (row,) = _stage(ledger, _action(kind))
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)
    second, day = timedelta(seconds=1), timedelta(hours=24)

    counted = [ledger.outbox.messages_today("C-1", NOW + age) for age in (second, day - second, day)]

    assert counted == [1, 1, 0]
    assert ledger.outbox.messages_today("C-2", NOW) == 0


@pytest.mark.parametrize(
    ("state", "counts"),
    [(State.IN_FLIGHT, 1), (State.IN_DOUBT, 1), (State.HELD, 1), (State.READY, 0), (State.SUPPRESSED, 0)],
)
def test_what_may_have_arrived_counts_and_what_did_not_leave_does_not(
    ledger: Ledger, state: State, counts: int
) -> None:
    (row,) = _stage(ledger, _action(Kind.CAMPAIGN))
    _walk(ledger, row, *_WAY[state])

    assert ledger.outbox.messages_today("C-1", NOW) == counts


def test_an_event_is_none_of_the_messages_a_person_may_get_in_a_day(ledger: Ledger) -> None:
    (row,) = _stage(ledger, _action(Kind.EVENT))
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)

    assert ledger.outbox.messages_today("C-1", NOW) == 0


def test_a_message_key_is_unique_for_ever(ledger: Ledger) -> None:
    (row,) = _stage(ledger, _action())
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)

    assert _stage(ledger, _action(payload="another")) == []


def test_of_an_attribute_only_the_newest_open_value_goes(ledger: Ledger) -> None:
    _stage(ledger, _action(Kind.ATTRIBUTE, "old"))

    (row,) = _stage(ledger, _action(Kind.ATTRIBUTE, "new"))

    assert row.action.payload == "new"
    assert [old.state for old in ledger.outbox.rows("state = 'superseded'")] == [State.SUPERSEDED]
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)
    assert len(_stage(ledger, _action(Kind.ATTRIBUTE, "old"))) == 1  # back again is a new write


def test_in_doubt_blocks_all_messages_of_a_person_and_held_only_later_ones_of_the_rule(ledger: Ledger) -> None:
    first, _, _, _ = _stage(
        ledger, _action(), _action(rule="other"), _action(occurrence="2"), _action(rule="other", recipient="C-2")
    )
    _walk(ledger, first, State.IN_FLIGHT, State.IN_DOUBT)
    assert [row.action.recipient for row in ledger.outbox.sendable("f", Phase.PROFILE, 10)] == ["C-2"]

    _walk(ledger, first, State.HELD)

    rules = [(row.action.rule, row.action.occurrence) for row in ledger.outbox.sendable("f", Phase.PROFILE, 10)]
    assert rules == [("other", "1"), ("other", "1")]


def test_a_crash_makes_messages_doubtful_and_attributes_ready(ledger: Ledger) -> None:
    rows = _stage(ledger, _action(), _action(Kind.ATTRIBUTE))
    for row in rows:
        _walk(ledger, row, State.IN_FLIGHT)

    doubtful = ledger.outbox.recover(NOW)

    assert [row.action.kind for row in doubtful] == [Kind.EVENT]
    assert [row.action.kind for row in ledger.outbox.rows("state = 'ready'")] == [Kind.ATTRIBUTE]


def test_a_payload_is_blanked_once_its_row_is_terminal(ledger: Ledger) -> None:
    (row,) = _stage(ledger, _action(payload="personal"))

    _walk(ledger, row, State.SUPPRESSED)

    assert ledger.outbox.rows("id = ?", (row.id,))[0].action.payload is None


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE history SET body = body || ' ' WHERE seq = 2",
        "DELETE FROM history WHERE seq = 2",
        "UPDATE history SET at = '2020' WHERE seq = 3",
    ],
)
def test_s16_an_edited_history_does_not_verify(ledger: Ledger, harm: str) -> None:
    (row,) = _stage(ledger, _action())
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)
    assert ledger.history.first_break() is None
    with pytest.raises(sqlite3.IntegrityError, match="history only grows"):
        ledger.database.conn.execute(harm)
    for trigger in ("history_is_final", "history_stays"):
        ledger.database.conn.execute(f"DROP TRIGGER {trigger}")

    ledger.database.conn.execute(harm)

    assert ledger.history.first_break() in (2, 3)


def test_the_history_names_nobody(ledger: Ledger) -> None:
    (row,) = _stage(ledger, _action(recipient="Erika-Mustermann", payload="erika@example.com"))
    _walk(ledger, row, State.IN_FLIGHT, State.SENT)

    bodies = " ".join(body for (body,) in ledger.database.execute("SELECT body FROM history"))

    assert "Erika" not in bodies
    assert "example.com" not in bodies


def test_plans_of_dead_runs_are_removed_before_a_new_one_takes_their_room(ledger: Ledger) -> None:
    left = ledger.plan_path("killed")
    left.touch(mode=0o600)
    waiting = WaitingPlan(flow="f", mode="live", hash="h", file=ledger.plan_path("w").name, reason="r", made_at=NOW)
    ledger.plan_path("w").touch(mode=0o600)
    ledger.waiting.put(waiting)

    plan = ledger.new_plan("mine")

    assert (left.exists(), ledger.plan_path("w").exists(), plan.path.exists()) == (False, True, True)
    plan.discard()
    assert not plan.path.exists()


def test_a_detail_counts_as_read_when_its_listing_began_or_the_search_would_miss_what_came_meanwhile(
    ledger: Ledger,
) -> None:
    plan, began = PlanFile(ledger.plan_path("t")), NOW - timedelta(hours=1)
    plan.begin_scan("workspaces/Case", began)
    record = Record(
        key=WorkspaceKey(id=1),
        stream=keys.workspaces("Case"),
        name="V",
        created_at=began,
        modified_at=began,
        facts={},
        customers=(),
    )
    plan.put_record(record, {})

    ledger.stage(plan).slice(NOW)

    plan.discard()
    assert ledger.mirror.read_at(["ws:1"]) == {"ws:1": ("workspaces/Case", began)}


def test_a_listing_that_failed_leaves_nobody_behind(ledger: Ledger) -> None:
    plan = PlanFile(ledger.plan_path("t"))
    record = Record(
        key=WorkspaceKey(id=1),
        stream=keys.workspaces("Case"),
        name="V",
        created_at=NOW,
        modified_at=NOW,
        facts={},
        customers=("C-1",),
    )
    plan.mark_seen("workspaces/Case", ["ws:1"])
    plan.put_record(record, {"customer": ("C-1",)})

    plan.forget_stream("workspaces/Case")

    assert list(plan.rows("SELECT customer FROM recipient")) == []
    plan.discard()


@pytest.mark.parametrize("kept_back", [False, True])
def test_what_was_sent_to_a_person_costs_nothing_when_it_is_asked_what_keeps_their_messages_back(
    ledger: Ledger, kept_back: bool
) -> None:
    def effort() -> int:
        look = (lambda: ledger.outbox.kept_back("f")) if kept_back else lambda: _sendable(ledger, Phase.TRIGGER)
        return _effort(ledger, look)

    sent = _stage(ledger, *(_action(Kind.CAMPAIGN, record=f"ws:{number}") for number in range(300)))
    for state in (State.IN_FLIGHT, State.SENT):
        ledger.outbox.move([Step(row=row, state=state) for row in sent], NOW)
    _stage(ledger, *(_action(Kind.CAMPAIGN, record=f"ws:{number}") for number in range(300, 350)))
    for_one_person = effort()
    ledger.database.conn.execute("UPDATE outbox SET recipient = 'C-2' WHERE state = 'sent'")

    assert for_one_person == pytest.approx(effort(), rel=0.05)


def test_what_one_completion_waits_for_is_found_without_reading_the_others(ledger: Ledger) -> None:
    effort = {}
    for many in (20, 200):
        _stage(
            ledger,
            *(
                _action(Kind.COMPLETION, record=f"person:C-{n}", recipient=f"ws:{n}", payload={"type": "t"})
                for n in range(many)
            ),
        )
        effort[many] = _effort(ledger, lambda: _sendable(ledger, Phase.RECORDS))

    assert effort[200] < 12 * effort[20]


def _sendable(ledger: Ledger, phase: Phase) -> list[Row]:
    return ledger.outbox.sendable("f", phase, -1)


def _effort(ledger: Ledger, look: Callable[[], object]) -> int:
    """Return the steps of SQLite's machine."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    ledger.database.conn.set_progress_handler(count, 1)
    look()
    ledger.database.conn.set_progress_handler(None, 0)
    return steps
