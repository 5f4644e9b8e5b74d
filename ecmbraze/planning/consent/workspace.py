"""One workspace: a withdrawal that staff recorded there goes to Braze and to the others; a new one gets its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Action, Change, Decision, Json, PersonKey, Skip
from ecmbraze.planning.consent import order, staff, writes
from ecmbraze.planning.consent import record as consent_record
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.order import Past
from ecmbraze.planning.consent.record import WITHDRAWN, Held, Since
from ecmbraze.planning.context import Context


def decide(options: Options, change: Change, known: Past, context: Context) -> Decision:
    """Carry a withdrawal that staff recorded to Braze and to the other workspaces; give a new one its record."""
    record = change.record
    memory: dict[str, Json] = dict(change.memory)
    if record.gone:
        return Decision(memory=memory)
    news = change.fires and not context.backfill  # what a backfill finds stays news for the next run
    if not change.fires:
        _note_standing(options, change, memory, known)
    elif news and not record.customers:
        _refuse_nobody(options, change, known)
    outcome: list[Action | Skip] = list(staff.listed(options, change, known, context.now)) if change.fires else []
    for person in record.customers if change.corrects else ():
        places = known.of_customer(person)
        noted = known.noted(PersonKey(recipient=person).text)
        held = order.standing(options, noted, person, places, known)
        late = order.with_late(held, memory.get(person)) if change.late else {}
        held |= late
        typed = [one for one in options.channels if news and staff.withdrew(options, one, change, person, known)]
        withdrawn = False
        for channel in typed:
            past, in_braze = held.get(channel.name), consent_record.held(noted.get(channel.name))
            why = f"{channel.name}: withdrawn in {record.name!r}"
            sent = order.is_sent_alone(person, channel, change, places, known)
            # Whether the person came back since, nobody looked.
            if past and _is_carried(channel, person, past, known) and not sent:
                if not _is_shown(channel, person, known, context):
                    outcome.append(writes.withdrawal(channel, record, person, past, why, context))
                continue
            if sent or (past and past.state == WITHDRAWN):  # what left alone or stood at the baseline is in no history
                past = in_braze = _before_ours(in_braze)
            new = _withdrawn(channel, change, memory, in_braze, known.looked(record.key.text, context.latest))
            _note(memory, person, channel, new)
            held[channel.name] = new
            outcome += [] if sent else [writes.withdrawal(channel, record, person, new, why, context)]
            outcome += writes.documents(options, channel, record, places, person, past, new, why, known, context)
            withdrawn = True
        # Typed once more it is no news, but the word is the record from now on, which a grant may replace.
        alone = typed or _is_due(options, change, person, held, known)
        # What was seen late and stands is no news, but the record of the person in every workspace.
        for place in places if withdrawn or late else [record] if alone else []:
            outcome += writes.state(options, record, place, person, held, known, context)
    return Decision.of(outcome, memory=memory)


def _before_ours(in_braze: Held | None) -> Held | None:
    """Return what Braze showed before our withdrawal, which it may show by now."""
    return replace(in_braze, state=in_braze.before) if in_braze and in_braze.state == WITHDRAWN else in_braze


def _refuse_nobody(options: Options, change: Change, known: Past) -> None:
    """Raise RecordUnreadable when staff withdrew in a workspace that leads to nobody: with a name it is taken over."""
    if names := [channel.name for channel in options.channels if staff.withdrew(options, channel, change, "", known)]:
        raise RecordUnreadable(f"the workspace names no customer for the withdrawal of {', '.join(names)}")


def _note_standing(options: Options, change: Change, memory: dict[str, Json], known: Past) -> None:
    """Note the withdrawals that a workspace carried before the flow came to it: they stand, but are no news."""
    for channel in options.channels:
        if staff.says_withdrawn(options, channel, change.record, known):
            for person in change.record.customers:
                until = change.record.modified_at.isoformat()
                since = Since(until=until)
                standing = Held(state=WITHDRAWN, since=since, source=consent_record.IN_ECM, seen=until)
                _note(memory, person, channel, standing)


def _withdrawn(
    channel: Channel, change: Change, memory: Mapping[str, Json], in_braze: Held | None, looked: datetime | None
) -> Held:
    """Return the entry of a withdrawal by staff: later than whatever Braze showed until now."""
    since = staff.when(change, looked or change.record.modified_at)
    return Held(
        state=WITHDRAWN,
        since=since,
        source=consent_record.IN_ECM,
        changes=_count(memory, channel) + 1,
        seen=order.latest(since.until, in_braze.seen if in_braze else ""),
        before=in_braze.state if in_braze else "",
    )


def _is_carried(channel: Channel, person: str, held: Held, known: Past) -> bool:
    """Say whether a withdrawal went to Braze or came from there; what stood at the baseline did neither.

    Of one whose workspace is gone by now only the withdrawal that was sent is left.
    """
    if held.state != WITHDRAWN:
        return False
    sent = known.taken(order.target(person, channel)) is not None
    return held.changes > 0 or held.source != consent_record.IN_ECM or sent


def _is_shown(channel: Channel, person: str, known: Past, context: Context) -> bool:
    """Say whether a withdrawal is on its way to Braze, or was read there in this run: an edit carries no exact time."""
    if known.underway(order.target(person, channel)):
        return True
    about, looked = known.person(person), known.looked(PersonKey(recipient=person).text, context.now)
    return about is not None and looked == context.now and channel.shown(about.facts) == WITHDRAWN


def _note(memory: dict[str, Json], person: str, channel: Channel, entry: Held) -> None:
    of_person = memory.get(person)
    memory[person] = {**(of_person if isinstance(of_person, Mapping) else {}), channel.name: entry.as_json()}


def _count(memory: Mapping[str, Json], channel: Channel) -> int:
    """Return how many withdrawals on a channel this workspace has told of, whomever it named."""
    entries = (consent_record.held(of.get(channel.name)) for of in memory.values() if isinstance(of, Mapping))
    return max((entry.changes for entry in entries if entry), default=0)


def _is_due(options: Options, change: Change, person: str, held: Mapping[str, Held], known: Past) -> bool:
    """Say whether a workspace shall carry the record: it is new, it leads to somebody else, it carries one, it was put
    aside when it should have got one, or it was gone and there is one by now.
    """
    if change.before is None or person not in change.before.customers:
        return True
    back = [one for one in options.channels if change.before.gone]
    if any(_is_recorded(one, held.get(one.name), person, known) or _has_lapsed(change, one, known) for one in back):
        return True
    who = staff.people(change.record)
    return any(
        staff.ours(change.record, one.status, known) or known.refused(change.record.key.text, who, one.name)
        for one in options.channels
    )


def _has_lapsed(change: Change, channel: Channel, known: Past) -> bool:
    """Say whether a state was due there when the workspace went: nothing else would write it."""
    return known.lapsed(change.record.key.text, staff.target(change.record, channel.status))


def _is_recorded(channel: Channel, held: Held | None, person: str, known: Past) -> bool:
    """Say whether anything of a channel was ever recorded: what the first look showed is written nowhere."""
    return held is not None and (held.changes > 0 or known.taken(order.target(person, channel)) is not None)
