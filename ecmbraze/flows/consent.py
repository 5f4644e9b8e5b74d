"""Consent: what people choose in Braze becomes a record in ECM; a withdrawal that staff record there goes to Braze."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ecmbraze.flow import Context, Flow, InitialLoad, Known
from ecmbraze.model import Action, Change, Decision, Json, PersonKey, Record, Skip
from ecmbraze.needs import Needs, Rotation
from ecmbraze.planning import currents
from ecmbraze.planning.consent import initial, order, staff, workspace, writes
from ecmbraze.planning.consent import record as consent_record
from ecmbraze.planning.consent import values as consent_values
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.record import WITHDRAWN, Held
from ecmbraze.planning.outbound import Direction

NAME = writes.FLOW
# A person whose state said nothing yet is planned again no sooner than this.
_SOON = timedelta(seconds=1)
# The section as it stands in config.example.yaml (`make docs` puts it there): every setting of the flow.
EXAMPLE = """\
consent:                                        # what people choose in Braze becomes a record in ECM
  enabled: true
  every: 15m
  workspace_types: [Customer]                   # each such workspace of a person carries the record
  customer: Customer.Customer Number
  also: []                                      # [{workspace_types: [Contract], customer: Contract.Customer Number}]
  everybody_within: 24h                         # everybody is looked at once in this time, the oldest look first
  braze_requests: 600                           # exports of 50 people per run at most
  # segment: 5e600000-0000-4000-8000-000000000001  # looked at at once by an export, beside the turns
  after_own_write: 10m                          # an old value read so soon after our own withdrawal is no change
  overwrite_existing: false                     # a value we never wrote: quarantined if it differs
  values: {opted_in: Opted in, subscribed: Not objected, unsubscribed: Withdrawn, unknown: Unknown}
  channels:
    - name: email                               # in every business key: never rename
      watch: email                              # email, push, {group: ID} or {attribute: NAME}
      purpose: "Marketing by e-mail"            # stands in each history entry
      notice: "Privacy notice 2026-03"          # optional: what people were told
      status: Consent.Email Status              # text or popup; staff may set it to Withdrawn
      since: Consent.Email Since                # optional; a date with time
      source: Consent.Email Source              # optional
      # undeliverable: Consent.Email Undeliverable  # optional: hard_bounce, spam or empty
      # recorded: {Consent.Email Letter: Received}  # optional: a withdrawal too, once this comes true
    - name: newsletter
      watch: {group: ed060000-0000-4000-8000-00000000000a}  # to: phone, where `undeliverable` shall show invalid_number
      purpose: "Monthly newsletter"
      values: {subscribed: Subscribed}          # optional: other words for this channel
      status: Consent.Newsletter Status
  history:
    folder: Consent History                     # below each workspace, made when missing; `none`: no history
    address: masked                             # none, masked or full
  initial_load: {slice: 1000, ecm_requests_per_minute: 300}
  # currents: /srv/braze-currents               # Avro files; needs ecmbraze[currents]
"""


def needs(options: Options) -> Needs:
    """Return what the flow reads: of people what is watched, of workspaces what staff may set."""
    watched = {channel.fact for channel in options.channels}
    bounced = {one.undeliverable_fact for one in options.channels if one.undeliverable_fact}
    about = {"known", "address", "after", "look", *(f"{fact}.at" for fact in watched), *map(order.after_of, watched)}
    if options.currents:
        about |= {currents.source_of(channel.fact) for channel in options.channels if channel.withdraws}
        about |= {currents.SPAM_REPORT} if "email.undeliverable" in bounced else set()
    return Needs(
        customers=options.customers,
        facts=options.read,
        people=frozenset(watched | about | bounced),
        rotation=Rotation(
            within=options.everybody_within,
            every=options.every,
            requests=options.braze_requests,
            segment=options.segment or "",
            currents=options.currents or "",
        ),
    )


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one person whose choice was seen, or one workspace that came or that staff edited."""
    if isinstance(change.record.key, PersonKey):
        return _of_person(options, change, change.record.key.recipient, known, context)
    return workspace.decide(options, change, known, context)


def _of_person(options: Options, change: Change, person: str, known: Known, context: Context) -> Decision:
    """Take over what Braze shows now: a document for each change, and the state in every workspace of the person."""
    record, places = change.record, known.of_customer(person)
    memory: dict[str, Json] = dict(change.memory)
    stood = order.standing(options, memory, person, places, known)
    outcome: list[Action | Skip] = []
    waits: list[datetime] = []
    for channel in options.channels:
        shown, past = channel.shown(record.facts), consent_record.held(memory.get(channel.name))
        if not shown or (past and shown == past.apart):
            continue
        if past and order.is_no_news(channel, record, past, stood.get(channel.name)):
            memory[channel.name] = replace(order.refined(channel, record, past), apart="").as_json()
        elif past and (reason := order.disregarded(channel, change, past, stood.get(channel.name))):
            memory[channel.name] = replace(past, apart=shown).as_json()
            outcome.append(_left_out(record, person, channel, reason))
        elif until := order.lags(options, channel, record, person, known, context.now):
            waits.append(min(max(until, context.now + _SOON), context.now + options.every))
        elif ours := _ours(channel, shown, past, person, places, known):
            memory[channel.name] = ours.as_json()
        else:
            new = _news(options, channel, change, person, past, known, context)
            memory[channel.name] = new.as_json()
            if past and change.fires and not context.backfill:
                before = stood.get(channel.name, past)
                before = past if before.state == shown else before
                outcome += _told(options, channel, record, places, person, (past, before, new), known, context)
    grants = 0
    if change.fires:
        held = order.standing(options, memory, person, places, known)
        for place in places:
            outcome += writes.state(options, record, place, person, held, known, context)
        grants = order.lifted(stood, held)
    return Decision.of(outcome, memory=memory, due=min(waits, default=None), grants=grants if places else 0)


def _ours(
    channel: Channel, shown: str, past: Held | None, person: str, places: Sequence[Record], known: Known
) -> Held | None:
    """Return the withdrawal by staff that Braze shows now: it has its documents, and its state is written."""
    if shown != WITHDRAWN or not order.is_ours(person, channel, past, known):
        return None
    recorded = order.by_staff(person, channel, places, known)
    # One at least: it was recorded, and typed again in another workspace it is no news.
    before, changes = (past.state, past.changes) if past else ("", 0)
    return replace(recorded, changes=max(1, changes), before=before) if recorded else None


def _told(
    options: Options,
    channel: Channel,
    record: Record,
    places: Sequence[Record],
    person: str,
    steps: tuple[Held, Held, Held],
    known: Known,
    context: Context,
) -> Iterator[Action | Skip]:
    """Yield the documents of a change that Braze shows; ``steps`` are what it showed, what stood, and what it shows."""
    past, before, new = steps
    why = f"{channel.name}: {before.state} -> {new.state}"
    yield from writes.documents(options, channel, record, places, person, before, new, why, known, context)
    if reason := order.flipped(options, channel, record, past, new.state):
        yield _left_out(record, person, channel, reason)


def _left_out(record: Record, person: str, channel: Channel, reason: str) -> Skip:
    return Skip(record=record.key.text, customer=person, rule=channel.name, reason=reason)


def _news(
    options: Options, channel: Channel, change: Change, person: str, past: Held | None, known: Known, context: Context
) -> Held:
    """Return the entry of what Braze shows; what the first look showed may always have been so."""
    since, look = order.look(options, channel, change.record, person, known, context.latest)
    return Held(
        state=channel.shown(change.record.facts),
        since=since,
        source=_source(channel, change.record),
        changes=past.changes + change.fires if past else 0,
        seen=look.isoformat() if past else "",
        before=past.state if past else "",
    )


def _source(channel: Channel, record: Record) -> str:
    return consent_record.in_braze(record.facts.get(currents.source_of(channel.fact)))


def withdrawn(options: Options, person: str, known: Known) -> frozenset[str]:
    """Return on which channels a withdrawal stands that Braze may not show: by staff, or of a profile before this one.

    What the person chose in Braze, the screen of a message reads there itself.
    """
    noted, places = known.noted(PersonKey(recipient=person).text), known.of_customer(person)
    held = order.standing(options, noted, person, places, known)
    return frozenset(
        channel.fact
        for channel in options.channels
        if known.underway(order.target(person, channel))
        or order.is_unseen(person, channel, held.get(channel.name), known)
        or any(staff.is_unplanned(options, channel, place, person, known) for place in places)
    )


FLOW = Flow(
    name=NAME,
    summary="What people choose in Braze becomes a governed record in ECM; withdrawals recorded by staff go to Braze.",
    direction=Direction.BOTH,
    options=Options,
    example=EXAMPLE,
    replaces=lambda options: options.overwrite_existing,
    taken_over=staff.taken_over,
    typed=lambda options: options.typed,
    withdrawn=withdrawn,
    withdraws=True,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: (),
    plan=plan,
    holds=lambda *_: None,
    outbound=consent_values.outbound,
    initial=InitialLoad(
        rule=initial.RULE,
        plan=initial.load,
        requests=initial.requests,
        people=lambda options: options.initial_load.slice,
        per_minute=lambda options: options.initial_load.ecm_requests_per_minute,
    ),
)
