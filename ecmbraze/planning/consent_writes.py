"""The writes that keep a consent record: state, history, withdrawal; says nothing of when they are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from ecmbraze.model import Action, Json, Kind, Record, Skip
from ecmbraze.planning import consent_record
from ecmbraze.planning.consent_options import Channel, Options
from ecmbraze.planning.consent_record import WITHDRAWN, Entry, Held
from ecmbraze.planning.context import Context

FLOW = "consent"
# What is written here holds until something newer does.
_NEVER = timedelta(days=3650)


class Accepted(Protocol):
    """What is known of what was written; see :class:`ecmbraze.flow.Known`."""

    def accepted(self, target: str) -> tuple[bool, Json]: ...


def state(
    options: Options, record: Record, place: Record, person: str, held: Mapping[str, Held], known: Accepted,
    context: Context,
) -> Iterator[Action | Skip]:  # fmt: skip
    """Yield the writes that bring the record in one workspace up to date, one per category."""
    if len(place.customers) > 1:
        reason = f"the workspace names {len(place.customers)} customers; a consent record can hold one"
        yield Skip(record=place.key.text, customer=person, rule="state", reason=reason, quarantined=True)
        return
    categories: dict[str, dict[str, Json]] = {}
    for channel in options.channels:
        if entry := held.get(channel.name):
            values = categories.setdefault(channel.status.partition(".")[0], {})
            values[channel.status] = options.word(channel, entry.state)
            if channel.since:
                values[channel.since] = _local(entry.since.known, context.zone)
            if channel.source:
                values[channel.source] = entry.source if entry.since.at else f"{entry.source}, {entry.since}"
    for category, payload in categories.items():
        action = Action(
            flow=FLOW, record=record.key.text, rule="state", occurrence="0", kind=Kind.CATEGORY,
            recipient=place.key.text, name=category, payload=payload, expires_at=context.now + _NEVER,
            reason=f"state of {person}",
        )  # fmt: skip
        if known.accepted(action.target) != (True, payload):
            yield action


def documents(
    options: Options, channel: Channel, record: Record, places: Sequence[Record], person: str, past: Held | None,
    new: Held, why: str, context: Context,
) -> Iterator[Action]:  # fmt: skip
    """Yield the entry of one change in the history of each workspace."""
    about = _address(record)
    for place in places if options.history.kept else ():
        action = Action(
            flow=FLOW, record=record.key.text, rule=channel.name, occurrence=str(new.changes), kind=Kind.DOCUMENT,
            recipient=place.key.text, name="", payload=None, expires_at=context.now + _NEVER, reason=why,
        )  # fmt: skip
        entry = Entry(
            key=action.key, customer=person, channel=channel.name, purpose=channel.purpose,
            notice=channel.notice or "", before=past.state if past else "", after=new, seen_at=record.modified_at,
            address=consent_record.shown(about, options.history.address),
        )  # fmt: skip
        payload: Json = {"folder": options.history.folder, "content": entry.text()}
        yield replace(action, name=entry.name, payload=payload)


def _address(record: Record) -> str:
    """Return the e-mail address of a person; a workspace knows none."""
    return str(record.facts.get("address") or "")


def withdrawal(channel: Channel, record: Record, person: str, new: Held, why: str, context: Context) -> Action:
    return Action(
        flow=FLOW, record=record.key.text, rule=channel.name, occurrence=str(new.changes), kind=Kind.WITHDRAWAL,
        recipient=person, name=channel.fact, payload=WITHDRAWN, expires_at=context.now + _NEVER, reason=why,
    )  # fmt: skip


def target(place: Record, attribute: str) -> str:
    return f"{place.key.text}/{Kind.CATEGORY}/{attribute.partition('.')[0]}"


def _local(moment: str, zone: tzinfo) -> str | None:
    """Return a moment as ECM takes it: its own zone, no offset (api/ecm.md 5.3); nothing of none."""
    if not moment:
        return None
    return datetime.fromisoformat(moment).astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()
