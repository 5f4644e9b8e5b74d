"""Campaigns and Canvases: up to 50 people in a request of one message, each once, with the marker of the attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecmbraze.engine.deliver.channels.channel import (
    Attempt,
    Batch,
    Channel,
    Packing,
    Screening,
    first_only,
    one_object,
)
from ecmbraze.engine.deliver.channels.marking import BY_MARKER, advice, marker
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import UNMET, Action, Json, Kind, Profile, State, TriggerBatch, TriggerRecipient

# Of several entries of one person into a Canvas within one second only one counts (api/braze.md 3.3).
CANVAS_APART_S = 2.0

_PACKING = Packing(
    together=lambda action: f"{action.kind}/{action.name}",
    most=lambda limits: limits.trigger,
    fitting=first_only,
    objects=one_object,
)


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    recipients = []
    for row in rows:
        payload = row.action.payload
        body: Mapping[str, Json] = payload if isinstance(payload, Mapping) else {}
        properties = body.get("properties")
        extra: Mapping[str, Json] = {marker(row.action.flow): attempt.id} if attempt.limits.marker else {}
        recipients.append(
            TriggerRecipient(
                recipient=row.action.recipient,
                properties=properties if isinstance(properties, Mapping) else {},
                attributes={**_attributes(row.action, body.get("attributes"), attempt), **extra},
            )
        )
    first = rows[0].action
    value = TriggerBatch(kind=first.kind, message_id=first.name, recipients=tuple(recipients))
    slots = {("recipients", number): (row,) for number, row in enumerate(rows)}
    return Batch(rows=tuple(rows), slots=slots, send=lambda systems: systems.sink.trigger(value))


def _attributes(action: Action, planned: Json, attempt: Attempt) -> Mapping[str, Json]:
    """Return the attributes a message relies on, as Braze last took them.

    It may leave long after it was planned: with the values of then it would put them back over newer ones, and the
    ledger would never know.
    """
    found: dict[str, Json] = {}
    for name, value in planned.items() if isinstance(planned, Mapping) else ():
        taken = attempt.accepted(replace(action, kind=Kind.ATTRIBUTE, name=name).target)
        if taken is not None or value is None:
            found[name] = taken
    return found


def _absent(action: Action, demanded: bool) -> tuple[State, str] | None:
    return None if action.create_profile and not demanded else (State.WAITING, UNMET)


def _shows(action: Action, profile: Profile, accepted: Json) -> bool:
    """The marker of a later attempt shows it as well."""
    return marker(action.flow) in profile.custom_attributes


def _channel(kind: Kind, *, apart_s: float) -> Channel:
    return Channel(
        group="triggers",
        packing=_PACKING,
        build=_build,
        wait_for_turn=lambda systems: systems.sink.wait_for_turn(kind),
        screening=Screening(absent=_absent, counted=True),
        doubt=BY_MARKER,
        shows=_shows,
        advice=advice,
        info=lambda systems, name: systems.people.message(kind, name),
        apart_s=apart_s,
    )


CAMPAIGN = _channel(Kind.CAMPAIGN, apart_s=0.0)
CANVAS = _channel(Kind.CANVAS, apart_s=CANVAS_APART_S)
