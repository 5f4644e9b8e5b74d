"""Which of two states holds: what Braze shows, or what staff recorded; a withdrawal wins in doubt. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from ecmbraze import model
from ecmbraze.model import Change, Json, Kind, Record
from ecmbraze.planning import currents
from ecmbraze.planning.consent import record as consent_record
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.record import DEFAULT, GRANT, WITHDRAWN, Held, Since


class Past(Protocol):
    """What of the ledger decides; see :class:`ecmbraze.flow.Known`."""

    def person(self, customer: str) -> Record | None: ...
    def of_customer(self, customer: str) -> Sequence[Record]: ...
    def noted(self, record: str) -> Mapping[str, Json]: ...
    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]: ...
    def ours(self, target: str) -> Sequence[Json]: ...
    def refused(self, record: str, customer: str, name: str) -> bool: ...
    def taken(self, target: str) -> datetime | None: ...
    def underway(self, target: str) -> bool: ...
    def refusing(self, target: str) -> bool: ...
    def lapsed(self, recipient: str, target: str) -> bool: ...
    def sent_by(self, target: str) -> str: ...
    def looked(self, record: str, now: datetime) -> datetime | None: ...
    def earlier(self, record: Record) -> Record | None: ...
    def planned_at(self, record: str) -> datetime | None: ...
    def edited_by_us(self, record: str) -> bool | None: ...


def standing(
    options: Options, memory: Mapping[str, Json], person: str, places: Sequence[Record], past: Past
) -> dict[str, Held]:
    """Return what holds per channel; ``memory`` is what was noted of the person."""
    found: dict[str, Held] = {}
    for channel in options.channels:
        in_braze, staff = consent_record.held(memory.get(channel.name)), by_staff(person, channel, places, past)
        if held := staff if staff and not (in_braze and _newer(in_braze, staff)) else in_braze:
            found[channel.name] = held
    return found


def with_late(stood: Mapping[str, Held], noted: Json) -> dict[str, Held]:
    """Return per channel what holds by the withdrawals that a workspace carried which is seen late; ``noted`` of it."""
    found: dict[str, Held] = {}
    for name, entry in noted.items() if isinstance(noted, Mapping) else ():
        held, before = consent_record.held(entry), stood.get(name)
        if held and (before is None or (before.state != WITHDRAWN and not _newer(before, held))):
            found[name] = held
    return found


def by_staff(person: str, channel: Channel, places: Sequence[Record], past: Past) -> Held | None:
    """Return the newest withdrawal of a person on this channel that staff recorded.

    The workspace in which they did may be gone, or name somebody else by now: then what we sent to Braze tells of it.
    """
    noted = (past.noted(place.key.text).get(person) for place in places)
    found = [consent_record.held(one.get(channel.name)) for one in noted if isinstance(one, Mapping)]
    if newest := max((one for one in found if one), key=lambda one: one.seen, default=None):
        return newest
    sent = past.taken(target(person, channel))
    if sent is None:
        return None
    moment = sent.isoformat()
    return Held(state=WITHDRAWN, since=Since(until=moment), source=consent_record.IN_ECM, seen=moment)


def is_ours(person: str, channel: Channel, held: Held | None, past: Past) -> bool:
    """Say whether a withdrawal that Braze shows is the one we sent: Braze showed ``held`` before it."""
    if past.underway(target(person, channel)):
        return True
    sent = past.taken(target(person, channel))
    return sent is not None and (held is None or not held.seen or _moment(held.seen) <= sent)


def is_unseen(person: str, channel: Channel, held: Held | None, past: Past) -> bool:
    """Say whether a withdrawal stands that Braze may not show.

    Staff recorded it, it is of a profile before this one, or ours went there after the look that it stands by.
    """
    if held is None or held.state != WITHDRAWN:
        return False
    sent = past.taken(target(person, channel))
    return (
        held.source == consent_record.IN_ECM
        or bool(held.apart)
        or (sent is not None and is_ours(person, channel, held, past))
    )


def is_sent_alone(person: str, channel: Channel, change: Change, places: Sequence[Record], past: Past) -> bool:
    """Say whether the withdrawal that staff recorded here has left while the rest of its plan waited for a person.

    A guard holds no withdrawal back, but its entries in the history: they are due until a workspace has noted it.
    """
    sent = past.taken(target(person, channel))
    if sent is None or change.record.modified_at > sent or (change.since is not None and change.since >= sent):
        return False
    if past.sent_by(target(person, channel)) != change.record.key.text:  # this one was out of sight when it left
        return False
    noted = (past.noted(place.key.text).get(person) for place in places)
    found = [consent_record.held(one.get(channel.name)) for one in noted if isinstance(one, Mapping)]
    typed = change.record.modified_at  # what was noted of an earlier one is another
    return not any(one and one.changes and _moment(one.since.latest) >= typed for one in found)


def lags(options: Options, channel: Channel, record: Record, person: str, past: Past, now: datetime) -> datetime | None:
    """Return until when another state than withdrawn says nothing, because our own withdrawal may not show yet.

    ``None`` where it does say something. A time that Braze gives for it and that is later than ours is no lag.
    """
    wanted = target(person, channel)
    sent, exact = past.taken(wanted), exactly(channel, record)
    if channel.shown(record.facts) == WITHDRAWN:
        return None
    if past.underway(wanted):
        return datetime.max.replace(tzinfo=record.modified_at.tzinfo)
    if sent is None or (exact and exact > sent):
        return None
    until = sent + options.after_own_write
    return until if (past.looked(record.key.text, now) or record.modified_at) < until else None


def disregarded(channel: Channel, change: Change, held: Held, stood: Held | None) -> str:
    """Return why a state that would undo a withdrawal came about without the person; empty where it did not."""
    shown = channel.shown(change.record.facts)
    if held.state != WITHDRAWN:
        return _in_doubt(channel, stood, shown)
    if change.before is None:
        return ""
    before, now = change.before.facts, change.record.facts
    if before.get("known") is False:
        return f"{channel.name} is {shown} on a profile that was made anew; the withdrawal of the old one stands"
    moved = before.get("address") != now.get("address")
    if moved and shown == "subscribed" and channel.belongs_to_address:
        return f"{channel.name} became {shown} together with another address; the withdrawal stands"
    return ""


def _in_doubt(channel: Channel, stood: Held | None, shown: str) -> str:
    """Return why Braze's default, come since staff withdrew, does not undo that; empty where it may.

    Braze never showed the withdrawal, so that nobody is known to have come back from it, and `subscribed` is no
    affirmative act. In a subscription group it is: that has no other word for a grant.
    """
    if shown != DEFAULT or not channel.has_default or stood is None:
        return ""
    if stood.state != WITHDRAWN or stood.source != consent_record.IN_ECM:
        return ""
    return f"{channel.name} became {shown} before Braze showed the withdrawal by staff; the withdrawal stands"


def is_no_news(channel: Channel, record: Record, held: Held, stood: Held | None) -> bool:
    """Say whether Braze shows what it showed all along. A grant that comes back after a default that did not count, or
    that was renewed by its time, is news.
    """
    shown = channel.shown(record.facts)
    came_back = bool(held.apart) and shown == GRANT
    return shown == held.state and not came_back and not renewed(channel, record, stood)


def lifted(stood: Mapping[str, Held], held: Mapping[str, Held]) -> int:
    """Return how many withdrawals that stood are replaced by another state."""
    return sum(stood[name].state == WITHDRAWN != held[name].state for name in stood.keys() & held.keys())


def renewed(channel: Channel, record: Record, stood: Held | None) -> bool:
    """Say whether a state that Braze showed all along was chosen again after a withdrawal by staff, by its time.

    Without a time nobody knows whether it was, or whether Braze never took the withdrawal: then that stands.
    """
    exact = exactly(channel, record)
    if stood is None or stood.state != WITHDRAWN or exact is None or channel.shown(record.facts) == WITHDRAWN:
        return False
    return stood.source == consent_record.IN_ECM and exact > _moment(stood.since.latest)


def flipped(options: Options, channel: Channel, record: Record, held: Held, shown: str) -> str:
    """Return what to report of a state that came back after a single look; empty of any other."""
    after = _after(channel, record)
    if shown != held.before or not after or not held.seen:
        return ""
    # From the end of the look that saw it to the beginning of a later one: of the same round, which screens people too,
    # unless about the time from round to round is between them.
    if _moment(after) - _moment(held.seen) >= max(options.every / 2, timedelta(minutes=1)):
        return ""
    return f"{channel.name} went from {held.before} to {held.state} and back within three looks; each is recorded"


def look(
    options: Options, channel: Channel, record: Record, person: str, past: Past, now: datetime
) -> tuple[Since, datetime]:
    """Return since when the state holds that Braze shows, which is never invented, and the look that says so."""
    after, until = _after(channel, record), record.modified_at
    sent = past.taken(target(person, channel))
    if sent and sent <= until < sent + options.after_own_write:  # what was shown so soon said nothing
        after, until = sent.isoformat(), past.looked(record.key.text, now) or until
    exact = exactly(channel, record)
    return Since(at=exact.isoformat()) if exact else Since(after=after, until=until.isoformat()), until


def refined(channel: Channel, record: Record, held: Held) -> Held:
    """Return an entry with the time and source that Currents has for it, where it came later than the look."""
    exact, source = exactly(channel, record), record.facts.get(currents.source_of(channel.fact))
    if exact is None or currents.source_of(channel.fact) not in record.facts:
        return held
    if held.since.at or held.source == consent_record.IN_ECM or not held.since.until:
        return held
    after = held.since.after
    if exact > _moment(held.since.until) or (after and exact < _moment(after) - currents.LAG):
        return held
    return replace(held, since=Since(at=exact.isoformat()), source=consent_record.in_braze(source))


def after_of(fact: str) -> str:
    """Return the fact that says which look was the last one before a fact of a person changed."""
    return f"after:{fact}"


def _after(channel: Channel, record: Record) -> str:
    """Return the look before the one that saw the state change; where an older release read it, any fact."""
    facts = record.facts
    return str(facts.get(after_of(channel.fact), facts.get("after")) or "")


def exactly(channel: Channel, record: Record) -> datetime | None:
    """Return the time that Braze gives for the state it shows."""
    moment = record.facts.get(f"{channel.fact}.at")
    return _moment(str(moment)) if moment else None


def target(person: str, channel: Channel) -> str:
    """Return what a withdrawal of a person writes."""
    return model.target(person, Kind.WITHDRAWAL, channel.fact)


def latest(*moments: str) -> str:
    """Return the latest of some moments, the empty ones left out."""
    return max(filter(None, moments), key=_moment, default="")


def _newer(in_braze: Held, staff: Held) -> bool:
    """Say whether what Braze showed came after a withdrawal by staff; where nothing says so, the withdrawal wins.

    What the first look showed may always have been so.
    """
    if in_braze.state == WITHDRAWN and (in_braze.source == consent_record.IN_ECM or in_braze.changes > staff.changes):
        return True  # it is theirs, as Braze showed it; or theirs came on top of one that is on record
    if in_braze.state != WITHDRAWN and in_braze.since.at:
        return _moment(in_braze.since.at) > _moment(staff.since.latest)
    return bool(in_braze.seen) and _moment(in_braze.seen) > _moment(staff.seen)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
