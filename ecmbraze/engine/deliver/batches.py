"""Group outbox rows into requests: as large as allowed, a person in one request only; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TypeVar

from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Json, Kind, TrackBatch, TriggerBatch, TriggerRecipient

Entry = TypeVar("Entry")
Slots = Mapping[tuple[str, int], tuple[Row, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request and the rows it carries. ``slots`` says which rows stand behind which object of it."""

    value: TrackBatch | TriggerBatch
    rows: tuple[Row, ...]
    slots: Slots

    @property
    def people(self) -> frozenset[str]:
        return frozenset(row.action.recipient for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one request may hold, and whether its messages carry the marker of their attempt."""

    track: int = 75
    trigger: int = 50
    marker: bool = True


def batched(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield the entries in lists of at most ``size``."""
    source = iter(entries)
    while part := list(islice(source, size)):
        yield part


def marker(flow: str) -> str:
    """Return the attribute that carries the id of the last attempt of a flow (delivery.md, "Evidence")."""
    return f"ecmbraze_{flow}"


def build(rows: Sequence[Row], limits: Limits, attempt: str) -> Batch:
    """Return the one request of rows that belong together; see :func:`divide`."""
    first = rows[0].action
    if first.kind in (Kind.CAMPAIGN, Kind.CANVAS):
        return _trigger(rows, limits, attempt)
    return _track(rows, limits, attempt)


def divide(rows: Iterable[Row], limits: Limits) -> Iterator[tuple[Row, ...]]:
    """Yield rows that go out together: one campaign or Canvas each, whole people, within the size of a request.

    No person stands in two of the groups, so that all of them may be in flight at once; what does not fit is left
    for the next call.
    """
    taken: set[str] = set()
    ordered = sorted(rows, key=lambda row: (_message(row), row.id))
    for message, group in groupby(ordered, key=_message):
        most = limits.trigger if message else limits.track
        bundle: list[Row] = []
        size = 0
        for person, entries in _by_person(row for row in group if row.action.recipient not in taken).items():
            mine = entries[:1] if message else _fitting(entries, limits)
            cost = 1 if message else _objects(mine, limits)
            if size + cost > most:
                yield tuple(bundle)
                bundle, size = [], 0
            bundle.extend(mine)
            size += cost
            taken.add(person)
        if bundle:
            yield tuple(bundle)


def _message(row: Row) -> str:
    return f"{row.action.kind}/{row.action.name}" if row.action.kind in (Kind.CAMPAIGN, Kind.CANVAS) else ""


def _by_person(rows: Iterable[Row]) -> dict[str, list[Row]]:
    people: dict[str, list[Row]] = {}
    for row in rows:
        people.setdefault(row.action.recipient, []).append(row)
    return people


def _fitting(entries: list[Row], limits: Limits) -> list[Row]:
    """Return as many of one person's rows as one request can hold: attributes share an object, events do not."""
    events = [row for row in entries if row.action.kind is Kind.EVENT]
    kept = {row.id for row in events[: max(1, limits.track - 1)]}
    return [row for row in entries if row.action.kind is not Kind.EVENT or row.id in kept]


def _objects(rows: Sequence[Row], limits: Limits) -> int:
    events = sum(row.action.kind is Kind.EVENT for row in rows)
    return events + (1 if len(rows) > events or (events and limits.marker) else 0)


def _track(rows: Sequence[Row], limits: Limits, attempt: str) -> Batch:
    attributes: list[tuple[str, Mapping[str, Json]]] = []
    events: list[tuple[str, Mapping[str, Json]]] = []
    slots: dict[tuple[str, int], tuple[Row, ...]] = {}
    for person, entries in _by_person(rows).items():
        values = {row.action.name: row.action.payload for row in entries if row.action.kind is Kind.ATTRIBUTE}
        happened = [row for row in entries if row.action.kind is Kind.EVENT]
        slots[("attributes", len(attributes))] = tuple(row for row in entries if row.action.kind is Kind.ATTRIBUTE)
        if limits.marker:
            values |= {marker(row.action.flow): attempt for row in happened}
        if values:
            attributes.append((person, values))
        for row in happened:
            slots[("events", len(events))] = (row,)
            body = row.action.payload
            events.append((person, body if isinstance(body, Mapping) else {}))
    made = frozenset(row.action.recipient for row in rows if row.action.create_profile)
    value = TrackBatch(attributes=tuple(attributes), events=tuple(events), create_profiles=made)
    return Batch(value=value, rows=tuple(rows), slots=slots)


def _trigger(rows: Sequence[Row], limits: Limits, attempt: str) -> Batch:
    recipients = []
    for row in rows:
        payload = row.action.payload
        body: Mapping[str, Json] = payload if isinstance(payload, Mapping) else {}
        properties, attributes = body.get("properties"), body.get("attributes")
        extra: Mapping[str, Json] = {marker(row.action.flow): attempt} if limits.marker else {}
        recipients.append(
            TriggerRecipient(
                recipient=row.action.recipient,
                properties=properties if isinstance(properties, Mapping) else {},
                attributes={**(attributes if isinstance(attributes, Mapping) else {}), **extra},
            )
        )
    first = rows[0].action
    value = TriggerBatch(kind=first.kind, message_id=first.name, recipients=tuple(recipients))
    slots = {("recipients", number): (row,) for number, row in enumerate(rows)}
    return Batch(value=value, rows=tuple(rows), slots=slots)
