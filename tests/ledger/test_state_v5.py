"""A state file that ecmbraze of version 5 left in the middle of its work: this program goes on from there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import State
from tests.ledger import old_world
from tests.ledger.old_world import People
from tests.rehearsal import CAMPAIGN, CANVAS, KYC_CAMPAIGN, START, Rehearsal, rehearsal


@pytest.fixture
def taken_over(tmp_path: Path) -> Iterator[tuple[Rehearsal, People]]:
    """Both systems as version 5 left them, and its state file; ten minutes have passed."""
    with rehearsal(tmp_path, *old_world.WORLD) as stage:
        old_world.prepare(stage)
        people = old_world.play(stage, lambda *_, **__: None)
        old_world.restored(stage)
        stage.box.advance(600)
        yield stage, people


def _run(stage: Rehearsal, code: int) -> None:
    done = stage.ecmbraze("run", "--now")
    assert done.code == code, (done.code, done.stdout[-3000:], done.stderr[-1500:])


def _states(stage: Rehearsal, person: str) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(stage.state)) as file:
        return set(file.execute("SELECT name, state FROM outbox WHERE recipient = ?", (person,)))


def test_what_was_open_is_settled_and_nothing_is_sent_twice(taken_over: tuple[Rehearsal, People]) -> None:
    stage, people = taken_over
    assert _states(stage, people.doubted) >= {(CAMPAIGN, "in doubt")}

    _run(stage, 6)  # the plan that waited is planned and guarded anew

    assert (CAMPAIGN, State.SENT) in _states(stage, people.doubted)  # seen by its marker
    assert (CAMPAIGN, State.HELD) in _states(stage, people.held)
    assert not stage.messages()
    _run(stage, 6)
    assert not stage.messages()
    stage.box.call("PUT", f"/braze/users/{people.unknown}", {"email": "a@example.com"})
    _run(stage, 6)
    assert stage.messages() == {(people.unknown, "kyc_completed"): 1, (people.unknown, KYC_CAMPAIGN): 1}


@pytest.mark.long
def test_what_comes_due_goes_out_once_and_so_does_what_a_guard_held(taken_over: tuple[Rehearsal, People]) -> None:
    stage, people = taken_over
    _run(stage, 6)
    stage.box.advance((START + timedelta(days=10, hours=3) - stage.box.now()).total_seconds())
    stage.config["guards"] |= {"max_messages": 50, "max_gap": "30d"}

    _run(stage, 3)  # what waited for somebody whom Braze never knew has expired
    _run(stage, 0)

    due = {(people.due, "contract_expiry"): 1, (people.due, CANVAS): 1}
    resolved = {(person, name): 1 for person in people.resolved for name in ("case_resolved", CANVAS)}
    assert stage.messages() == due | resolved


def test_every_row_is_where_it_belongs(taken_over: tuple[Rehearsal, People]) -> None:
    stage, _ = taken_over
    with closing(sqlite3.connect(stage.state)) as file:
        old = {name: file.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("workspace", *_KEPT)}

    ledger = Ledger.open(stage.state)

    new = {name: ledger.database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("record", *_KEPT)}
    assert new == {"record": old.pop("workspace"), **old, "history": old["history"] + 1}  # that it is keyed from now on
    assert all(new.values())
    orphans = "SELECT count(*) FROM {} WHERE record NOT IN (SELECT key FROM record)"
    assert [ledger.database.execute(orphans.format(name)).fetchone()[0] for name in _OF_RECORDS] == [0] * 5
    streams = "SELECT DISTINCT stream FROM {} WHERE stream NOT IN (SELECT stream FROM record)"
    found = {name: ledger.database.execute(streams.format(name)).fetchall() for name in _OF_STREAMS}
    assert found == {name: [("rules",)] if name == "baseline" else [] for name in _OF_STREAMS}
    assert ledger.mirror.looked("documents", "workspaces/Case") is not None
    assert ledger.history.first_break() is None
    ledger.close()


_OF_RECORDS = ("recipient", "fact", "due", "quarantine", "outbox")
_OF_STREAMS = ("armed", "column_of", "baseline", "position")
_KEPT = (*_OF_RECORDS, *_OF_STREAMS, "accepted", "history", "run")
