"""How many people a look is for, and how many requests are on their way at once; looks at nobody and sends nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecmbraze.engine.deliver.rereading import too_slow
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import State
from ecmbraze.ports import Clock

# Of so many people in a row, each looked at alone, what their messages rest on may be too old before they leave.
_TRIES = 10
# For so long after a 429 one request at a time: of eight at once a tight limit refused five in each window.
_CROWDED_S = 60.0


@dataclass(slots=True, kw_only=True)
class Reach:
    """The looks of one flow in one run."""

    next: int = 0
    """How many rows the next look is for; 0 while each look could read all that it was for."""
    _alone: int = 0

    def most(self, full: int) -> int:
        """Return how many rows to look at: no more than the last look read in time, twice as many once it read all."""
        return min(full, self.next) if self.next else full

    def looked(self, asked: int, later: int) -> None:
        """Note for how many rows a look was, and how many of them it left for later."""
        self.next = asked - later if later else 2 * self.next

    def after(self, leave: Sequence[Row], *, vain: bool) -> list[Step]:
        """Look at fewer people next time where nothing of a look was young enough to leave; return what waits.

        What is read for nearly a minute would else keep all others back: alone it leaves, or waits for the next run.
        Raises TemporaryError where it had to wait so often in a row.
        """
        if not vain:
            self._alone = 0
            return []
        if (people := len({row.action.recipient for row in leave})) > 1:
            self.next = people // 2
            return []
        self._alone, self.next = self._alone + 1, 1
        if self._alone == _TRIES:
            raise too_slow()
        return [
            Step(row=row, state=State.WAITING, why=too_slow().happened) for row in leave if row.action.kind.is_message
        ]


@dataclass(slots=True, kw_only=True)
class Width:
    """How many requests of one flow may be on their way to Braze at once: one at first, then twice as many each time.

    Where Braze is out of order the first of them shows it, and no more than its messages are in doubt.
    """

    clock: Clock
    most: int
    _reached: int = 1
    _crowded_until: float = -math.inf

    @property
    def now(self) -> int:
        return 1 if self.clock.monotonic() < self._crowded_until else min(self.most, self._reached)

    def after(self, *, limited: bool) -> None:
        """Note that requests were answered; ``limited`` says that Braze refused one of them for its rate."""
        if limited:
            self._crowded_until = self.clock.monotonic() + _CROWDED_S
        self._reached = min(self.most, 2 * self._reached)
