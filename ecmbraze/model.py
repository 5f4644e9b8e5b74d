"""The values that travel between the steps; pure, frozen, no behaviour that needs a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias

# What JSON can say. Dates travel as ISO 8601 text: a day as "2026-02-28", an instant with its offset.
Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
# The value of one fact: a scalar, or several of them for a multi-value attribute.
Fact: TypeAlias = "None | bool | int | float | str | tuple[None | bool | int | float | str, ...]"
Facts: TypeAlias = Mapping[str, Fact]


class Delivery(StrEnum):
    """What may happen to a write that is sent again (delivery.md, classes S, U and N)."""

    LATEST = "latest"
    UNIQUE = "unique"
    ONCE = "once"


class Phase(IntEnum):
    """The order in which actions leave; each is a barrier."""

    CONSENT = 1
    PROFILE = 2
    RECORDS = 3
    TRIGGER = 4


class Kind(StrEnum):
    """What one action writes. ``delivery`` decides deduplication, superseding and doubt."""

    ATTRIBUTE = "attribute"
    EVENT = "event"
    CAMPAIGN = "campaign"
    CANVAS = "canvas"

    @property
    def delivery(self) -> Delivery:
        return Delivery.LATEST if self is Kind.ATTRIBUTE else Delivery.ONCE

    @property
    def phase(self) -> Phase:
        return Phase.TRIGGER if self in (Kind.CAMPAIGN, Kind.CANVAS) else Phase.PROFILE

    @property
    def is_message(self) -> bool:
        """Events count: they can start campaigns inside Braze."""
        return self.delivery is Delivery.ONCE


class State(StrEnum):
    """Where an outbox row stands; the database enforces the pairs of delivery.md."""

    READY = "ready"
    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    IN_DOUBT = "in doubt"
    HELD = "held"
    SENT = "sent"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """One row of a workspace listing: no categories, only what the listing itself says.

    ``created_at`` and ``modified_at`` are aware, whole seconds. ``columns`` are the ``wnf_att_*`` values
    by their raw column name, empty where the tenant configured none.
    """

    id: int
    type_id: int
    name: str
    created_at: datetime
    modified_at: datetime
    columns: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspacePage:
    """One page of a listing. ``total`` is the server's own count when it gives one."""

    rows: tuple[WorkspaceRow, ...]
    total: int | None
    foreign: int = 0
    """Rows of another workspace type that were dropped (fault E17)."""
    unreadable: tuple[tuple[int, str], ...] = ()
    """Rows that cannot be used: (workspace id, reason), e.g. an implausible modify date (fault E16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceDetail:
    """One workspace with its category values.

    ``facts`` maps ``Category.Attribute`` and, for set rows, ``Category.Set`` to the values by *name*; see
    :class:`ecmbraze.ports.WorkspaceReader`.
    """

    row: WorkspaceRow
    facts: Facts
    sets: Mapping[str, tuple[Facts, ...]] = field(default_factory=dict)
    """``Category.Set`` → its rows in order, each a mapping of the inner attribute name to its value."""
    references: tuple[tuple[str, str, str], ...] = ()
    """Business objects: (external system, type, id); the id is text, zeros and all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeInfo:
    """What ECM says of one category attribute; ``type_name`` as in api/ecm.md 5.1 (String, Integer, Date, Boolean…)."""

    name: str
    """``Category.Attribute`` or ``Category.Set.Attribute``."""
    type_name: str
    multi_value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the screen needs to know of a person in Braze."""

    recipient: str
    email: str | None
    phone: str | None
    email_subscribe: str
    """``opted_in | subscribed | unsubscribed``; Braze omits the default, which is ``subscribed``."""
    push_subscribe: str
    custom_attributes: Mapping[str, Json]
    custom_events: Mapping[str, tuple[int, str]]
    """Event name → (all-time count, last time as Braze prints it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackBatch:
    """One ``/users/track`` request: two arrays, in the order in which they are sent.

    Each object is ``(recipient, body)``; the sink adds the identifier and the update-only switch.
    At most 75 objects together (api/braze.md 1.2).
    """

    attributes: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    events: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    """Body: ``name``, ``time`` (ISO 8601 with offset), optional ``properties``."""
    create_profiles: frozenset[str] = frozenset()
    """Recipients whose attributes object may create the profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRecipient:
    """One person of a triggered send; ``properties`` go out as trigger_properties or Canvas context."""

    recipient: str
    properties: Mapping[str, Json]
    attributes: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerBatch:
    """One ``/campaigns/trigger/send`` or ``/canvas/trigger/send`` request: 1 to 50 distinct recipients.

    A broadcast cannot be expressed: there is no field for it, and an empty batch does not construct.
    """

    kind: Kind
    message_id: str
    recipients: tuple[TriggerRecipient, ...]

    def __post_init__(self) -> None:
        people = {entry.recipient for entry in self.recipients}
        if not 1 <= len(self.recipients) <= 50 or len(people) != len(self.recipients):
            raise ValueError("a trigger needs 1 to 50 distinct recipients")
        if self.kind not in (Kind.CAMPAIGN, Kind.CANVAS):
            raise ValueError(f"{self.kind} is not a triggered message")


class Verdict(StrEnum):
    """What one attempt is known to have done (delivery.md, "Judging one attempt")."""

    ACCEPTED = "accepted"
    NOT_PROCESSED = "not processed"
    REFUSED = "refused"
    """Not processed, and because of what the request says: 400 with Braze's JSON."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The judged outcome of one write request.

    ``refused`` names single objects of an accepted batch: ``(array, index)`` → reason, where array is
    ``attributes`` or ``events`` and index counts inside that array as sent. ``stop`` is the error that must
    end the flow (401, 403, paused Canvas, redirect …), raised by the engine after the rows were settled.
    """

    verdict: Verdict
    reason: str
    refused: Mapping[tuple[str, int], str] = field(default_factory=dict)
    stop: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One workspace as a flow sees it: only the facts that rules name, by name."""

    id: int
    type: str
    name: str
    created_at: datetime
    modified_at: datetime
    facts: Facts
    customers: tuple[str, ...]
    """The recipients this workspace leads to, in the order of the record; empty when it names nobody."""

    @property
    def key(self) -> str:
        return f"ws:{self.id}"

    @property
    def named(self) -> Facts:
        """Return the facts with those every workspace has: ``workspace.id``, ``.name``, ``.type`` and its dates."""
        return {
            **self.facts,
            "workspace.id": self.id,
            "workspace.name": self.name,
            "workspace.type": self.type,
            "workspace.created": self.created_at.isoformat(),
            "workspace.modified": self.modified_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record to plan: what it was when this flow last looked, and what it is now.

    ``before`` is ``None`` when the flow never saw the record. ``fires`` is false at a baseline and for records
    that existed before it but are first seen now: their facts are stored and nothing is made of them.
    """

    record: Record
    before: Record | None
    fires: bool
    occurrences: Mapping[str, int]
    """Rule → how often it has happened to this record so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One intended write.

    ``name`` is the attribute, the event, or the campaign or Canvas id; ``payload`` is the attribute's value, the
    event's body, or ``{"properties": …, "attributes": …}`` of a triggered message.
    """

    flow: str
    record: str
    rule: str
    occurrence: int
    kind: Kind
    recipient: str
    name: str
    payload: Json
    expires_at: datetime
    reason: str
    consent: Mapping[str, Json] | None = None
    """Channel → ``{"state": …, "group": …}``, or ``{"transactional": reason}``; ``None`` for what needs none."""
    create_profile: bool = False

    @property
    def key(self) -> str:
        """The business key: never the payload, never the modify date (delivery.md)."""
        return f"{self.flow}/{self.record}/{self.rule}/{self.occurrence}/{self.kind}/{self.recipient}"

    @property
    def target(self) -> str:
        """What is written; of ``latest`` kinds only the newest per target goes out."""
        return f"{self.recipient}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A record, or one rule of it, that is left out, with a reason a person understands."""

    record: str
    customer: str
    rule: str
    reason: str
    quarantined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a flow makes of one change."""

    actions: tuple[Action, ...] = ()
    skips: tuple[Skip, ...] = ()
    occurrences: Mapping[str, int] = field(default_factory=dict)
    due: datetime | None = None
