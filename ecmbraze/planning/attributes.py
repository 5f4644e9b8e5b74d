"""The attributes of one person: which workspace speaks for them, and what differs from what Braze has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from ecmbraze.model import Action, Change, Json, Kind, Record, Skip, attributes, target
from ecmbraze.planning import rule_language
from ecmbraze.planning.context import Context

# Attributes are sent until Braze takes them; the newest value per target supersedes the older ones.
_NEVER = timedelta(days=3650)

# Why attributes are written of a person whom no workspace names any more: guards count these people.
CLEARED = "no workspace leads to this person any more"


# What a person's workspaces say together: attribute by full name → value. Nothing without workspaces.
Voice = Callable[[Sequence[Record]], Mapping[str, Json]]


def newest(rank: Callable[[Record], tuple[object, ...]], values: Callable[[Record], Mapping[str, Json]]) -> Voice:
    """Return the voice of the workspace that ranks highest; it is never decided by the order of arrival."""

    def voice(records: Sequence[Record]) -> Mapping[str, Json]:
        if not records:
            return {}
        return values(records[0] if len(records) == 1 else max(records, key=rank))  # most people have one workspace

    return voice


class People(Protocol):
    """What is known of people beside the record in hand; see :class:`ecmbraze.flow.Known`."""

    def of_customer(self, customer: str) -> Sequence[Record]: ...
    def led_to(self, change: Change) -> Sequence[str]: ...
    def earlier(self, record: Record) -> Record | None: ...
    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]: ...
    def unmet(self, customer: str) -> bool: ...
    def refused(self, record: str, customer: str, name: str) -> bool: ...
    def refusing(self, target: str) -> bool: ...


def of_everyone(
    flow: str, change: Change, known: People, voice: Voice, context: Context, *, create: bool, then: Voice | None = None
) -> Iterator[Action | Skip]:
    """Yield what differs for each person the record leads to, or led to when the flow planned or wrote of it.

    ``then`` is the voice of records as they were last planned, where that is another one.
    """
    past = (*(change.before.customers if change.before else ()), *known.led_to(change))
    for customer in dict.fromkeys((*change.record.customers, *past)):
        yield from deltas(flow, change, customer, known, voice, context, create=create, then=then)


def repeated(outcome: Iterable[Action | Skip]) -> dict[str, dict[str, Json]]:
    """Return the attributes that change, per person: a trigger repeats them, Braze does not order across requests."""
    values: dict[str, dict[str, Json]] = {}
    for entry in outcome:
        if isinstance(entry, Action):
            values.setdefault(entry.recipient, {}).update(entry.values)
    return values


def deltas(
    flow: str,
    change: Change,
    customer: str,
    people: People,
    voice: Voice,
    context: Context,
    *,
    create: bool,
    then: Voice | None = None,
) -> Iterator[Action | Skip]:
    """Yield one action for the attributes that differ from what Braze last took, one for each that is emptied, and a
    skip for each that it would drop.

    What Braze has is unknown after a baseline: then only a value that this change moved is sent. A backfill sends all,
    and so does a person whom Braze does not know yet: whoever appears there gets the whole state (mission.md). Whom no
    workspace names any more loses what we wrote, but not what somebody else did. What Braze last took goes once more
    where another value stands refused since: a replay would put that in its place.
    """
    key, everything = change.record.key.text, context.backfill or people.unmet(customer)
    others = [record for record in people.of_customer(customer) if record.key != change.record.key]
    left = [*others, *_there(change.record, customer)]
    # Of the others too what they said then: two that move together would each hide the other's change.
    past = [record for other in others for record in _there(people.earlier(other), customer)]
    new, old = voice(left), (then or voice)([*past, *_there(change.before, customer)])
    # What the record says itself may stand there although the flow never planned it: written by a backfill.
    own = new if left == [change.record] else voice([change.record])
    taken, values = people.values_of(customer, Kind.ATTRIBUTE), dict[str, Json]()
    for name, raw in {**dict.fromkeys((*own, *old)), **new}.items():
        value, known, last = rule_language.cleaned(raw), name in taken, taken.get(name)
        if known and value == last and not people.refusing(target(customer, Kind.ATTRIBUTE, name)):
            continue
        moved = known or everything or value != rule_language.cleaned(old.get(name))
        if not moved and not people.refused(key, customer, name):
            continue
        if not known and value is None and (everything or not left):
            continue
        if reason := _refusal(name, value, last):
            yield Skip(record=key, customer=customer, rule=name, reason=reason, quarantined=True)
        else:
            values[name] = value
    yield from attributes(
        values,
        flow=flow,
        record=key,
        occurrence="0",
        recipient=customer,
        expires_at=context.now + _NEVER,
        reason="value changed" if left else CLEARED,
        create_profile=create,
    )


def _there(record: Record | None, customer: str) -> list[Record]:
    """Return the record if it leads to the person and is not gone."""
    return [record] if record and not record.gone and customer in record.customers else []


def _refusal(name: str, value: Json, last: Json) -> str:
    """Return why Braze would drop the value without an error (api/braze.md 1.6); empty when it would not."""
    if (
        isinstance(value, str)
        and "{" not in value
        and isinstance(last, str | None)
        and not rule_language.too_long(value)
    ):
        return ""  # nearly every value
    if rule_language.runs(value):
        return f"{name} would hold {{{{ or {{%, which Braze may run"
    if rule_language.too_long(value):
        return f"{name} is longer than {rule_language.MAX_TEXT} characters; Braze would drop it"
    if value is not None and last is not None and _type(value) != _type(last):
        return f"{name} was {_type(last)} and would become {_type(value)}; Braze keeps one type for ever"
    return ""


def _type(value: Json) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case _:
            return "a list"
