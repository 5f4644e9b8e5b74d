"""Whoever edits the state file by hand is noticed at the next start, with the place; nothing is sent from it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger import counting, file, schema
from ecmbraze.ledger.codec import instant
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import State
from tests import hand
from tests.ledger.test_ledger import NOW, _action, _stage
from tests.offline import Offline
from tests.rehearsal import CONTRACT, Rehearsal

# `pair` is the schema's own, sqlite_sequence does not exist.
_TABLES = sorted(
    line.split()[2]
    for line in schema.LEDGER.splitlines()
    if line.startswith("CREATE TABLE") and " TABLE commits" not in line
)
_EDITS = [(table, verb) for table in _TABLES for verb in ("UPDATE", "DELETE", "INSERT")]


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    found = connection.execute(f"SELECT name, type FROM pragma_table_info('{table}')")
    return {name: kind for name, kind in found if (table, name) not in {("outbox", "state"), ("outbox", "id")}}


def _value(kind: str, text: str, number: int) -> int | str | bytes:
    return number if kind == "INTEGER" else text.encode() if kind == "BLOB" else text


def _insert(connection: sqlite3.Connection, table: str, text: str, number: int) -> None:
    columns = _columns(connection, table)
    values = [_value(kind, text, number) for kind in columns.values()]
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed state file with a row in each table."""
    path = tmp_path_factory.mktemp("filled") / "state.db"
    ledger = Ledger.create(path, {"ecm": "https://e", "braze": "https://b"}, NOW)
    with ledger.database.atomic():
        for table in _TABLES:
            _insert(ledger.database.conn, table, "x", 1000)
    ledger.close()
    return path


def _copied(filled: Path, folder: Path) -> Path:
    for ending in ("", ".seal", ".key"):
        shutil.copy(f"{filled}{ending}", folder / f"state.db{ending}")
    (folder / "state.db").chmod(0o600)
    return folder / "state.db"


def _fill(ledger: Ledger, table: str) -> None:
    """Put one row into a table in which every value can be read."""
    found = dict(ledger.database.conn.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall())
    known = {
        "kind": "event",
        "delivery": "once",
        "phase": 2,
        "record": "ws:1",
        "key": "ws:1",
        "documents": "[]",
        "state": "ready",
        "payload": "{}",
        "consent": None,
        "facts": "{}",
        "memory": "{}",
        "report": "{}",
        "value": "{}",
        "read_at": "",
        "gone_at": "",
    }
    values = [
        known[name] if name in known else instant(NOW) if name.endswith("at") else 1 if kind == "INTEGER" else "x"
        for name, kind in found.items()
    ]
    ledger.database.conn.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


def _edit(path: Path, table: str, verb: str, number: int = 0) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            if table == "history":  # whoever edits it by hand takes its triggers away first
                connection.execute(f"DROP TRIGGER {trigger}")
        column, kind = list(_columns(connection, table).items())[-1]
        match verb:
            case "UPDATE":
                value = _value(kind, f"y{number}", 7 + number)
                connection.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (value,))
            case "DELETE":
                connection.execute(f"DELETE FROM {table}")
            case _:
                _insert(connection, table, f"z{number}", 2000 + number)
        connection.commit()


@pytest.mark.parametrize(("table", "verb"), _EDITS, ids=[f"{verb} {table}" for table, verb in _EDITS])
@pytest.mark.parametrize("read_only", [False, True], ids=["live", "dry"])
def test_s16_each_edit_of_each_table_is_noticed_with_its_place(
    filled: Path, tmp_path: Path, table: str, verb: str, read_only: bool
) -> None:
    path = _copied(filled, tmp_path)
    Ledger.open(path, read_only=True).close()

    _edit(path, table, verb)

    with pytest.raises(StateUnusable, match=rf"\d commits? that (is|are) not of ecmbraze, in .*\b{table}\b"):
        Ledger.open(path, read_only=read_only)


def test_s16_without_a_seal_an_edit_is_noticed_all_the_same(filled: Path, tmp_path: Path) -> None:
    path = _copied(filled, tmp_path)
    path.with_name("state.db.seal").unlink()

    _edit(path, "accepted", "DELETE")

    with pytest.raises(StateUnusable, match=r"1 commit that is not of ecmbraze\."):
        Ledger.open(path)


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM outbox", "UPDATE outbox SET why = 'x' WHERE id < 0", "PRAGMA user_version"]
)
def test_s16_what_changes_nothing_is_harmless(filled: Path, tmp_path: Path, statement: str) -> None:
    path = _copied(filled, tmp_path)
    before = path.read_bytes()

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement).fetchall()

    assert path.read_bytes() == before
    Ledger.open(path, read_only=True).close()


@pytest.mark.parametrize(
    "edit", ["DELETE FROM commits", "UPDATE commits SET n = n + 7", "INSERT INTO commits VALUES (1)"]
)
def test_s16_the_count_itself_cannot_be_edited_by_guess(filled: Path, tmp_path: Path, edit: str) -> None:
    path = _copied(filled, tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(edit)

    with pytest.raises(StateUnusable):
        Ledger.open(path)


def test_s16_an_edit_in_the_middle_of_a_run_ends_it_before_it_commits_again(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    (row,) = _stage(ledger, _action())
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        connection.execute("UPDATE outbox SET recipient = 'C-9'")

    with pytest.raises(StateUnusable, match="not of ecmbraze"):
        ledger.outbox.move([Step(row=row, state=State.IN_FLIGHT)], NOW)

    assert [one.state for one in ledger.outbox.rows("1")] == [State.READY]


_MALFORMED = [
    ("outbox", "expires_at", "tomorrow"),
    ("outbox", "kind", "letter"),
    ("outbox", "payload", "{"),
    ("outbox", "planned_at", "2026-11-24"),
    ("record", "facts", "[]"),
    ("record", "modified_at", "?"),
    ("fact", "memory", "null"),
    ("accepted", "value", "{"),
    ("pause", "at", ""),
    ("run", "report", "x"),
]


@pytest.mark.parametrize(("table", "column", "value"), _MALFORMED, ids=[f"{one[0]}.{one[1]}" for one in _MALFORMED])
@pytest.mark.parametrize("counted", [False, True], ids=["by somebody", "by nobody"])
def test_s16_a_live_edit_that_is_read_before_the_next_commit_is_no_bug(
    tmp_path: Path, table: str, column: str, value: str, counted: bool
) -> None:
    """What the program cannot read ends it where it reads it: with 12 and the place, not with 1."""
    path = tmp_path / "state.db"
    Ledger.create(path, {}, NOW).close()
    ledger = Ledger.open(path)
    with ledger.database.atomic():
        _fill(ledger, table)
    if counted:
        with hand.unnoticed(path) as connection:
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))

    place = rf"unreadable value in {table}\.{column}, row 1" if counted else "1 commit that is not of ecmbraze"
    with pytest.raises(StateUnusable, match=place), ledger.blaming():
        raise ValueError("what reading it would raise")
    ledger.database.close()


def test_s16_a_bug_stays_a_bug(filled: Path, tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "other.db", {}, NOW)

    with pytest.raises(ZeroDivisionError), ledger.blaming():
        1 / 0  # noqa: B018

    ledger.close()


@pytest.mark.parametrize("table", _TABLES)
def test_s16_of_24_edits_of_each_table_none_goes_unnoticed(filled: Path, tmp_path: Path, table: str) -> None:
    """Eight of each kind, one after the other: each alone is noticed by the count of commits."""
    path, noticed = _copied(filled, tmp_path), 0
    with closing(file.open_existing(path, read_only=True).conn) as reader:
        for number in range(24):
            _edit(path, table, ("INSERT", "UPDATE", "DELETE")[number % 3], number)
            try:
                counting.check(reader, path)
            except StateUnusable:
                noticed += 1
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute("UPDATE commits SET n = n + 2")  # as if it had been ours, with this one

    assert noticed == 24


def test_a_commit_of_a_live_run_just_after_a_reader_counted_is_nobody_elses(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, counted, calls = _copied(filled, tmp_path), counting.counter, 0

    def counter(raw: int) -> int:
        nonlocal calls
        number, calls = counted(raw), calls + 1
        if calls == 2:  # the reader has seen that nothing changed while it looked
            writer.waiting.pause("f", NOW, "somebody", "so")
        return number

    with closing(Ledger.open(path)) as writer:
        monkeypatch.setattr(counting, "counter", counter)
        Ledger.open(path, read_only=True).close()

    assert calls > 2


@pytest.mark.parametrize("there", ["another", "nothing"])
def test_s19_a_file_that_is_replaced_in_the_middle_of_a_run_ends_it_before_it_commits(
    filled: Path, tmp_path: Path, there: str
) -> None:
    path = _copied(filled, tmp_path)
    ledger = Ledger.create(tmp_path / "mine.db", {}, NOW)
    (row,) = _stage(ledger, _action())
    if there == "another":
        path.replace(ledger.path)
    else:
        ledger.path.unlink()

    with pytest.raises(StateUnusable, match=r"was replaced by another|was taken away"):
        ledger.outbox.move([Step(row=row, state=State.IN_FLIGHT)], NOW)


def test_s07_a_journal_deleted_by_hand_after_a_crash_is_noticed(tmp_path: Path) -> None:
    """The pages of a commit that was cut off are there, its journal is not: SQLite cannot take it back."""
    office = Offline(tmp_path)
    office.messages(*[(State.IN_FLIGHT, State.SENT)] * 20)
    before = office.state.read_bytes()
    office.messages(*[()] * 40)
    after, noticed, cuts = office.state.read_bytes(), 0, 0
    changed = [at for at in range(0, len(after), 4096) if before[at : at + 4096] != after[at : at + 4096]]
    for last in range(1, len(changed)):
        state = bytearray(before.ljust(len(after), b"\0"))
        for at in changed[:last]:
            state[at : at + 4096] = after[at : at + 4096]
        office.state.write_bytes(state)
        cuts += 1
        noticed += office.ecmbraze("status").code == 22

    assert (noticed, cuts > 3) == (cuts, True)


def test_two_processes_may_write_in_turn(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    with office.ledger() as run:
        assert office.ecmbraze("pause", "--reason", "a look").code == 0
        run.waiting.resume("*", office.now)
        assert office.ecmbraze("pause", "--reason", "again").code == 0

    assert office.ecmbraze("state", "verify").code == 0


def test_a_count_that_goes_round_goes_on(tmp_path: Path) -> None:
    """SQLite's counter has 32 bits."""
    path = tmp_path / "state.db"
    Ledger.create(path, {}, NOW).close()
    with hand.unnoticed(path) as connection:
        connection.execute("UPDATE commits SET n = 4294967294")
    data = bytearray(path.read_bytes())
    data[24:28] = data[92:96] = (4294967295).to_bytes(4, "big")
    path.write_bytes(data)

    for _ in range(3):
        ledger = Ledger.open(path)
        ledger.waiting.pause("f", NOW, "x", "y")
        ledger.close()


def test_a_transaction_larger_than_the_cache_is_counted_once(tmp_path: Path) -> None:
    """SQLite then writes pages before it commits."""
    office = Offline(tmp_path)
    for _ in range(2):
        with office.ledger() as ledger:
            ledger.database.execute("PRAGMA cache_size = 1")
            with ledger.database.atomic():
                for number in range(40):
                    ledger.waiting.pause(f"f{number}", office.now, "x", "y" * 5000)

    assert office.ecmbraze("state", "verify").code == 0


def test_a_transaction_that_changes_nothing_commits_nothing(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    before = office.state.read_bytes()

    with office.ledger() as ledger, ledger.database.atomic():
        ledger.database.conn.execute("DELETE FROM pause WHERE flow = 'x'")

    assert office.state.read_bytes() == before


def test_s16_a_run_over_an_edited_file_sends_nothing_and_says_what_to_do(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    before = stage.received()["requests"]
    with closing(sqlite3.connect(stage.state, isolation_level=None)) as connection:
        connection.execute("UPDATE fact SET facts = '{}'")

    live, dry = stage.ecmbraze("onboarding"), stage.ecmbraze("onboarding", "--dry-run")

    assert (live.code, dry.code) == (12, 12)
    assert "was changed by somebody else: 1 commit that is not of ecmbraze, in fact" in live.stderr
    assert stage.received()["requests"] == before
