"""Which reminders of a record come due under which rule, and what is noted of them; sends nothing, reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from pydantic import Field

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Change, Json, Record
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.due_dates import Before, Reminder, came_due, local_day, reminders, tokens
from ecmbraze.planning.hits import Hit
from ecmbraze.planning.rules import Rule

Found = tuple["LifecycleRule", list[Reminder]]


class LifecycleRule(Rule):
    """A transition, such as completion; or with `before` a condition under which a date is reminded of."""

    before: Before | None = Field(None, description="remind some days before a date, while `when` holds")

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) | ({self.before.date} if self.before else set())

    def moved(self, record: Record, occurrence: str) -> str | None:
        """Return why a reminder is none of this record's any more; ``None`` while it is, and for a transition."""
        if self.before and occurrence not in tokens(self.before, record.facts[self.before.date]):
            return f"{self.before.date} has moved since"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What happened to a record: a transition, or a reminder and from when until when it is due."""

    hit: Hit
    due: datetime | None = None
    until: datetime | None = None

    def too_late(self, now: datetime) -> str:
        """Return why a reminder does not go any more; empty when it may."""
        late = self.due is not None and self.until is not None and now > self.until
        return f"came due {self.due:%Y-%m-%d %H:%M} UTC, longer ago than its grace" if late else ""


def of_record(rules: Iterable[LifecycleRule], record: Record, zone: tzinfo) -> Iterator[Found]:
    """Yield the reminders of each rule whose condition holds; what is gone has none.

    Raises RecordUnreadable for what is no date, KeyError for a fact the record does not carry.
    """
    for rule in rules:
        if rule.before and not record.gone and satisfied(rule.when, record.named):
            yield rule, reminders(rule.before, record.facts[rule.before.date], zone)


def come(found: Sequence[Found], change: Change, now: datetime) -> tuple[list[Came], dict[str, Json]]:
    """Return the nearest reminder of each rule that was not sent or passed before, and the memory of it.

    A condition that comes to hold after the reminder was due sends it within its grace: what goes out must not
    depend on how often we look.
    """
    came: list[Came] = []
    memory: dict[str, Json] = {}
    for rule, every in found:
        fresh, memory[rule.name] = came_due(every, change.memory.get(rule.name), now)
        known = change.before is None or rule.name in change.memory  # else the rule is new: what is past stays past
        if fresh and rule.before and known:
            came.append(Came(hit=Hit(rule, fresh.token), due=fresh.due, until=fresh.due + rule.before.grace))
    return came, memory


def ahead(rules: Iterable[LifecycleRule], record: Record, zone: tzinfo) -> list[tuple[datetime, str]]:
    """Return (instant, rule) of each reminder, the earliest first; of a record that cannot be read none.

    The run quarantines such a record.
    """
    try:
        found = list(of_record(rules, record, zone))
    except (RecordUnreadable, KeyError):
        return []
    return sorted((reminder.due, rule.name) for rule, every in found for reminder in every)


def latest_day(rules: Iterable[LifecycleRule], record: Record) -> str:
    """Return the latest date a record is reminded of, as text that sorts; what is no date does not count."""
    return max((_day(record.facts.get(rule.before.date)) for rule in rules if rule.before), default="")


def _day(value: object) -> str:
    try:
        return local_day(value, None).isoformat()
    except RecordUnreadable:
        return ""
