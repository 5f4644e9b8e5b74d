"""Compacting gives room back and changes nothing else; what fails or is killed on the way leaves the file as it was."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger import counting, seal
from ecmbraze.ledger.compacting import compact
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.verifying import checks
from tests import hand
from tests.ledger.test_ledger import NOW
from tests.offline import Offline


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    """A state file most of which is free pages."""
    made = Offline(tmp_path)
    made.messages(*[()] * 3)
    with made.ledger() as ledger:
        for number in range(60):
            ledger.waiting.pause(f"f{number}", NOW, "x", "y" * 5000 + str(number))
        with ledger.database.atomic():
            for table in ("pause", "remark"):
                ledger.database.conn.execute(f"DELETE FROM {table}")
    return made


def test_a_compacted_file_is_smaller_holds_the_same_and_goes_on(office: Offline) -> None:
    rows, before = hand.rows(office.state), office.state.stat().st_size

    done = office.ecmbraze("state", "compact")

    assert (done.code, done.stderr) == (0, "")
    more = set(hand.rows(office.state)) - set(rows)
    assert set(rows) <= set(hand.rows(office.state))
    assert sorted(line.split('"')[1] for line in more) == ["history", "remark"]  # that it was compacted
    assert office.state.stat().st_size < before / 2
    assert office.state.stat().st_mode & 0o777 == 0o600
    assert seal.look(office.state) is seal.Look.INTACT
    assert sorted(path.name for path in office.state.parent.glob("*state.db*")) == [
        "state.db",
        "state.db.key",
        "state.db.lock",
        "state.db.seal",
    ]
    office.ran()
    assert office.ecmbraze("state", "verify").code == 0


def test_nothing_is_compacted_while_a_run_is_under_way(office: Offline) -> None:
    before = office.state.read_bytes()

    with run_lock(office.state):
        assert office.ecmbraze("state", "compact").code == 11

    assert office.state.read_bytes() == before


def test_somebody_who_has_the_file_open_cannot_write_into_the_one_that_was_replaced(office: Offline) -> None:
    other = Ledger.open(office.state)

    compact(office.state)

    with pytest.raises(StateUnusable, match="replaced by another file"):
        other.waiting.pause("f", NOW, "x", "y")
    other.database.close()
    assert list(checks(office.state))


def test_a_file_that_somebody_edited_is_not_compacted(office: Offline) -> None:
    with sqlite3.connect(office.state) as edited:
        edited.execute("DELETE FROM outbox")
    edited.close()
    before = office.state.read_bytes()

    assert office.ecmbraze("state", "compact").code == 12
    assert office.state.read_bytes() == before


def test_a_kill_at_each_step_leaves_the_old_file_or_the_new_one(office: Offline, tmp_path: Path) -> None:
    rows, kills, sizes = hand.rows(office.state), 0, set()
    while _killed_at(office.state, kills + 1):
        kills += 1
        sizes.add(office.state.stat().st_size)
        Ledger.open(office.state).close()
        assert hand.rows(office.state) == rows
    assert (kills > 8, len(sizes)) == (True, 2)
    assert not list(tmp_path.glob(".*.compact"))


def _killed_at(path: Path, number: int) -> bool:
    """Compact in a process that dies when it is about to do the given write, rename, removal or sync."""
    if (child := os.fork()) == 0:
        left = number

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def step(*given: Any, **more: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*given, **more)

            return step

        for module, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (counting, "bind"), (os, "open")):
            setattr(module, name, dying(getattr(module, name)))
        compact(path)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0
