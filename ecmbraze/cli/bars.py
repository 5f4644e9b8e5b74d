"""Show how far a run is on a terminal: bars with rate and remaining time; imported where there is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from ecmbraze.ports import Work


class Bars:
    """A bar per kind of work, with its rate, and its remaining time where the total is known."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        self.bars = RichProgress(*columns, console=console, transient=True)
        self._tasks: dict[Work, TaskID] = {}
        self._expected: dict[Work, int] = {}
        self._lock = threading.Lock()

    def expect(self, what: Work, more: int) -> None:
        with self._lock:
            self._expected[what] = self._expected.get(what, 0) + more
            self.bars.update(self._task(what), total=self._expected[what])

    def step(self, what: Work, done: int) -> None:
        with self._lock:
            self.bars.advance(self._task(what), done)

    def _task(self, what: Work) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self.bars.add_task(what, total=None)
        return self._tasks[what]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")


@contextmanager
def bars(stream: Any) -> Iterator[Bars]:
    """Yield bars on this stream; they vanish when the block ends."""
    shown = Bars(Console(file=stream))
    with shown.bars:
        yield shown
