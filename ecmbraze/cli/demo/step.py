"""One step of the story as a value: what happens, and what both systems must show of it; plays nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecmbraze.cli.demo import rows
from ecmbraze.cli.demo.rows import Look, Row
from ecmbraze.cli.demo.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens to a customer."""

    flow: str
    sentence: str
    """What the business sees."""
    act: Callable[[Stage], None]
    """What people do, and the runs after it."""
    cause: tuple[Look, ...] = ()
    sent: str = "nothing"
    """What the run reports of the step say was sent, and what both systems took, in words."""
    effect: tuple[Look, ...]
    codes: tuple[int, ...] = (0,)
    """The exit codes that its commands may end with."""

    def evidence(self, stage: Stage) -> list[Row]:
        """Return what shows the step, in the order in which it came about: the cause, the program, the effect.

        That a command failed, or that the systems took something else than the reports say, is a row only if it is so.
        """
        received = rows.books(stage, self.sent)
        return [
            *(look(stage) for look in self.cause),
            rows.sent(stage, self.sent),
            *(look(stage) for look in self.effect),
            *([] if received.holds else [received]),
            *rows.failed(stage, self.codes),
        ]
