"""The initial load: the record of everybody as it stands, in each workspace, with one document; records no change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ecmbraze.model import Action, Decision, Json, Kind, PersonKey, Record, Skip
from ecmbraze.planning.consent import order, writes
from ecmbraze.planning.consent import record as consent_record
from ecmbraze.planning.consent import staff as consent_staff
from ecmbraze.planning.consent.options import Options
from ecmbraze.planning.consent.order import Past
from ecmbraze.planning.consent.record import Held, Initial, Standing
from ecmbraze.planning.context import Context

RULE = "initial"
# Form, values and lock token, the write: per category (ports.py). The document: its workspace and folder listed, the
# folder made, the upload.
_PER_CATEGORY, _PER_DOCUMENT = 3, 3


def load(options: Options, record: Record, memory: Mapping[str, Json], known: Past, context: Context) -> Decision:
    """Return what brings the record of one person into all their workspaces, by what was noted of them so far.

    What stands there already costs nothing. Nothing is noted: what changes is an ordinary change.
    """
    if not isinstance(record.key, PersonKey):
        return Decision()
    person = record.key.recipient
    places = known.of_customer(person)
    held = order.standing(options, memory, person, places, known)
    outcome: list[Action | Skip] = []
    for place in places if held else ():
        for write in writes.state(options, record, place, person, held, known, context):
            outcome.append(replace(write, rule=RULE) if isinstance(write, Action) else write)
        outcome += _document(options, record, place, person, held, known, context)
    return Decision.of(outcome, memory=memory)


def occurrence(options: Options) -> str:
    """Return what tells one initial load from the next: its channels, so that a later one tells of a new channel."""
    names = "\n".join(sorted(channel.name for channel in options.channels))
    return f"channels-{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def requests(options: Options) -> int:
    """Return how many requests to ECM one workspace takes at most."""
    categories = {consent_staff.category(name) for channel in options.channels for name in channel.attributes()}
    return _PER_CATEGORY * len(categories) + (_PER_DOCUMENT if options.history.kept else 0)


def _document(
    options: Options,
    record: Record,
    place: Record,
    person: str,
    held: Mapping[str, Held],
    known: Past,
    context: Context,
) -> Iterator[Action]:
    """Yield the one document of all channels; its key is the same whenever the load comes by again."""
    if not options.history.kept:
        return
    action = Action(
        flow=writes.FLOW,
        record=record.key.text,
        rule=RULE,
        occurrence=occurrence(options),
        kind=Kind.DOCUMENT,
        recipient=place.key.text,
        name="",
        payload=None,
        expires_at=context.now + writes.NEVER,
        reason=f"initial record of {person}",
    )
    about = str(record.facts.get("address") or "")
    entry = Initial(
        key=action.key,
        customer=person,
        seen_at=known.looked(record.key.text, context.latest) or record.modified_at,
        request_id=str(record.facts.get("look") or ""),
        address=consent_record.shown(about, options.history.address),
        channels=tuple(
            Standing(channel=one.name, purpose=one.purpose, notice=one.notice or "", held=held[one.name])
            for one in options.channels
            if one.name in held
        ),
    )
    yield replace(action, name=entry.name, payload={"folder": options.history.folder, "content": entry.text()})
