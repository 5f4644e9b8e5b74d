"""Sending by itself: what is on its way never waits, so that a kill while we wait leaves nothing in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ecmbraze.engine.deliver.push import Push
from ecmbraze.engine.setting import BatchLimits
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Action, Answer, Kind, Phase, State, TrackBatch, TriggerBatch, Verdict
from tests.fakes import no_fence, systems
from tests.systems.rig import NOW, FakeClock


class Narrow:
    """A sink whose rate limit takes two requests, then none until it was waited for; it looks at the ledger then."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.left, self.waits = ledger, 2, 0
        self.flying_while_waiting: list[int] = []
        self.sent: list[str] = []

    def wait_for_turn(self, kind: Kind) -> None:
        if self.left == 0:
            self.flying_while_waiting.append(len(self.ledger.outbox.rows("state = 'in flight'")))
            self.left, self.waits = 2, self.waits + 1

    def track(self, batch: TrackBatch) -> Answer:
        if self.left == 0:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason="rate-limited", limited=True)
        self.left -= 1
        self.sent += [person for person, _ in batch.events]
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted")

    def trigger(self, batch: TriggerBatch) -> Answer:
        raise AssertionError(batch)

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        raise AssertionError(recipients)


@pytest.mark.parametrize("connections", [1, 3])
def test_a_rate_limit_is_waited_for_with_nothing_in_flight(tmp_path: Path, connections: int) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    plan = PlanFile(ledger.plan_path("t"))
    for number in range(9):
        plan.put_action(_event(number))
    ledger.stage(plan).everything([Part(flow="f", facts=False, move=False)], NOW)
    plan.discard()
    sink, clock = Narrow(ledger), FakeClock()
    nobody_stopped: Any = SimpleNamespace(look=lambda rows: [], later=(), outdated=lambda row: False, seen={})

    Push(
        flow="f",
        outbox=ledger.outbox,
        systems=systems(sink=sink),
        fence=no_fence(),
        screen=nobody_stopped,
        clock=clock,
        limits=BatchLimits(track=1, marker=False),
        connections=connections,
        braze_connections=connections,
        new_id=lambda: "attempt",
        tick=lambda: None,
        paused=lambda: None,
        clock_fault=lambda: "",
        content=ledger.contents.of,
    ).send(Phase.PROFILE)

    assert sorted(sink.sent) == [f"C-{number}" for number in range(9)]
    assert sink.waits >= 4
    assert set(sink.flying_while_waiting) == {0}
    assert _states(ledger) == {State.SENT}
    ledger.close()


def _event(number: int) -> Action:
    return Action(
        flow="f",
        record=f"ws:{number}",
        rule="r",
        occurrence="1",
        kind=Kind.EVENT,
        recipient=f"C-{number}",
        name="n",
        payload={"name": "n", "time": NOW.isoformat()},
        expires_at=NOW + timedelta(days=1),
        reason="because",
    )


def _states(ledger: Ledger) -> set[State]:
    rows: Sequence[Any] = ledger.outbox.rows("true")
    return {row.state for row in rows}
