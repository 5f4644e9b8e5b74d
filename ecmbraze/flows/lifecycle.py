"""Lifecycle: contracts, projects, renewals; dates ahead become reminders, completion a message, once each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from pydantic import Field, model_validator

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context, Flow, Known, Needs
from ecmbraze.model import Action, Change, Decision, Json, Record, Skip
from ecmbraze.planning import messages, reminding, texts
from ecmbraze.planning.attributes import newest, of_everyone, repeated
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.due_dates import following
from ecmbraze.planning.flow_options import FlowOptions, refuse_twins
from ecmbraze.planning.hits import judge
from ecmbraze.planning.reminding import Came, LifecycleRule

NAME = "lifecycle"


class Options(FlowOptions):
    """The `lifecycle:` section."""

    rules: tuple[LifecycleRule, ...] = Field(min_length=1, description="transitions and reminders")

    @model_validator(mode="after")
    def _names_once(self) -> Options:
        refuse_twins(self.rules, "rules")
        return self

    def reminding(self) -> list[LifecycleRule]:
        """Return the rules that remind of a date."""
        return [rule for rule in self.rules if rule.before]


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    facts = options.read(rule.facts() for rule in options.rules)
    return Needs(types=options.workspace_types, facts=facts, customer=options.customer)


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes, transitions, the nearest reminder that came due, and when to look again."""
    judged = judge([rule for rule in options.rules if not rule.before], change, backfill=context.backfill)
    found = list(reminding.of_record(options.rules, change.record, context.zone))
    came, memory = reminding.come(found, change, context.now)
    ahead = [reminder.due for _, every in found if (reminder := following(every, context.now))]
    known_rules: dict[str, Json] = {rule.name: change.memory.get(rule.name, "") for rule in options.reminding()}
    memory = {**judged.memory, **known_rules, **memory}
    if not change.corrects:
        return Decision(memory=memory, due=min(ahead, default=None))
    in_time = [one.hit for one in came if not one.too_late(context.now)]
    messages.refuse_nobody(change.record, [*judged.hits, *in_time])
    outcome = list(_attributes(options, change, known, context))
    values = repeated(outcome)
    if not context.backfill or context.include_messages:
        outcome += _messages(options, change.record, [Came(hit=hit) for hit in judged.hits], values, context)
    if not context.backfill:  # time goes on alone: a backfill of a span has no reminders
        outcome += _messages(options, change.record, came, values, context)
    return Decision(
        actions=tuple(entry for entry in outcome if isinstance(entry, Action)),
        skips=tuple(entry for entry in outcome if isinstance(entry, Skip)), memory=memory, due=min(ahead, default=None),
    )  # fmt: skip


def _attributes(options: Options, change: Change, known: Known, context: Context) -> Iterator[Action | Skip]:
    def rank(record: Record) -> tuple[str, int]:
        return reminding.latest_day(options.rules, record), record.id

    def values(record: Record) -> dict[str, Json]:
        facts = record.named
        return {f"{context.prefix}{name}": texts.plain(facts.get(fact)) for name, fact in options.attributes.items()}

    yield from of_everyone(
        NAME, change, known.of_customer, newest(rank, values), known.accepted, context.now,
        create=options.create_profiles, backfill=context.backfill,
    )  # fmt: skip


def _messages(
    options: Options, record: Record, came: Sequence[Came], values: Mapping[str, dict[str, Json]], context: Context
) -> Iterator[Action | Skip]:
    for one in came:
        rule, people = one.hit.rule, ", ".join(record.customers)
        if reason := one.too_late(context.now) or rule.stopped_by(record.named):
            yield Skip(record=record.key, customer=people, rule=rule.name, reason=reason)
            continue
        occasion = messages.Occasion(
            flow=NAME, record=record, hit=one.hit, now=context.now, zone=context.zone, date=None, due=one.due,
            until=one.until,
        )  # fmt: skip
        try:
            for customer in record.customers:
                yield from messages.events(occasion, customer)
                repeated = values.get(customer, {})
                yield from messages.triggers(occasion, customer, repeated, create=options.create_profiles)
        except RecordUnreadable as error:
            yield Skip(
                record=record.key, customer=people, rule=rule.name, reason=error.happened, quarantined=True
            )  # fmt: skip


def holds(options: Options, record: Record, rule: str, occurrence: str, _zone: tzinfo) -> str | None:
    """Return why a message must not go any more: the condition, the date or the rule is another by now."""
    for known in options.rules:
        if known.name == rule:
            if not satisfied(known.when, record.named):
                return f"no longer {known.told()}"
            return known.moved(record, occurrence) or known.stopped_by(record.named)
    return f"the rule {rule!r} is no longer configured"


def ahead(options: Options, record: Record, zone: tzinfo) -> Sequence[tuple[datetime, str]]:
    """Return (instant, rule) of each reminder of a record, past ones too; none of one that cannot be read."""
    return reminding.ahead(options.rules, record, zone)


def outbound(options: Options, prefix: str) -> Sequence[tuple[str, str, str]]:
    """Return each fact that leaves ECM, where to, and by which rule."""
    dated = [(rule.before.date, rule.name) for rule in options.rules if rule.before and rule.send.event]
    rows = [(date, "event time, as the days before it", name) for date, name in dated]
    return [*options.outbound(options.rules, prefix), *rows]


FLOW = Flow(
    name=NAME,
    summary="Expiry, completion and other dates of contracts and projects in ECM become reminders in Braze.",
    direction="ECM → Braze",
    options=Options,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.rules,
    plan=plan,
    holds=holds,
    ahead=ahead,
    outbound=outbound,
)
