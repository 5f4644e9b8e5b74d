"""Kill runs at their crossings while Braze misbehaves, let everything be well again, and hold its book against ours."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crashing.warm import Warm
from tests.rehearsal import Rehearsal, rehearsal

_WRITES = "/users/track|/trigger/send"
# What the server does to a write at the time; the second value says whether the outcome is unknowable to us.
OUTCOMES: dict[str, tuple[dict[str, Any] | None, bool]] = {
    "answered": (None, False),
    "processed, connection dropped": ({"kind": "reset_after"}, True),
    "dropped before it was processed": ({"kind": "reset_before"}, True),
    "rate-limited": ({"kind": "status", "status": 429, "json": {"message": "Rate limit exceeded"}}, False),
    "500 although processed": ({"kind": "html500", "process": True}, True),
    "500, not processed": ({"kind": "html500"}, True),
    "answer cut": ({"kind": "cut_answer", "bytes": 60, "process": True}, True),
    "busy": ({"kind": "busy"}, True),
}
Message = tuple[str, str]


@contextmanager
def ground(folder: Path, people: int) -> Iterator[Rehearsal]:
    """Yield a world of so many people, whose requests are small so that there are many."""
    with rehearsal(folder, *people_of(people)) as stage:
        in_small_requests(stage)
        yield stage


def people_of(number: int) -> tuple[str, ...]:
    """Return the options of a sandbox with so many people, of a workspace each."""
    return "--workspaces", str(number), "--customers", str(number)


def in_small_requests(stage: Rehearsal) -> None:
    """Have few people fill many requests."""
    stage.config["ecm"] |= {"page_size": 500, "connections": 2, "sweep_requests": 0}
    stage.config["braze"] |= {"track_batch": 2, "trigger_batch": 1}
    stage.config["guards"] = {"max_audience_share": 1.0, "max_changed_share": 1.0}


@dataclass(slots=True)
class Figures:
    """What a harness run did, for the README and for the assertion at its end."""

    scenarios: int = 0
    kills: int = 0
    held: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scenarios} scenarios, {self.kills} kills, {self.held} held as truly unknown, wrong: {self.wrong}"


@dataclass(frozen=True, slots=True)
class Work:
    """What one scenario makes due: messages, and the value of the attribute by person."""

    messages: set[Message]
    values: dict[str, str]
    wrong: Callable[[], Iterable[str]] = tuple
    """What else must be so when all is quiet: yields what is not."""


class Harness:
    """One sandbox and one warm program; each scenario uses workspaces of its own, made or edited by ``work``."""

    def __init__(
        self,
        stage: Rehearsal,
        program: Warm,
        work: Callable[[], Work],
        *,
        command: tuple[str, ...],
        attribute: str,
        fault: Callable[[str, int], Mapping[str, Any] | None] | None = None,
    ) -> None:
        """``fault`` gives another fault than one of Braze for (outcome, skip); its outcome is never unknowable."""
        self.stage, self.program, self.figures = stage, program, Figures()
        self._work, self._command, self._attribute, self._fault = work, command, attribute, fault

    def points(self) -> list[str]:
        """Return the crossings of one undisturbed run with work to do."""
        self._work()
        assert self.program.run(*self._command) == 0, self.program.err
        return self.program.crossings

    def scenario(self, point: int | None, outcome: str, skip: int) -> None:
        """Kill a run at a crossing while a write meets an outcome; then let everything be well, and check."""
        fault, doubtful = (None, False) if self._fault else OUTCOMES[outcome]
        work = self._work()
        due = work.messages
        if self._fault and (other := self._fault(outcome, skip)):
            self.stage.box.fault(**other)
        if fault is not None:
            reset = str(int(self.stage.box.now().timestamp()) + 1)
            headers = {"X-RateLimit-Reset": reset} if outcome == "rate-limited" else {}
            self.stage.box.fault(**{"system": "braze", "path": _WRITES, "skip": skip, "headers": headers, **fault})
        code = self.program.run(*self._command, die_at=point)
        flying = self._rows("in flight")
        self.stage.box.clear_faults()
        self._recover()
        self.figures.scenarios += 1
        self.figures.kills += code == -9
        self._check(f"{outcome} at {point} (skip {skip})", work, allowed=due if doubtful else flying & due)

    def _recover(self) -> None:
        """Run until nothing is open: the evidence is looked for after 5 minutes, 30 minutes and 6 hours."""
        for seconds in (6 * 60, 31 * 60, 7 * 3600, 60, 60):
            self.stage.box.advance(seconds)
            code = self.program.run(*self._command)
            assert code in (0, 4), self.program.err
            if not any(self._rows(state) for state in ("ready", "waiting", "in flight", "in doubt")):
                return

    def _rows(self, state: str) -> set[Message]:
        """Return (recipient, name) of the rows in a state, from a copy of the file and of its hot journal."""
        copy = self.stage.folder / "look.db"
        for ending in ("", "-journal"):
            source = self.stage.state.with_name(self.stage.state.name + ending)
            target = copy.with_name(copy.name + ending)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, target)
        with closing(sqlite3.connect(copy)) as file:
            return set(file.execute("SELECT recipient, name FROM outbox WHERE state = ?", (state,)))

    def _check(self, scenario: str, work: Work, *, allowed: set[Message]) -> None:
        """Hold Braze's own book against what was due and what the ledger says is unknown."""
        due = work.messages
        got, held = self._received({person for person, _ in due} | work.values.keys()), self._rows("held") & due
        wrong: dict[str, Iterable[object]] = {
            "repeated": {key for key, n in got.items() if n > 1},
            "lost": due - got.keys() - held,
            "unexpected": got.keys() - due,
            "held although it arrived": held & got.keys(),
            "held although it is known": held - allowed,
            "open for ever": self._rows("ready") | self._rows("in flight") | self._rows("in doubt"),
            "else": set(work.wrong()),
            "attributes": {person for person, value in work.values.items() if self._value(person) != value},
        }
        self.figures.held += len(held)
        self.figures.wrong += [
            f"{scenario}: {name} {sorted(map(str, found))}" for name, found in wrong.items() if found
        ]

    def _received(self, people: set[str]) -> Counter[Message]:
        return Counter({key: n for key, n in self.stage.messages().items() if key[0] in people})

    def _value(self, person: str) -> object:
        return self.stage.box.call("GET", f"/braze/users/{person}")["custom_attributes"].get(self._attribute)
