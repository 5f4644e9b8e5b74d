"""Consent: what people choose in Braze becomes a record in ECM; a withdrawal that staff record there goes to Braze."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from ecmbraze.flow import Context, Flow, Known, Needs, Rotation
from ecmbraze.model import Action, Change, Decision, Json, PersonKey, Record, Skip
from ecmbraze.planning import consent_record
from ecmbraze.planning import consent_writes as writes
from ecmbraze.planning.consent_options import Channel, Options
from ecmbraze.planning.consent_record import WITHDRAWN, Held, Since
from ecmbraze.planning.outbound import Direction, Outbound, Sort

NAME = writes.FLOW
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
  values: {opted_in: Opted in, subscribed: Not objected, unsubscribed: Withdrawn, unknown: Unknown}
  channels:
    - name: email                               # in every business key: never rename
      watch: email                              # email, push, {group: ID} or {attribute: NAME}
      purpose: "Marketing by e-mail"            # stands in each history entry
      notice: "Privacy notice 2026-03"          # optional: what people were told
      status: Consent.Email Status              # text or popup; staff may set it to Withdrawn
      since: Consent.Email Since                # optional; a date with time
      source: Consent.Email Source              # optional
    - name: newsletter
      watch: {group: ed060000-0000-4000-8000-00000000000a}
      purpose: "Monthly newsletter"
      values: {subscribed: Subscribed}          # optional: other words for this channel
      status: Consent.Newsletter Status
  history:
    folder: Consent History                     # below each workspace, made when missing; `none`: no history
    address: masked                             # none, masked or full
"""


def needs(options: Options) -> Needs:
    """Return what the flow reads: of people what is watched, of workspaces what staff may set."""
    watched = {channel.fact for channel in options.channels}
    about = {"known", "address", "after", "look", *(f"{fact}.at" for fact in watched)}
    return Needs(
        customers=options.customers, facts=frozenset(channel.status for channel in options.channels),
        people=frozenset(watched | about),
        rotation=Rotation(
            within=options.everybody_within, every=options.every, requests=options.braze_requests
        ),
    )  # fmt: skip


def plan(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Decide one person whose choice was seen, or one workspace that came or that staff edited."""
    if isinstance(change.record.key, PersonKey):
        return _of_person(options, change, change.record.key.recipient, known, context)
    return _of_workspace(options, change, known, context)


def _of_person(options: Options, change: Change, person: str, known: Known, context: Context) -> Decision:
    """Take over what Braze shows now: a document for each change, and the state in every workspace of the person."""
    record, places = change.record, known.of_customer(person)
    memory: dict[str, Json] = dict(change.memory)
    outcome: list[Action | Skip] = []
    for channel in options.channels:
        state, past = str(record.facts.get(channel.fact)), consent_record.held(memory.get(channel.name))
        if state not in consent_record.STATES or (past and past.state == state):
            continue
        if past and past.state == WITHDRAWN and _was_away(change):
            reason = f"{channel.name} is {state} on a profile that was made anew; the withdrawal of the old one stands"
            outcome.append(Skip(record=record.key.text, customer=person, rule=channel.name, reason=reason))
            continue
        counts = past is not None and change.fires
        new = Held(
            state=state, since=_since(channel, record), source=consent_record.IN_BRAZE,
            changes=(past.changes if past else 0) + counts,
        )  # fmt: skip
        staff = _by_staff(channel, places, known)
        if staff and state == WITHDRAWN and _later(staff, past):  # our own write comes back
            new, counts = replace(staff, changes=past.changes if past else 0), False
        memory[channel.name] = new.as_json()
        if counts:
            why = f"{channel.name}: {past.state if past else ''} -> {state}"
            outcome += writes.documents(options, channel, record, places, person, past, new, why, context)
    if change.fires:
        held = _standing(options, memory, places, known)
        for place in places:
            outcome += writes.state(options, record, place, person, held, known, context)
    return Decision.of(outcome, memory=memory)


def _of_workspace(options: Options, change: Change, known: Known, context: Context) -> Decision:
    """Carry a withdrawal that staff recorded to Braze and to the other workspaces; give a new one its record."""
    record = change.record
    memory: dict[str, Json] = dict(change.memory)
    if not change.fires or record.gone:
        return Decision(memory=memory)
    outcome: list[Action | Skip] = list(_edited(options, record, known))
    for person in record.customers:
        places = known.of_customer(person)
        held = _standing(options, known.noted(PersonKey(recipient=person).text), places, known)
        withdrawn = False
        for channel in options.channels:
            past = held.get(channel.name)
            if not _withdrawn_by_staff(options, channel, change, known) or (past and past.state == WITHDRAWN):
                continue
            changes = _count(memory.get(channel.name)) + 1
            new = Held(state=WITHDRAWN, since=_when(change), source=consent_record.IN_ECM, changes=changes)
            memory[channel.name], held[channel.name] = new.as_json(), new
            why = f"{channel.name}: withdrawn in {record.name!r}"
            outcome.append(writes.withdrawal(channel, record, person, new, why, context))
            outcome += writes.documents(options, channel, record, places, person, past, new, why, context)
            withdrawn = True
        for place in places if withdrawn else [record] if _is_due(options, change, person, known) else []:
            outcome += writes.state(options, record, place, person, held, known, context)
    return Decision.of(outcome, memory=memory)


def _was_away(change: Change) -> bool:
    """Say whether the profile was missing when this flow last planned the person."""
    return change.before is not None and change.before.facts.get("known") is False


def _since(channel: Channel, record: Record) -> Since:
    """Return since when the state holds: never invented."""
    if at := record.facts.get(f"{channel.fact}.at"):
        return Since(at=str(at))
    return Since(after=str(record.facts.get("after") or ""), until=record.modified_at.isoformat())


def _when(change: Change) -> Since:
    """Return between which looks staff edited: an edit carries no time of its own attribute."""
    edited = change.record.modified_at
    if change.since is None or edited >= change.since:
        return Since(after=change.since.isoformat() if change.since else "", until=edited.isoformat())
    return Since(after="", until=change.since.isoformat())


def _by_staff(channel: Channel, places: Sequence[Record], known: Known) -> Held | None:
    """Return the newest withdrawal on this channel that staff recorded in one of a person's workspaces."""
    found = [consent_record.held(known.noted(place.key.text).get(channel.name)) for place in places]
    return max((entry for entry in found if entry), key=lambda entry: entry.since.latest, default=None)


def _later(staff: Held, past: Held | None) -> bool:
    """Say whether staff recorded their withdrawal after the state that Braze showed last began."""
    return past is None or staff.since.latest > past.since.latest


def _standing(
    options: Options, memory: Mapping[str, Json], places: Sequence[Record], known: Known
) -> dict[str, Held]:  # fmt: skip
    """Return what holds per channel: a withdrawal by staff until Braze shows something newer."""
    found: dict[str, Held] = {}
    for channel in options.channels:
        in_braze, staff = consent_record.held(memory.get(channel.name)), _by_staff(channel, places, known)
        held = staff if staff and _later(staff, in_braze) else in_braze
        if held:
            found[channel.name] = held
    return found


def _edited(options: Options, record: Record, known: Known) -> Iterator[Skip]:
    """Yield what a person changed of what we wrote; a withdrawal is no such edit, it is taken over."""
    for channel in options.channels:
        there, ours = record.facts.get(channel.status), _ours(channel, record, known)
        if not ours or there in (*ours, options.word(channel, WITHDRAWN)):
            continue
        reason = f"edited_in_ecm: {channel.status} is {there!r}, we last wrote {ours[0]!r}"
        people = ", ".join(record.customers)
        yield Skip(record=record.key.text, customer=people, rule=channel.name, reason=reason, quarantined=True)


def _is_due(options: Options, change: Change, person: str, known: Known) -> bool:
    """Say whether a workspace shall carry the record: it is new, it leads to somebody else, or it carries one."""
    if change.before is None or person not in change.before.customers:
        return True
    return any(known.accepted(writes.target(change.record, channel.status))[0] for channel in options.channels)


def _withdrawn_by_staff(options: Options, channel: Channel, change: Change, known: Known) -> bool:
    """Say whether staff set the status to the word of a withdrawal since the last look."""
    word, record = options.word(channel, WITHDRAWN), change.record
    if record.facts.get(channel.status) != word:
        return False
    if change.before is None or change.before.facts.get(channel.status) == word:
        return False
    return word not in _ours(channel, record, known)


def _ours(channel: Channel, record: Record, known: Known) -> Sequence[Json]:
    """Return which states in a workspace may be our own writing: also one that was sent without an answer."""
    written = known.ours(writes.target(record, channel.status))
    return [one.get(channel.status) for one in written if isinstance(one, Mapping)]


def _count(entry: Json) -> int:
    found = consent_record.held(entry)
    return found.changes if found else 0


def outbound(options: Options, _prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.identifiers())
    for channel in options.channels:
        for name in channel.attributes():
            rows.append(Outbound(sort=Sort.CATEGORY_ATTRIBUTE, name=name, fact=channel.fact, rule=channel.name))
        rows.append(
            Outbound(sort=Sort.SUBSCRIPTION, name=channel.fact, fact=f"{channel.status}, withdrawn", rule=channel.name)
        )
        if options.history.kept:
            rows.append(Outbound(sort=Sort.DOCUMENT, name=options.history.folder, fact=channel.fact, rule=channel.name))
    return rows


FLOW = Flow(
    name=NAME,
    summary="What people choose in Braze becomes a governed record in ECM; withdrawals recorded by staff go to Braze.",
    direction=Direction.BOTH,
    options=Options,
    example=EXAMPLE,
    withdraws=True,
    every=timedelta(minutes=15),
    needs=needs,
    rules=lambda options: (),
    plan=plan,
    holds=lambda *_: None,
    outbound=outbound,
)
