"""What a file of Braze Currents says of one person's choice; a hint with a time, never a state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentsFile:
    """One file of a synced bucket, as the folder shows it: one that grew or was written anew is another."""

    name: str
    """Its path below the folder."""
    size: int
    modified_at: datetime
    """In whole seconds."""
    queued_at: datetime | None = None
    """The hour in which Braze queued its events, where the path says it: who copies a folder may change its dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceEvent:
    """One event about a person's choices (api/braze.md 6.3). Braze delivers it at least once."""

    id: str
    person: str
    """Their external id; empty where Braze tells none."""
    addresses: tuple[str, ...]
    """The e-mail address and the phone number that the event names."""
    fact: str
    """``email``, ``push`` or ``group:<id>``; empty where it only says that something may have changed."""
    state: str
    """``opted_in``, ``subscribed`` or ``unsubscribed``; ``spam`` for a report of spam; empty for a hint."""
    at: datetime
    source: str
    """What Braze gives as the source of the change; may be empty."""


SPAM = "spam"
