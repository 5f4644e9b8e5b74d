"""What planning reads and decides: records, changes, actions, skips; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from ecmbraze.model import keys
from ecmbraze.model.documents import Document
from ecmbraze.model.keys import ContentKey, Key, PersonKey, WorkspaceKey
from ecmbraze.model.vocabulary import Fact, Facts, Json, Kind, State, System

# The occurrence of a reminder: the date it is counted from, and how far from it.
_REMINDER = re.compile(r"\d{4}-\d\d-\d\d(?P<distance>[+-]\d+d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One workspace, one person or one asset in Braze, as a flow sees it: only the facts that rules name, by name."""

    key: Key
    stream: str
    """Where it comes from; see :mod:`ecmbraze.model.keys`."""
    name: str
    created_at: datetime
    modified_at: datetime
    facts: Facts
    customers: tuple[str, ...]
    """The recipients this record leads to, in the order of the record; empty when it names nobody."""
    documents: tuple[Document, ...] = ()
    """The documents a rule may speak of, in id order; empty for a flow that names none."""
    gone: bool = False
    """Missing from two complete listings. Corrects attributes and closes gates, never fires a message."""
    _named: dict[str, Fact] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Once asked for: what every rule and attribute reads."""

    @property
    def type(self) -> str:
        """The workspace type; empty where it is no workspace."""
        return keys.type_of(self.stream)

    @property
    def number(self) -> int:
        """What ties are broken by: the node id of a workspace; 0 where it is none."""
        match self.key:
            case WorkspaceKey(id=number):
                return number
            case PersonKey() | ContentKey():
                return 0

    @property
    def named(self) -> Facts:
        """Return the facts with those every workspace has: ``workspace.id``, ``.name``, ``.type`` and its dates."""
        match self.key:
            case WorkspaceKey(id=number):
                if not self._named:
                    self._named.update(self.facts)
                    self._named["workspace.id"] = number
                    self._named["workspace.name"] = self.name
                    self._named["workspace.type"] = self.type
                    self._named["workspace.created"] = self.created_at.isoformat()
                    self._named["workspace.modified"] = self.modified_at.isoformat()
                return self._named
            case PersonKey() | ContentKey():
                return self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record to plan: what it was when this flow last looked, and what it is now.

    ``before`` is ``None`` when the flow never saw the record. ``fires`` is false at a baseline and for records
    that existed before it but are first seen now. A record is also planned again, unchanged, when what was due of it
    has come.
    """

    record: Record
    before: Record | None
    fires: bool
    memory: Mapping[str, Json]
    """What the flow noted of this record beside its facts, e.g. rule → how often it has happened."""
    since: datetime | None = None
    """When ``before`` was planned, by our clock; ``None`` with it."""
    late: bool = False
    """Whether the record is older than the baseline and seen only now: its attributes go, nothing of it is news."""
    unreached: frozenset[tuple[str, str]] = frozenset()
    """(rule, occurrence) whose messages reached nobody, because their person was corrected: they happen once more."""

    @property
    def corrects(self) -> bool:
        """Say whether attributes follow this change: whatever fires, what is seen late, and what is gone."""
        return self.fires or self.late or (self.record.gone and self.before is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One intended write.

    ``name`` is the attribute, the event, or the campaign or Canvas id; ``payload`` is the attribute's value, the
    event's body, or ``{"properties": …, "attributes": …}`` of a triggered message. A withdrawal is named ``email``,
    ``push`` or ``group:<id>``. What goes to Extended ECM has a workspace for its recipient: a category carries all
    values that the flow keeps of it, ``{"Category.Attribute": …}``; a document ``{"folder": …, "content": text}``
    under its file name. A follow-up is named by its rule and carries :meth:`FollowUp.payload`; a completion is named
    by the mark of the follow-up it ends and carries its type. What archives an asset has the asset for its recipient,
    and says in ``payload`` where. What holds several writes is named by the JSON list of their names, and carries
    ``{name: payload}`` of each; see :attr:`each`.
    """

    flow: str
    record: str
    rule: str
    occurrence: str
    """Tells one happening of the rule from the next: a count, a date."""
    kind: Kind
    recipient: str
    name: str
    payload: Json
    expires_at: datetime
    reason: str
    consent: Mapping[str, Json] | None = None
    """Channel → ``{"state": …, "group": …}``, or ``{"transactional": reason}``; ``None`` for what needs none."""
    create_profile: bool = False
    not_before: datetime | None = field(default=None, compare=False)
    """The earliest it can have happened, where more is known than that the record changed; not stored."""

    @property
    def key(self) -> str:
        """The business key: never the payload, never the modify date (delivery.md)."""
        return f"{self.flow}/{self.record}/{self.rule}/{self.occurrence}/{self.kind}/{self.recipient}"

    @property
    def series(self) -> str:
        """What the occurrence recurs in: counts of a rule and states of a gate, versions of one document, dates of
        one reminder. A held message keeps back only what follows it in its series.
        """
        if self.occurrence.startswith("doc:"):
            return self.occurrence.partition(".v")[0]
        reminder = _REMINDER.fullmatch(self.occurrence)
        return reminder["distance"] if reminder else ""

    @property
    def person(self) -> str:
        """Whom it is about; empty where a workspace is written to because of a record that is no person."""
        if self.kind.system is System.BRAZE:
            return self.recipient
        match keys.read(self.record):
            case PersonKey(recipient=recipient):
                return recipient
            case WorkspaceKey() | ContentKey():
                return ""

    @property
    def target(self) -> str:
        """What is written; of ``latest`` kinds only the newest per target goes out."""
        if self.kind.holds:  # beside the targets of its parts, and none of theirs: no name begins so
            return f"{self.recipient}/{self.kind.holds}/@{min(self.names)}"
        return target(self.recipient, self.kind, self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what it writes."""
        return _names(self.name) if self.kind.holds else (self.name,)

    @property
    def each(self) -> tuple[Action, ...]:
        """The writes that this one holds, each as it was planned; of any other this one alone."""
        return tuple(self.part(name) for name in self.names) if self.kind.holds else (self,)

    def part(self, name: str) -> Action:
        """Return the write of one of its names."""
        if self.kind.holds is None:
            return self
        values = self.payload if isinstance(self.payload, Mapping) else {}
        return replace(self, kind=self.kind.holds, rule=name, name=name, payload=values.get(name))

    @property
    def keys(self) -> tuple[str, ...]:
        """The business keys of what it writes, in the order of its names."""
        kind = self.kind.holds
        if kind is None:
            return (self.key,)
        first, last = f"{self.flow}/{self.record}/", f"/{self.occurrence}/{kind}/{self.recipient}"
        return tuple(f"{first}{name}{last}" for name in self.names)


def target(recipient: str, kind: Kind, name: str) -> str:
    """Return what one write writes; of ``latest`` kinds only the newest per target goes out."""
    return f"{recipient}/{kind}/{name}"


def together(actions: Iterable[Action]) -> list[Action]:
    """Put the values that one record writes to one person for one reason into one action; all others stay themselves.

    What clears a value stays by itself: it ends where Braze does not know the person, and the others wait.
    """
    found: dict[tuple[object, ...], list[Action]] = {}
    for number, action in enumerate(actions):
        shared: tuple[object, ...] = (number,)
        if action.kind.held_by and _joins(action):
            shared = (action.flow, action.record, action.recipient, action.occurrence, action.reason)
            shared += (action.create_profile, action.expires_at)
        found.setdefault(shared, []).append(action)
    return [_one(some) for some in found.values()]


def _joins(action: Action) -> bool:
    return action.payload is not None and action.consent is None and action.rule == action.name


@lru_cache(maxsize=1024)  # most people are written the same attributes
def _names(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def _text(names: tuple[str, ...]) -> str:
    return json.dumps(names, separators=(",", ":"))


def _one(actions: list[Action]) -> Action:
    first, kind = actions[0], actions[0].kind.held_by
    if kind is None or len(actions) == 1:
        return first
    names = _text(tuple(action.name for action in actions))
    values = {action.name: action.payload for action in actions}
    return replace(first, kind=kind, rule=str(kind), name=names, payload=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Where one message to a person stands; ``at`` is since when, ``None`` while it is only planned."""

    record: str
    rule: str
    occurrence: str
    state: State
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How something that happens once stands, since when, and what was said of it last."""

    state: State
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A record, or one rule of it, that is left out, with a reason a person understands."""

    record: str
    customer: str
    rule: str
    reason: str
    quarantined: bool = False
    again: bool = False
    """Whether it rests on another record that cannot be used, so that its own is planned again in each run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a flow makes of one change."""

    actions: tuple[Action, ...] = ()
    skips: tuple[Skip, ...] = ()
    memory: Mapping[str, Json] = field(default_factory=dict)
    due: datetime | None = None
    """When the flow would act although nothing changes: the record is planned again then."""
    grants: int = 0
    """How many withdrawals on record another state replaces; guards count them."""

    @classmethod
    def of(
        cls,
        outcome: Iterable[Action | Skip],
        *,
        memory: Mapping[str, Json],
        due: datetime | None = None,
        grants: int = 0,
    ) -> Decision:
        """Return the decision with these actions and skips, in their order."""
        entries = tuple(outcome)
        return cls(
            actions=tuple(entry for entry in entries if isinstance(entry, Action)),
            skips=tuple(entry for entry in entries if isinstance(entry, Skip)),
            memory=memory,
            due=due,
            grants=grants,
        )
