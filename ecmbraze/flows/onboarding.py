"""Onboarding: customer workspaces reach milestones; the person gets attributes, an event and a campaign, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Literal

from pydantic import Field, model_validator

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context, Flow, Known, Needs
from ecmbraze.model import Action, Change, Decision, Json, Record, Skip
from ecmbraze.planning import dates, messages, texts
from ecmbraze.planning.attributes import deltas, newest
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.flow_options import FlowOptions, refuse_twins
from ecmbraze.planning.hits import Hit, judge
from ecmbraze.planning.outbound import Outbound, attribute, of_rule
from ecmbraze.planning.rules import Rule

NAME = "onboarding"


class Milestone(Rule):
    """A stage of the onboarding that a workspace comes to."""

    date: str | None = Field(None, description="attribute with the day it happened; also sent as <prefix><name>_on")

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) | ({self.date} if self.date else set())


class Options(FlowOptions):
    """The `onboarding:` section."""

    messages: Literal["last", "all"] = Field("last", description="of several milestones at once, which are messaged")
    milestones: tuple[Milestone, ...] = Field(min_length=1, description="the rules, in the order of the stages")

    @model_validator(mode="after")
    def _names_once(self) -> Options:
        refuse_twins(self.milestones, "milestones")
        return self


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    facts = options.read(rule.facts() for rule in options.milestones)
    return Needs(types=options.workspace_types, facts=facts, customer=options.customer)


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes for each person it leads to, and the messages of the milestones it reached."""
    judged = judge(options.milestones, change, backfill=context.backfill)
    if not change.corrects:
        return Decision(memory=judged.memory)
    record = change.record
    messages.refuse_nobody(record, judged.hits)
    past = change.before.customers if change.before else ()
    everyone = dict.fromkeys((*record.customers, *past))
    outcome: list[Action | Skip] = []
    for customer in everyone:
        changed = list(_attributes(options, change, customer, known, context))
        outcome.extend(changed)
        if customer in record.customers:
            values = {entry.name: entry.payload for entry in changed if isinstance(entry, Action)}
            outcome.extend(_messages(options, change, judged.hits, customer, values, context))
    return Decision(
        actions=tuple(entry for entry in outcome if isinstance(entry, Action)),
        skips=tuple(entry for entry in outcome if isinstance(entry, Skip)),
        memory=judged.memory,
    )


def _attributes(
    options: Options, change: Change, customer: str, known: Known, context: Context
) -> Iterator[Action | Skip]:
    voice = newest(
        lambda record: (_stage_date(options, record, context), record.id),
        lambda record: _values(options, record, context.prefix),
    )
    yield from deltas(
        NAME, change, customer, known, voice, context.now,
        create=options.create_profiles, backfill=context.backfill,
    )  # fmt: skip


def _values(options: Options, record: Record, prefix: str) -> dict[str, Json]:
    facts = record.named
    values = {f"{prefix}{name}": texts.plain(facts.get(fact)) for name, fact in options.attributes.items()}
    for milestone in options.milestones:
        if milestone.date:
            reached = _reached(milestone, record)
            values[f"{prefix}{milestone.name}_on"] = texts.plain(facts.get(milestone.date)) if reached else None
    return values


def _reached(milestone: Milestone, record: Record) -> bool:
    """Say whether a record stands at a milestone; one whose facts are not all known yet does not."""
    try:
        return satisfied(milestone.when, record.named)
    except KeyError:
        return False


def _stage_date(options: Options, record: Record, context: Context) -> datetime:
    """Return the latest date of the milestones reached, else when the workspace was made."""
    reached = [
        moment
        for milestone in options.milestones
        if milestone.date and (moment := dates.instant(record.facts.get(milestone.date), context.zone))
        if _reached(milestone, record)
    ]
    return max(reached, default=datetime.min.replace(tzinfo=UTC))


def _messages(
    options: Options, change: Change, hits: Sequence[Hit], customer: str, values: dict[str, Json], context: Context
) -> Iterator[Action | Skip]:
    record = change.record
    if context.backfill and not context.include_messages:
        return
    for hit in hits:
        skip = partial(Skip, record=record.key, customer=customer, rule=hit.rule.name)
        if stopped := hit.rule.stopped_by(record.named):
            yield skip(reason=stopped)
            continue
        date = hit.rule.date if isinstance(hit.rule, Milestone) else None
        occasion = messages.Occasion(
            flow=NAME, record=record, hit=hit, now=context.now, zone=context.zone, date=date, since=change.since
        )  # fmt: skip
        try:
            yield from messages.events(occasion, customer)
            if options.messages == "all" or hit is hits[-1]:
                yield from messages.triggers(occasion, customer, values, create=options.create_profiles)
            elif hit.rule.send.campaign or hit.rule.send.canvas:
                yield skip(reason=f"overtaken by {hits[-1].rule.name} in the same change; its event is recorded")
        except RecordUnreadable as error:
            yield skip(reason=error.happened, quarantined=True)


def holds(
    options: Options, record: Record, rule: str, _occurrence: str, _zone: tzinfo, _now: datetime
) -> str | None:  # fmt: skip
    """Return why a milestone's message must not go any more; ``None`` while it may."""
    for milestone in options.milestones:
        if milestone.name == rule:
            if not satisfied(milestone.when, record.named):
                return f"no longer {milestone.told()}"
            return milestone.stopped_by(record.named)
    return f"the rule {rule!r} is no longer configured"


def outbound(options: Options, prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.outbound(prefix))
    for milestone in options.milestones:
        dates = [milestone.date] if milestone.date else []
        rows += attribute(f"{prefix}{milestone.name}_on", dates, milestone.name)
        rows += of_rule(milestone, times=[*dates, "workspace.modified"])
    return rows


FLOW = Flow(
    name=NAME,
    summary="Onboarding milestones in ECM become attributes, events and campaigns in Braze.",
    direction="ECM → Braze",
    options=Options,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.milestones,
    plan=plan,
    holds=holds,
    outbound=outbound,
)
