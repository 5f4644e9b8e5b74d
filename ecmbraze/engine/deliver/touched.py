"""What became of the rows of one run, until it is in the report: a page that is done with is let go of.

Of many people their rows would be most of the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.ledger.page import SIZE
from ecmbraze.model import Json, Phase, State

# The states from which a row still moves on in this run; in any other it is done with.
ON_THE_WAY = (State.IN_FLIGHT, State.READY)
# So many rows are reported in the order in which they were first touched, more of them as they are done with.
_PAGE = 5 * SIZE


@dataclass(slots=True, kw_only=True)
class Touched:
    """The rows a run touched."""

    report: Callable[[Sequence[tuple[Step, Json]]], None] | None = None
    """Takes steps into the report, each with what the sink had taken before; without it all are kept."""
    steps: dict[int, Step] = field(default_factory=dict)
    """The last step of every row that is not in the report yet."""
    before: dict[int, Json] = field(default_factory=dict)
    """Row number → what the sink had taken last when the row left, of what replaces a value."""
    withdrawn: set[str] = field(default_factory=set)
    """The recipients of the withdrawals and grants among them."""
    _done: set[int] = field(default_factory=set)

    def note(self, steps: Iterable[Step]) -> None:
        """Keep what became of rows; they stay here until the end of the run."""
        for step in steps:
            self.steps[step.row.id] = step
            if step.row.action.kind.phase is Phase.CONSENT:
                self.withdrawn.add(step.row.action.recipient)

    def move(self, steps: Sequence[Step]) -> None:
        """Keep what became of rows that push looked at; once done with they may be let go of."""
        self.note(steps)
        done = {step.row.id for step in steps if step.state not in ON_THE_WAY}
        self._done = (self._done - {step.row.id for step in steps}) | done

    def note_before(self, values: Mapping[int, Json]) -> None:
        self.before |= values

    def replace(self, rows: Sequence[Row], parts: Sequence[Row]) -> None:
        """Forget rows that were taken apart, and keep their parts."""
        for row in rows:
            self.steps.pop(row.id, None)
            self.before.pop(row.id, None)
        self.move([Step(row=part, state=part.state, why=part.why) for part in parts])

    def let_go(self) -> None:
        """Report the rows that are done with where they fill a page; nothing may be in flight."""
        if self.report is not None and len(self._done) >= _PAGE:
            self._give([number for number in self.steps if number in self._done])

    def let_all_go(self) -> None:
        """Report every row that is left, page by page."""
        self._give(list(self.steps))

    def _give(self, numbers: Sequence[int]) -> None:
        assert self.report is not None, "who reports says so when the run begins"
        for at in range(0, len(numbers), SIZE):
            part = numbers[at : at + SIZE]
            self.report([(self.steps.pop(number), self.before.pop(number, None)) for number in part])
            self._done.difference_update(part)
