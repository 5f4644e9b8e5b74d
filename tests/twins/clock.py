"""The time of a world in memory: it stands still but for what waits, what is asked, and what a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class TwinClock:
    """Implements ports.Clock. ``true`` is what both servers read; ours may be ``ahead`` of it or, negative, behind."""

    def __init__(self, start: datetime = START) -> None:
        self._start, self._elapsed = start, 0.0
        self.ahead = 0.0

    def now(self) -> datetime:
        return self.true() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self._elapsed += max(0.0, seconds)

    def true(self) -> datetime:
        """Return the instant by the servers' clocks."""
        return self._start + timedelta(seconds=self._elapsed)

    def advance(self, span: timedelta | float) -> None:
        """Let time go by."""
        self._elapsed += span.total_seconds() if isinstance(span, timedelta) else span
