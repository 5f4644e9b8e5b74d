"""The history is keyed with a secret outside the file: who has only the file cannot rewrite, cut or exchange it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger import historykey, migrations
from ecmbraze.ledger.connection import connect, unusable
from ecmbraze.ledger.history import GENESIS
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.ledger.verifying import checks
from ecmbraze.model import State
from tests import hand
from tests.ledger.test_ledger import NOW, _action, _stage
from tests.ledger.test_migrations import _version_1
from tests.offline import Offline

_FREE = ("DROP TRIGGER history_is_final", "DROP TRIGGER history_stays")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    ledger = Ledger.create(path, {"ecm": "https://e", "braze": "https://b"}, NOW)
    for number in range(5):
        ledger.waiting.pause(f"f{number}", NOW, "somebody", "a look")
    ledger.close()
    return path


def _recompute(connection: sqlite3.Connection) -> None:
    """Make the chain follow from itself again, as anybody can who has the file."""
    previous = GENESIS
    for seq, at, kind, body in connection.execute("SELECT seq, at, kind, body FROM history ORDER BY seq").fetchall():
        digest = hashlib.sha256(f"{previous}\n{at}\n{kind}\n{body}".encode()).hexdigest()
        connection.execute("UPDATE history SET previous = ?, hash = ? WHERE seq = ?", (previous, digest, seq))
        previous = digest


def _edited(state: Path, *statements: str, recompute: bool = False) -> None:
    with hand.unnoticed(state) as connection:
        for statement in (*_FREE, *statements):
            connection.execute(statement)
        if recompute:
            _recompute(connection)


def _unsealed(state: Path) -> Path:
    state.with_name(f"{state.name}.seal").unlink()
    return state


def _refusal(state: Path) -> str:
    """Return why both a start and `state verify` refuse the file."""
    with pytest.raises(StateUnusable):
        Ledger.open(state)
    with pytest.raises(StateUnusable) as told:
        list(checks(state))
    return str(told.value)


def test_init_makes_a_key_that_only_we_may_read(state: Path) -> None:
    key = historykey.beside(state)

    assert (key.stat().st_mode & 0o777, json.loads(key.read_text())["since"]) == (0o600, 1)
    assert json.loads(key.read_text())["key"] not in state.read_bytes().decode("latin-1")
    assert "keyed from row 1; its end is the one that was sealed" in list(checks(state))[-2].found


def test_a_chain_that_was_recomputed_is_found(state: Path) -> None:
    _edited(_unsealed(state), "UPDATE history SET body = '{}' WHERE seq = 3", recompute=True)

    assert "fails the check of its history at row 1" in _refusal(state)


def test_a_row_that_was_put_in_place_of_another_is_found(state: Path) -> None:
    _edited(_unsealed(state), "UPDATE history SET at = (SELECT at || ' ' FROM history WHERE seq = 2) WHERE seq = 4")

    assert "fails the check of its history at row 4" in _refusal(state)


@pytest.mark.parametrize("left", [5, 3, 0])
def test_s17_a_chain_whose_end_was_cut_off_is_found(state: Path, left: int) -> None:
    _edited(state, f"DELETE FROM history WHERE seq > {left}")

    assert f"ends at row {left}, its seal says 6: its end was cut off, or it is an older copy" in _refusal(state)
    with pytest.raises(StateUnusable, match="ends at row"):
        Ledger.open(state, read_only=True)


def test_s08_an_older_copy_put_back_is_found_and_the_message_says_how_to_go_on(state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copy(state, copy)
    ledger = Ledger.open(state)
    ledger.waiting.pause("g", NOW, "x", "y")
    ledger.close()
    shutil.copy(copy, state)

    assert "it is an older copy (if you put it there, go on as operations.md says, and remove" in _refusal(state)
    Ledger.open(_unsealed(state)).close()


def test_a_chain_exchanged_for_another_of_the_same_length_is_found(state: Path, tmp_path: Path) -> None:
    """A fork: the same file and key, used elsewhere."""
    for ending in ("", ".key", ".seal"):
        shutil.copy(f"{state}{ending}", tmp_path / f"fork.db{ending}")
    for path in (state, tmp_path / "fork.db"):
        ledger = Ledger.open(path)
        ledger.waiting.pause("g", NOW, "x", path.name)
        ledger.close()
    shutil.copy(tmp_path / "fork.db", state)

    with pytest.raises(StateUnusable, match=r"row 7 is not the one that stood there|not as its last"):
        Ledger.open(state)


def test_a_file_of_another_installation_is_found(state: Path, tmp_path: Path) -> None:
    Ledger.create(tmp_path / "other.db", {"ecm": "https://e", "braze": "https://b"}, NOW).close()
    shutil.copy(tmp_path / "other.db", state)

    assert "belongs to another key" in _refusal(_unsealed(state))


def test_a_seal_that_somebody_wrote_by_hand_is_found(state: Path) -> None:
    seal = state.with_name(f"{state.name}.seal")
    told = json.loads(seal.read_text())
    with closing(sqlite3.connect(state)) as file:
        told["length"], told["head"] = 3, file.execute("SELECT hash FROM history WHERE seq = 3").fetchone()[0]
    seal.write_text(json.dumps(told))
    _edited(state, "DELETE FROM history WHERE seq > 3")

    assert "has a seal that was not made with its key" in _refusal(state)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("gone", "needs its key"),
        ("open", "a key that others may read"),
        ("link", "a key that is a link"),
        ("junk", "a key that cannot be read"),
        ("empty", "a key that cannot be read"),
    ],
)
def test_a_key_that_is_not_there_or_not_ours_alone_is_said_by_name(state: Path, harm: str, told: str) -> None:
    key = historykey.beside(state)
    match harm:
        case "gone":
            key.unlink()
        case "open":
            key.chmod(0o640)
        case "link":
            key.rename(key.with_name("elsewhere"))
            key.symlink_to(key.with_name("elsewhere"))
        case "junk":
            key.write_text('{"key": "zz"}')
        case _:
            key.write_text("")

    for read_only in (True, False):
        with pytest.raises(StateUnusable, match=told) as raised:
            Ledger.open(state, read_only=read_only)
        assert str(key) in str(raised.value)


def _older(path: Path) -> Path:
    """Write a state file of the version before the key, with a history."""
    with closing(connect(_version_1(path), unusable)) as file:
        for number in range(2, 8):
            for statement in migrations.STEPS[number]:
                file.execute(statement)
        file.execute("PRAGMA user_version = 7")
        for _ in range(4):
            file.execute("INSERT INTO history VALUES (NULL, '2026-11-20T08:00:00.000000Z', 'run', '{}', '', '')")
        for statement in _FREE:
            file.execute(statement)
        _recompute(file)
        for kind, verb in (("final", "UPDATE"), ("stays", "DELETE")):
            name = {"final": "history_is_final", "stays": "history_stays"}[kind]
            file.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON history BEGIN SELECT RAISE(ABORT, 'no'); END")
    return path


def test_an_older_file_gets_its_key_at_the_next_start_and_its_history_says_so(tmp_path: Path) -> None:
    path = _older(tmp_path / "state.db")

    Ledger.open(path).close()
    Ledger.open(path).close()

    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT seq, kind, body FROM history WHERE seq > 4").fetchall()
    assert [(seq, kind, json.loads(body)["since"]) for seq, kind, body in rows] == [(5, "keyed", 5)]
    assert "keyed from row 5" in list(checks(path))[-2].found
    _edited(_unsealed(path), "UPDATE history SET body = '[]' WHERE seq = 2", recompute=True)
    assert "fails the check of its history at row 5" in _refusal(path)


def test_a_start_that_was_killed_between_the_key_and_the_row_is_taken_up(tmp_path: Path) -> None:
    path = _older(tmp_path / "state.db")
    historykey.make(path, 5)

    Ledger.open(path).close()

    assert "keyed from row 5" in list(checks(path))[-2].found


def test_a_start_that_was_killed_while_it_wrote_the_key_is_taken_up(tmp_path: Path) -> None:
    path = _older(tmp_path / "state.db")
    path.with_name("state.db.key.new").write_text('{"key": "12')

    Ledger.open(path).close()

    assert historykey.beside(path).exists()
    assert not path.with_name("state.db.key.new").exists()


def test_a_keyed_history_passed_off_as_one_without_a_key_is_found(state: Path) -> None:
    _edited(_unsealed(state), "DELETE FROM identity WHERE name = 'key'", recompute=True)

    with pytest.raises(StateUnusable, match=r"a history without a key, but .* keys one from row 1"):
        Ledger.open(state)


def test_init_does_not_touch_the_key_of_an_earlier_file(state: Path) -> None:
    before = historykey.beside(state).read_bytes()
    state.rename(state.with_name("old.db"))

    with pytest.raises(StateUnusable, match="the key of a state file that stood here"):
        Ledger.create(state, {}, NOW)

    assert historykey.beside(state).read_bytes() == before
    assert not state.exists()


def test_nothing_personal_stands_in_the_chain_and_erasing_what_was_written_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    ledger = Ledger.create(path, {}, NOW)
    (row,) = _stage(ledger, _action(record="person:erika@example.com", recipient="erika@example.com"))
    ledger.outbox.move([Step(row=row, state=State.IN_FLIGHT, why="operator: Erika Muster phoned")], NOW)
    ledger.waiting.pause("f", NOW, "max.muster", "Erika Muster complained")
    with ledger.database.atomic():
        ledger.database.conn.execute(
            "INSERT INTO quarantine VALUES ('f', 'person:erika@example.com', '', '', '', ?)", [str(NOW)]
        )
    ledger.forget_quarantined("person:erika@example.com", NOW)

    bodies = " ".join(body for (body,) in ledger.database.execute("SELECT body FROM history"))
    kept = {text for (text,) in ledger.database.execute("SELECT text FROM remark")}

    assert not [word for word in ("rika", "uster", "example.com") if word in bodies]
    assert kept == {"operator: Erika Muster phoned", '{"by":"max.muster","host":"","reason":"Erika Muster complained"}'}
    with ledger.database.atomic():
        ledger.database.conn.execute("DELETE FROM remark")
    ledger.close()
    Ledger.open(_unsealed(path)).close()


def test_a_remark_that_was_changed_is_found(state: Path) -> None:
    _edited(_unsealed(state), 'UPDATE remark SET text = \'{"by":"somebody else"}\'')

    assert "holds another text than was written in remark.text, row 1" in _refusal(state)


def test_a_backup_carries_its_key_and_is_refused_without(tmp_path: Path) -> None:
    office, to = Offline(tmp_path), tmp_path / "backup.db"
    assert office.ecmbraze("state", "backup", str(to)).code == 0
    assert office.ecmbraze("state", "verify", str(to)).code == 0
    assert historykey.beside(to).stat().st_mode & 0o777 == 0o600

    historykey.beside(to).unlink()

    done = office.ecmbraze("state", "verify", str(to))
    assert (done.code, "needs its key" in done.stderr) == (12, True)
