"""Show how far a run is: `bars` on a terminal, else a line each 30 seconds; on stderr."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ecmbraze.cli.logs import tell
from ecmbraze.ports import Progress, Work

_EACH_S = 30.0


class Silent:
    """Shows nothing."""

    def expect(self, what: Work, more: int) -> None: ...
    def step(self, what: Work, done: int) -> None: ...


@dataclass(slots=True)
class _Count:
    began: float
    done: int = 0
    expected: int = 0


@dataclass(slots=True, kw_only=True)
class Lines:
    """One log line each 30 seconds at most, about what moves."""

    monotonic: Callable[[], float]
    _counts: dict[Work, _Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float | None = None

    def expect(self, what: Work, more: int) -> None:
        with self._lock:
            self._count(what).expected += more

    def step(self, what: Work, done: int) -> None:
        with self._lock:
            now, count = self.monotonic(), self._count(what)
            count.done += done
            self._last = now if self._last is None else self._last
            if now - self._last < _EACH_S:
                return
            self._last = now
            rate = count.done / max(now - count.began, 1e-3)
            left = max(count.expected - count.done, 0)
            more = {"of": count.expected, "left_s": round(left / rate)} if left and rate else {}
            tell("progress", what=what, done=count.done, per_s=round(rate, 1), **more)

    def _count(self, what: Work) -> _Count:
        return self._counts.setdefault(what, _Count(self.monotonic()))


@contextmanager
def observing(monotonic: Callable[[], float], *, plain: bool, stream: Any = None) -> Iterator[Progress]:
    """Yield what shows progress on this stderr; bars vanish when the block ends. ``plain`` for logs read by line."""
    stream = stream or sys.stderr
    if plain or not stream.isatty():
        yield Lines(monotonic=monotonic)
        return
    from ecmbraze.cli.bars import bars  # on a terminal

    with bars(stream) as shown:
        yield shown
