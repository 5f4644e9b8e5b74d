"""The writes that keep a consent record: state, history, withdrawal; says nothing of when they are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from ecmbraze.model import Action, Json, Kind, PersonKey, Record, Skip
from ecmbraze.planning.consent import record as consent_record
from ecmbraze.planning.consent import staff as consent_staff
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.order import Past
from ecmbraze.planning.consent.record import UNKNOWN, WITHDRAWN, Entry, Held
from ecmbraze.planning.context import Context

FLOW = "consent"
# What is written here holds until something newer does.
NEVER = timedelta(days=3650)


def state(
    options: Options,
    record: Record,
    place: Record,
    person: str,
    held: Mapping[str, Held],
    past: Past,
    context: Context,
) -> Iterator[Action | Skip]:
    """Yield the writes that bring the record in one workspace up to date, one per category."""
    if len(place.customers) > 1:
        reason = f"the workspace names {len(place.customers)} customers; a consent record can hold one"
        yield consent_staff.quarantined(place, "state", reason)
        return
    payloads, kept = _values(options, place, person, held, past, context), set[str]()
    due = {name: value for payload in payloads.values() for name, value in payload.items()}
    edited = consent_staff.edits(options, place, past, context.now, due)
    for category, payload in payloads.items():
        action = Action(
            flow=FLOW,
            record=record.key.text,
            rule="state",
            occurrence="0",
            kind=Kind.CATEGORY,
            recipient=place.key.text,
            name=category,
            payload=payload,
            expires_at=context.now + NEVER,
            reason=f"state of {person}",
        )
        known = past.values_of(action.recipient, action.kind)
        covered = past.refusing(action.target) or consent_staff.covered(options, place, payload, past)
        if known.get(category) == payload and not covered:
            continue
        reasons = {
            channel.name: reason
            for channel in options.channels
            if category in {consent_staff.category(name) for name in channel.attributes()}
            and (reason := edited.get(channel.name) or _existing(options, channel, place, payload, past))
        }
        # A withdrawal that staff typed there is no edit: the plan of the workspace takes it over and writes it.
        news = {one.name for one in options.channels if consent_staff.is_to_come(options, one, place, person, past)}
        for name in reasons.keys() - kept - news:
            yield consent_staff.quarantined(place, name, reasons[name])
        kept |= reasons.keys()
        if not reasons:
            yield action


def _values(
    options: Options, place: Record, person: str, held: Mapping[str, Held], past: Past, context: Context
) -> dict[str, dict[str, Json]]:
    """Return category → everything that is kept of it; what we wrote of somebody else gives way to `unknown`."""
    found: dict[str, dict[str, Json]] = {}
    about = past.person(person)
    for channel in options.channels:
        entry = held.get(channel.name)
        if entry is None and not consent_staff.ours(place, channel.status, past):
            continue
        values: dict[str | None, Json] = {
            channel.status: options.word(channel, entry.state if entry else UNKNOWN),
            channel.since: _local(entry.since.known, context.zone) if entry else None,
            channel.source: _source(entry) if entry else None,
            channel.undeliverable: (about.facts.get(channel.undeliverable_fact) if about else None),
        }
        for name in channel.attributes():
            found.setdefault(consent_staff.category(name), {})[name] = values[name]
    return found


def _source(entry: Held) -> str:
    return entry.source if entry.since.at else f"{entry.source}, {entry.since}"


def _existing(options: Options, channel: Channel, place: Record, payload: Mapping[str, Json], past: Past) -> str:
    if channel.status not in payload:
        return ""
    return consent_staff.stranger(options, channel, place, str(payload[channel.status]), past)


def documents(
    options: Options,
    channel: Channel,
    record: Record,
    places: Sequence[Record],
    person: str,
    past: Held | None,
    new: Held,
    why: str,
    known: Past,
    context: Context,
) -> Iterator[Action]:
    """Yield the entry of one change in the history of each workspace."""
    about = _address(record, known.person(person))
    if isinstance(record.key, PersonKey):
        look, seen_at = str(record.facts.get("look") or ""), record.modified_at
    else:  # what staff recorded comes after what Braze showed in the same round, in the folder too
        look, seen_at = "", max(context.latest, datetime.fromisoformat(new.seen))
    for place in places if options.history.kept else ():
        action = Action(
            flow=FLOW,
            record=record.key.text,
            rule=channel.name,
            occurrence=str(new.changes),
            kind=Kind.DOCUMENT,
            recipient=place.key.text,
            name="",
            payload=None,
            expires_at=context.now + NEVER,
            reason=why,
        )
        entry = Entry(
            key=action.key,
            customer=person,
            channel=channel.name,
            purpose=channel.purpose,
            notice=channel.notice or "",
            before=past.state if past else "",
            after=new,
            seen_at=seen_at,
            request_id=look,
            address=consent_record.shown(about, options.history.address),
        )
        payload: Json = {"folder": options.history.folder, "content": entry.text()}
        yield replace(action, name=entry.name, payload=payload)


def _address(record: Record, person: Record | None) -> str:
    """Return the e-mail address of a person; of one whom staff recorded, the one that Braze showed last."""
    about = record if isinstance(record.key, PersonKey) else person
    return str(about.facts.get("address") or "") if about else ""


def withdrawal(channel: Channel, record: Record, person: str, new: Held, why: str, context: Context) -> Action:
    return Action(
        flow=FLOW,
        record=record.key.text,
        rule=channel.name,
        occurrence=str(new.changes),
        kind=Kind.WITHDRAWAL,
        recipient=person,
        name=channel.fact,
        payload=WITHDRAWN,
        expires_at=context.now + NEVER,
        reason=why,
    )


def _local(moment: str, zone: tzinfo) -> str | None:
    """Return a moment as ECM takes it: its own zone, no offset (api/ecm.md 5.3); nothing of none."""
    if not moment:
        return None
    return datetime.fromisoformat(moment).astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()
