"""The only readers of the wall clock and of randomness for ids; everything below is handed time and ids."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from dateutil import parser

from ecmbraze.errors import UsageError

# What was read before a machine slept is as old as it is: CLOCK_MONOTONIC of Linux stands still meanwhile.
_AGE: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class WallClock:
    """The real clock, or one that ticks on from a set instant (rehearsals and tests)."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start, self._origin = start, time.monotonic()

    def now(self) -> datetime:
        """Return the aware UTC instant."""
        if self._start is None:
            return datetime.now(UTC)  # noqa: TID251 the edge where the wall clock is read
        return datetime.fromtimestamp(self._start.timestamp() + time.monotonic() - self._origin, UTC)

    def monotonic(self) -> float:
        """Return seconds that no step of the wall clock moves, and that a machine which sleeps meanwhile counts."""
        return time.clock_gettime(_AGE) if _AGE is not None else time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def clock(environ: Mapping[str, str], *, sandbox: Callable[[], datetime | None] | None) -> WallClock:
    """Return the clock; ``sandbox`` is given only when both systems are on loopback.

    Then it is a rehearsal: ``ECMBRAZE_NOW`` sets the clock, or else the sandbox does, where there is one.
    """
    if sandbox is None:
        return WallClock()
    text = environ.get("ECMBRAZE_NOW", "")
    return WallClock(instant_of(text, "ECMBRAZE_NOW") if text else sandbox())


def instant_of(text: str, what: str) -> datetime:
    """Return an aware UTC instant; a text without a zone is UTC."""
    try:
        moment = parser.isoparse(text)
    except ValueError:
        raise UsageError(
            f"{what} {text!r} is no ISO 8601 time.",
            undone="Nothing was done.",
            advice="Write 2026-11-24 or 2026-11-24T08:00:00Z.",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def new_id() -> str:
    """Return a fresh id for a run or an attempt; sorts by nothing, repeats never."""
    return uuid.uuid4().hex  # noqa: TID251 the edge where ids are made


def environ() -> Mapping[str, str]:
    return os.environ
