"""The last look before a message leaves: known to Braze, consent, bounces, and the facts read again; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from ecmbraze.engine.reading import read_whole
from ecmbraze.engine.records import as_record, for_flow, of_type
from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Flow, Needs
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import UNMET, Action, Json, Kind, Profile, Record, State
from ecmbraze.ports import Clock, PeopleReader, WorkspaceReader

# delivery.md, "Screen": the facts behind a message are at most this old, in seconds, before its first byte.
_FRESH_S = 60.0


@dataclass(slots=True, kw_only=True)
class Screen:
    """Read-only: what it finds becomes steps for the rows that must not go now."""

    people: PeopleReader
    workspaces: WorkspaceReader
    flow: Flow[Any]
    options: Any
    needs: Needs
    bounced: Callable[[], frozenset[str]]
    today: Callable[[str], int]
    max_per_person: int | None
    twins: Callable[[Action], Sequence[str]]
    """The other people who got, or may have got, this message of the same occasion."""
    fresh: dict[int, tuple[float, Record]]
    clock: Clock
    zone: tzinfo
    unread: int = 0
    """How many messages wait because their record could not be read again."""
    promised: dict[str, int] = field(default_factory=dict)
    addresses: dict[tuple[str, ...], str] = field(default_factory=dict)
    """(message of an occasion, address) → who gets it in this run."""

    def look(self, rows: Sequence[Row]) -> list[Step]:
        """Return a step for each row that is suppressed, superseded or must wait; the others may leave now."""
        self.promised = {}
        twins = (twin for row in rows if _is_trigger(row.action) for twin in self.twins(row.action))
        recipients = list(dict.fromkeys([*(row.action.recipient for row in rows), *twins]))
        profiles = self.people.profiles(recipients)
        groups = self._groups(rows)
        return [step for row in rows if (step := self._one(row, profiles, groups))]

    def _groups(self, rows: Sequence[Row]) -> dict[tuple[str, str], str]:
        wanted: dict[str, list[str]] = {}
        for row in rows:
            for _, demand in _channels(row.action):
                if demand.get("group"):
                    wanted.setdefault(str(demand["group"]), []).append(row.action.recipient)
        return {
            (group, person): state
            for group, people in wanted.items()
            for person, state in self.people.group_states(group, list(dict.fromkeys(people))).items()
        }

    def _one(
        self, row: Row, profiles: Mapping[str, Sequence[Profile]], groups: Mapping[tuple[str, str], str]
    ) -> Step | None:
        action = row.action
        known = profiles.get(action.recipient, ())
        if len(known) > 1:
            return Step(row=row, state=State.SUPPRESSED, why=f"{len(known)} profiles in Braze share this recipient")
        if not known:
            # Braze drops updates of unknown people and still answers success (api/braze.md 1.6).
            return None if self._creates(action) else Step(row=row, state=State.WAITING, why=UNMET)
        if action.consent is not None and (reason := self._refusal(action, known[0], groups)):
            return Step(row=row, state=State.SUPPRESSED, why=reason)
        if _is_trigger(action) and (reason := self._twin(action, known[0], profiles)):
            return Step(row=row, state=State.SUPPRESSED, why=reason)
        if action.kind.is_message and (step := self._facts(row)):
            return step
        return self._rate(row)

    def _twin(self, action: Action, profile: Profile, profiles: Mapping[str, Sequence[Profile]]) -> str:
        """Return why this copy stays: somebody with the same address gets, or got, the same message (fault B30)."""
        address = _address(profile)
        if not address:
            return ""
        held = [twin for twin in self.twins(action) for other in profiles.get(twin, ()) if _address(other) == address]
        occasion = (action.flow, action.record, action.rule, action.occurrence, action.kind, action.name, address)
        first = held[0] if held else self.addresses.setdefault(occasion, action.recipient)
        return f"{first} has the same e-mail address and gets this message" if first != action.recipient else ""

    def _creates(self, action: Action) -> bool:
        transactional = action.consent is None or "transactional" in action.consent
        return action.create_profile and action.kind is not Kind.EVENT and transactional

    def _refusal(self, action: Action, profile: Profile, groups: Mapping[tuple[str, str], str]) -> str:
        for channel, demand in _channels(action):
            state = profile.push_subscribe if channel == "push" else profile.email_subscribe
            if channel in ("email", "push"):
                if state == "unknown":
                    return f"consent_unknown: Braze tells no {channel} state that it documents"
                if state == "unsubscribed":
                    return f"unsubscribed from {channel}"
                if demand.get("state") == "opted_in" and state != "opted_in":
                    return f"{channel} is {state}, the rule demands opted_in"
            if channel == "email" and profile.email and profile.email.lower() in self.bounced():
                return "the e-mail address bounced"
            if demand.get("group"):
                held = groups.get((str(demand["group"]), action.recipient), "unknown").lower()
                if held != "subscribed":
                    return f"consent_unknown: group {demand['group']}" if held == "unknown" else f"group is {held}"
        return ""

    def _facts(self, row: Row) -> Step | None:
        """Read the record again: a rule that no longer holds takes its message back."""
        try:
            record = self._record(int(row.action.record.removeprefix("ws:")))
            asked = (record, row.action.rule, row.action.occurrence)
            reason = self.flow.holds(self.options, *asked, self.zone, self.clock.now())
        except RecordUnreadable as error:
            self.unread += 1
            return Step(row=row, state=State.WAITING, why=f"record cannot be read again: {error.happened}")
        if reason is None and row.action.recipient not in record.customers:
            reason = "the workspace no longer names this customer"
        return Step(row=row, state=State.SUPERSEDED, why=reason) if reason else None

    def _record(self, number: int) -> Record:
        read_at, record = self.fresh.get(number, (-_FRESH_S, None))
        old = self.clock.monotonic() - read_at > _FRESH_S
        if record is None or old or not self.needs.names(record.type) <= record.facts.keys():
            needs = of_type("", [self.needs])
            record, _ = as_record(read_whole(self.workspaces, number, needs, {}), needs)
            self.fresh[number] = (self.clock.monotonic(), record)
        return for_flow(record, self.needs)

    def _rate(self, row: Row) -> Step | None:
        action = row.action
        if self.max_per_person is None or not _is_trigger(action):
            return None
        promised = self.promised.get(action.recipient, 0)
        if self.today(action.recipient) + promised >= self.max_per_person:
            return Step(row=row, state=State.WAITING, why=f"max_per_person {self.max_per_person} reached")
        self.promised[action.recipient] = promised + 1
        return None


def _is_trigger(action: Action) -> bool:
    return action.kind in (Kind.CAMPAIGN, Kind.CANVAS)


def _address(profile: Profile) -> str:
    return (profile.email or "").lower()


def _channels(action: Action) -> Iterable[tuple[str, Mapping[str, Json]]]:
    for channel, demand in (action.consent or {}).items():
        if isinstance(demand, Mapping):
            yield channel, demand
