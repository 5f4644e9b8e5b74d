"""The last look before a message leaves: known to Braze, consent, bounces, and the facts read again; writes nothing.

Only what is written to a profile is held against it: what goes to Extended ECM names a workspace, not a person.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Screening
from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.deliver.rereading import Rereading
from ecmbraze.engine.plan.planner import UNPLANNABLE
from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Flow
from ecmbraze.ledger.outbox import Row, Seen, Step
from ecmbraze.model import (
    MOVED,
    WENT,
    Action,
    ContentKey,
    Facts,
    Kind,
    PersonKey,
    Profile,
    Record,
    State,
    System,
    WorkspaceKey,
    keys,
)
from ecmbraze.needs import Needs
from ecmbraze.planning.consent import demands as consent
from ecmbraze.planning.consent.demands import Demand, Given
from ecmbraze.ports import Clock, PeopleReader

_TOGETHER = 50  # people per export (api/braze.md 4.3)


@dataclass(slots=True, kw_only=True)
class Screen:
    """Read-only: what it finds becomes steps for the rows that must not go now."""

    people: PeopleReader
    records: Rereading
    flow: Flow[Any]
    options: Any
    needs: Needs
    bounced: Callable[[], frozenset[str]]
    today: Callable[[str], int]
    max_per_person: int | None
    twins: Callable[[Action], Sequence[str]]
    """The other people who got, or may have got, this message of the same occasion."""
    reached: Callable[[Action, str], bool]
    """Whether an earlier occurrence of the rule, by its beginning, reached the person of a message."""
    staged: Callable[[str], bool]
    """Whether what happens once was ever staged under a business key."""
    withdrawn: Callable[[str, Sequence[str]], frozenset[str]]
    """The channels on which a withdrawal stands by the ledger, of a person or of whoever shares one of these addresses:
    reads of Braze lag behind, and Braze keeps a state with the address (api/braze.md 5.2)."""
    mirrored: Callable[[Sequence[str]], Mapping[str, Record | None]]
    """The records as the ledger last saw them, by key."""
    attributes: Container[str]
    """The attributes that the flow writes today."""
    standing: Callable[[Kind, str], str]
    """Whether the present content of a campaign or Canvas is archived and approved, in words; empty for an event."""
    customer: Callable[[str], Facts]
    """What is open of a person, for rules that are stopped by it."""
    clock: Clock
    zone: tzinfo
    unread: int = 0
    """How many messages wait because their record could not be read again."""
    seen: dict[int, Seen] = field(default_factory=dict)
    """Row number → the consent on which a message of this look may leave now, for the history."""
    held: dict[str, Record | None] = field(default_factory=dict)
    """What was mirrored of the records of this look."""
    promised: dict[str, int] = field(default_factory=dict)
    addresses: dict[tuple[str, ...], str] = field(default_factory=dict)
    """(message of an occasion, address) → who gets it in this run."""

    def look(self, rows: Sequence[Row]) -> list[Step]:
        """Return a step for each row that is suppressed, superseded or must wait; the others may leave now."""
        told_of = {row.action.record for row in rows if row.action.kind.is_message}
        self.promised, self.seen = {}, {}
        self.held = dict(self.mirrored(sorted(told_of)))
        steps = {
            row.id: Step(row=row, state=State.SUPERSEDED, why=why) for row in rows if (why := self._overtaken(row))
        }
        steps |= {row.id: step for row in rows if row.id not in steps and (step := self._postponed(row))}
        left = [(row, found) for row in rows if row.id not in steps and (found := _screening(row.action))]
        if left:
            began = self.clock.now()
            twins = (twin for row, screening in left if screening.counted for twin in self.twins(row.action))
            profiles = self.people.profiles(list(dict.fromkeys([*(row.action.recipient for row, _ in left), *twins])))
            groups = self._groups(row.action for row, _ in left)
            judged = ((row.id, self._refused(row, screening, profiles, groups, began)) for row, screening in left)
            steps |= {number: step for number, step in judged if step}
            going = [one for one in left if one[0].id not in steps and profiles.get(one[0].action.recipient)]
            if behind := {row.action.record for row, _ in going if row.action.kind.is_message}:
                self.records.read({record: self._mirror(record) for record in sorted(behind)})
            judged = ((row.id, self._kept(row, screening, profiles)) for row, screening in going)
            steps |= {number: step for number, step in judged if step}
        return [steps[row.id] for row in rows if row.id in steps]

    def consenting(self, actions: Iterable[Action]) -> tuple[int, int]:
        """Return how many of these messages consent lets through, and for how many people."""
        messages, people = 0, set[str]()
        for part in batched(actions, _TOGETHER):
            profiles = self.people.profiles(list(dict.fromkeys(action.recipient for action in part)))
            groups = self._groups(part)
            for action in part:
                wanted, known = self._demands(action), profiles.get(action.recipient, ())
                held = groups.get(action.recipient, {})
                if not known or not consent.refusal(wanted, self._given(action, known[0], wanted, held)):
                    messages, people = messages + 1, people | {action.recipient}
        return messages, len(people)

    def configured(self, row: Row) -> bool:
        """Say whether the flow still writes all attributes of a row."""
        return all(name in self.attributes for name in row.action.names)

    def _mirror(self, key: str) -> Record | None:
        if key not in self.held:
            self.held |= self.mirrored([key])
        return self.held[key]

    def _overtaken(self, row: Row) -> str:
        """Return why a message is no longer wanted, as far as that shows without asking a system."""
        action, screening = row.action, _screening(row.action)
        named = screening is not None and screening.configured and action.payload is not None
        if named and not self.configured(row):
            return f"the attribute {action.name} is no longer configured"  # what clears it still goes
        if (end := channel_of(action.kind).taken_back_by(action)) and self.staged(end):
            return "not needed any more"
        if not action.kind.is_message:
            return WENT if self._placeless(action) and not channel_of(action.kind).outlasts else ""
        rule = next((rule for rule in self.flow.rules(self.options) if rule.name == action.rule), None)
        if rule is None:
            return f"the rule {action.rule!r} is no longer configured"
        if rule.sending(action.kind, action.name) is None:
            return f"the rule {action.rule!r} no longer sends {action.kind} {action.name}"
        record = self._mirror(action.record)
        if record is not None and record.gone:
            return WENT
        if record is not None and action.recipient not in record.customers:
            return MOVED
        opening = self.flow.follows(action.occurrence)
        if opening and not self.reached(action, opening):
            return "this person never heard of the opening"
        return ""

    def _placeless(self, action: Action) -> bool:
        """Say whether the workspace that is written to is gone."""
        if action.kind.system is not System.ECM or not isinstance(keys.read(action.recipient), WorkspaceKey):
            return False
        place = self._mirror(action.recipient)
        return place is not None and place.gone

    def _postponed(self, row: Row) -> Step | None:
        """Return the step of what may leave later: at another time of day, or once its workspace is back."""
        if not row.action.kind.is_message:
            return Step(row=row, state=State.WAITING, why=WENT) if self._placeless(row.action) else None
        why = self.flow.postponed(self.options, row.action.rule, self.zone, self.clock.now())
        return Step(row=row, state=State.WAITING, why=why) if why else None

    def _demands(self, action: Action) -> tuple[Demand, ...]:
        """Return what the consent stored with a message and the rule as it is now demand together."""
        rule = next((rule for rule in self.flow.rules(self.options) if rule.name == action.rule), None)
        send = rule.sending(action.kind, action.name) if rule else None
        return consent.demands(action.consent, send.demanded(action.kind) if send else None)

    def _groups(self, actions: Iterable[Action]) -> dict[str, dict[str, str]]:
        """Return person → group → state, of the groups that messages demand."""
        wanted: dict[str, list[str]] = {}
        for action in actions:
            for group in consent.groups(self._demands(action)):
                wanted.setdefault(group, []).append(action.recipient)
        states: dict[str, dict[str, str]] = {}
        for group, people in wanted.items():
            for person, state in self.people.group_states(group, list(dict.fromkeys(people))).items():
                states.setdefault(person, {})[group] = state
        return states

    def _refused(
        self,
        row: Row,
        screening: Screening,
        profiles: Mapping[str, Sequence[Profile]],
        groups: Mapping[str, Mapping[str, str]],
        began: datetime,
    ) -> Step | None:
        action = row.action
        known, wanted = profiles.get(action.recipient, ()), self._demands(action)
        if len(known) > 1 and not screening.shared:
            return Step(row=row, state=State.SUPPRESSED, why=f"{len(known)} profiles in Braze share this recipient")
        if not known:  # Braze would answer success and drop it (api/braze.md 1.6)
            fate = screening.absent(action, bool(wanted))
            return Step(row=row, state=fate[0], why=fate[1]) if fate else None
        given = self._given(action, known[0], wanted, groups.get(action.recipient, {}))
        if reason := consent.refusal(wanted, given):
            return Step(row=row, state=State.SUPPRESSED, why=reason)
        self.seen[row.id] = Seen(states=consent.seen(wanted, given), at=began)
        return None

    def _kept(self, row: Row, screening: Screening, profiles: Mapping[str, Sequence[Profile]]) -> Step | None:
        action = row.action
        if screening.counted and (reason := self._twin(action, profiles[action.recipient][0], profiles)):
            return Step(row=row, state=State.SUPPRESSED, why=reason)
        if action.kind.is_message and (step := self._facts(row) or self._unarchived(row)):
            return step
        return self._rate(row) if screening.counted else None

    def _unarchived(self, row: Row) -> Step | None:
        """Hold a message back whose rule wants its content archived and approved, until it is."""
        rule = next((rule for rule in self.flow.rules(self.options) if rule.name == row.action.rule), None)
        if rule is None or not rule.require_archived:
            return None
        from ecmbraze.engine.deliver.archived import YES  # where a rule wants it

        standing = self.standing(row.action.kind, row.action.name)
        return None if standing in ("", YES) else Step(row=row, state=State.WAITING, why=standing)

    def _given(self, action: Action, profile: Profile, wanted: Sequence[Demand], groups: Mapping[str, str]) -> Given:
        """Return what is known of a person's consent; the bounce list is read when the first e-mail needs it."""
        mailed = any(demand.channel == "email" for demand in wanted)
        bounced = mailed and bool(profile.email) and _address(profile) in self.bounced()
        reached = {profile.email if demand.channel == "email" else profile.phone for demand in wanted}
        addresses = [address for address in reached if address]
        withdrawn = self.withdrawn(action.recipient, addresses) if wanted else frozenset[str]()
        return Given(profile=profile, bounced=bounced, groups=groups, withdrawn=withdrawn)

    def _twin(self, action: Action, profile: Profile, profiles: Mapping[str, Sequence[Profile]]) -> str:
        """Return why this copy stays: somebody with the same address gets, or got, the same message (fault B30)."""
        address = _address(profile)
        if not address:
            return ""
        held = [twin for twin in self.twins(action) for other in profiles.get(twin, ()) if _address(other) == address]
        occasion = (action.flow, action.record, action.rule, action.occurrence, action.kind, action.name, address)
        first = held[0] if held else self.addresses.setdefault(occasion, action.recipient)
        return f"{first} has the same e-mail address and gets this message" if first != action.recipient else ""

    def _facts(self, row: Row) -> Step | None:
        """Read the record again: a rule that no longer holds takes its message back."""
        try:
            record = self._record(row.action.record)
            asked = (record, row.action.rule, row.action.occurrence)
            reason = self.flow.holds(self.options, *asked, self.zone, self.clock.now()) or self._stopped(row, record)
        except RecordUnreadable as error:
            return self._wait(row, f"record cannot be read again: {error.happened}")
        except UNPLANNABLE as error:
            return self._wait(row, f"its rule cannot be judged again ({type(error).__name__})")
        if reason is None and row.action.recipient not in record.customers:
            reason = MOVED
        return Step(row=row, state=State.SUPERSEDED, why=reason) if reason else None

    def _stopped(self, row: Row, record: Record) -> str | None:
        """Return what is open of the person and stops the rule; what tells of an end is not taken back."""
        rule = next((rule for rule in self.flow.rules(self.options) if rule.name == row.action.rule), None)
        if rule is None or not rule.asks_of_customers or self.flow.follows(row.action.occurrence):
            return None
        return rule.stopped_by({**record.named, **self.customer(row.action.recipient)})

    def _wait(self, row: Row, why: str) -> Step:
        self.unread += 1
        return Step(row=row, state=State.WAITING, why=why)

    def _record(self, key: str) -> Record:
        """Return a record as its source has it now: what Braze says of a person was read with their profile."""
        known = self._mirror(key)
        match keys.read(key):
            case WorkspaceKey(id=number):
                return self.records.one(number, known)
            case PersonKey() | ContentKey():
                if known is None:
                    raise RecordUnreadable("it was never read")
                return known

    def _rate(self, row: Row) -> Step | None:
        action = row.action
        if self.max_per_person is None:
            return None
        promised = self.promised.get(action.recipient, 0)
        if self.today(action.recipient) + promised >= self.max_per_person:
            return Step(row=row, state=State.WAITING, why=f"max_per_person {self.max_per_person} reached")
        self.promised[action.recipient] = promised + 1
        return None


def _screening(action: Action) -> Screening | None:
    return channel_of(action.kind).screening


def _address(profile: Profile) -> str:
    return (profile.email or "").lower()
