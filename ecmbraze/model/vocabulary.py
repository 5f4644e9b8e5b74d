"""The words every step shares: JSON and fact values, kinds, states, phases; no behaviour that needs a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import TypeAlias

# What JSON can say. Dates travel as ISO 8601 text: a day as "2026-02-28", an instant with its offset.
Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
# The value of one fact: a scalar, or several of them for a multi-value attribute.
Fact: TypeAlias = "None | bool | int | float | str | tuple[None | bool | int | float | str, ...]"
Facts: TypeAlias = Mapping[str, Fact]


# A fact a rule may ask for beside category attributes: whether our own account made the last edit of a workspace.
BY_US = "workspace.modified_by_us"


# Why an outbox row waits whose person Braze does not know: they are looked up again each run.
UNMET = "not in Braze yet"

# Why a message is superseded whose person was corrected before anything went: it moves to whom the record names now.
MOVED = "the workspace no longer names this customer"

# Why nothing is made in a workspace that went before. What its flow plans again should it come back is superseded, the
# rest waits.
WENT = "the workspace is gone"


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


class System(StrEnum):
    """The two sides, by the names in which messages to people speak of them."""

    BRAZE = "Braze"
    ECM = "Extended ECM"


class Kind(StrEnum):
    """What one action writes. ``delivery`` decides deduplication, superseding and doubt."""

    ATTRIBUTE = "attribute"
    ATTRIBUTES = "attributes"
    """Several attributes of one person by one record: one row of the plan file and of the outbox."""
    EVENT = "event"
    CAMPAIGN = "campaign"
    CANVAS = "canvas"
    WITHDRAWAL = "withdrawal"
    """A consent taken back in Braze: of e-mail, of push, or of a subscription group."""
    CATEGORY = "category"
    """The attributes of one category that a flow keeps on a workspace."""
    DOCUMENT = "document"
    """A new text document below a workspace."""
    FOLLOW_UP = "follow-up"
    """A reminder on a workspace, for a person in ECM."""
    COMPLETION = "completion"
    """A follow-up of ours that is no longer needed is completed."""
    ARCHIVE = "archive"
    """The document that an asset of Braze becomes, when it is first archived."""
    VERSION = "version"
    """A new version of that document."""
    RENAME = "rename"
    """The name of that document, once the asset has another."""
    METADATA = "metadata"
    """The attributes of one category that are kept on that document."""

    @cached_property
    def delivery(self) -> Delivery:
        match self:
            case Kind.ATTRIBUTE | Kind.ATTRIBUTES | Kind.WITHDRAWAL | Kind.CATEGORY | Kind.RENAME | Kind.METADATA:
                return Delivery.LATEST
            case Kind.DOCUMENT | Kind.FOLLOW_UP | Kind.COMPLETION | Kind.ARCHIVE | Kind.VERSION:
                return Delivery.UNIQUE
            case Kind.EVENT | Kind.CAMPAIGN | Kind.CANVAS:
                return Delivery.ONCE

    @cached_property
    def phase(self) -> Phase:
        match self:
            case Kind.WITHDRAWAL:
                return Phase.CONSENT
            case Kind.ATTRIBUTE | Kind.ATTRIBUTES | Kind.EVENT:
                return Phase.PROFILE
            case (
                Kind.CATEGORY
                | Kind.DOCUMENT
                | Kind.FOLLOW_UP
                | Kind.COMPLETION
                | Kind.ARCHIVE
                | Kind.VERSION
                | Kind.RENAME
                | Kind.METADATA
            ):
                return Phase.RECORDS
            case Kind.CAMPAIGN | Kind.CANVAS:
                return Phase.TRIGGER

    @cached_property
    def system(self) -> System:
        """The side that is written to; it says how the recipient is read: a person in Braze, or a workspace."""
        match self:
            case Kind.ATTRIBUTE | Kind.ATTRIBUTES | Kind.EVENT | Kind.CAMPAIGN | Kind.CANVAS | Kind.WITHDRAWAL:
                return System.BRAZE
            case (
                Kind.CATEGORY
                | Kind.DOCUMENT
                | Kind.FOLLOW_UP
                | Kind.COMPLETION
                | Kind.ARCHIVE
                | Kind.VERSION
                | Kind.RENAME
                | Kind.METADATA
            ):
                return System.ECM

    @cached_property
    def compared(self) -> bool:
        """Whether what stands there is held against what we wrote before it is replaced: people edit it too."""
        return self.delivery is Delivery.LATEST and self.system is System.ECM

    @cached_property
    def is_profile_value(self) -> bool:
        """Whether it only sets a value of a profile: many at once, and sent again it changes nothing."""
        return self.phase is Phase.PROFILE and self.delivery is Delivery.LATEST

    @cached_property
    def holds(self) -> Kind | None:
        """Of what holds several writes, the kind of each; see :attr:`Action.each`."""
        return Kind.ATTRIBUTE if self is Kind.ATTRIBUTES else None

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
