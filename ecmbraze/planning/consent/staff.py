"""What staff did to the record in ECM: a withdrawal they recorded, or an edit of what we wrote; plans nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ecmbraze import model
from ecmbraze.model import Change, Facts, Json, Kind, Record, Skip
from ecmbraze.planning import rule_language, unanswered
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.order import Past
from ecmbraze.planning.consent.record import WITHDRAWN, Since, held

EDITED = "edited_in_ecm"


def withdrew(options: Options, channel: Channel, change: Change, person: str, past: Past) -> bool:
    """Say whether staff recorded a withdrawal of a person since the last look: in the status, or by what counts too.

    In a workspace that is new, or that did not lead to them before, it counts as well: nobody but staff can have put it
    there. ``person`` is empty where the workspace leads to nobody.
    """
    record = change.record
    before = change.before if change.before and (not person or person in change.before.customers) else None
    if not channel.withdraws:
        return False
    if _typed(options, channel, record, past):
        sent = past.taken(target(record, channel.status))
        # Where we wrote another word since, it was put there again, though the last look showed the same.
        replaced = sent is not None and change.since is not None and change.since <= sent
        replaced |= before is not None and _may_be_ours(options, channel, before, past)
        # What was taken over of another customer is the record, as if we had written it: it is not the next one's.
        anew = before is None and channel.status not in taken_over(options, record, past)
        if anew or (before is not None and not _is_word(options, channel, before)) or replaced:
            return True
    elif _is_typed_anew(options, channel, change, before, past) or _may_be_typed(options, channel, change, past):
        return True
    if not channel.recorded or (before is None and _was_recorded(change.memory, channel)):
        return False
    return _came_true(channel, before.facts if before else None, record.facts)


def is_unplanned(options: Options, channel: Channel, place: Record, person: str, past: Past) -> bool:
    """Say whether a workspace carries a withdrawal that was read there and that the flow has not come to yet."""
    key, before = place.key.text, past.earlier(place)
    is_news = before is not None and (before.facts, before.modified_at) != (place.facts, place.modified_at)
    since = past.planned_at(key) if is_news else None  # what was planned as it is may have been read before our write
    change = Change(record=place, before=before, fires=True, memory=past.noted(key), since=since)
    return withdrew(options, channel, change, person, past)


def is_to_come(options: Options, channel: Channel, place: Record, person: str, past: Past) -> bool:
    """Say whether the status is the word of a withdrawal of a person that this plan has not come to in its order."""
    if not channel.withdraws or not _is_word(options, channel, place):
        return False
    noted = past.noted(place.key.text).get(person)
    entry = held(noted.get(channel.name)) if isinstance(noted, Mapping) else None
    return entry is None and is_unplanned(options, channel, place, person, past)


def _typed(options: Options, channel: Channel, record: Record, past: Past) -> bool:
    """Say whether the status is the word of a withdrawal, and not because we wrote it."""
    return _is_word(options, channel, record) and not _may_be_ours(options, channel, record, past)


def _may_be_ours(options: Options, channel: Channel, record: Record, past: Past) -> bool:
    """Say whether we may have written the status: it is in a write of ours that may stand there."""
    there = record.facts.get(channel.status)
    return any(one.get(channel.status) == there for one in _may_stand(options, channel, record, past))


def _may_stand(options: Options, channel: Channel, record: Record, past: Past) -> list[Mapping[str, Json]]:
    """Return the writes of ours that may stand in the category of a channel: the states do not tell, staff set them."""
    written = [one for one in past.ours(target(record, channel.status)) if isinstance(one, Mapping)]
    return unanswered.may_stand(written, record.facts, options.typed)


def _may_be_typed(options: Options, channel: Channel, change: Change, past: Past) -> bool:
    """Say whether the word of a withdrawal may be typed over another state of ours that may have arrived.

    Nothing shows which of our writes stands there, but that a person made the last edit since the flow looked: they may
    have edited something else, and a withdrawal wins in doubt.
    """
    record, before = change.record, change.before
    if not _is_word(options, channel, record) or past.edited_by_us(record.key.text) is not False:
        return False
    if before is not None and record.modified_at <= before.modified_at:
        return False
    if before is not None and before.gone and not _is_word(options, channel, before):
        return True  # our write there was never seen to arrive, and it was out of sight
    there = record.facts.get(channel.status)
    return any(one.get(channel.status) != there for one in _may_stand(options, channel, record, past))


def _is_typed_anew(options: Options, channel: Channel, change: Change, before: Record | None, past: Past) -> bool:
    """Say whether the word of a withdrawal stands where a look after our last write there showed something else.

    A write without an answer may have come after that look, but not over what a person had written. A word that is none
    of ours a person wrote; of another one only the date of the workspace shows that it was there after our write.
    """
    sent = past.taken(target(change.record, channel.status))
    if before is None or sent is None or change.since is None or change.since <= sent:
        return False
    if not _is_word(options, channel, change.record) or _is_word(options, channel, before):
        return False
    accepted, *unanswered_yet = ours(change.record, channel.status, past)
    stood, there = before.facts.get(channel.status), change.record.facts[channel.status]
    if stood is not None and stood not in options.words(channel):
        return True
    by_a_person = stood is not None and stood not in (accepted, *unanswered_yet)
    return before.modified_at > sent and (by_a_person or there not in unanswered_yet)


def _is_taken_back(options: Options, channel: Channel, place: Record, past: Past) -> bool:
    """Say whether an older word of ours stands where the flow saw the word of a withdrawal after our last write.

    A person put it there. Where an answer of ours is missing nobody can tell.
    """
    planned, sent = past.earlier(place), past.taken(target(place, channel.status))
    if planned is None or sent is None or planned.modified_at <= sent or len(ours(place, channel.status, past)) > 1:
        return False
    return channel.withdraws and _is_word(options, channel, planned) and not _is_word(options, channel, place)


def _is_word(options: Options, channel: Channel, record: Record) -> bool:
    """Say whether the status is the word of a withdrawal, however it is spelt: a text attribute takes any."""
    there, word = record.facts.get(channel.status), options.word(channel, WITHDRAWN)
    return isinstance(there, str) and there.strip().casefold() == word.strip().casefold()


def _was_recorded(memory: Mapping[str, Json], channel: Channel) -> bool:
    """Say whether what counts as a withdrawal was taken over for somebody whom the workspace named."""
    entries = (held(of.get(channel.name)) for of in memory.values() if isinstance(of, Mapping))
    return any(entry.changes > 0 for entry in entries if entry)


def when(change: Change, looked: datetime) -> Since:
    """Return between which looks staff edited: an edit carries no time of its own attribute.

    One that moved no date, or came while the workspace was planned last, was there by this look at the latest.
    """
    edited = change.record.modified_at
    if change.since is None or edited >= change.since:
        return Since(after=change.since.isoformat() if change.since else "", until=edited.isoformat())
    return Since(after="", until=looked.isoformat())


def says_withdrawn(options: Options, channel: Channel, record: Record, past: Past) -> bool:
    """Say whether a record that is new to us carries a withdrawal already."""
    typed = _typed(options, channel, record, past)
    return channel.withdraws and (typed or (bool(channel.recorded) and _came_true(channel, None, record.facts)))


def edits(
    options: Options, place: Record, past: Past, now: datetime, due: Mapping[str, Json] | None = None
) -> Mapping[str, str]:
    """Return channel → what a person changed of what we wrote there; a withdrawal is no such edit.

    Nor is what says the same as is ``due`` there by now (attribute → value): it collides with nothing. An older state
    of ours is one where what stands beside it shows that the newer one arrived. Only a look after our last write can
    tell. What stands refused in quarantine already is not listed once more.
    """
    found: dict[str, str] = {}
    for channel in options.channels:
        standing = _may_stand(options, channel, place, past)
        for name in filter(None, (channel.status, channel.source)):
            written = ours(place, name, past)
            there = place.facts.get(name)
            withdrawn = name == channel.status and channel.withdraws and _is_word(options, channel, place)
            taken_back = name == channel.status and _is_taken_back(options, channel, place, past)
            is_ours = not taken_back and any(name in one and one[name] == there for one in standing)
            if not written or is_ours or withdrawn or (due and name in due and there == due[name]):
                continue
            if there is None and past.taken(target(place, name)) is None:
                continue  # our first write there is not proven: it may never have arrived
            if not _read_since(place, name, past, now) or past.refusing(target(place, name)):
                continue
            wrote = next((one[name] for one in standing if name in one), written[0])
            found.setdefault(channel.name, f"{EDITED}: {name} is {there!r}, we last wrote {wrote!r}")
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
    if channel.status in taken_over(options, place, past):
        return ""
    return f"{EDITED}: {channel.status} is {there!r}, we never wrote it; overwrite_existing would replace it"


def taken_over(options: Options, place: Record, past: Past) -> Mapping[str, Json]:
    """Return the words of withdrawals that staff typed there and that were taken over: a newer state replaces them.

    They are the record from then on, also where our own write of the same word never went through (it has not left yet,
    or the workspace was gone), and where the workspace leads to somebody else by now. What was typed since the flow
    planned the workspace last is not among them.
    """
    planned = past.earlier(place)
    noted = [of for of in past.noted(place.key.text).values() if isinstance(of, Mapping)]
    return {
        channel.status: str(place.facts[channel.status])
        for channel in options.channels
        if channel.withdraws and _is_word(options, channel, place)
        if planned is not None and _is_word(options, channel, planned)
        if _is_awaited(place, channel.status, past)
        or any(entry.changes for entry in (held(of.get(channel.name)) for of in noted) if entry)
    }


def covered(options: Options, place: Record, payload: Mapping[str, Json], past: Past) -> bool:
    """Say whether the word of a withdrawal that was taken over stands over what we wrote last: it is to go once more.

    Nothing of ours replaced it when it was recorded, since an edit beside it was in the way.
    """
    planned = past.planned_at(place.key.text)
    for name, word in taken_over(options, place, past).items():
        sent = past.taken(target(place, name))
        seen_since = sent is not None and planned is not None and planned > sent
        if name in payload and payload[name] != word and seen_since and not past.underway(target(place, name)):
            return True
    return False


def _is_awaited(place: Record, attribute: str, past: Past) -> bool:
    """Say whether a write of ours that was due there has not left, or was given up when the workspace went."""
    wanted = target(place, attribute)
    return past.underway(wanted) or past.lapsed(place.key.text, wanted)


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
    return model.target(place.key.text, Kind.CATEGORY, category(attribute))


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
