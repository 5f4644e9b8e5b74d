"""What planning reads and decides: records, changes, skips, decisions; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.model import keys
from ecmbraze.model.actions import Action
from ecmbraze.model.documents import Document
from ecmbraze.model.keys import ContentKey, Key, PersonKey, WorkspaceKey
from ecmbraze.model.vocabulary import MOVED, WENT, Fact, Facts, Json, Kind, State


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

    def gives_way(self, kind: Kind) -> bool:
        """Say whether one that is planned anew goes in its place: it never went itself (`ledger/stage.py`)."""
        if self.state is State.SUPERSEDED:
            return self.why in (MOVED, WENT)
        return self.state is State.REFUSED and kind is Kind.FOLLOW_UP


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
    expired: bool = False
    """Whether a message was awaited here, and its time went by unseen."""


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
