"""What Braze tells of the messages somebody received and of what they did with them; judges nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What an export tells of one campaign that somebody received: a flag of engagement has no time (api/braze.md 6.1).

    Of a Canvas it tells no engagement at all, so there is none of it. When it was received last is left out: a message
    that nobody opened stands unopened, however old it is.
    """

    campaign: str
    engaged: bool
    """Whether they ever opened or clicked it."""


class MailAct(StrEnum):
    """What happened to an e-mail; what a machine did is none of these."""

    SENT = "sent"
    DELIVERED = "delivered"
    ENGAGED = "engaged"
    """Opened or clicked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailEvent:
    """One event of a Currents file about an e-mail (api/braze.md 6.3). Braze delivers it at least once."""

    id: str
    act: MailAct
    person: str
    """Their external id; empty where Braze tells none."""
    address: str
    message: str
    """What the events of one e-mail share; their own id where Braze tells none."""
    at: datetime
