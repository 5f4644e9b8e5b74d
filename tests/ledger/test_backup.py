"""A backup is the state as it was at one commit, also beside a live run; it can be verified, and overwrites nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType

import pytest

from ecmbraze.errors import StateUnusable, StorageError, UsageError
from ecmbraze.ledger import backup, copying, seal
from ecmbraze.ledger.backup import back_up
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.verifying import checks
from ecmbraze.model import State
from tests import hand
from tests.ledger.test_ledger import NOW
from tests.ledger.test_state_file import _filled
from tests.offline import Offline
from tests.rehearsal import CONTRACT, Rehearsal

_CHECKED = ["place", "seal", "commits", "pages", "history", "values"]


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    made = Offline(tmp_path)
    made.messages(*[(State.IN_FLIGHT, State.SENT)] * 3)
    return made


def test_a_backup_holds_what_the_state_holds_and_is_well(office: Offline, tmp_path: Path) -> None:
    to, before = tmp_path / "backup.db", hand.rows(office.state)

    done = office.ecmbraze("state", "backup", str(to))

    assert done.code == 0, done.stderr
    assert hand.rows(to) == before
    assert {to.stat().st_mode & 0o777, to.with_name("backup.db.seal").stat().st_mode & 0o777} == {0o600}
    told = json.loads(office.ecmbraze("state", "verify", str(to), "--json").stdout)
    assert list(told["checked"]) == _CHECKED
    assert told["checked"]["seal"] == "as its last writer left it"
    assert not [left for left in tmp_path.iterdir() if left.name.endswith((".new", ".ecmbraze-copy"))]


def test_a_run_that_ends_while_its_copy_is_checked_spoils_neither_the_backup_nor_the_look(
    office: Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_lock(office.state):
        looking = checks(office.state)
        assert next(one for one in looking if one.what == "pages")
        office.ran()  # and seals a history that is longer than that of the copy
        assert [one.what for one in looking] == ["history", "values"]

    @contextmanager
    def ending(source: sqlite3.Connection, to: Path) -> Iterator[Path]:
        with copying.new_copy(source, to) as scratch:
            office.ran()
            yield scratch

    monkeypatch.setattr(backup, "new_copy", ending)
    assert [one.what for one in back_up(office.state, tmp_path / "backup.db")] == ["pages", "history", "values"]


def test_a_backup_that_cannot_be_completed_leaves_nothing(
    office: Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(seal, "put", full)
        with pytest.raises(StorageError, match="No space left"):
            back_up(office.state, tmp_path / "backup.db")
    assert not [left for left in tmp_path.iterdir() if "backup" in left.name]

    assert back_up(office.state, tmp_path / "backup.db")


def test_what_a_kill_leaves_of_a_backup_goes_with_the_next_one_and_a_live_one_stays(
    office: Offline, tmp_path: Path
) -> None:
    folder, to = tmp_path / "backups", tmp_path / "backups" / "monday.db"
    folder.mkdir(mode=0o700)
    for victim in (copying, backup):  # in the copy; when it has its name, but no seal
        child = get_context("fork").Process(target=_killed_in, args=(victim, office.state, to))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert any(path.name.endswith(".ecmbraze-copy") for path in folder.iterdir())
    left = folder / ".tuesday.db.ecmbraze-copy"
    left.mkdir()
    (left / "copy").write_text("somebody")

    with closing(sqlite3.connect(office.state)) as source, copying.new_copy(source, folder / "live.db"):
        assert back_up(office.state, to)
        assert sorted(path.name for path in folder.iterdir()) == [
            ".live.db.ecmbraze-copy",
            "monday.db",
            "monday.db.key",
            "monday.db.seal",
        ]
        with pytest.raises(StorageError, match="Another process is writing"):
            back_up(office.state, folder / "live.db")
    assert list(checks(to))


def _killed_in(victim: ModuleType, state: Path, to: Path) -> None:
    """Make a backup and die: while its pages are copied, or before it is complete."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(victim, "copy_in_steps" if victim is copying else "_complete", die)
    back_up(state, to)


def test_a_backup_that_is_not_there_is_no_reason_to_make_a_state_file(office: Offline, tmp_path: Path) -> None:
    done = office.ecmbraze("state", "verify", str(tmp_path / "bakcup.db"))

    assert done.code == 2
    assert "There is no file" in done.stderr
    assert "ecmbraze init" not in done.stderr


@pytest.mark.parametrize("taken", ["file", "link", "seal"])
def test_a_backup_overwrites_nothing_and_follows_no_link(office: Offline, tmp_path: Path, taken: str) -> None:
    to, other = tmp_path / "backup.db", tmp_path / "other"
    other.write_text("mine")
    match taken:
        case "file":
            to.write_text("mine")
        case "link":
            to.symlink_to(other)
        case _:
            to.with_name("backup.db.seal").symlink_to(other)

    done = office.ecmbraze("state", "backup", str(to))

    assert (done.code, other.read_text()) == (2, "mine")
    assert "exists already. No backup was made" in done.stderr
    assert taken != "file" or to.read_text() == "mine"


def test_a_scratch_file_that_somebody_planted_as_a_link_is_not_written_through(office: Offline, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    for name in (".backup.db.ecmbraze-copy", "state.db.seal.new", "backup.db.seal.new"):
        (tmp_path / name).symlink_to(other)

    assert office.ecmbraze("state", "backup", str(tmp_path / "backup.db")).code == 0
    office.ran()

    assert other.read_text() == "mine"
    assert not (tmp_path / "backup.db").is_symlink()


def test_there_is_no_backup_where_others_may_write_or_no_folder_is(office: Offline, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)

    done = office.ecmbraze("state", "backup", str(shared / "backup.db"))
    gone = office.ecmbraze("state", "backup", str(tmp_path / "gone" / "backup.db"))

    assert (done.code, gone.code) == (12, 2)
    assert "The backup" in done.stderr
    assert "others may write" in done.stderr
    assert "There is no folder" in gone.stderr
    assert list(shared.iterdir()) == []


def _commit_for_ever(path: Path, begun: Event, longest: str) -> None:
    """Write as a run does, and note how long a commit waited at most."""
    ledger, worst = Ledger.open(path), 0.0
    while True:
        before = time.monotonic()
        ledger.waiting.pause("f", NOW, "somebody", "x" * 100)
        worst = max(worst, time.monotonic() - before)
        Path(longest).write_text(str(worst))
        begun.set()
        time.sleep(0.002)


def test_a_backup_beside_a_run_that_never_rests_is_whole_and_hardly_delays_it(tmp_path: Path) -> None:
    path, to = _filled(tmp_path / "state.db"), tmp_path / "backup.db"
    with hand.unnoticed(path) as grown:  # 8 MB, twenty steps
        grown.execute("CREATE TABLE room (x)")
        grown.executemany("INSERT INTO room VALUES (?)", [(os.urandom(8000),) for _ in range(1000)])
    path.with_name("state.db.seal").unlink()
    context = get_context("fork")
    begun, longest = context.Event(), tmp_path / "longest"
    child = context.Process(target=_commit_for_ever, args=(path, begun, str(longest)))
    child.start()
    try:
        assert begun.wait(60)
        found = back_up(path, to)
        waited = float(longest.read_text())
        assert child.is_alive()
    finally:
        child.kill()
        child.join()

    assert [one.what for one in found] == ["pages", "history", "values"]
    assert [one.what for one in checks(to)] == _CHECKED
    assert waited < 5  # the run waits 60 seconds before it gives up


def test_of_a_file_that_a_run_is_writing_a_copy_is_checked(office: Offline) -> None:
    with run_lock(office.state):
        done = office.ecmbraze("state", "verify")

    assert done.code == 0
    assert "not judged: a run is writing" in done.stdout
    assert "Nothing is wrong with it." in done.stdout


_HARM = {
    "history": ("DROP TRIGGER history_is_final; UPDATE history SET at = '2026' WHERE seq = 2", "history at row 2"),
    "cut": ("DROP TRIGGER history_stays; DELETE FROM history WHERE seq = 1", "history at row 2"),
    "value": ("UPDATE outbox SET expires_at = 'soon' WHERE id = 2", "outbox.expires_at, row 2 (ValueError)"),
    "zone": ("UPDATE outbox SET expires_at = '2026-11-24T10:00:00' WHERE id = 3", "outbox.expires_at, row 3"),
    "kind": ("UPDATE outbox SET kind = 'letter' WHERE id = 1", "outbox.kind, row 1"),
    "json": ("UPDATE outbox SET consent = '{' WHERE id = 1", "outbox.consent, row 1"),
}


@pytest.mark.parametrize("harm", _HARM)
def test_what_is_wrong_with_a_backup_is_said_with_its_place_and_no_backup_is_made_of_it(
    office: Offline, tmp_path: Path, harm: str
) -> None:
    statements, place = _HARM[harm]
    with hand.unnoticed(office.state) as edited:
        for statement in statements.split(";"):
            edited.execute(statement)

    done = office.ecmbraze("state", "verify")
    saved = office.ecmbraze("state", "backup", str(tmp_path / "backup.db"))

    assert (done.code, saved.code) == (12, 12)
    assert place in done.stderr
    assert place in saved.stderr
    assert not (tmp_path / "backup.db").exists()


def test_a_page_that_the_disk_spoilt_is_found_in_a_backup(office: Offline, tmp_path: Path) -> None:
    to = tmp_path / "backup.db"
    back_up(office.state, to)
    data = bytearray(to.read_bytes())
    data[9000] ^= 4
    to.write_bytes(data)

    with pytest.raises(StateUnusable, match="not as its last writer left it"):
        list(checks(to))


def test_an_index_that_does_not_match_its_table_is_found(office: Offline) -> None:
    with hand.unnoticed(office.state) as edited:
        edited.execute("PRAGMA writable_schema = ON")
        edited.execute("CREATE INDEX other ON outbox (state, recipient)")
        edited.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'other') "
            "WHERE name = 'outbox_recipient'"
        )
        edited.execute("DELETE FROM sqlite_schema WHERE name = 'other'")

    with pytest.raises(StateUnusable, match="SQLite's own check"):
        list(checks(office.state))


def test_a_file_that_stands_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        back_up(_filled(tmp_path / "state.db"), tmp_path / "state.db")


@pytest.mark.long
def test_the_state_of_a_real_run_is_well_and_its_backup_too(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.run()

    assert stage.ecmbraze("state", "backup", str(stage.folder / "backup.db")).code == 0

    for file in ((), (str(stage.folder / "backup.db"),)):
        done = stage.ecmbraze("state", "verify", *file)
        assert done.code == 0, done.stderr
