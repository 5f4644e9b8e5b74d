"""One time for the sandbox and the program of a rehearsal, which moves only when a test moves it or the program waits.

So a stall of the machine never makes two clocks differ, and nothing waits for real. Reads no real clock.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ecmbraze.cli.clock import WallClock
from ecmbraze.sandbox.clock import SandboxClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class SharedTime:
    """An instant in a small file; each process opens it for itself."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._lock = threading.Lock()

    def read(self) -> datetime:
        """Return the instant."""
        return _EPOCH + int.from_bytes(os.pread(self._file, 8, 0), "big") * _TICK

    @property
    def frozen(self) -> bool:
        """Say whether not even the start of a program takes time."""
        return os.pread(self._file, 1, 8) == b"!"

    def freeze(self, frozen: bool) -> None:
        os.pwrite(self._file, b"!" if frozen else b".", 8)

    def change(self, to: Callable[[datetime], datetime]) -> datetime:
        """Replace the instant by what ``to`` makes of it; return the new one."""
        with self._alone():
            instant = to(self.read())
            os.pwrite(self._file, ((instant - _EPOCH) // _TICK).to_bytes(8, "big"), 0)
            return instant

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class ServersClock(SandboxClock):
    """The sandbox's clock on a shared time: it never ticks by itself."""

    def __init__(self, time: SharedTime, start: datetime) -> None:
        super().__init__(time.change(lambda _: start))
        self._time = time

    def now(self) -> datetime:
        return self._time.read()

    def set(self, instant: datetime) -> datetime:
        return self._time.change(lambda _: instant)

    def advance(self, seconds: float) -> datetime:
        return self._time.change(lambda now: now + timedelta(seconds=seconds))

    def freeze(self, frozen: bool) -> None:
        """Have the start of a program take no time, or a second again."""
        self._time.freeze(frozen)

    @property
    def frozen(self) -> bool:
        return self._time.frozen


class ProgramsClock(WallClock):
    """The program's clock on a shared time; waiting moves it, for the servers too."""

    def __init__(self, time: SharedTime, ahead: timedelta) -> None:
        super().__init__()
        self._time, self._ahead = time, ahead
        self._waited = 0.0

    def now(self) -> datetime:
        return self._time.read() + self._ahead

    def monotonic(self) -> float:
        """Return the seconds waited: a test that moves the time moves no deadline."""
        return self._waited

    def sleep(self, seconds: float) -> None:
        """Wait without waiting; threads that wait at once wait together."""
        until, end = self._waited + seconds, self._time.read() + timedelta(seconds=seconds)
        self._time.change(lambda now: max(now, end))
        self._waited = max(self._waited, until)
