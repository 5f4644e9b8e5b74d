"""Cases: service, case and claim workspaces; a status that changed or a document that came becomes an update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pydantic import Field

from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import Action, Change, Decision, Json, Record, Skip
from ecmbraze.needs import Needs
from ecmbraze.planning import dates, messages, rule_language
from ecmbraze.planning.arrivals import Arrival, DocumentRule, arrivals
from ecmbraze.planning.attributes import Voice, newest, of_everyone, repeated
from ecmbraze.planning.flow_options import FlowOptions
from ecmbraze.planning.messages import Hit, judge
from ecmbraze.planning.naming import AttributeName, DateName
from ecmbraze.planning.outbound import Direction, Outbound, attribute, of_rule
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Span, by_rule

NAME = "cases"
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
cases:                                          # a status that changed, a document that came
  enabled: true
  every: 15m
  workspace_types: [Case]
  customer: Case.Customer Number
  create_profiles: false
  status: Case.Status                           # sent as ecm_last_case_status: of the person's newest case
  closed: {Case.Status: [Resolved, Closed]}     # the others are counted as ecm_open_cases
  opened: Case.Opened On                        # orders a person's cases; default: when the workspace was made
  born_with: 60s                                # documents made so soon after their case are copies of its template
  rules:
    - name: case_resolved
      when: {Case.Status: Resolved}
      repeat: true                              # a case that is reopened may be resolved again
      send:
        event: case_resolved
        campaign: 3f0c0000-0000-4000-8000-000000000003
        consent: {transactional: "the customer opened the case and waits for its end"}
        properties: {case: "${workspace.name}"}
    - name: claim_form_received
      document:                                 # every entry must fit; also classification: NAME
        name: "Claim Form*"                     # in any subfolder; folder: "Incoming/*" would say which
        mime: application/pdf
        when: {Document.Category: Claim}        # category values of the document
      arrival: [added, moved]                   # `template` too, for what a new case is born with
      new_version: false                        # true: each later version counts as well
      send:
        event: claim_form_received
        properties: {document: "${document.name}", received: "${document.created}"}
"""
Repeated = Mapping[str, Mapping[str, Json]]


class Options(FlowOptions):
    """The `cases:` section."""

    status: AttributeName | None = Field(
        None, description="attribute with the status; sent as <prefix>last_case_status"
    )
    closed: When | None = Field(None, description="what a closed case is; the others are <prefix>open_cases")
    opened: DateName | None = Field(
        None, description="date attribute that orders a person's cases; else the create date"
    )
    born_with: Span = Field(
        timedelta(seconds=60), description="documents created so soon after their workspace are copies of its template"
    )
    rules: tuple[DocumentRule, ...] = Field(min_length=1, description="status changes and documents that come")

    def own_facts(self) -> frozenset[str]:
        """Return the facts behind the flow's own attributes."""
        named = {fact for fact in (self.status, self.opened) if fact}
        return frozenset(named | set(self.closed or ()))


def needs(options: Options) -> Needs:
    """Return what the flow reads."""
    return Needs(
        customers=options.customers,
        facts=options.read([*(rule.facts() for rule in options.rules), options.own_facts()]),
        documents=tuple(rule.document for rule in options.rules if rule.document),
        document_facts=frozenset().union(*(rule.document_facts() for rule in options.rules)),
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one case: what its people's cases say together, and the messages of what happened to it."""
    by_facts = [rule for rule in options.rules if rule.document is None]
    judged = judge(by_facts, change, backfill=context.backfill)
    told = partial(known.happened, change.record.key.text) if context.backfill else None
    came, noted = arrivals(options.rules, change, options.born_with, told=told)
    memory = {**judged.memory, **noted}
    if not change.corrects:
        return Decision(memory=memory)
    counting = [one.hit for one in came if not one.refusal]
    messages.refuse_nobody(change.record, [*judged.hits, *counting])
    voice = _voice(options, context)
    outcome = list(of_everyone(NAME, change, known, voice, context, create=options.create_profiles))
    if context.messages:
        values = repeated(outcome)
        outcome += _of_facts(options, change, judged.hits, values, context)
        outcome += _of_documents(options, change, came, values, context)
    return Decision.of(outcome, memory=memory)


def _voice(options: Options, context: Context) -> Voice:
    """Return what the cases of one person say: the newest its attributes, all of them how many are open."""

    def values(record: Record) -> dict[str, Json]:
        values = options.attribute_values(record, context.prefix)
        if options.status:
            values[f"{context.prefix}last_case_status"] = rule_language.plain(record.named.get(options.status))
        return values

    def rank(record: Record) -> tuple[object, ...]:
        of = options.opened
        opened = dates.instant(record.facts.get(of), context.zone, of) if of else None
        return opened or record.created_at, record.number

    speaking = newest(rank, values)

    def together(records: Sequence[Record]) -> Mapping[str, Json]:
        if options.closed is None:
            return speaking(records)
        count = sum(not satisfied(options.closed, record.named) for record in records)
        return {**speaking(records), f"{context.prefix}open_cases": count}

    return together


def _of_facts(
    options: Options, change: Change, hits: Sequence[Hit], values: Repeated, context: Context
) -> Iterator[Action | Skip]:
    for hit in hits:
        occasion = replace(messages.occasion_of(NAME, change, hit, context), why=_was(hit, change.before))
        yield from messages.tell(occasion, values, create=options.create_profiles)


def _was(hit: Hit, before: Record | None) -> str:
    """Return what stood there at the last look: states in between were never seen, and the report says so."""
    if before is None:
        return ""
    told = (f"{name} was {before.named.get(name)}" for name in hit.rule.when)
    return "at the last look " + ", ".join(told)


def _of_documents(
    options: Options, change: Change, came: Sequence[Arrival], values: Repeated, context: Context
) -> Iterator[Action | Skip]:
    record = change.record
    for one in came:
        if one.refusal:
            people = ", ".join(record.customers)
            yield Skip(record=record.key.text, customer=people, rule=one.hit.rule.name, reason=one.refusal)
            continue
        occasion = replace(
            messages.occasion_of(NAME, change, one.hit, context),
            facts=one.document.named,
            at=one.at,
            why=f"{one.document.row.name!r} {one.how}",
        )
        yield from messages.tell(occasion, values, create=options.create_profiles)


def outbound(options: Options, prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.outbound(prefix))
    rows += attribute(f"{prefix}last_case_status", [options.status] if options.status else [], "status")
    rows += attribute(f"{prefix}open_cases", options.closed or (), "closed")
    for rule in options.rules:
        came = ["document.created", "document.modified", *(["its version's date"] if rule.new_version else [])]
        rows += of_rule(rule, times=came if rule.document else ["workspace.modified"])
    return rows


FLOW = Flow(
    name=NAME,
    summary="Status changes and new documents of cases in ECM become updates in Braze.",
    direction=Direction.TO_BRAZE,
    options=Options,
    example=EXAMPLE,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.rules,
    plan=plan,
    holds=by_rule(lambda options: options.rules),
    outbound=outbound,
)
