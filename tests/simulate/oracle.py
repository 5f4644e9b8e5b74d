"""Hold Braze's book and the outbox against the truth: what must never be, and what must be when all is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from ecmbraze.model import Json
from tests.simulate.truth import EARLY, Said
from tests.simulate.world import World
from tests.twins.braze import Entry
from tests.twins.braze_values import moment
from tests.twins.house import Fate

# What `max_per_person` counts (delivery.md); our clock may go wrong by so much unnoticed.
LIMITED = ("campaign", "canvas")
DAY = timedelta(hours=24) - EARLY
# delivery.md: a consent is at most 60 s old. The requests of a wave leave at once, and here one after the other.
_OLDEST_S = 70.0
_UNSAID = ("ecm_time_source", "gate", "token")
_MESSAGES = ("event", *LIMITED)
_OPEN = ("ready", "waiting", "in flight", "in doubt")


def said(entry: Entry) -> Said:
    """Return what a message of the book says, but for how its time is known."""
    told = {name: value for name, value in entry.properties.items() if name not in _UNSAID}
    return entry.name, entry.recipient, tuple(sorted(told.items()))


def unsent(world: World) -> bool:
    """Say whether an earlier run left messages that any run may send."""
    return any(fate.state in _OPEN and fate.kind in _MESSAGES for fate in world.house.fates())


def never(world: World, seen: int) -> Iterator[str]:
    """Yield what is wrong with the messages that came since ``seen``: too many, against consent, against the facts."""
    spaces, messages = world.spaces, world.house.braze.messages
    if messages[seen:]:
        yield from world.surveys.never(messages[seen].at)
    closings = {stand.occasion.end for stands in spaces.stands.values() for stand in stands.values()} - {""}
    got = Counter(said(entry) for entry in messages if entry.name not in closings)
    for entry in messages[seen:]:
        one = said(entry)
        yield from _too_often(world, entry)
        if stopped := world.stopped(entry):
            yield f"{one} came at {entry.at} although {stopped}"
        if entry.name in closings:
            continue
        if got[one] > spaces.allowed[one]:
            yield f"{one} came {got[one]} times, {spaces.allowed[one]} were right"
        elif not spaces.was_right(one, entry.at):
            yield f"{one} came at {entry.at} although its rule no longer held"
        if not world.people.allowed(entry.recipient, spaces.demand(entry.name), entry.at):
            yield f"{one} came at {entry.at} against consent"
    ended = Counter(
        (name, who, dict(says).get("workspace")) for name, who, says in map(said, messages) if name in closings
    )
    for (name, who, number), times in ended.items():
        if times > spaces.ends[name, who, number if isinstance(number, int) else 0]:
            yield f"{name} for {who} of {number} came {times} times"


def _too_often(world: World, entry: Entry) -> Iterator[str]:
    """Yield a message that is one too many within 24 hours, over all flows (mission.md, "One person, one voice")."""
    most = world.house.config.max_per_person
    if most is None or entry.kind not in LIMITED:
        return
    since = entry.at - DAY
    mine = [one.at for one in world.house.braze.messages if _counts(one, entry.recipient)]
    if (times := sum(since < at <= entry.at for at in mine)) > most:
        yield f"{entry.name} for {entry.recipient} at {entry.at} is number {times} within a day, {most} may come"


def _counts(entry: Entry, person: str) -> bool:
    return entry.recipient == person and entry.kind in LIMITED


def quiet(world: World) -> Iterator[str]:
    """Yield what is wrong when the faults are over: lost, kept for ever, held without doubt, or another value."""
    fates = [fate for fate in world.house.fates() if fate.recipient not in world.exempt]
    if world.house.braze.oldest_s > _OLDEST_S:
        yield f"a message left {world.house.braze.oldest_s:.0f} s after its person was asked about"
    yield from _open_ends(world, fates)
    yield from _holds(world, fates)
    yield from _lost(world, fates)
    yield from _claims(world, fates)
    yield from world.surveys.quiet(world.exempt)
    yield from _values(world, {(fate.recipient, fate.name) for fate in fates if fate.state == "refused"})


def _open_ends(world: World, fates: Iterable[Fate]) -> Iterator[str]:
    # What is to be written to a workspace that is gone waits for it.
    known = [fate for fate in fates if not _gone(world, fate.recipient)]
    held = {(fate.recipient, fate.rule) for fate in known if fate.state == "held"}
    for fate in known:
        if fate.state in _OPEN and not (fate.state == "ready" and (fate.recipient, fate.rule) in held):
            yield f"still open: {fate}"


def _gone(world: World, recipient: str) -> bool:
    return recipient.startswith("ws:") and not world.spaces.readable(int(recipient.removeprefix("ws:")))


def _holds(world: World, fates: Iterable[Fate]) -> Iterator[str]:
    for fate in fates:
        # Nobody can look whether a document was stored in a workspace that is gone.
        if fate.state == "held" and not ({(fate.recipient, fate.name)} & world.doubts or _gone(world, fate.recipient)):
            yield f"held although its outcome was known: {fate}"


def _lost(world: World, fates: Iterable[Fate]) -> Iterator[str]:
    """Yield the messages that are owed and neither came nor are held as truly unknown."""
    got = Counter(said(entry) for entry in world.house.braze.messages)
    excused = {(fate.record, fate.name, fate.recipient) for fate in fates if _excuses(world, fate)}
    held = {(fate.recipient, fate.rule) for fate in fates if fate.state == "held"}
    kept = {(f.record, f.name, f.recipient) for f in fates if f.state == "ready" and (f.recipient, f.rule) in held}
    for number, stands in world.spaces.stands.items():
        for person in world.spaces.people(number):
            if person in world.exempt or not world.spaces.readable(number):
                continue
            for stand in stands.values():
                if not (stand.on and stand.sure and stand.started):
                    continue
                for name, demand in stand.occasion.told:
                    key = (f"ws:{number}", name, person)
                    if key in excused | kept or not world.people.always(person, demand, stand.started):
                        continue
                    if stand.occasion.asks and not world.surveys.owes(person, number, fates):
                        continue
                    if not got[name, person, stand.occasion.says]:
                        mine = [fate for fate in fates if (fate.record, fate.name, fate.recipient) == key]
                        yield f"lost: {name} for {person} of {number}, which stands since {stand.started}; {mine}"


def _excuses(world: World, fate: Fate) -> bool:
    """Say whether a message need not come: unknown, refused by Braze, or kept back until it was too late."""
    late = any(word in fate.why for word in ("not in Braze", "kept back by"))
    late |= "max_per_person" in fate.why and _had_enough(world, fate.recipient)
    late |= "paused since" in fate.why and bool(world.stops)
    return fate.state in ("held", "refused") or (fate.state == "expired" and late)


def _had_enough(world: World, person: str) -> bool:
    """Say whether a person was ever at the limit, what may have come included."""
    times = sorted(entry.at for entry in world.house.braze.messages if _counts(entry, person))
    maybe = [fate for fate in world.house.fates() if fate.recipient == person and fate.state in ("held", "in doubt")]
    most = world.house.config.max_per_person
    return most is not None and len(times) + sum(fate.kind in LIMITED for fate in maybe) >= most


def _claims(world: World, fates: Iterable[Fate]) -> Iterator[str]:
    """Yield the messages that the ledger calls sent and Braze does not have, or has more often."""
    took = Counter((entry.recipient, entry.name) for entry in world.house.braze.messages)
    claimed = Counter((fate.recipient, fate.name) for fate in fates if fate.state == "sent" and fate.kind in _MESSAGES)
    for key, times in claimed.items():
        if took[key] < times:
            yield f"{key} is said to be sent {times} times, Braze has it {took[key]} times"


def _values(world: World, refused: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the attributes that are not what the workspaces of a person say now; what never moved may be unwritten."""
    for name, person in world.house.braze.people.items():
        if name in world.exempt:
            continue
        now, then = world.expected(name), world.at_baseline.get(name, {})
        for attribute, value in now.items():
            shown = person.attributes.get(attribute)
            unmoved = attribute not in person.attributes and (then.get(attribute) == value or value is None)
            if not (_same(shown, value) or unmoved or (name, attribute) in refused):
                was = f"at the baseline {then.get(attribute)!r}"
                yield f"{attribute} of {name} is {shown!r}, should be {value!r} ({was})"


def _same(shown: Json, value: Json) -> bool:
    return shown == value or (moment(shown) is not None and moment(shown) == moment(value))
