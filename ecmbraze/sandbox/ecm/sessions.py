"""Issue, renew and expire tickets and OAuth tokens (api/ecm.md 2, section 13, 3); reads no request."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ecmbraze.sandbox.ecm.store import TellsTime
from ecmbraze.sandbox.ecm.switches import Switches

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True, kw_only=True)
class _Session:
    issued: float
    used: float
    left: int | None
    ends: float | None = None


class Sessions:
    """The tickets of one server. Guarded by the store's lock."""

    def __init__(self, clock: TellsTime, switches: Switches, random: Random) -> None:
        self._clock, self._switches, self._random = clock, switches, random
        self._tickets: dict[str, _Session] = {}
        self._tokens: dict[str, float] = {}

    def login(self) -> str:
        """Return a new ticket."""
        ticket = self._text(80)
        now = self._now()
        self._tickets[ticket] = _Session(issued=now, used=now, left=self._switches.ticket_ttl_requests)
        return ticket

    def logout(self, ticket: str) -> None:
        """Make a ticket worthless."""
        self._tickets.pop(ticket, None)

    def forget_all(self) -> None:
        """Make every ticket and token worthless, as a restart or an administrator does."""
        self._tickets.clear()
        self._tokens.clear()

    def admits(self, ticket: str) -> bool:
        """Say whether a ticket is good for one more request, and count that request."""
        session, now = self._tickets.get(ticket), self._now()
        if session is None:
            return False
        since = session.issued if self._switches.ticket_absolute else session.used
        worn = session.left is not None and session.left <= 0
        ended = session.ends is not None and now > session.ends
        if worn or ended or now - since > self._switches.ticket_ttl_s:
            del self._tickets[ticket]
            return False
        session.used = now
        if session.left is not None:
            session.left -= 1
        return True

    def rotated(self, ticket: str) -> str:
        """Return the ticket that replaces ``ticket``, which stays good for the grace period only."""
        old = self._tickets.get(ticket)
        if old is not None and old.ends is None:
            old.ends = self._now() + self._switches.ticket_grace_s
        return self.login()

    def token(self) -> tuple[str, int]:
        """Return a new OAuth access token and its lifetime in seconds."""
        token, lifetime = self._text(120), self._switches.otds_expires_in
        self._tokens[token] = self._now() + lifetime
        return token, lifetime

    def knows_token(self, token: str) -> bool:
        """Say whether an access token or OTDS ticket is good."""
        return self._now() < self._tokens.get(token, float("-inf"))

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))
