"""When a completion leads to a request, and to whom it still has to go; knows nothing of answers, sends nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from ecmbraze.model import Json
from ecmbraze.planning.feedback.options import FeedbackRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One completion that is noted of a workspace until everybody was asked and has answered, or did not in time."""

    occurrence: str
    since: datetime
    """When the workspace was completed."""
    left: tuple[str, ...] | None = None
    """Who has still to be asked; ``None`` before the first of them: whomever the workspace names then."""
    asked: tuple[str, ...] = ()
    """``occurrence person`` of everybody who was asked, of earlier completions too."""
    until: datetime | None = None
    """Before which none of those left may be asked, because of another request to them."""

    @property
    def done(self) -> bool:
        return self.left == () and not self.asked

    def as_json(self) -> dict[str, Json]:
        """Return the note as the flow's memory keeps it."""
        left = None if self.left is None else list(self.left)
        return {
            "n": self.occurrence,
            "since": self.since.isoformat(),
            "left": left,
            "asked": list(self.asked),
            "until": self.until.isoformat() if self.until else None,
        }


def noted(memory: Mapping[str, Json], rule: FeedbackRule) -> Asking | None:
    """Return what is noted of a rule; ``None`` where nothing is under way."""
    entry = memory.get(place(rule))
    if not isinstance(entry, Mapping):
        return None
    left, asked, until = entry.get("left"), entry.get("asked"), entry.get("until")
    return Asking(
        occurrence=str(entry["n"]),
        since=datetime.fromisoformat(str(entry["since"])),
        left=None if left is None else _texts(left),
        asked=_texts(asked),
        until=datetime.fromisoformat(str(until)) if until else None,
    )


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()


def place(rule: FeedbackRule) -> str:
    """Return under which name a completion is noted; the blank keeps it apart from the counts of rules."""
    return f"{rule.name} asks"


def due(rule: FeedbackRule, since: datetime, home: tzinfo) -> datetime:
    """Return when the request of a completion is due: after the delay, within the hours."""
    return in_hours(rule, since + rule.delay, home)


def in_hours(rule: FeedbackRule, moment: datetime, home: tzinfo) -> datetime:
    """Return the first moment from then on that lies within the hours of the rule, in UTC.

    A local time that daylight saving skips moves forward, one that comes twice is taken the first time.
    """
    here = moment.astimezone(rule.zone or home)
    if rule.hours.begin <= here.time() < rule.hours.end:
        return moment.astimezone(UTC)
    day = here.date() + timedelta(days=here.time() >= rule.hours.end)
    return datetime.combine(day, rule.hours.begin, tzinfo=here.tzinfo).astimezone(UTC)


def is_sampled(rule: FeedbackRule, key: str) -> bool:
    """Say whether a request is among those that are sent; the same in every run, whoever asks.

    Of a rule that asks once about a workspace, the draw stands whatever becomes of the completion.
    """
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    return drawn < rule.sample * 2**32


def ahead(
    rules: tuple[FeedbackRule, ...], memory: Mapping[str, Json], home: tzinfo
) -> Iterator[tuple[datetime, FeedbackRule]]:
    """Yield (instant, rule) of each request to come."""
    for rule in rules:
        asking = noted(memory, rule)
        if asking and asking.left != ():
            first = due(rule, asking.since, home)
            yield max(first, asking.until or first), rule


def asked_one(asking: Asking, customer: str) -> Asking:
    """Return the note after one person was asked."""
    return replace(asking, asked=tuple(dict.fromkeys([*asking.asked, f"{asking.occurrence} {customer}"])))
