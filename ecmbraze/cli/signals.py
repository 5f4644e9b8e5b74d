"""Turn SIGINT, SIGTERM, the time budget and a lost lock into a clean end between two requests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from ecmbraze.errors import Interrupted, TimeBudgetUsed


class Budget:
    """What ends a run early: a signal that came, seconds that ran out, a lost lock. ``tick`` raises, ``left`` tells."""

    def __init__(self, monotonic: Callable[[], float], seconds: float | None) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds if seconds is not None else None
        self._signal: int | None = None
        self._still_locked: Callable[[], None] | None = None

    def left(self) -> float:
        """Return the seconds left; infinite without a budget, 0 after a signal."""
        if self._signal is not None:
            return 0.0
        return float("inf") if self._end is None else max(0.0, self._end - self._monotonic())

    def tick(self) -> None:
        """Raise Interrupted, TimeBudgetUsed or Locked when the run must end; called between requests."""
        if self._still_locked is not None:
            self._still_locked()
        if self._signal is not None:
            raise Interrupted(self._signal)
        if self._end is not None and self._monotonic() >= self._end:
            raise TimeBudgetUsed(
                "The time budget is used up.", undone="The rest waits.", advice="The next run goes on."
            )

    @contextmanager
    def under(self, lock: AbstractContextManager[Callable[[], None]]) -> Iterator[None]:
        """Hold a lock until the block ends, and end the run once it is lost."""
        with lock as self._still_locked:
            try:
                yield
            finally:
                self._still_locked = None

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Remember a signal; the second one leaves at once, and what is in flight is in doubt next time."""
        if self._signal is not None:
            os._exit(128 + number)
        self._signal = number


@contextmanager
def listening(budget: Budget) -> Iterator[None]:
    """Hand SIGINT and SIGTERM to the budget until the block ends."""
    before = {number: signal.signal(number, budget.note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
