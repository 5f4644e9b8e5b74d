"""Onboarding: customer workspaces reach milestones; the person gets attributes, an event and a campaign, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import Change, Decision, Json, Record
from ecmbraze.needs import Needs
from ecmbraze.planning import dates, messages, rule_language
from ecmbraze.planning.attributes import newest, of_everyone, repeated
from ecmbraze.planning.flow_options import FlowOptions
from ecmbraze.planning.messages import Hit, judge
from ecmbraze.planning.naming import DateName
from ecmbraze.planning.outbound import Direction, Outbound, attribute, of_rule
from ecmbraze.planning.rule_language import satisfied
from ecmbraze.planning.rules import Rule, by_rule

NAME = "onboarding"
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
onboarding:
  enabled: true
  every: 15m
  workspace_types: [Customer Onboarding]
  customer: Onboarding.Customer Number          # or Contacts[Role=Primary].Customer Number, business_object,
                                                # {attribute: Contacts[Role=Primary].Email, as: email}
                                                # {related: Customer, attribute: Customer.Customer Number}
  also: []                                      # other types: [{workspace_types: [Loan], customer: Loan.Number}]
  create_profiles: false                        # people Braze does not know are waited for
  messages: last                                # of several milestones at once: last or all
  attributes:                                   # Braze attribute (prefix is added): fact
    stage: Onboarding.Stage
    product: Onboarding.Product
  milestones:                                   # in the order of the stages
    - name: contract_approved
      when: {Onboarding.Contract Status: Approved}
      date: Onboarding.Contract Approved On     # also sent as ecm_contract_approved_on
      suppress_when: {Onboarding.Complaint: Open}
      require_archived: false                   # true: waits until its content is archived (flow assets)
      repeat: false                             # once per workspace
      send:
        event: contract_approved
        campaign: 3f0c0000-0000-4000-8000-000000000001
        consent: {email: subscribed}            # or transactional: "reason"; {email: opted_in, group: ID}
        properties: {workspace: "${workspace.name}", stage: "${Onboarding.Stage}"}
        expires: 72h
        liquid: false                           # true: values with {{ or {% go out too; Braze may run them
    - name: kyc_completed
      when: {Onboarding.KYC Status: Completed}
      date: Onboarding.KYC Completed On
      send:
        event: kyc_completed
        campaign: 3f0c0000-0000-4000-8000-000000000002
        consent: {email: subscribed, group: ed060000-0000-4000-8000-00000000000a}
    - name: service_active
      when: {Onboarding.Service Status: Active}
      date: Onboarding.Service Activated On
      send:
        event: service_active
        canvas: 91aa0000-0000-4000-8000-000000000001
        consent: {transactional: "the customer asked for the service; this tells how to use it"}
        properties: {product: "${Onboarding.Product}"}
"""


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
    return Needs(customers=options.customers, facts=facts)


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: attributes for each person it leads to, and the messages of the milestones it reached."""
    judged = judge(options.milestones, change, backfill=context.backfill)
    if not change.corrects:
        return Decision(memory=judged.memory)
    messages.refuse_nobody(change.record, judged.hits)
    voice = newest(
        lambda record: (_stage_date(options, record, context), record.number),
        lambda record: _values(options, record, context.prefix),
    )
    outcome = list(of_everyone(NAME, change, known, voice, context, create=options.create_profiles))
    values = repeated(outcome)
    for hit in judged.hits if context.messages else ():
        date = hit.rule.date if isinstance(hit.rule, Milestone) else None
        occasion = messages.occasion_of(NAME, change, hit, context, date=date)
        overtaken = "" if options.messages == "all" else _overtaken(hit, judged.hits)
        outcome += messages.tell(occasion, values, create=options.create_profiles, event_only=overtaken)
    return Decision.of(outcome, memory=judged.memory)


def _overtaken(hit: Hit, hits: Sequence[Hit]) -> str:
    """Return which later stage the person hears of instead; empty for the last one."""
    return "" if hit is hits[-1] else f"overtaken by {hits[-1].rule.name} in the same change; its event is recorded"


def _values(options: Options, record: Record, prefix: str) -> dict[str, Json]:
    values = options.attribute_values(record, prefix)
    for milestone in options.milestones:
        if milestone.date:
            reached = rule_language.plain(record.named.get(milestone.date)) if _reached(milestone, record) else None
            values[f"{prefix}{milestone.name}_on"] = reached
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
        if milestone.date and (moment := dates.instant(record.facts.get(milestone.date), context.zone, milestone.date))
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
    direction=Direction.TO_BRAZE,
    options=Options,
    example=EXAMPLE,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.milestones,
    plan=plan,
    holds=by_rule(lambda options: options.milestones),
    outbound=outbound,
)
