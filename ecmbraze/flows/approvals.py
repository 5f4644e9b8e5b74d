"""Approvals: campaigns that may only go to customers whose documents are approved; a gate opens and closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from pydantic import Field

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context, Flow, Known
from ecmbraze.model import Change, Decision, Facts, Json, Record
from ecmbraze.needs import Needs
from ecmbraze.planning import dates, messages
from ecmbraze.planning.attributes import Voice, newest, of_everyone, repeated
from ecmbraze.planning.edges import Edge, edge, first_seen_in
from ecmbraze.planning.flow_options import FlowOptions
from ecmbraze.planning.gates import CLOSED, Gate, stand
from ecmbraze.planning.naming import DateName
from ecmbraze.planning.outbound import Direction, Outbound, attribute, of_rule
from ecmbraze.planning.rules import by_rule

NAME = "approvals"
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
approvals:                                      # campaigns that need approved documents
  enabled: true
  every: 15m
  workspace_types: [Contract]
  customer: Contract.Customer Number
  create_profiles: false
  gates:
    - name: financing                           # ecm_financing_eligible, _since, _document, _version
      when: {Contract.Status: Active}
      all_of:                                   # any_of: at least one of several
        - document: {name: "Financing Agreement*"}
          approved: {Approval.Status: Approved}
          approved_by: {version: Approval.Version}   # or {date: Approval.Date}, {major: true}; without it an
                                                     # approval holds for the version it was first seen on
          expires: {date: Approval.Valid Until}      # last day; with `after: 365d`, the day it counts from
      send:                                     # when the gate opens
        event: financing_approved
        campaign: 3f0c0000-0000-4000-8000-000000000004
        consent: {email: subscribed}
        properties: {agreement: "${document.name}"}
      closed:                                   # when a newer version, a revocation or the expiry closes it;
        event: financing_revoked                # only people who heard of the opening hear of it
        properties: {agreement: "${document.name}"}
"""


class Options(FlowOptions):
    """The `approvals:` section."""

    date: DateName | None = Field(
        None, description="date attribute that orders a person's workspaces; else the create date"
    )
    gates: tuple[Gate, ...] = Field(min_length=1, description="the documents that must be approved, and what then goes")


def needs(options: Options) -> Needs:
    """Return what the flow reads; its documents are looked at in every run, since what they allow ends with them."""
    own = frozenset({options.date} if options.date else ())
    return Needs(
        customers=options.customers,
        facts=options.read([*(gate.facts() for gate in options.gates), own]),
        documents=tuple(kind for gate in options.gates for kind in gate.kinds),
        document_facts=frozenset().union(*(gate.document_facts() for gate in options.gates)),
        watched=True,
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: which gates opened or closed, what its people are eligible for, when to look again."""
    edges: list[Edge] = []
    memory: dict[str, Json] = {}
    ends: list[datetime] = []
    for gate in options.gates:
        standing = stand(gate, change.record, first_seen_in(change.memory, gate), context.zone, context.now)
        told = known.happened(change.record.key.text, gate.name) if context.backfill else ()
        moved, memory[gate.name] = edge(gate, change, standing, context.zone, backfill=context.backfill, told=told)
        edges += [moved] if moved else []
        ends += [standing.until] if standing.until else []
    due = min(ends, default=None)
    if not change.corrects:
        return Decision(memory=memory, due=due)
    messages.refuse_nobody(change.record, [moved.hit for moved in edges])
    now, then = (
        _voice(options, change, own, others, context)
        for own, others in ((memory, known.noted), (change.memory, known.noted_earlier))
    )
    outcome = list(of_everyone(NAME, change, known, now, context, create=options.create_profiles, then=then))
    if context.messages:
        values = repeated(outcome)
        for moved in edges:
            occasion = _occasion(moved, change, context)
            outcome += messages.tell(occasion, values, create=options.create_profiles)
    return Decision.of(outcome, memory=memory, due=due)


def _voice(
    options: Options,
    change: Change,
    memory: Mapping[str, Json],
    others: Callable[[str], Mapping[str, Json]],
    context: Context,
) -> Voice:
    """Return what the newest workspace of a person says; without any, they are eligible for nothing.

    ``memory`` is what is noted of the changed one, ``others`` returns it of those beside it.
    """

    def noted(record: Record) -> Mapping[str, Json]:
        return memory if record.key == change.record.key else others(record.key.text)

    def rank(record: Record) -> tuple[object, ...]:
        dated = dates.instant(record.facts.get(options.date), context.zone, options.date) if options.date else None
        return dated or record.created_at, record.number

    def values(record: Record) -> dict[str, Json]:
        own = _eligible(options, noted(record), context.prefix)
        return options.attribute_values(record, context.prefix) | own

    speaking = newest(rank, values)
    return lambda records: speaking(records) if records else _eligible(options, {}, context.prefix)


def _eligible(options: Options, memory: Mapping[str, Json], prefix: str) -> dict[str, Json]:
    """Return eligibility, since when, and by which document, of each gate."""
    values: dict[str, Json] = {}
    for gate in options.gates:
        noted = memory.get(gate.name)
        state = noted if isinstance(noted, Mapping) and noted.get("open") else {}
        values[f"{prefix}{gate.name}_eligible"] = bool(state)
        for name in ("since", "document", "version"):
            values[f"{prefix}{gate.name}_{name}"] = state.get(name)
    return values


def _occasion(moved: Edge, change: Change, context: Context) -> messages.Occasion:
    """Return the occasion: an approval dates the opening; a closing is as old as the change that shows it."""
    approvals = moved.standing.approvals
    newest_one = max(approvals, key=lambda one: one.since, default=None)
    facts = newest_one.document.named if newest_one else _rested_on(moved.hit.rule.name, change)
    known_by = "approval" if newest_one and newest_one.dated else messages.MODIFIED
    at = (min(newest_one.since, context.latest), known_by) if newest_one else None
    return replace(
        messages.occasion_of(NAME, change, moved.hit, context),
        facts=facts,
        at=at,
        until=moved.standing.until,
        why="" if moved.opened else f"closed: {moved.standing.why}",
    )


def _rested_on(gate: str, change: Change) -> Facts:
    """Return the facts of the document that a closed gate rested on, as far as they are still known."""
    noted = change.memory.get(gate)
    name = noted.get("document") if isinstance(noted, Mapping) else None
    version = noted.get("version") if isinstance(noted, Mapping) else None
    known = [*change.record.documents, *(change.before.documents if change.before else ())]
    found = next((document for document in known if document.row.name == name), None)
    named = found.named if found else dict.fromkeys(f"document.{one}" for one in ("id", "folder", "mime", "created"))
    return {**named, "document.name": str(name or ""), "document.version": str(version or "")}


def follows(occurrence: str) -> str:
    """Return how the occurrence of the opening begins that a closing answers: nobody else hears of the closing."""
    return f"{occurrence.removesuffix(CLOSED)}:" if occurrence.endswith(CLOSED) else ""


def renews(occurrence: str) -> str:
    """Return how the next opening begins: of two that wait, only the last is true."""
    count, _, documents = occurrence.partition(":")
    return f"{int(count) + 1}:" if documents else ""


def ahead(
    options: Options, record: Record, _memory: Mapping[str, Json], zone: tzinfo
) -> Sequence[tuple[datetime, str]]:
    """Return (instant, gate) of each approval that will end by itself."""
    found = []
    for gate in options.gates:
        seen = {str(document.row.id): document.version.number for document in record.documents}
        try:
            until = stand(gate, record, seen, zone, None).until
        except (RecordUnreadable, KeyError):
            continue  # the run quarantines such a record
        found += [(until, gate.name)] if until else []
    return sorted(found)


def outbound(options: Options, prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.outbound(prefix))
    for gate in options.gates:
        facts = [f"document.{name}" for one in gate.requirements for name in sorted(one.facts())]
        by = [one.approved_by for one in gate.requirements if one.approved_by]
        dates = [f"document.{one.date}" for one in by if one.date] + ["document.modified"]
        rows += attribute(f"{prefix}{gate.name}_eligible", [*gate.when, *dict.fromkeys(facts)], gate.name)
        rows += attribute(f"{prefix}{gate.name}_since", dates, gate.name)
        rows += attribute(f"{prefix}{gate.name}_document", ["document.name"], gate.name)
        rows += attribute(f"{prefix}{gate.name}_version", ["document.version"], gate.name)
        rows += of_rule(gate, times=dates)
        rows += of_rule(gate.closing(), times=["workspace.modified"])
    return rows


FLOW = Flow(
    name=NAME,
    summary="Documents approved in ECM make customers eligible in Braze, for as long as they are approved.",
    direction=Direction.TO_BRAZE,
    options=Options,
    example=EXAMPLE,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: options.gates,
    plan=plan,
    holds=by_rule(lambda options: options.gates),
    follows=follows,
    renews=renews,
    ahead=ahead,
    outbound=outbound,
)
