"""What one answer makes of the rows of its request, by what kind they are (delivery.md, "Judging one attempt")."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Place
from ecmbraze.engine.deliver.requests import build, settle
from ecmbraze.engine.setting import BatchLimits
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Answer, DocumentBytes, Kind, State, Verdict
from tests.ledger.test_ledger import NOW, _action


def _row(number: int, action: Action) -> Row:
    return Row(
        id=number, action=action, state=State.IN_FLIGHT, why="", attempt="a", planned_at=NOW, changed_at=NOW, looks=0
    )


def _batch(*actions: Action) -> Batch:
    rows = [_row(number, action) for number, action in enumerate(actions)]
    return build(
        rows,
        Attempt(
            id="a",
            limits=BatchLimits(),
            accepted=lambda _: None,
            attempted=lambda _: (),
            place=Place(),
            content=lambda _: DocumentBytes.of(b""),
        ),
    )


def _states(batch: Batch, answer: Answer) -> dict[Kind, State]:
    return {step.row.action.kind: step.state for step in settle(batch, answer).steps}


_EVENT = _action(payload={"name": "n", "time": "2026-11-24T10:00:00Z"})
_MIXED: Sequence[Action] = (_EVENT, _action(Kind.ATTRIBUTE, name="a"))


@pytest.mark.parametrize(
    ("verdict", "event", "attribute"),
    [
        (Verdict.ACCEPTED, State.SENT, State.SENT),
        (Verdict.NOT_PROCESSED, State.READY, State.READY),
        (Verdict.UNKNOWN, State.IN_DOUBT, State.READY),
    ],
)
def test_only_what_must_not_be_repeated_is_ever_in_doubt(verdict: Verdict, event: State, attribute: State) -> None:
    states = _states(_batch(*_MIXED), Answer(verdict=verdict, reason="r", refused={}))

    assert states == {Kind.EVENT: event, Kind.ATTRIBUTE: attribute}


@pytest.mark.parametrize("kind", [Kind.CAMPAIGN, Kind.CANVAS])
def test_a_triggered_message_of_unknown_outcome_is_in_doubt(kind: Kind) -> None:
    batch = _batch(_action(kind, payload={"properties": {}, "attributes": {}}))

    assert _states(batch, Answer(verdict=Verdict.UNKNOWN, reason="r", refused={})) == {kind: State.IN_DOUBT}


def test_a_refused_request_is_halved_and_a_refused_row_alone_is_refused() -> None:
    refused = Answer(verdict=Verdict.REFUSED, reason="r", refused={})

    both, alone = settle(_batch(*_MIXED), refused), settle(_batch(_EVENT), refused)

    assert ({step.state for step in both.steps}, [len(rows) for rows in both.again]) == ({State.READY}, [1, 1])
    assert ([step.state for step in alone.steps], alone.again) == ([State.REFUSED], ())
