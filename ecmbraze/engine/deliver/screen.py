"""The last look before a message leaves: known to Braze, consent, bounces, and the facts read again; writes nothing.

Only what is written to a profile is held against it: what goes to Extended ECM names a workspace, not a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Screening
from ecmbraze.engine.deliver.consents import Consents, Told, address_of, consent_too_late
from ecmbraze.engine.deliver.rereading import LIFE_S, Rereading
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
from ecmbraze.ports import Clock

# Where the records took so long, people are asked about once more.
_STALE_S = 20.0
# So often Braze is asked for fewer people before the run gives up.
_TRIES = 6
_LATE = "expired unsent: the run went on for so long that its time was over before its turn came"


@dataclass(slots=True, kw_only=True)
class Screen:
    """Read-only: what it finds becomes steps for the rows that must not go now."""

    consents: Consents
    records: Rereading
    flow: Flow[Any]
    options: Any
    needs: Needs
    today: Callable[[str], int]
    max_per_person: int | None
    twins: Callable[[Action], Sequence[str]]
    """The other people who got, or may have got, this message of the same occasion."""
    reached: Callable[[Action, str], bool]
    """Whether an earlier occurrence of the rule, by its beginning, reached the person of a message."""
    renewed: Callable[[Action, str], bool]
    """Whether a later occurrence of a message, by its beginning, was staged for its person."""
    staged: Callable[[str], bool]
    """Whether what happens once was ever staged under a business key."""
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
    asked_s: float = -math.inf
    """When the look began at the people of those that may leave now, monotonic."""
    later: set[int] = field(default_factory=set)
    """Row numbers: what this look did not reach in time is for the next."""
    seen: dict[int, Seen] = field(default_factory=dict)
    """Row number → the consent on which a message of this look may leave now, for the history."""
    held: dict[str, Record | None] = field(default_factory=dict)
    """What was mirrored of the records of this look."""
    promised: dict[str, int] = field(default_factory=dict)
    addresses: dict[tuple[str, ...], str] = field(default_factory=dict)
    """(message of an occasion, address) → who gets it by this look or dry run; the outbox knows of those before."""

    def look(self, rows: Sequence[Row], *, in_time: bool = True) -> list[Step]:
        """Return a step for each row that is suppressed, superseded or must wait; the others may leave now.

        But for those ``later``: ``in_time`` stops where what was read first would be old before the rest is read.
        """
        told_of = {row.action.record for row in rows if row.action.kind.is_message}
        self.promised, self.seen, self.later = {}, {}, set()
        self.addresses = {} if in_time else self.addresses
        self.held = dict(self.mirrored(sorted(told_of)))
        steps = {
            row.id: Step(row=row, state=State.SUPERSEDED, why=why) for row in rows if (why := self._overtaken(row))
        }
        steps |= {row.id: step for row in rows if row.id not in steps and (step := self._postponed(row))}
        left = [(row, found) for row in rows if row.id not in steps and (found := _screening(row.action))]
        if left:
            steps |= self._look_at(left, in_time)
        return [steps[row.id] for row in rows if row.id in steps]

    def _look_at(self, left: Sequence[tuple[Row, Screening]], in_time: bool) -> dict[int, Step]:
        """Return the steps of rows after a look at their people, and at the records behind their messages."""
        left, told = self._ask(left, in_time)
        steps = self._refused(left, told)
        going: Sequence[tuple[Row, Screening]] = [one for one in left if one[0].id not in steps]
        if behind := {row.action.record for row, _ in going if row.action.kind.is_message}:
            asked = {record: self._mirror(record) for record in sorted(behind)}
            unread = self.records.read(asked, in_time=in_time)
            self.later |= {row.id for row, _ in going if row.action.kind.is_message and row.action.record in unread}
            going = [one for one in going if one[0].id not in self.later]
            if going and in_time and self.clock.monotonic() - told.asked_s > _STALE_S:
                going, told = self._ask(going, in_time)
                steps |= self._refused(going, told)
        judged = (
            (row.id, self._kept(row, screening, told.profiles)) for row, screening in going if row.id not in steps
        )
        return steps | {number: step for number, step in judged if step}

    def _ask(
        self, left: Sequence[tuple[Row, Screening]], in_time: bool
    ) -> tuple[Sequence[tuple[Row, Screening]], Told]:
        """Ask for the people behind rows, of fewer each time that it took too long for the messages among them.

        Return the rows that were asked for, and what Braze said; the others are for the next look. A rate limit may be
        used up between two requests of one look, so that the first answer gets old.
        """
        for _ in range(_TRIES):
            twins = (twin for row, screening in left if screening.counted for twin in self.twins(row.action))
            told = self.consents.ask([row.action for row, _ in left], twins)
            self.asked_s = told.asked_s
            if not (told.late and in_time and any(row.action.kind.is_message for row, _ in left)):
                return left, told
            fewer = told.fewer(len(left))
            self.later |= {row.id for row, _ in left[fewer:]}
            left = left[:fewer]
        raise consent_too_late(len(told.profiles))

    def _refused(self, left: Sequence[tuple[Row, Screening]], told: Told) -> dict[int, Step]:
        """Return the steps of rows that their people do not get; of the others note the consent on which they leave."""
        steps: dict[int, Step] = {}
        for row, screening in left:
            match self.consents.refused(row, screening, told):
                case Step() as step:
                    steps[row.id] = step
                case Seen() as seen:
                    self.seen[row.id] = seen
                case None:
                    pass
        return steps

    def _is_late(self, row: Row) -> bool:
        return row.action.expires_at <= self.clock.now()

    def outdated(self, row: Row) -> bool:
        """Say whether a message, or what it rests on, is too old for it to leave now; of any other row nothing is."""
        if not row.action.kind.is_message:
            return False
        if self._is_late(row):
            return True
        return self.clock.monotonic() - min(self.asked_s, self.records.read_s(row.action.record)) > LIFE_S

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
        opening, again = self.flow.follows(action.occurrence), self.flow.renews(action.occurrence)
        if opening and not self.reached(action, opening):
            return "this person never heard of the opening"
        if again and self.renewed(action, again):
            return "it closed, and opened again since"
        return ""

    def _placeless(self, action: Action) -> bool:
        """Say whether the workspace that is written to is gone."""
        if action.kind.system is not System.ECM or not isinstance(keys.read(action.recipient), WorkspaceKey):
            return False
        place = self._mirror(action.recipient)
        return place is not None and place.gone

    def _postponed(self, row: Row) -> Step | None:
        """Return the step of what may leave later, at another time of day or once its workspace is back; or never."""
        if not row.action.kind.is_message:
            return Step(row=row, state=State.WAITING, why=WENT) if self._placeless(row.action) else None
        if self._is_late(row):
            return Step(row=row, state=State.EXPIRED, why=_LATE)
        why = self.flow.postponed(self.options, row.action.rule, self.zone, self.clock.now())
        return Step(row=row, state=State.WAITING, why=why) if why else None

    def _kept(self, row: Row, screening: Screening, profiles: Mapping[str, Sequence[Profile]]) -> Step | None:
        action = row.action
        known = profiles.get(action.recipient, ())  # nobody yet, where the message itself creates the profile
        if screening.counted and known and (reason := self._twin(action, known[0], profiles)):
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

    def _twin(self, action: Action, profile: Profile, profiles: Mapping[str, Sequence[Profile]]) -> str:
        """Return why this copy stays: somebody with the same address gets, or got, the same message (fault B30)."""
        address = address_of(profile)
        if not address:
            return ""
        held = [twin for twin in self.twins(action) for other in profiles.get(twin, ()) if address_of(other) == address]
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
                return self.records.one(number)
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
