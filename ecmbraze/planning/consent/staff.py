"""What staff did to the record in ECM: a withdrawal they recorded, or an edit of what we wrote; plans nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ecmbraze.model import Change, Facts, Json, Kind, Record, Skip
from ecmbraze.planning import rule_language
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.order import Past
from ecmbraze.planning.consent.record import WITHDRAWN, Since

EDITED = "edited_in_ecm"


def withdrew(options: Options, channel: Channel, change: Change, past: Past) -> bool:
    """Say whether staff recorded a withdrawal since the last look: in the status, or by what also counts as one.

    In a workspace that is new it counts as well: nobody but staff can have put it there.
    """
    before, record = change.before, change.record
    if not channel.withdraws:
        return False
    word = options.word(channel, WITHDRAWN)
    if record.facts.get(channel.status) == word and word not in ours(record, channel.status, past):
        sent = past.taken(target(record, channel.status))
        # Where we wrote another word since, it was put there again, though the last look showed the same.
        replaced = sent is not None and change.since is not None and change.since <= sent
        if before is None or before.facts.get(channel.status) != word or replaced:
            return True
    return bool(channel.recorded) and _came_true(channel, before.facts if before else None, record.facts)


def when(change: Change) -> Since:
    """Return between which looks staff edited: an edit carries no time of its own attribute."""
    edited = change.record.modified_at
    if change.since is None or edited >= change.since:
        return Since(after=change.since.isoformat() if change.since else "", until=edited.isoformat())
    return Since(after="", until=change.since.isoformat())


def says_withdrawn(options: Options, channel: Channel, record: Record, past: Past) -> bool:
    """Say whether a record that is new to us carries a withdrawal already."""
    word = options.word(channel, WITHDRAWN)
    typed = record.facts.get(channel.status) == word and word not in ours(record, channel.status, past)
    return channel.withdraws and (typed or (bool(channel.recorded) and _came_true(channel, None, record.facts)))


def edits(options: Options, place: Record, past: Past, now: datetime) -> Mapping[str, str]:
    """Return channel → what a person changed of what we wrote there; a withdrawal is no such edit.

    Only a look after our last write can tell. What stands refused in quarantine already is not listed once more.
    """
    found: dict[str, str] = {}
    for channel in options.channels:
        for name in filter(None, (channel.status, channel.source)):
            written = ours(place, name, past)
            there, word = place.facts.get(name), options.word(channel, WITHDRAWN)
            if not written or there in written or (name == channel.status and channel.withdraws and there == word):
                continue
            if not _read_since(place, name, past, now) or past.refusing(target(place, name)):
                continue
            found.setdefault(channel.name, f"{EDITED}: {name} is {there!r}, we last wrote {written[0]!r}")
    return found


def listed(options: Options, change: Change, past: Past, now: datetime) -> Iterator[Skip]:
    """Yield what a person edited since the last look, and what is listed already and still so.

    An edit of which somebody decided (`quarantine drop`) is not listed again until a newer state is due.
    """
    record, before = change.record, change.before
    for name, reason in edits(options, record, past, now).items():
        channel = next(one for one in options.channels if one.name == name)
        edited = (channel.status, channel.source)
        fresh = before is None or any(before.facts.get(one) != record.facts.get(one) for one in edited if one)
        if fresh or past.refused(record.key.text, people(record), name):
            yield quarantined(record, name, reason)


def stranger(options: Options, channel: Channel, place: Record, wanted: str, past: Past) -> str:
    """Return why a state must not go where somebody else wrote one before us; empty where it may."""
    there = place.facts.get(channel.status)
    if options.overwrite_existing or there in (None, "", wanted) or ours(place, channel.status, past):
        return ""
    return f"{EDITED}: {channel.status} is {there!r}, we never wrote it; overwrite_existing would replace it"


def quarantined(place: Record, channel: str, reason: str) -> Skip:
    """Return the entry of one channel of a workspace: the same whoever is planned, so that it is listed once."""
    return Skip(record=place.key.text, customer=people(place), rule=channel, reason=reason, quarantined=True)


def people(place: Record) -> str:
    return ", ".join(place.customers)


def ours(place: Record, attribute: str, past: Past) -> Sequence[Json]:
    """Return what of ours may stand in an attribute, the value that was certainly taken first."""
    written = past.ours(target(place, attribute))
    return [one[attribute] for one in written if isinstance(one, Mapping) and attribute in one]


def target(place: Record, attribute: str) -> str:
    """Return what a write of this attribute's category to a workspace writes."""
    return f"{place.key.text}/{Kind.CATEGORY}/{category(attribute)}"


def category(attribute: str) -> str:
    return attribute.partition(".")[0]


def _read_since(place: Record, attribute: str, past: Past, now: datetime) -> bool:
    sent, read = past.taken(target(place, attribute)), past.looked(place.key.text, now)
    return sent is None or read is None or read >= sent


def _came_true(channel: Channel, before: Facts | None, now: Facts) -> bool:
    when = channel.recorded or {}
    if not when.keys() <= now.keys() or (before is not None and not when.keys() <= before.keys()):
        return False  # what was never read is not false
    return rule_language.satisfied(when, now) and not (before is not None and rule_language.satisfied(when, before))
