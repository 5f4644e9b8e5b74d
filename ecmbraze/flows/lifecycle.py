"""Lifecycle: contracts, projects, renewals; dates ahead become reminders, completion a message, once each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from pydantic import Field, model_validator

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context, Flow, Known, Needs
from ecmbraze.model import Action, Change, Decision, Json, Record, Skip
from ecmbraze.planning import messages, texts
from ecmbraze.planning.attributes import Voice, deltas
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.due_dates import Before, Reminder, following, nearest, reminders, tokens
from ecmbraze.planning.flow_options import FlowOptions, refuse_twins
from ecmbraze.planning.hits import Hit, judge
from ecmbraze.planning.rules import Rule

NAME = "lifecycle"


class LifecycleRule(Rule):
    """A transition, such as completion; or with `before` a condition under which a date is reminded of."""

    before: Before | None = Field(None, description="remind some days before a date, while `when` holds")

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) | ({self.before.date} if self.before else set())


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


class Options(FlowOptions):
    """The `lifecycle:` section."""

    rules: tuple[LifecycleRule, ...] = Field(min_length=1, description="transitions and reminders")

    @model_validator(mode="after")
    def _names_once(self) -> Options:
        refuse_twins(self.rules, "rules")
        return self

    def reminding(self) -> list[tuple[LifecycleRule, Before]]:
        """Return the rules that remind of a date."""
        return [(rule, rule.before) for rule in self.rules if rule.before]


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    facts = options.read(rule.facts() for rule in options.rules)
    return Needs(types=options.workspace_types, facts=facts, customer=options.customer)


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes, transitions, the nearest reminder that came due, and when to look again."""
    judged = judge([rule for rule in options.rules if not rule.before], change, backfill=context.backfill)
    found = list(_found(options, change.record, context.zone))
    came, memory = _came_due(found, change, context.now)
    ahead = [reminder.due for _, every in found if (reminder := following(every, context.now))]
    known_rules: dict[str, Json] = {rule.name: change.memory.get(rule.name, "") for rule, _ in options.reminding()}
    memory = {**judged.memory, **known_rules, **memory}
    if not change.fires:
        return Decision(memory=memory, due=min(ahead, default=None))
    outcome = list(_attributes(options, change, known, context))
    if not context.backfill or context.include_messages:
        outcome += _messages(options, change.record, [Came(hit=hit) for hit in judged.hits], context)
    if not context.backfill:  # time goes on alone: a backfill of a span has no reminders
        outcome += _messages(options, change.record, came, context)
    return Decision(
        actions=tuple(entry for entry in outcome if isinstance(entry, Action)),
        skips=tuple(entry for entry in outcome if isinstance(entry, Skip)), memory=memory, due=min(ahead, default=None),
    )  # fmt: skip


def _found(options: Options, record: Record, zone: tzinfo) -> Iterator[tuple[LifecycleRule, list[Reminder]]]:
    """Yield the reminders of each rule whose condition holds; what is gone has none."""
    for rule, before in options.reminding():
        if not record.gone and satisfied(rule.when, record.named):
            yield rule, reminders(before, record.facts[before.date], zone)


def _came_due(
    found: Sequence[tuple[LifecycleRule, list[Reminder]]], change: Change, now: datetime
) -> tuple[list[Came], dict[str, Json]]:
    """Return the nearest reminder of each rule that was not sent or passed before, and the memory of it."""
    came: list[Came] = []
    memory: dict[str, Json] = {}
    for rule, every in found:
        last = nearest(every, now)
        if last is None or rule.before is None or change.memory.get(rule.name) == last.token:
            continue
        memory[rule.name] = last.token
        if change.before is None or rule.name in change.memory:  # else the rule is new, and what is past stays past
            came.append(Came(hit=Hit(rule, last.token), due=last.due, until=last.due + rule.before.grace))
    return came, memory


def _attributes(options: Options, change: Change, known: Known, context: Context) -> Iterator[Action | Skip]:
    def rank(record: Record) -> tuple[str, int]:
        dates = [str(record.facts.get(before.date) or "") for _, before in options.reminding()]
        return max(dates, default=""), record.id  # ISO 8601 text sorts as dates do

    def values(record: Record) -> dict[str, Json]:
        facts = record.named
        return {f"{context.prefix}{name}": texts.plain(facts.get(fact)) for name, fact in options.attributes.items()}

    past = change.before.customers if change.before else ()
    for customer in dict.fromkeys((*change.record.customers, *past)):
        yield from deltas(
            NAME, change, customer, known.of_customer(customer), Voice(rank=rank, values=values), known.accepted,
            context.now, create=options.create_profiles, backfill=context.backfill,
        )  # fmt: skip


def _messages(
    options: Options, record: Record, came: Sequence[Came], context: Context
) -> Iterator[Action | Skip]:  # fmt: skip
    for one in came:
        rule, people = one.hit.rule, ", ".join(record.customers)
        if reason := one.too_late(context.now) or rule.stopped_by(record.named):
            yield Skip(record=record.key, customer=people, rule=rule.name, reason=reason)
            continue
        if not record.customers:
            reason = "the workspace names no customer"
            yield Skip(record=record.key, customer="", rule=rule.name, reason=reason, quarantined=True)
        occasion = messages.Occasion(
            flow=NAME, record=record, hit=one.hit, now=context.now, zone=context.zone, date=None, due=one.due,
            until=one.until,
        )  # fmt: skip
        try:
            for customer in record.customers:
                yield from messages.events(occasion, customer)
                yield from messages.triggers(occasion, customer, {}, create=options.create_profiles)
        except RecordUnreadable as error:
            yield Skip(
                record=record.key, customer=people, rule=rule.name, reason=error.happened, quarantined=True
            )  # fmt: skip


def holds(options: Options, record: Record, rule: str, occurrence: str) -> str | None:
    """Return why a message must not go any more: the condition, the date or the rule is another by now."""
    for known in options.rules:
        if known.name == rule:
            if not satisfied(known.when, record.named):
                return f"no longer {known.told()}"
            if known.before and occurrence not in tokens(known.before, record.facts[known.before.date]):
                return f"{known.before.date} has moved since"
            return known.stopped_by(record.named)
    return f"the rule {rule!r} is no longer configured"


def ahead(options: Options, record: Record, zone: tzinfo) -> Sequence[tuple[datetime, str]]:
    """Return when each reminder of a record comes due, past ones too."""
    return [(reminder.due, rule.name) for rule, every in _found(options, record, zone) for reminder in every]


def outbound(options: Options, prefix: str) -> Sequence[tuple[str, str, str]]:
    """Return each fact that leaves ECM, where to, and by which rule."""
    return options.outbound(options.rules, prefix)


FLOW = Flow(
    name=NAME,
    summary="Expiry, completion and other dates of contracts and projects in ECM become reminders in Braze.",
    direction="ECM → Braze",
    options=Options,
    every=timedelta(minutes=15),
    needs=needs,
    plan=plan,
    holds=holds,
    ahead=ahead,
    outbound=outbound,
)
