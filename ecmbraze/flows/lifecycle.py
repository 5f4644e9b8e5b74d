"""Lifecycle: contracts, projects, renewals; dates ahead become reminders, completion a message, once each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from pydantic import Field, model_validator

from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import BY_US, Action, Change, Decision, Json, Record, Skip
from ecmbraze.needs import Needs
from ecmbraze.planning import inactivity, messages, reminding
from ecmbraze.planning.attributes import newest, of_everyone, repeated
from ecmbraze.planning.due_dates import following
from ecmbraze.planning.flow_options import FlowOptions
from ecmbraze.planning.messages import judge
from ecmbraze.planning.outbound import Direction, Outbound, of_rule
from ecmbraze.planning.reminding import Came, LifecycleRule
from ecmbraze.planning.rules import by_rule

NAME = "lifecycle"
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
lifecycle:                                      # dates ahead become reminders although nobody touches the record
  enabled: true
  every: 15m
  workspace_types: [Contract]
  customer: Contract.Customer Number
  create_profiles: false
  attributes:
    contract_end: Contract.Contract End         # a date, never a counter of days
  rules:
    - name: contract_expiry
      when: {Contract.Status: Active}           # must hold when the reminder leaves
      before:
        date: Contract.Contract End
        days: [90, 60, 30, 7]                   # after an outage only the nearest goes out ...
        at: "09:00"                             # ... at this time of day
        zone: Europe/Berlin                     # default: ecm.timezone
        grace: 3d                               # ... and none later than this
      send:
        event: contract_expiry
        canvas: 91aa0000-0000-4000-8000-000000000002
        consent: {email: opted_in, group: ed060000-0000-4000-8000-00000000000a}
        properties: {ends: "${Contract.Contract End}"}
    - name: contract_review
      workspace_types: [Contract]               # only these of the flow's types; default: all of them
      after: {date: Contract.Contract End, days: [14], at: "09:00", grace: 3d}   # days after a date
      send: {event: contract_review}
    - name: contract_silent                     # nobody but our own account touched it for so long
      when: {Contract.Status: Active}
      inactive:
        days: 180
        activity: Contract.Last Contact         # optional: a date attribute that counts as activity too
        at: "09:00"
      send: {event: contract_silent}
    - name: contract_completed                  # without `before`: when a record comes to satisfy it
      when: {Contract.Status: Completed}
      send: {event: contract_completed}
"""


class Options(FlowOptions):
    """The `lifecycle:` section."""

    rules: tuple[LifecycleRule, ...] = Field(min_length=1, description="transitions and reminders")

    @model_validator(mode="after")
    def _rules_fit(self) -> Options:
        for rule in self.rules:
            if other := set(rule.workspace_types) - self.customers.keys():
                raise ValueError(f"rule {rule.name!r}: {sorted(other)[0]!r} is not among the flow's workspace_types")
            if rule.timed and rule.timed.grace < self.every:
                raise ValueError(
                    f"rule {rule.name!r}: its grace is shorter than `every`, reminders would pass between two runs "
                    "unsent: lengthen `grace` or shorten `every`"
                )
        return self


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    silent = frozenset({BY_US}) if any(rule.inactive for rule in options.rules) else frozenset[str]()
    facts = options.read(rule.facts() for rule in options.rules) | silent
    foreign = {name: _foreign(options, name) for name in options.customers}
    return Needs(customers=options.customers, facts=facts, foreign=foreign)


def _foreign(options: Options, type_name: str) -> frozenset[str]:
    mine, others = frozenset[str](), frozenset[str]()
    for rule in options.rules:
        if type_name in (rule.workspace_types or options.customers):
            mine |= rule.facts()
        else:
            others |= rule.facts()
    return others - mine


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes, transitions, the nearest reminder that came due, and when to look again."""
    rules = [rule for rule in options.rules if rule.applies(change.record)]
    judged = judge([rule for rule in rules if not rule.timed], change, backfill=context.backfill)
    found = list(reminding.of_record(rules, change.record, change.memory, context.zone))
    came, memory = reminding.come(found, change, context.now)
    ahead = [reminder.due for _, every in found if (reminder := following(every, context.now))]
    memory = {**judged.memory, **reminding.noted(rules, change), **memory, **_touched(rules, change)}
    if not change.corrects:
        return Decision(memory=memory, due=min(ahead, default=None))
    came = came if change.fires else []
    in_time = [one.hit for one in came if not one.too_late(context.now)]
    messages.refuse_nobody(change.record, [*judged.hits, *in_time])
    voice = newest(
        lambda record: (reminding.latest_day(options.rules, record), record.number),
        lambda record: options.attribute_values(record, context.prefix),
    )
    outcome = list(of_everyone(NAME, change, known, voice, context, create=options.create_profiles))
    values = repeated(outcome)
    if context.messages:
        outcome += _messages(options, change, [Came(hit=hit) for hit in judged.hits], values, context)
    if not context.backfill:  # time goes on alone: a backfill of a span has no reminders
        outcome += _messages(options, change, came, values, context)
    return Decision.of(outcome, memory=memory, due=min(ahead, default=None))


def _touched(rules: Sequence[LifecycleRule], change: Change) -> dict[str, Json]:
    if not any(rule.inactive for rule in rules):
        return {}
    last = inactivity.touched(change.record, change.memory.get(inactivity.NOTED))
    return {inactivity.NOTED: last.isoformat()}


def _messages(
    options: Options, change: Change, came: Sequence[Came], values: Mapping[str, dict[str, Json]], context: Context
) -> Iterator[Action | Skip]:
    record = change.record
    for one in came:
        if reason := one.too_late(context.now):
            people, missed = ", ".join(record.customers), reminding.missed(one, change, context.zone)
            reason += "; no run came in time" if missed else ""
            yield Skip(record=record.key.text, customer=people, rule=one.hit.rule.name, reason=reason, expired=missed)
            continue
        occasion = messages.occasion_of(NAME, change, one.hit, context)
        occasion = replace(occasion, due=one.due, until=one.until, facts=one.facts)
        yield from messages.tell(occasion, values, create=options.create_profiles)


def ahead(
    options: Options, record: Record, _memory: Mapping[str, Json], zone: tzinfo
) -> Sequence[tuple[datetime, str]]:
    """Return (instant, rule) of each reminder of a record, past ones too; none of one that cannot be read."""
    return reminding.ahead(options.rules, record, zone)


def outbound(options: Options, prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.outbound(prefix))
    for rule in options.rules:
        days = ["workspace.modified"] if rule.inactive or not rule.timed else []
        rows += of_rule(rule, times=[*([rule.date] if rule.date else []), *days])
    return rows


FLOW = Flow(
    name=NAME,
    summary="Expiry, completion and other dates of contracts and projects in ECM become reminders in Braze.",
    direction=Direction.TO_BRAZE,
    options=Options,
    example=EXAMPLE,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.rules,
    plan=plan,
    holds=by_rule(lambda options: options.rules),
    ahead=ahead,
    outbound=outbound,
)
