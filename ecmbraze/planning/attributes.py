"""The attributes of one person: which workspace speaks for them, and what differs from what Braze has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecmbraze.model import Action, Change, Json, Kind, Record, Skip
from ecmbraze.planning import texts

# Attributes are sent until Braze takes them; the newest value per target supersedes the older ones.
_NEVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a flow turns workspaces into attributes.

    ``rank`` orders the workspaces of one person: the highest speaks. ``values`` are its attributes by full name.
    """

    rank: Callable[[Record], tuple[object, ...]]
    values: Callable[[Record], Mapping[str, Json]]

    def of(self, records: Sequence[Record]) -> Mapping[str, Json]:
        """Return what the speaking workspace says; nothing without workspaces. Never decided by arrival order."""
        return self.values(max(records, key=self.rank)) if records else {}


def deltas(
    flow: str, change: Change, customer: str, siblings: Sequence[Record], voice: Voice,
    accepted: Callable[[str], tuple[bool, Json]], now: datetime, *, create: bool, backfill: bool,
) -> Iterator[Action | Skip]:  # fmt: skip
    """Yield an action per attribute whose value differs from what Braze last took, a skip for one it would drop.

    What Braze has is unknown after a baseline: then only a value that this change moved is sent, and a backfill
    sends all.
    """
    others = [record for record in siblings if record.id != change.record.id]
    mine = [change.record] if customer in change.record.customers else []
    past = [change.before] if change.before and customer in change.before.customers else []
    new, old = voice.of([*others, *mine]), voice.of([*others, *past])
    for name, value in new.items():
        action = _action(flow, change.record, customer, name, value, now, create=create)
        known, last = accepted(action.target)
        if (value == last) if known else (not backfill and value == old.get(name)):
            continue
        if not known and value is None and backfill:
            continue
        reason = _refusal(name, value, last)
        yield (
            Skip(record=change.record.key, customer=customer, rule=name, reason=reason, quarantined=True)
            if reason
            else action
        )


def _action(flow: str, record: Record, customer: str, name: str, value: Json, now: datetime, *, create: bool) -> Action:
    return Action(
        flow=flow, record=record.key, rule=name, occurrence="0", kind=Kind.ATTRIBUTE, recipient=customer, name=name,
        payload=value, expires_at=now + _NEVER, reason="value changed", create_profile=create,
    )  # fmt: skip


def _refusal(name: str, value: Json, last: Json) -> str:
    """Return why Braze would drop the value without an error (api/braze.md 1.6); empty when it would not."""
    if texts.too_long(value):
        return f"{name} is longer than {texts.MAX_TEXT} characters; Braze would drop it"
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
