"""What is asked of each message costs the same however many were sent before: all of them stay for 400 days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Action, Kind, State
from ecmbraze.needs import Needs

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)


def _message(number: int) -> Action:
    return Action(
        flow="f",
        record=f"ws:{number}",
        rule="r",
        occurrence="1",
        kind=Kind.CAMPAIGN,
        recipient=f"C-{number}",
        name="n",
        payload={},
        expires_at=NOW + timedelta(days=1),
        reason="because",
    )


def _value(number: int) -> Action:
    message = _message(number)
    return replace(message, kind=Kind.WITHDRAWAL, rule="email", name="email", occurrence="0", payload="unsubscribed")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    yield ledger
    ledger.close()


def _send(ledger: Ledger, numbers: range) -> None:
    """Send a message of each number, and leave a value of each on its way."""
    plan = ledger.new_plan("t")
    plan.put_actions([make(number) for number in numbers for make in (_message, _value)])
    ledger.stage(plan).everything([Part(flow="f", facts=False, move=False)], NOW)
    plan.discard()
    rows = ledger.outbox.rows("state = 'ready'")
    ledger.outbox.move([Step(row=row, state=State.IN_FLIGHT) for row in rows], NOW)
    messages: list[Row] = [row for row in rows if row.action.kind.is_message]
    ledger.outbox.move([Step(row=row, state=State.SENT) for row in messages], NOW)


def _steps(ledger: Ledger, ask: Callable[[Ledger], object]) -> int:
    """Return how many steps SQLite takes for a question."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger.database.conn.set_progress_handler(step, 1)
    ask(ledger)
    ledger.database.conn.set_progress_handler(None, 1)
    return steps


def _underway(ledger: Ledger) -> bool:
    plan = ledger.new_plan("empty")
    try:
        return ledger.view(plan, "f", Needs()).underway(_value(1).target)
    finally:
        plan.discard()


def _pending(ledger: Ledger) -> bool:
    plan = ledger.new_plan("empty")
    try:
        return ledger.view(plan, "f", Needs()).pending("ws:1", "r", Kind.COMPLETION)
    finally:
        plan.discard()


@pytest.mark.parametrize(
    "ask",
    [lambda ledger: ledger.outbox.twins(_message(1)), _underway, _pending],
    ids=["who else got it", "a value that is underway", "something that has not arrived"],
)
def test_a_question_about_one_message_does_not_look_at_all_that_were_sent(
    ledger: Ledger, ask: Callable[[Ledger], object]
) -> None:
    _send(ledger, range(1, 5))
    of_few = _steps(ledger, ask)

    _send(ledger, range(5, 200))

    assert _steps(ledger, ask) <= of_few + 20
