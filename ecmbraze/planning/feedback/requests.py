"""What became of the requests to one person: which are open, and until when no other may be sent; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ecmbraze.model import Fate, Json, Kind, PersonKey, Record, State
from ecmbraze.planning.feedback.options import Options

FLOW = "feedback"
_ON_ITS_WAY = (State.READY, State.WAITING, State.IN_FLIGHT)
_ASKED = (State.SENT, State.IN_DOUBT, State.HELD, State.IN_FLIGHT)
ANSWERS = "answers"
"""Under which name it is noted of a person what of their requests was answered."""


class Past(Protocol):
    """What is asked of the ledger, overlaid with the plan in hand; see :class:`ecmbraze.flow.Known`."""

    def fates(self, customer: str) -> Sequence[Fate]: ...
    def noted(self, record: str) -> Mapping[str, Json]: ...
    def newest(self, key: str) -> Record | None: ...
    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]: ...
    def underway(self, target: str) -> bool: ...
    def refused(self, record: str, customer: str, name: str) -> bool: ...
    def refusing(self, target: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to one person about one completion, whatever it consists of."""

    record: str
    rule: str
    occurrence: str
    customer: str
    states: frozenset[State]
    at: datetime | None
    """When it went, or may have gone; ``None`` while it has not."""

    @property
    def key(self) -> str:
        """What the token is the digest of, and what answers are noted under."""
        return key_of(self.record, self.rule, self.occurrence, self.customer)

    @property
    def asked(self) -> bool:
        """Whether the person has it, or may have it: of unknown outcome counts as asked."""
        return bool(self.states.intersection(_ASKED))

    @property
    def pending(self) -> bool:
        """Whether it is planned or staged and may still go."""
        return not self.asked and bool(self.states.intersection(_ON_ITS_WAY))


def key_of(record: str, rule: str, occurrence: str, customer: str) -> str:
    """Return the business key of a request: that of its messages without their kind."""
    return f"{FLOW}/{record}/{rule}/{occurrence}/{customer}"


def of_person(customer: str, past: Past) -> list[Request]:
    """Return every request to a person, those asked longest ago first."""
    found: dict[tuple[str, str, str], list[Fate]] = {}
    for fate in past.fates(customer):
        found.setdefault((fate.record, fate.rule, fate.occurrence), []).append(fate)
    made = [_of(key, customer, fates) for key, fates in found.items()]
    return sorted(made, key=lambda one: (one.at is None, one.at.isoformat() if one.at else "", one.key))


def _of(key: tuple[str, str, str], customer: str, fates: Iterable[Fate]) -> Request:
    record, rule, occurrence = key
    every = list(fates)
    went = [fate.at for fate in every if fate.state in _ASKED and fate.at]
    return Request(
        record=record,
        rule=rule,
        occurrence=occurrence,
        customer=customer,
        states=frozenset(fate.state for fate in every),
        at=min(went, default=None),
    )


def answered(customer: str, past: Past) -> Mapping[str, Json]:
    """Return what is noted of a person's answers, by the key of the request."""
    noted = past.noted(PersonKey(recipient=customer).text).get(ANSWERS)
    return noted if isinstance(noted, Mapping) else {}


def within(options: Options, rule: str) -> timedelta:
    """Return how long an answer to a rule's requests is looked for; of a rule that is gone, the longest of all."""
    mine = [one.answer_within for one in options.rules if one.name == rule]
    return max(mine or [one.answer_within for one in options.rules])


def kept_back(
    options: Options, own: str, customer: str, past: Past, now: datetime
) -> tuple[datetime | None, str] | None:
    """Return until when a request to a person must wait and why; ``None`` when it may go.

    Without a moment, or with one that is past, it is looked at again in each run: nobody knows how long it takes.
    One that is open keeps others back until it is answered or its time has passed: the profile has one set of answer
    attributes. One that was sent does for the cool-down. ``own`` is the key of the request itself.
    """
    others = [one for one in of_person(customer, past) if one.key != own]
    if any(one.pending for one in others):
        return None, "waits: another request to this person is on its way"
    done = answered(customer, past)
    found: list[tuple[datetime, str]] = []
    for one in others:
        if one.at is None:
            continue
        open_until = one.at + within(options, one.rule)
        if one.key not in done and now < open_until:
            # An answer may end it at any time; before the cool-down is over that makes no difference.
            why = f"waits: {one.rule} was asked on {one.at:%Y-%m-%d} and is not answered yet"
            found.append((min(open_until, one.at + options.cooldown), why))
        if now < (until := one.at + options.cooldown):
            why = f"waits: this person was asked on {one.at:%Y-%m-%d}, cool-down until {until:%Y-%m-%d}"
            found.append((until, why))
    return max(found, default=None)
