"""What the profiles of one person say, as facts: of several the strictest counts; looks at nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ecmbraze.model import Fact, Facts, Profile

KNOWN, ADDRESS, AFTER, LOOK = "known", "address", "after", "look"
"""Facts of every person: whether Braze has a profile, its e-mail address; the look before the one that saw the facts
change, and the id of the one that did. ``after:email`` is the look before the one that saw this fact change: a flow
may come to it only when another has changed too."""
AFTER_OF = f"{AFTER}:"
_ABOUT = (".at", ".source")
_OF_THE_LOOK = (AFTER, LOOK)
OUT = "unsubscribed"


def plain(facts: Facts) -> dict[str, Fact]:
    """Return what is kept of a person, without which look saw it."""
    return {name: value for name, value in facts.items() if name not in _OF_THE_LOOK and not name.startswith(AFTER_OF)}


def groups_of(wanted: frozenset[str]) -> list[str]:
    """Return the facts that are states in subscription groups."""
    return sorted(fact for fact in wanted if fact.startswith("group:") and not fact.endswith(_ABOUT))


def differs(past: Facts, found: Sequence[Profile], wanted: frozenset[str]) -> bool:
    """Say whether profiles show something that is watched otherwise than the last look; groups and times left out."""
    now = {
        **dict(facts_of(found)),
        **{fact: attribute_of(found, fact) for fact in wanted if fact.startswith("attribute:")},
    }
    untimed = {name for name, value in now.items() if name.endswith(_ABOUT) and value is None}  # Currents had the time
    return any(name in past and past[name] != value for name, value in now.items() if name not in untimed)


def facts_of(profiles: Sequence[Profile]) -> Iterator[tuple[str, Fact]]:
    """Yield (fact, value) of what the export says of one person; of several profiles the strictest state counts."""
    yield KNOWN, bool(profiles)
    yield ADDRESS, next((profile.email for profile in profiles if profile.email), None)
    email, push = _strictest(p.email_subscribe for p in profiles), _strictest(p.push_subscribe for p in profiles)
    yield "email", email
    yield "push", push
    yield "email.at", _at(email, ((p.email_opted_in_at, p.email_unsubscribed_at) for p in profiles))
    yield "push.at", _at(push, ((p.push_opted_in_at, p.push_unsubscribed_at) for p in profiles))


def _strictest(states: Iterable[str]) -> str:
    found = set(states)
    if OUT in found:
        return OUT
    return found.pop() if len(found) == 1 else "unknown"


def _at(state: str, moments: Iterable[tuple[datetime | None, datetime | None]]) -> str | None:
    """Return since when a state holds, where the export says it: a default has no moment."""
    of_state = [opted_in if state == "opted_in" else out for opted_in, out in moments if state in ("opted_in", OUT)]
    found = [moment for moment in of_state if moment]
    return max(found).isoformat() if found else None


def attribute_of(profiles: Sequence[Profile], fact: str) -> str | None:
    """Return a custom attribute as text: what is no text is shown as JSON shows it."""
    values = [profile.custom_attributes.get(fact.removeprefix("attribute:")) for profile in profiles]
    value = next((one for one in values if one is not None), None)
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
