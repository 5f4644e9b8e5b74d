"""SIGKILL at every crossing of a run, while the servers misbehave in every way: nothing twice, nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.crashing.warm import Warm, warm
from tests.rehearsal import CAMPAIGN, CANVAS, CONTRACT, KYC, TYPE, Rehearsal, rehearsal

SERVICE, STAGE = "Onboarding.Service Status", "Onboarding.Stage"
SOAK = bool(os.environ.get("ECMBRAZE_SOAK"))
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


@dataclass(slots=True)
class Figures:
    """What a harness run did, for the README and for the assertion at its end."""

    scenarios: int = 0
    kills: int = 0
    held: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scenarios} scenarios, {self.kills} kills, {self.held} held as truly unknown, wrong: {self.wrong}"


class Harness:
    """One sandbox and one warm program; each scenario uses three workspaces of its own."""

    def __init__(self, stage: Rehearsal, program: Warm) -> None:
        self.stage, self.program, self.figures = stage, program, Figures()
        self._free = iter(stage.open_workspaces())

    def points(self) -> list[str]:
        """Return the crossings of one undisturbed run with work to do."""
        self._edit()
        assert self.program.run("onboarding") == 0, self.program.err
        return self.program.crossings

    def scenario(self, point: int | None, outcome: str, skip: int) -> None:
        """Kill a run at a crossing while a write meets an outcome; then let everything be well, and check."""
        fault, doubtful = OUTCOMES[outcome]
        due, stages = self._edit()
        if fault is not None:
            reset = str(int(self.stage.box.now().timestamp()) + 1)
            headers = {"X-RateLimit-Reset": reset} if outcome == "rate-limited" else {}
            self.stage.box.fault(**{"system": "braze", "path": _WRITES, "skip": skip, "headers": headers, **fault})
        code = self.program.run("onboarding", die_at=point)
        flying = self._rows("in flight")
        self.stage.box.clear_faults()
        self._recover()
        self.figures.scenarios += 1
        self.figures.kills += code == -9
        self._check(f"{outcome} at {point} (skip {skip})", due, stages, allowed=due if doubtful else flying & due)

    def _edit(self) -> tuple[set[Message], dict[str, str]]:
        """Make work for each kind of action; return the messages due, and the stage attribute due per person."""
        campaign, canvas, attribute = (next(self._free) for _ in range(3))
        people = [self.stage.customer(workspace) for workspace in (campaign, canvas, attribute)]
        self.stage.box.edit_workspace(campaign, {CONTRACT: "Approved", STAGE: "Contract"})
        self.stage.box.edit_workspace(canvas, {SERVICE: "Active", STAGE: "Service"})
        self.stage.box.edit_workspace(attribute, {STAGE: "KYC"})
        due = {(people[0], name) for name in ("contract_approved", CAMPAIGN)}
        due |= {(people[1], name) for name in ("service_active", CANVAS)}
        return due, dict(zip(people, ("Contract", "Service", "KYC"), strict=True))

    def _recover(self) -> None:
        """Run until nothing is open: the evidence is looked for after 5 minutes, 30 minutes and 6 hours."""
        for seconds in (6 * 60, 31 * 60, 7 * 3600, 60, 60):
            self.stage.box.advance(seconds)
            code = self.program.run("onboarding")
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

    def _check(self, scenario: str, due: set[Message], stages: dict[str, str], *, allowed: set[Message]) -> None:
        """Hold Braze's own book against what was due and what the ledger says is unknown."""
        got, held = self._received(stages), self._rows("held") & due
        wrong: dict[str, Iterable[object]] = {
            "repeated": {key for key, n in got.items() if n > 1},
            "lost": due - got.keys() - held,
            "unexpected": got.keys() - due,
            "held although it arrived": held & got.keys(),
            "held although it is known": held - allowed,
            "open for ever": self._rows("ready") | self._rows("in flight") | self._rows("in doubt"),
            "attributes": {person for person, stage in stages.items() if self._stage_of(person) != stage},
        }
        self.figures.held += len(held)
        self.figures.wrong += [
            f"{scenario}: {name} {sorted(map(str, found))}" for name, found in wrong.items() if found
        ]

    def _received(self, people: dict[str, str]) -> Counter[Message]:
        return Counter({key: n for key, n in self.stage.messages().items() if key[0] in people})

    def _stage_of(self, person: str) -> object:
        return self.stage.box.call("GET", f"/braze/users/{person}")["custom_attributes"].get("ecm_stage")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    many = "2800" if SOAK else "420"
    with rehearsal(tmp_path_factory.mktemp("crash"), "--workspaces", many, "--customers", many) as stage:
        stage.config["ecm"] |= {"page_size": 500, "connections": 2, "sweep_requests": 0}
        stage.config["braze"] |= {"track_batch": 2, "trigger_batch": 1}
        stage.config["guards"] = {"max_audience_share": 1.0}
        stage.flow["milestones"].append(
            {
                "name": "service_active", "when": {SERVICE: "Active"},
                "send": {"event": "service_active", "canvas": CANVAS, "consent": {"transactional": "the service"}},
            }
        )  # fmt: skip
        _all_at_the_start(stage)
        stage.set_up()
        with warm(stage) as program:
            yield Harness(stage, program)


def _all_at_the_start(stage: Rehearsal) -> None:
    """Take every workspace back to the first stage, so that each can be worked on once."""
    start = {CONTRACT: "Draft", KYC: "Open", SERVICE: "Pending", STAGE: "Started"}
    stage.box.bulk({"do": "edit", "id": workspace["id"], "values": start} for workspace in stage.box.workspaces(TYPE))


def test_every_write_lies_between_commits(harness: Harness) -> None:
    names = harness.points()

    posts = [number for number, name in enumerate(names) if name.endswith("before") and _is_write(name)]
    assert len(posts) >= 4
    for number in posts:  # what is on its way was marked in flight, and nothing is left open meanwhile
        assert "COMMIT:after" in names[:number]
        assert names[:number].count("BEGIN:after") == names[:number].count("COMMIT:after")
    assert names.count("COMMIT:before") == names.count("COMMIT:after") >= 8


def test_o01_a_kill_at_every_point_repeats_nothing_and_loses_nothing(harness: Harness) -> None:
    points, rng = len(harness.points()), random.Random(20261124)
    everything = [(point, outcome) for point in range(1, points + 1) for outcome in OUTCOMES]
    if not SOAK:  # each point once, each outcome in turn over the points
        names = list(OUTCOMES)
        everything = [(point, names[point % len(names)]) for point in range(1, points + 1)]
    for point, outcome in everything:
        harness.scenario(point, outcome, rng.randrange(4))

    print(harness.figures)
    assert harness.figures.wrong == []
    assert harness.figures.kills > 0.6 * len(everything)  # a fault may end a run before its point


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_without_a_kill_only_what_is_unknown_is_held(harness: Harness, outcome: str) -> None:
    for skip in range(3):
        harness.scenario(None, outcome, skip)

    assert harness.figures.wrong == []


def _is_write(name: str) -> bool:
    return name.startswith("POST") and any(path in name for path in ("/users/track", "/trigger/send"))
