"""Success: who waits in ECM and is silent in Braze is followed up by somebody, once, until one of the two is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from ecmbraze.errors import OtherUnreadable, RecordUnreadable
from ecmbraze.flow import Context, Flow, Known, OfCustomers
from ecmbraze.model import BY_US, Change, Decision, Facts, Json, Kind, PersonKey, Record, Skip
from ecmbraze.needs import Cap, Needs, Silence
from ecmbraze.planning import inactivity
from ecmbraze.planning.attributes import Voice, of_everyone
from ecmbraze.planning.outbound import Direction, Outbound, Sort, attribute
from ecmbraze.planning.success import episodes, waiting, writes
from ecmbraze.planning.success.options import Options

NAME = writes.FLOW
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
success:                                        # silent in Braze and unresolved in ECM: somebody follows up
  enabled: true
  every: 1h
  workspace_types: [Case]
  customer: Case.Customer Number
  also: []                                      # [{workspace_types: [Claim], customer: Claim.Customer Number}]
  create_profiles: false
  closed: {Case.Status: [Resolved, Closed]}
  opened: Case.Opened On                        # default: when the workspace was made
  due: Case.Due On                              # optional: overdue after this day
  activity: Case.Last Contact                   # optional; else the last edit not by our account
  attributes:                                   # dates, never counters; cleared when nothing is open
    open_complaint: customer.open_since         # also customer.overdue_since, customer.last_activity
  braze_requests: 200                           # exports of 50 people per run at most, of those who wait
  max_follow_ups: 50                            # new or completed in one run, more: exit 6
  # segment_files: /srv/braze-exports           # only where Braze exports into storage of yours: your copy of it
  # currents_files: /srv/braze-currents         # Avro files; needs ecmbraze[currents]
  rules:
    - name: silent_and_waiting
      # when: {Case.Priority: High}             # which cases count; default: all open ones
      unresolved: 14d                           # the oldest open case; or overdue: 3d
      engagement:                               # exactly one
        segment: 5e600000-0000-4000-8000-000000000001   # its members are the silent ones
        # campaigns: {ids: [3f0c0000-0000-4000-8000-000000000001], silent: 30d, received: 1}
        # currents: {silent: 30d, received: 1}  # machine opens and suspected bot clicks do not count
      follow_up:
        kind: reminder                          # or task, below a task list of the workspace (list: Follow-ups)
        type: Follow-up                         # reminder type by name
        in: {workspace_type: Customer, customer: Customer.Customer Number}   # default: the oldest open case
        assign: {role: Account Manager}         # or {user: jdoe}, {group: Retention}
        otherwise: {group: Retention}           # role empty or user gone; without it: quarantined
        due: 3d
        priority: medium                        # low, medium, high
        text: "A case is open since ${customer.open_since}. Please call."   # our mark is added
      escalate: {after: 7d, assign: {group: Team Leads}}   # optional; a second follow-up, once
"""


def needs(options: Options) -> Needs:
    """Return what the flow reads: of cases what rules and dates name, of people who wait whether they are silent."""
    named = {fact for fact in (options.opened, options.due, options.activity) if fact}
    facts = frozenset({*named, *options.closed, *([] if options.activity else [BY_US])})
    facts = facts.union(*(rule.when or () for rule in options.rules))
    ways = tuple(dict.fromkeys(rule.engagement.value for rule in options.rules))
    return Needs(
        customers={**options.customers, **options.homes},
        facts=frozenset(fact for fact in facts if not fact.startswith("workspace.") or fact == BY_US),
        foreign=dict.fromkeys(options.homes, facts),
        people=frozenset(way.fact for way in ways),
        silence=Silence(
            flow=NAME,
            by=ways,
            requests=options.braze_requests,
            segment_files=options.segment_files or "",
            currents_files=options.currents_files or "",
        ),
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one workspace: what its people's open cases say; or one person: which follow-ups they have."""
    if isinstance(change.record.key, PersonKey):
        return episodes.plan(options, change, change.record.key.recipient, known, context)
    record = change.record
    if record.type not in options.customers:
        return Decision()
    memory = _touched(options, change)

    def noted(key: str) -> Mapping[str, Json]:
        return memory if key == record.key.text else known.noted(key)

    mine = [] if record.gone else waiting.open_cases(options, [record], noted, context.zone)
    ahead = [moment for moment, _ in waiting.moments(options, mine) if moment > context.now or not change.fires]
    due = min(ahead, default=None)
    if not change.corrects:
        return Decision(memory=memory, due=due)
    voice = _voice(options, noted, context.now, context)
    then = _voice(options, noted, change.since or context.now, context)
    outcome = list(of_everyone(NAME, change, known, voice, context, create=options.create_profiles, then=then))
    if mine and not record.customers:  # whom it named before loses it all the same
        reason = "it is open and names no customer, so that nobody follows up"
        outcome.append(Skip(record=record.key.text, customer="", rule="", reason=reason, quarantined=True))
    return Decision.of(outcome, memory=memory, due=due)


def _touched(options: Options, change: Change) -> dict[str, Json]:
    if options.activity:
        return {}
    return {inactivity.NOTED: inactivity.touched(change.record, change.memory.get(inactivity.NOTED)).isoformat()}


def _voice(options: Options, noted: waiting.Noted, now: datetime, context: Context) -> Voice:
    """Return what the cases of one person say together, as of a moment."""

    def together(records: Sequence[Record]) -> Mapping[str, Json]:
        try:
            cases = waiting.open_cases(options, records, noted, context.zone)
        except RecordUnreadable as error:  # the case in hand was read before: it is another one of the person
            raise OtherUnreadable(f"another case of its customer: {error.happened}") from error
        said = waiting.together(cases, now, context.zone)
        return {f"{context.prefix}{name}": said[fact] for name, fact in options.attributes.items()}

    return together


def of_customer(options: Options, person: str, known: Known, context: Context) -> Facts:
    """Return what the open cases of a person say now; raises OtherUnreadable where a date of them is none."""
    try:
        cases = waiting.open_cases(options, known.of_customer(person), known.noted, context.zone)
    except RecordUnreadable as error:
        raise OtherUnreadable(f"what is open of this person cannot be told: {error.happened}") from error
    return waiting.together(cases, context.now, context.zone)


def ahead(options: Options, record: Record, memory: Mapping[str, Json], zone: tzinfo) -> Sequence[tuple[datetime, str]]:
    """Return (instant, rule) of when a case makes its customer wait, and of each escalation to come."""
    if isinstance(record.key, PersonKey):
        return list(episodes.ahead(options, memory, zone))
    try:
        cases = waiting.open_cases(options, [record], lambda _: memory, zone)
        return [(moment, rule) for moment, rule in waiting.moments(options, cases) if rule]
    except (RecordUnreadable, KeyError):  # planning says so
        return []


def outbound(options: Options, prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    return [*options.identifiers(), *_attributes(options, prefix), *_follow_ups(options)]


def _attributes(options: Options, prefix: str) -> Iterator[Outbound]:
    for name, fact in options.attributes.items():
        yield from attribute(f"{prefix}{name}", [fact], "attributes")


def _follow_ups(options: Options) -> Iterator[Outbound]:
    for rule in options.rules:
        fact = f"that somebody waits and is silent, by {rule.engagement.value.by}"
        yield Outbound(
            sort=Sort.FOLLOW_UP,
            name=rule.follow_up.task_list or rule.follow_up.reminder_type,
            fact=fact,
            rule=rule.name,
        )


FLOW = Flow(
    name=NAME,
    summary="Who waits in ECM and is silent in Braze is followed up by somebody in ECM, once.",
    direction=Direction.BOTH,
    options=Options,
    example=EXAMPLE,
    every=timedelta(hours=1),
    needs=needs,
    rules=lambda options: (),
    plan=plan,
    holds=lambda *_: None,
    candidates=episodes.asked,
    of_customers=OfCustomers(types=lambda options: list(options.customers), facts=of_customer),
    caps=lambda options: (
        Cap(
            name="max_follow_ups",
            kinds=frozenset({Kind.FOLLOW_UP, Kind.COMPLETION}),
            most=options.max_follow_ups,
            what="new or completed follow-ups",
        ),
    ),
    ahead=ahead,
    outbound=outbound,
)
