"""What is asked of Braze and how it ended, as typed values; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ecmbraze.errors import CredentialRefused
from ecmbraze.model.vocabulary import Json, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the screen needs to know of a person in Braze."""

    recipient: str
    email: str | None
    phone: str | None
    email_subscribe: str
    """``opted_in | subscribed | unsubscribed``, or ``unknown`` for what nobody documented, which is no consent.

    Braze omits the default, which is ``subscribed``.
    """
    push_subscribe: str
    custom_attributes: Mapping[str, Json]
    custom_events: Mapping[str, tuple[int, str]]
    """Event name → (all-time count, last time as Braze prints it)."""
    email_opted_in_at: datetime | None = None
    """When a global state was chosen, like the next three: only some accounts of Braze say it, so never count on it."""
    email_unsubscribed_at: datetime | None = None
    push_opted_in_at: datetime | None = None
    push_unsubscribed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a segment, under every recipient that means them; the profile names none."""

    names: frozenset[str]
    profile: Profile


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


class AddressList(StrEnum):
    """A list of addresses that Braze keeps by date: it says whom to look at, and nothing of their state."""

    UNSUBSCRIBES = "unsubscribes"
    HARD_BOUNCES = "hard bounces"
    INVALID_PHONES = "invalid phone numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInfo:
    """What Braze says of a campaign or Canvas. ``stopped`` is why it would send nothing, empty when it would."""

    title: str
    stopped: str


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
    end the flow (401, 403, paused Canvas, redirect …), raised by the engine after the rows were settled. ``denied`` is
    the same for one recipient alone: the others go on, and the flow ends with it after them.
    """

    verdict: Verdict
    reason: str
    refused: Mapping[tuple[str, int], str] = field(default_factory=dict)
    stop: Exception | None = None
    denied: CredentialRefused | None = None
    limited: bool = False
    """Whether nothing but the rate limit was in the way: the same rows may go when it opens again."""
