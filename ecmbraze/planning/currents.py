"""Give the state that a look shows the exact time and source that Currents has for it; invents no state; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ecmbraze.model import SPAM, ChoiceEvent, Fact, Facts

SPAM_REPORT = "email.spam"
"""The fact of a person that says when their address was reported for spam last."""
LAG = timedelta(minutes=10)
"""A look may show what was so long ago (reads lag): a change is at most so much older than the look before it."""
FILE = "currents "
"""What the ledger's name of a file that was read begins with."""
FILES_READ, FILES_KEPT = timedelta(days=30), timedelta(days=60)
"""How old a file may be that is read, and how long it is remembered that it was."""
_OUT = "unsubscribed"


def at_of(channel: str) -> str:
    """Return the fact that says since when the state of a channel holds."""
    return f"{channel}.at"


def source_of(channel: str) -> str:
    """Return the fact that says what Braze gives as the source of that state."""
    return f"{channel}.source"


def channels_of(wanted: Iterable[str]) -> list[str]:
    """Return the channels whose times are looked for in Currents files, by the facts that are wanted."""
    return sorted(name.removesuffix(".source") for name in wanted if name.endswith(".source"))


def newest(events: Iterable[ChoiceEvent]) -> dict[str, ChoiceEvent]:
    """Return channel → its last event; without those of which two, in the same second, say different things.

    The order in which files come, and how often an event comes, make no difference.
    """
    found: dict[str, ChoiceEvent] = {}
    unclear: dict[str, datetime] = {}
    for event in sorted(events, key=lambda one: (one.at, one.id)):
        if not event.fact or event.state == SPAM:
            continue
        before = found.get(event.fact)
        if before and before.at == event.at and before.state != event.state:
            unclear[event.fact] = event.at
        found[event.fact] = event
    return {fact: event for fact, event in found.items() if unclear.get(fact) != event.at}


def timed(
    channels: Sequence[str],
    facts: Facts,
    past: Facts | None,
    looked: tuple[datetime, datetime] | None,
    events: Sequence[ChoiceEvent],
) -> dict[str, Fact]:
    """Return time and source of each channel's state in ``facts``; a time that the profile gives stands.

    ``past`` are the facts of the look before, ``looked`` since when they were so and when they were last read. What was
    found earlier for a state that is still the same is kept.
    """
    last, found = newest(events), dict[str, Fact]()
    for channel in channels:
        at, source, state, event = at_of(channel), source_of(channel), facts.get(channel), last.get(channel)
        moment: Fact = None
        where: Fact = None
        if event and event.state == state and _belongs(event, channel, past, looked):
            moment, where = event.at.isoformat(), event.source or None
        elif past is not None and past.get(channel) == state and facts.get(at) in (None, past.get(at)):
            moment, where = past.get(at), past.get(source)
        found[at], found[source] = facts.get(at) or moment, where
    return found


def _belongs(event: ChoiceEvent, channel: str, past: Facts | None, looked: tuple[datetime, datetime] | None) -> bool:
    """Say whether an event is the change that led to the state, rather than an earlier one to the same state."""
    if past is None or looked is None or channel not in past:
        return True  # nobody looked before
    since, read = looked
    if past[channel] != event.state:
        return event.at >= read - LAG
    if known := past.get(at_of(channel)):
        return event.state != _OUT and event.at > _moment(known)  # chosen once more
    after = past.get(f"after:{channel}") or past.get("after")
    return (not after or event.at >= _moment(after) - LAG) and (event.state != _OUT or event.at <= since)


def spam(facts: Facts, past: Facts | None, events: Iterable[ChoiceEvent]) -> str | None:
    """Return when the address was reported for spam; ``None`` where it was not, or the person chose e-mail since."""
    address = str(facts.get("address") or "").lower()
    found = [
        event.at
        for event in events
        if event.state == SPAM and (not event.addresses or address in map(str.lower, event.addresses))
    ]
    if past is not None and past.get(SPAM_REPORT) and past.get("address") == facts.get("address"):
        found.append(_moment(past[SPAM_REPORT]))
    if not found:
        return None
    chosen = facts.get(at_of("email")) if facts.get("email") != _OUT else None
    return None if chosen and _moment(chosen) > max(found) else max(found).isoformat()


def tells_more(
    wanted: frozenset[str], past: Facts, looked: tuple[datetime, datetime], events: Sequence[ChoiceEvent]
) -> bool:
    """Say whether events have a time, a source or a report of spam for what the last look showed already."""
    found = timed(channels_of(wanted), past, past, looked, events)
    if SPAM_REPORT in wanted:
        found[SPAM_REPORT] = spam(past, past, events)
    return any(past.get(name) != value for name, value in found.items())


def _moment(text: Fact) -> datetime:
    return datetime.fromisoformat(str(text))
