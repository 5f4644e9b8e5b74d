"""Tell the sandbox's time, which can be set, moved and frozen; nothing else here may read a real clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant.

    A text without a zone is taken as UTC. Raises ValueError for anything else.
    """
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


class SandboxClock:
    """A clock that ticks on in real seconds from the instant it was last set to."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._frozen = False
        self._origin = start or datetime.now(UTC)  # noqa: TID251 - no --now was given: the rehearsal starts today
        self._mark = time.monotonic()

    def now(self) -> datetime:
        """Return the sandbox's current instant, aware, UTC."""
        with self._lock:
            return self._reading()

    def set(self, instant: datetime) -> datetime:
        """Jump to ``instant`` (backwards too) and return it."""
        with self._lock:
            self._origin, self._mark = instant, time.monotonic()
            return self._origin

    def advance(self, seconds: float) -> datetime:
        """Move by ``seconds`` (negative moves back) and return the new instant."""
        with self._lock:
            self._origin, self._mark = self._reading() + timedelta(seconds=seconds), time.monotonic()
            return self._origin

    def freeze(self, frozen: bool) -> None:
        """Stop or restart the ticking, so that several edits can fall into one second."""
        with self._lock:
            self._origin, self._mark, self._frozen = self._reading(), time.monotonic(), frozen

    @property
    def frozen(self) -> bool:
        """Say whether the clock stands still."""
        return self._frozen

    def _reading(self) -> datetime:
        if self._frozen:
            return self._origin
        return self._origin + timedelta(seconds=time.monotonic() - self._mark)
