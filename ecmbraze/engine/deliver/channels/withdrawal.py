"""Consents taken back: people are unsubscribed in Braze from e-mail, push or a group; nobody is ever subscribed."""

from __future__ import annotations

from collections.abc import Sequence

from ecmbraze.engine.deliver.channels.channel import (
    Attempt,
    Batch,
    Channel,
    Packing,
    Screening,
    first_only,
    one_object,
)
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import UNMET, Action, Json, Kind, Profile, State

_PACKING = Packing(
    together=lambda action: f"{action.kind}/{action.name}",
    most=lambda limits: limits.trigger,
    fitting=first_only,
    objects=one_object,
)


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    people, channel = tuple(row.action.recipient for row in rows), rows[0].action.name
    slots = {("attributes", number): (row,) for number, row in enumerate(rows)}
    return Batch(rows=tuple(rows), slots=slots, send=lambda systems: systems.sink.withdraw(people, channel))


def _absent(action: Action, demanded: bool) -> tuple[State, str]:
    """It waits for as long as it takes: whoever appears in Braze later has withdrawn all the same."""
    return State.WAITING, UNMET


def _shows(action: Action, profile: Profile, accepted: Json) -> bool | None:
    """A group does not show in a profile; and nothing is restated, or it would undo what the person chose since."""
    match action.name:
        case "email":
            return profile.email_subscribe == "unsubscribed"
        case "push":
            return profile.push_subscribe == "unsubscribed"
    return None


def _advice(action: Action) -> str:
    return f"Look in Braze whether this person is unsubscribed ({action.name})"


WITHDRAWAL = Channel(
    group="withdrawals",
    packing=_PACKING,
    build=_build,
    wait_for_turn=lambda systems: systems.sink.wait_for_turn(Kind.WITHDRAWAL),
    screening=Screening(absent=_absent, shared=True),
    doubt=None,
    shows=_shows,
    advice=_advice,
    said=lambda action: f"withdrawn: {action.name.replace('group:', 'group ')}",
)
