"""A state file of an older version becomes a current one, or stays what it was; nothing in between, nothing lost."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.errors import StorageError
from ecmbraze.ledger import migrations, schema
from ecmbraze.ledger.history import History
from ecmbraze.ledger.ledger import Ledger
from tests.ledger.test_ledger import NOW

_STAMP = "2026-11-20T08:00:00.000000Z"


def _version_1(path: Path) -> Path:
    """Write a state file of version 1 with a row of everything that the step to version 2 touches."""
    path.touch(0o600)
    with closing(sqlite3.connect(path)) as old:
        old.executescript((Path(__file__).parent / "schema_v1.sql").read_text(encoding="utf-8"))
        old.execute("INSERT INTO identity VALUES ('salt', '00')")
        old.execute(
            "INSERT INTO workspace VALUES (7, 'T', 'Ämter', ?, ?, '{\"A.B\":\"x\"}', 0, 3, ?)", (_STAMP, _STAMP, _STAMP)
        )
        old.execute("INSERT INTO fact VALUES ('onboarding', 'ws:7', '{\"A.B\":\"x\"}', ?, '{\"r\":2}')", (_STAMP,))
        for number, state in enumerate(("ready", "held"), start=1):
            old.execute(
                """INSERT INTO outbox (key, flow, record, rule, occurrence, kind, delivery, phase, recipient, name,
                   target, payload, create_profile, expires_at, reason, planned_at, changed_at) VALUES
                   (?, 'onboarding', 'ws:7', 'r', ?, 'event', 'once', 2, 'C', 'n', 't', '{}', 0, ?, 'r', ?, ?)""",
                (f"onboarding/ws:7/r/{number}/event/C-1", number, _STAMP, _STAMP, _STAMP),
            )
            for step in {"ready": (), "held": ("in flight", "in doubt", "held")}[state]:
                old.execute("UPDATE outbox SET state = ? WHERE id = ?", (step, number))
        old.execute("INSERT INTO waiting_plan VALUES ('onboarding', 'live', 'h', 'f', 'r', ?)", (_STAMP,))
        old.commit()
    return path


def _shape(path: Path) -> dict[str, object]:
    """Return the columns of every table, the indexes and the triggers of a file, apart from white space."""
    with closing(sqlite3.connect(path)) as file:
        names = [row[0] for row in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        tables = {name: sorted(row[1:] for row in file.execute(f"PRAGMA table_info({name})")) for name in names}
        others = file.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL"
        ).fetchall()
    columns = {name: [(column[0], *column[1:]) for column in found] for name, found in tables.items()}
    return {**columns, **{name: " ".join(sql.split()) for name, sql in others}}


def _version(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[60:64], "big")


def test_s11_a_migrated_file_is_shaped_like_a_fresh_one_and_keeps_its_rows(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "old.db")
    Ledger.create(tmp_path / "new.db", {"ecm": "e", "braze": "b"}, NOW).close()

    ledger = Ledger.open(path)

    rows = ledger.outbox.rows("true")
    assert [(row.action.occurrence, row.state) for row in rows] == [("1", "ready"), ("2", "held")]
    facts = ledger.database.execute("SELECT memory, gone, at FROM fact").fetchall()
    assert facts == [('{"r":2}', 0, _STAMP)]
    assert ledger.database.execute("SELECT count(*) FROM waiting_plan").fetchone() == (0,)
    assert isinstance(ledger.history, History)
    ledger.close()
    assert _shape(path) == _shape(tmp_path / "new.db")


def test_s11_the_old_file_stays_as_a_private_backup(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "state.db")

    Ledger.open(path).close()

    backup = tmp_path / "state.db.backup-v1"
    assert (_version(path), _version(backup)) == (schema.VERSION, 1)
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_reader_does_not_migrate(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "state.db")
    before = path.read_bytes()

    with pytest.raises(StorageError, match="A live run migrates it"):
        Ledger.open(path, read_only=True)

    assert path.read_bytes() == before


def test_s12_a_kill_at_each_statement_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    statements = sum(len(step) for step in migrations.STEPS.values()) + 3  # BEGIN, the version, COMMIT
    seen = set()
    for number in range(1, statements + 1):
        path = _version_1(tmp_path / f"{number}.db")
        if (child := os.fork()) == 0:
            _migrate_until(path, number)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        with closing(sqlite3.connect(path)) as look:  # rolls back what the crash left
            seen.add(look.execute("PRAGMA user_version").fetchone()[0])
            assert look.execute("SELECT count(*) FROM outbox").fetchone() == (2,)
            assert look.execute("SELECT count(*) FROM fact").fetchone() == (1,)

        Ledger.open(path).close()

        assert _version(path) == schema.VERSION
    assert seen == set(range(1, schema.VERSION))


def _migrate_until(path: Path, number: int) -> None:
    """Migrate and die when the given statement begins."""
    left = number

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    connection = sqlite3.connect(path, isolation_level=None)
    connection.set_trace_callback(die)
    migrations.migrate(connection, path, 1)
    os._exit(0)
