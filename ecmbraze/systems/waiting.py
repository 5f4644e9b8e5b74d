"""Wait for a system without outliving the run: rate limits, back-off, the time budget; sends nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecmbraze.errors import TimeBudgetUsed
from ecmbraze.ports import Clock
from ecmbraze.systems import pacing
from ecmbraze.systems.counters import RequestCounters

# A long wait looks this often whether the run must end.
_NAP_S = 1.0


@dataclass(slots=True, kw_only=True)
class Pace:
    """How often one origin may be asked, whoever asks: each request takes the next free moment. Thread-safe."""

    clock: Clock
    per_minute: int
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Wait for the next free moment and take it."""
        with self._lock:
            now = self.clock.monotonic()
            mine = max(now, self._free_at)
            self._free_at = mine + 60 / self.per_minute
        if mine > now:
            self.clock.sleep(mine - now)


@dataclass(slots=True)
class Patience:
    """The seconds that one request may still wait for its rate limit."""

    left: float


@dataclass(slots=True, kw_only=True)
class Waiting:
    """The waits of one origin. Every method raises TimeBudgetUsed rather than wait longer than allowed."""

    who: str
    clock: Clock
    counters: RequestCounters
    deadline: Callable[[], float]
    rng: random.Random
    _limited: dict[str, int] = field(default_factory=dict)
    """Path → how many answers in a row were 429."""
    _opens: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    """Path → when its window opens again: on the monotonic clock, and as the instant another run understands."""

    def note(self, path: str, status: int, headers: Mapping[str, str]) -> None:
        """Remember when an answer says that its window is used up."""
        now = self.clock.now()
        if status == 429:
            attempt = self._limited.get(path, 0)
            self._limited[path] = attempt + 1
            seconds = pacing.asked(headers, now) or pacing.back_off(attempt, self.rng, pacing.RATE_CAP_S)
        else:
            self._limited.pop(path, None)
            seconds = pacing.exhausted(headers, now)
        if seconds:
            self._close(path, seconds, now + timedelta(seconds=seconds))

    def is_closed(self, path: str) -> bool:
        """Say whether the window of a path is used up."""
        return self._opens.get(path, (0.0, None))[0] > self.clock.monotonic()

    def closed(self) -> Mapping[str, datetime]:
        """Return path → when its window opens again, for those that are used up."""
        now = self.clock.monotonic()
        return {path: opens_at for path, (ends, opens_at) in dict(self._opens).items() if ends > now}

    def take_over(self, closed: Mapping[str, datetime]) -> None:
        """Take over what an earlier run was told; what lies further ahead than any window is not believed."""
        now = self.clock.now()
        for path, opens_at in closed.items():
            if 0 < (seconds := (opens_at - now).total_seconds()) <= pacing.LONGEST_WINDOW_S:
                self._close(path, seconds, opens_at)

    def _close(self, path: str, seconds: float, opens_at: datetime) -> None:
        self._opens[path] = (self.clock.monotonic() + seconds, opens_at)

    def for_window(self, path: str, patience: Patience) -> None:
        """Wait ahead of a 429 when the last answer of this path said so."""
        ends, _ = self._opens.get(path, (0.0, None))
        left = ends - self.clock.monotonic()
        if left > 0:
            self._for_limit(left + self.rng.random(), patience)

    def after_429(self, headers: Mapping[str, str], attempt: int, patience: Patience) -> None:
        """Wait as a 429 asks, in either dialect."""
        self.counters.add("rate_limited")
        self._for_limit(pacing.after_429(headers, self.clock.now(), attempt, self.rng), patience)

    def back_off(self, attempt: int) -> None:
        """Wait before a failed read is repeated."""
        self._pause(pacing.back_off(attempt, self.rng), "does not answer")

    def _for_limit(self, seconds: float, patience: Patience) -> None:
        if seconds > patience.left:
            raise self._too_long(seconds, "limits the rate")
        patience.left -= seconds
        self._pause(seconds, "limits the rate")

    def _pause(self, seconds: float, why: str) -> None:
        ends = self.clock.monotonic() + seconds
        while (left := ends - self.clock.monotonic()) > 0:
            if left >= self.deadline():
                raise self._too_long(left, why)
            self.clock.sleep(min(left, _NAP_S))

    def _too_long(self, seconds: float, why: str) -> TimeBudgetUsed:
        until = self.clock.now() + timedelta(seconds=seconds)
        return TimeBudgetUsed(
            f"{self.who} {why}; waiting until {until:%H:%M:%S}Z is longer than this run may wait.",
            undone="What was not sent waits.",
            advice="The next run goes on.",
        )
