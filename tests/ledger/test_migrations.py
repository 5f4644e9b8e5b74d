"""A state file of an older version becomes a current one, or stays what it was; nothing in between, nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ecmbraze.errors import StorageError
from ecmbraze.ledger import counting, migrations, schema
from ecmbraze.ledger.connection import Connection, connect, unusable
from ecmbraze.ledger.history import History
from ecmbraze.ledger.ledger import Ledger
from tests import hand
from tests.ledger.test_ledger import NOW
from tests.rehearsal import SOAK

# `make test` kills at every third statement and every third size; the commits themselves, page by page, all of them.
_EVERY = 1 if SOAK else 3
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
        # So large that putting it together, in the step to version 14, makes the file grow.
        taken = f'"{"x" * 5000}"', _STAMP
        old.execute("INSERT INTO accepted VALUES ('C-1/attribute/ecm_stage', ?, ?)", taken)
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


def _content(path: Path) -> tuple[int, list[str]]:
    """Return the version, every table as it was made, and every row, but what each file has of its own: its key."""
    with closing(sqlite3.connect(path)) as file:
        version = file.execute("PRAGMA user_version").fetchone()[0]
    own = ('INSERT INTO "history"', "INSERT INTO \"identity\" VALUES('key'")
    return version, [row for row in hand.rows(path) if not row.startswith(own)]


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


@pytest.mark.soak
@pytest.mark.long
def test_s12_a_kill_at_each_statement_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    statements = sum(len(step) for step in migrations.STEPS.values())
    statements += 4 * len(migrations.STEPS)  # BEGIN, the look at the version, its new one, COMMIT
    statements += 2 * (schema.VERSION + 1 - counting.FIRST)  # the count of commits
    seen = set()
    old = _version_1(tmp_path / "old.db")
    for number in range(1, statements + 1, _EVERY):
        path = _copied(old, tmp_path / f"{number}.db")
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

    connection = connect(path, unusable)
    connection.set_trace_callback(die)
    migrations.migrate(connection, path, 1)
    os._exit(0)


def test_of_two_processes_that_migrate_at_once_the_second_finds_it_done(tmp_path: Path) -> None:
    path = _version_1(tmp_path / "state.db")
    with closing(connect(path, unusable)) as late:
        Ledger.open(path).close()
        done = _content(path)

        migrations.migrate(late, path, 1)

    assert _content(path) == done


@pytest.mark.parametrize("room", [4096, 60_000])
def test_a_migration_without_room_for_its_backup_names_the_backup_and_leaves_nothing(tmp_path: Path, room: int) -> None:
    path = _version_1(tmp_path / "state.db")
    before = path.read_bytes()

    def migrate() -> None:
        with pytest.raises(StorageError, match=r"state\.db\.backup-v1: .*Make room"):
            Ledger.open(path)
        os._exit(7)

    assert _in_a_child(migrate, room, kill=False) == 7

    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.db"]


def test_s12_a_migration_larger_than_the_cache_counts_its_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite then writes pages before it commits; the counter that ours is held against moves once all the same."""
    path, made = _version_1(tmp_path / "state.db"), migrations.migrate

    def migrate(connection: Connection, state: Path, version: int) -> None:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA cache_spill = 1")
        made(connection, state, version)

    monkeypatch.setattr("ecmbraze.ledger.file.migrate", migrate)
    monkeypatch.setitem(migrations.STEPS, 8, (*migrations.STEPS[8], "CREATE TABLE room (x)", *_ROOM))

    Ledger.open(path).close()

    Ledger.open(path).close()


_ROOM = ("INSERT INTO room SELECT randomblob(5000) FROM sqlite_schema",) * 9


@pytest.mark.soak
@pytest.mark.long
def test_s12_a_kill_at_each_growth_of_a_file_ends_in_the_same_tables(tmp_path: Path) -> None:
    old, good = _version_1(tmp_path / "old.db"), _version_1(tmp_path / "good.db")
    Ledger.open(good).close()
    kills, wanted = 0, _content(good)
    for size in range(0, good.stat().st_size, 2048 * _EVERY):  # of the backup, the journal and the state file itself
        path = _copied(old, tmp_path / f"{size}.db")
        kills += _migrate_until_a_file_outgrows(path, size) == -signal.SIGXFSZ

        Ledger.open(path).close()

        assert _content(path) == wanted, size
        assert not list(tmp_path.glob("*.new")), size
    assert kills > 20 // _EVERY


@pytest.mark.long
def test_s12_a_kill_at_each_page_of_each_commit_ends_in_the_same_tables(tmp_path: Path) -> None:
    good = _version_1(tmp_path / "good.db")
    Ledger.open(good).close()
    states, raw_versions, wanted = 0, set[int](), _content(good)
    for state, journal in _states_of_a_commit_cut_short(tmp_path):
        path = tmp_path / "cut.db"
        for left in (path, *tmp_path.glob("cut.db[.-]*")):
            left.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(state)
        beside = path.with_name("cut.db-journal")
        beside.touch(0o600)
        beside.write_bytes(journal)
        states, raw_versions = states + 1, raw_versions | {_version(path)}

        with pytest.raises(StorageError, match="hot journal"):
            Ledger.open(path, read_only=True)
        assert path.read_bytes() == state
        Ledger.open(path).close()

        assert _content(path) == wanted
    assert states > 15
    assert raw_versions >= set(migrations.STEPS)  # what the raw bytes say of a file that is none of it yet


def _states_of_a_commit_cut_short(tmp_path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield (state file, journal) as they lie there when each page in turn is the last one that a commit wrote.

    SQLite syncs the journal, writes the pages in their order, and unlinks the journal. The journals come of processes
    that were killed as the state file grew: by then all pages it had before were written.
    """
    path = _version_1(tmp_path / "step.db")
    for number, statements in migrations.STEPS.items():
        with closing(connect(path, unusable)) as file:
            file.execute("VACUUM")  # no free pages: the step must make the file grow
            if number > counting.FIRST:  # a commit that is not ours: count anew
                _count_anew(file)
        before, cut = path.read_bytes(), tmp_path / "step-cut.db"
        assert _one_step(_copied(path, cut), number, statements, size=len(before)) == -signal.SIGXFSZ
        journal = cut.with_name("step-cut.db-journal")
        assert _one_step(path, number, statements, size=None) == 0
        after = path.read_bytes()
        state = bytearray(before)
        for start in range(0, len(after), 4096):
            if after[start : start + 4096] != before[start : start + 4096]:
                yield bytes(state), journal.read_bytes()
                state[start : start + 4096] = after[start : start + 4096]
        yield bytes(state), journal.read_bytes()
        journal.unlink()


def _one_step(path: Path, number: int, statements: tuple[str, ...], *, size: int | None) -> int:
    def step() -> None:
        with closing(connect(path, unusable)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = counting.counter(connection.raw)
            for statement in statements:
                connection.execute(statement)
            if number >= counting.FIRST:
                counting.bind(connection, before)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")

    return _in_a_child(step, size)


def _count_anew(connection: Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    counting.bind(connection, counting.counter(connection.raw))
    connection.execute("COMMIT")


def _migrate_until_a_file_outgrows(path: Path, size: int) -> int:
    return _in_a_child(lambda: Ledger.open(path).close(), size)


def _in_a_child(work: Callable[[], None], size: int | None, *, kill: bool = True) -> int:
    """Do it in a process whose writes past ``size`` bytes of a file fail, or kill it at once; return its code."""
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
        if size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = 1
        with suppress(Exception):
            work()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _counter(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[24:28], "big")


def _copied(path: Path, to: Path) -> Path:
    shutil.copy(path, to)
    to.chmod(0o600)
    return to
