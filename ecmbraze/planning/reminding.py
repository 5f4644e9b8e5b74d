"""Which reminders of a record come due under which rule, and what is noted of them; sends nothing, reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from pydantic import Field, model_validator

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Change, Facts, Json, Record
from ecmbraze.planning import dates, inactivity
from ecmbraze.planning.due_dates import After, Before, Reminder, came_due, reminders, tokens
from ecmbraze.planning.inactivity import Inactive
from ecmbraze.planning.messages import Hit
from ecmbraze.planning.naming import Scope, TypeName
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Rule

Found = tuple["LifecycleRule", list[Reminder]]


class LifecycleRule(Rule):
    """A transition, such as completion; or a condition under which a date or a silence is reminded of."""

    workspace_types: tuple[TypeName, ...] = Field(
        (), description="only these of the flow's types; default: all of them"
    )
    when: When = Field(default_factory=dict, description="fact → value; all must hold")
    before: Before | None = Field(None, description="remind some days before a date, while `when` holds")
    after: After | None = Field(None, description="remind some days after a date, while `when` holds")
    inactive: Inactive | None = Field(None, description="remind when nobody touched it for so long, while `when` holds")

    @model_validator(mode="after")
    def _one_cause(self) -> LifecycleRule:
        causes = [cause for cause in (self.before, self.after, self.inactive) if cause]
        if len(causes) > 1 or not (causes or self.when):
            raise ValueError("a rule needs `when`, and at most one of before, after, inactive")
        if not causes and any(name.startswith("reminder.") for name in self.send.facts()):
            raise ValueError("${reminder.days} and ${reminder.date} belong to before, after or inactive")
        return self

    def scope(self) -> Scope:
        return {"timed": self.timed is not None}

    @property
    def timed(self) -> Before | After | Inactive | None:
        """What makes the rule come due as time passes; ``None`` for a transition."""
        return self.before or self.after or self.inactive

    @property
    def date(self) -> str | None:
        """The attribute it counts from."""
        return self.inactive.activity if self.inactive else self.timed.date if self.timed else None  # type: ignore[union-attr]

    @property
    def reminds(self) -> bool:
        return self.timed is not None

    def applies(self, record: Record) -> bool:
        """Say whether the rule is for workspaces of this type."""
        return not self.workspace_types or record.type in self.workspace_types

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) | ({self.date} if self.date else set())

    def told(self) -> str:
        silent = f"nobody touched it for {self.inactive.days} days" if self.inactive else ""
        return ", ".join(filter(None, (Rule.told(self), silent)))

    def moved(self, record: Record, occurrence: str, zone: tzinfo) -> str | None:
        """Return why a reminder is none of this record's any more; ``None`` while it is, and for a transition."""
        match self.timed:
            case Before() | After() as dated if occurrence not in tokens(dated, record.facts[dated.date]):
                return f"{dated.date} has moved since"
            case Inactive() as inactive if inactivity.stirred(inactive, record, occurrence, zone):
                return "somebody touched it since"
        return None

    def reminders(self, record: Record, last: datetime, zone: tzinfo) -> list[Reminder]:
        """Return what comes due of a record that was last touched then; nothing for a transition."""
        match self.timed:
            case Before() | After() as dated:
                return reminders(dated, record.facts[dated.date], zone)
            case Inactive() as inactive:
                return inactivity.silence(inactive, record, last, zone)
            case None:
                return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What happened to a record: a transition, or a reminder and from when until when it is due."""

    hit: Hit
    due: datetime | None = None
    until: datetime | None = None
    facts: Facts = field(default_factory=dict)
    """What texts may name of a reminder: ``reminder.days`` and ``reminder.date``."""

    def too_late(self, now: datetime) -> str:
        """Return why a reminder does not go any more; empty when it may."""
        late = self.due is not None and self.until is not None and now > self.until
        return f"came due {self.due:%Y-%m-%d %H:%M} UTC, longer ago than its grace" if late else ""


def of_record(
    rules: Iterable[LifecycleRule], record: Record, memory: Mapping[str, Json], zone: tzinfo
) -> Iterator[Found]:
    """Yield the reminders of each rule whose condition holds; what is gone has none.

    Raises RecordUnreadable for what is no date, KeyError for a fact the record does not carry.
    """
    last = inactivity.touched(record, memory.get(inactivity.NOTED))
    for rule in rules:
        if rule.timed and rule.applies(record) and not record.gone and satisfied(rule.when, record.named):
            yield rule, rule.reminders(record, last, zone)


def come(found: Sequence[Found], change: Change, now: datetime) -> tuple[list[Came], dict[str, Json]]:
    """Return the nearest reminder of each rule that was not sent or passed before, and the memory of it.

    A condition that comes to hold after the reminder was due sends it within its grace: what goes out must not
    depend on how often we look.
    """
    came: list[Came] = []
    memory: dict[str, Json] = {}
    for rule, every in found:
        seen = _seen(rule, every, change, now)
        fresh, memory[rule.name] = came_due(every, " ".join(seen), now)
        if fresh and rule.timed:
            facts: Facts = {"reminder.days": abs(fresh.days), "reminder.date": fresh.day.isoformat()}
            until = fresh.due + rule.timed.grace
            came.append(Came(hit=Hit(rule, fresh.token), due=fresh.due, until=until, facts=facts))
    return came, memory


def missed(one: Came, change: Change, zone: tzinfo) -> bool:
    """Say whether a reminder was awaited when its record was planned last: then no run came within its grace."""
    before, rule = change.before, one.hit.rule
    if before is None or change.since is None or one.due is None or one.due <= change.since:
        return False
    with suppress(RecordUnreadable, KeyError):  # what it was could not be read then either
        awaited = of_record([rule] if isinstance(rule, LifecycleRule) else [], before, change.memory, zone)
        return any(reminder.token == one.hit.occurrence for _, every in awaited for reminder in every)
    return False


def noted(rules: Iterable[LifecycleRule], change: Change) -> dict[str, Json]:
    """Return what is noted of each rule about time, whether or not its condition holds."""
    timed = [rule for rule in rules if rule.timed]
    memory: dict[str, Json] = {rule.name: change.memory.get(rule.name, "") for rule in timed}
    return memory | {_offsets_of(rule): _offsets(rule) for rule in timed}


def _seen(rule: LifecycleRule, every: Iterable[Reminder], change: Change, now: datetime) -> list[str]:
    """Return the tokens of reminders that are no news: sent or passed before, or of what the rule did not say then.

    A new rule, a new distance, another date attribute: what it would have made due before now stays past. What
    reached nobody is news once more.
    """
    tokens = change.memory.get(rule.name)
    seen = tokens.split() if isinstance(tokens, str) else []
    if change.before is not None:
        known = change.memory.get(_offsets_of(rule), _offsets(rule) if rule.name in change.memory else ())
        was = set(known) if isinstance(known, list | tuple) else set()
        past = {reminder.token for reminder in every if reminder.due <= now and _offset(rule, reminder.days) not in was}
        seen += sorted(past - set(seen))
    return [token for token in seen if (rule.name, token) not in change.unreached]


def _offsets_of(rule: LifecycleRule) -> str:
    """Return under which name it is noted of a record what a rule counts from; the blank keeps it apart from rules."""
    return f"{rule.name} counts"


def _offsets(rule: LifecycleRule) -> list[str]:
    match rule.timed:
        case Before() | After() as dated:
            return [_offset(rule, days) for days in dated.offsets()]
        case Inactive() as inactive:
            return [_offset(rule, -inactive.days)]
        case None:
            return []


def _offset(rule: LifecycleRule, days: int) -> str:
    return f"{days} of {rule.date or 'the last edit'}"


def ahead(rules: Iterable[LifecycleRule], record: Record, zone: tzinfo) -> list[tuple[datetime, str]]:
    """Return (instant, rule) of each reminder, the earliest first; of a record that cannot be read none.

    The run quarantines such a record.
    """
    try:
        found = list(of_record(rules, record, {}, zone))
    except (RecordUnreadable, KeyError):
        return []
    return sorted((reminder.due, rule.name) for rule, every in found for reminder in every)


def latest_day(rules: Iterable[LifecycleRule], record: Record) -> str:
    """Return the latest date a record is reminded of, as text that sorts; what is no date does not count."""
    return max((_day(record.facts.get(rule.date)) for rule in rules if rule.date), default="")


def _day(value: object) -> str:
    try:
        found = dates.day(value, None)
    except RecordUnreadable:
        return ""
    return found.isoformat() if found else ""
