"""Onboarding: customer workspaces reach milestones; the person gets attributes, an event and a campaign, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from ecmbraze.flow import Context, Flow, Known, Needs
from ecmbraze.model import Change, Decision, Json, Record
from ecmbraze.planning import dates, messages, texts
from ecmbraze.planning.attributes import newest, of_everyone, repeated
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.flow_options import FlowOptions
from ecmbraze.planning.hits import Hit, judge
from ecmbraze.planning.naming import DateName
from ecmbraze.planning.outbound import Outbound, attribute, of_rule
from ecmbraze.planning.rules import Rule, by_rule

NAME = "onboarding"


class Milestone(Rule):
    """A stage of the onboarding that a workspace comes to."""

    date: DateName | None = Field(
        None, description="attribute with the day it happened; also sent as <prefix><name>_on"
    )

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) | ({self.date} if self.date else set())


class Options(FlowOptions):
    """The `onboarding:` section."""

    messages: Literal["last", "all"] = Field("last", description="of several milestones at once, which are messaged")
    milestones: tuple[Milestone, ...] = Field(min_length=1, description="the rules, in the order of the stages")


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    facts = options.read(rule.facts() for rule in options.milestones)
    return Needs(types=options.workspace_types, facts=facts, customer=options.customer)


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes for each person it leads to, and the messages of the milestones it reached."""
    judged = judge(options.milestones, change, backfill=context.backfill)
    if not change.corrects:
        return Decision(memory=judged.memory)
    messages.refuse_nobody(change.record, judged.hits)
    voice = newest(
        lambda record: (_stage_date(options, record, context), record.id),
        lambda record: _values(options, record, context.prefix),
    )
    outcome = list(of_everyone(NAME, change, known, voice, context, create=options.create_profiles))
    values = repeated(outcome)
    for hit in judged.hits if context.messages else ():
        date = hit.rule.date if isinstance(hit.rule, Milestone) else None
        occasion = replace(messages.occasion_of(NAME, change, hit, context), date=date)
        overtaken = "" if options.messages == "all" else _overtaken(hit, judged.hits)
        outcome += messages.tell(occasion, values, create=options.create_profiles, event_only=overtaken)
    return Decision.of(outcome, memory=judged.memory)


def _overtaken(hit: Hit, hits: Sequence[Hit]) -> str:
    """Return which later stage the person hears of instead; empty for the last one."""
    return "" if hit is hits[-1] else f"overtaken by {hits[-1].rule.name} in the same change; its event is recorded"


def _values(options: Options, record: Record, prefix: str) -> dict[str, Json]:
    facts = record.named
    values = options.attribute_values(record, prefix)
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
    holds=by_rule(lambda options: options.milestones),
    outbound=outbound,
)
