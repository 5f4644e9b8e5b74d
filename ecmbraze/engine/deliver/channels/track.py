"""Attributes and events: a person's share one `/users/track` request, with the marker of the attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from dateutil import parser

from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Channel, Packing, Screening
from ecmbraze.engine.deliver.channels.marking import BY_MARKER, advice, marker
from ecmbraze.engine.setting import BatchLimits, Systems
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import UNMET, Action, Json, Kind, Profile, State, TrackBatch


def _fitting(entries: Sequence[Row], limits: BatchLimits) -> Sequence[Row]:
    """Return as many of one person's rows as one request can hold: attributes share an object, events do not."""
    events = [row for row in entries if row.action.kind is Kind.EVENT]
    kept = {row.id for row in events[: max(1, limits.track - 1)]}
    return [row for row in entries if row.action.kind is not Kind.EVENT or row.id in kept]


def _objects(rows: Sequence[Row], limits: BatchLimits) -> int:
    events = sum(row.action.kind is Kind.EVENT for row in rows)
    return events + (1 if len(rows) > events or (events and limits.marker) else 0)


_PACKING = Packing(
    together=lambda action: "track", most=lambda limits: limits.track, fitting=_fitting, objects=_objects
)


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    attributes: list[tuple[str, Mapping[str, Json]]] = []
    events: list[tuple[str, Mapping[str, Json]]] = []
    slots: dict[tuple[str, int], tuple[Row, ...]] = {}
    people: dict[str, list[Row]] = {}
    for row in rows:
        people.setdefault(row.action.recipient, []).append(row)
    for person, entries in people.items():
        happened = [row for row in entries if row.action.kind is Kind.EVENT]
        written = tuple(row for row in entries if row.action.kind is not Kind.EVENT)
        values: dict[str, Json] = {}
        for row in written:
            values |= _values(row.action)
        slots[("attributes", len(attributes))] = written
        if attempt.limits.marker:
            values |= {marker(row.action.flow): attempt.id for row in happened}
        if values:
            attributes.append((person, values))
        for row in happened:
            slots[("events", len(events))] = (row,)
            body = row.action.payload
            events.append((person, body if isinstance(body, Mapping) else {}))
    made = frozenset(row.action.recipient for row in rows if row.action.create_profile)
    value = TrackBatch(attributes=tuple(attributes), events=tuple(events), create_profiles=made)
    return Batch(rows=tuple(rows), slots=slots, send=lambda systems: systems.sink.track(value))


def _values(action: Action) -> Mapping[str, Json]:
    if action.kind is Kind.ATTRIBUTES:
        return action.payload if isinstance(action.payload, Mapping) else {}
    return {action.name: action.payload}


def _wait(systems: Systems) -> None:
    systems.sink.wait_for_turn(Kind.EVENT)  # one endpoint, one rate limit


def _attribute_absent(action: Action, demanded: bool) -> tuple[State, str] | None:
    if action.payload is None:
        return State.SUPERSEDED, "not in Braze, so there is nothing to clear"
    return None if action.create_profile and not demanded else (State.WAITING, UNMET)


def _event_absent(action: Action, demanded: bool) -> tuple[State, str] | None:
    return State.WAITING, UNMET  # an event creates nobody: Braze would answer success and drop it (api/braze.md 1.6)


def _attribute_shows(action: Action, profile: Profile, accepted: Json) -> bool:
    """A later value of ours shows it as well."""
    return _same(profile.custom_attributes.get(action.name), accepted)


def _event_shows(action: Action, profile: Profile, accepted: Json) -> bool:
    return action.name in profile.custom_events


def _same(shown: Json, sent: Json) -> bool:
    """Compare; Braze stores a text that looks like a date as an instant and shows it its own way (api/braze.md 1.6)."""
    return shown == sent or (_instant(shown) is not None and _instant(shown) == _instant(sent))


def _instant(value: Json) -> datetime | None:
    try:
        moment = parser.isoparse(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


ATTRIBUTE = Channel(
    group="attributes",
    packing=_PACKING,
    build=_build,
    wait_for_turn=_wait,
    screening=Screening(absent=_attribute_absent, configured=True),
    doubt=None,
    shows=_attribute_shows,
    advice=advice,
    restated=True,
)
# None of them clears a value: such a one stands in a row of its own. What a profile shows is asked of each.
ATTRIBUTES = replace(ATTRIBUTE, shows=None)
EVENT = Channel(
    group="events",
    packing=_PACKING,
    build=_build,
    wait_for_turn=_wait,
    screening=Screening(absent=_event_absent),
    doubt=BY_MARKER,
    shows=_event_shows,
    advice=advice,
)
