"""The state file is refused when it is not safely ours, with the exit codes of interface.md."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from ecmbraze.cli.app import run
from ecmbraze.errors import StateNewer, StateUnusable, StorageError
from ecmbraze.ledger import seal
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from tests.ledger.test_ledger import NOW, _action, _stage
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal


def _filled(path: Path) -> Path:
    ledger = Ledger.create(path, {"ecm": "https://e", "braze": "https://b"}, NOW)
    _stage(ledger, *(_action(recipient=f"C-{number}") for number in range(200)))
    ledger.close()
    return path


@pytest.mark.parametrize("size", [0, 1, 99, 100, 511, 4096, 5000, 20_000, 60_000])
def test_s02_s04_a_truncated_file_is_detected(tmp_path: Path, size: int) -> None:
    path = _filled(tmp_path / "state.db")
    whole = path.stat().st_size
    assert size < whole
    os.truncate(path, size)

    with pytest.raises(StateUnusable):
        Ledger.open(path)


def _content(path: Path) -> list[str]:
    """Return every row of every table, as text."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_s03_300_flipped_bits_are_detected_or_change_nothing(tmp_path: Path) -> None:
    path, hurt = _filled(tmp_path / "state.db"), tmp_path / "hurt.db"
    good, whole, rng, detected = path.read_bytes(), _content(path), random.Random(3), 0
    for _ in range(300):
        data = bytearray(good)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        hurt.write_bytes(data)
        hurt.chmod(0o600)
        for ending in ("seal", "key"):
            shutil.copy(tmp_path / f"state.db.{ending}", tmp_path / f"hurt.db.{ending}")
        try:
            Ledger.open(hurt, read_only=True).close()
        except (StateUnusable, StateNewer, StorageError):  # 12, 14, 16
            detected += 1
        else:
            assert _content(hurt) == whole
    assert detected > 295


def test_s03_without_a_seal_the_history_is_checked(tmp_path: Path) -> None:
    path = _filled(tmp_path / "state.db")
    (tmp_path / "state.db.seal").unlink()
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"braze":"https://b"', b'"braze":"https://c"'))

    with pytest.raises(StateUnusable, match="history at row 1"):
        Ledger.open(path)


def test_a_crash_leaves_the_seal_silent_and_the_next_run_seals_again(tmp_path: Path) -> None:
    path = _filled(tmp_path / "state.db")
    ledger = Ledger.open(path)
    _stage(ledger, _action(recipient="C-new"))
    ledger.database.close()  # as after a crash: committed, not sealed

    assert seal.look(path) is seal.Look.SILENT
    Ledger.open(path).close()
    assert seal.look(path) is seal.Look.INTACT


def test_s06_s13_an_unsafe_file_is_refused(tmp_path: Path) -> None:
    path = _filled(tmp_path / "state.db")
    (tmp_path / "state.db-wal").touch()
    with pytest.raises(StateUnusable, match="foreign -wal"):
        Ledger.open(path)
    (tmp_path / "state.db-wal").unlink()
    (tmp_path / "link.db").symlink_to(path)
    with pytest.raises(StateUnusable, match="not a regular file"):
        Ledger.open(tmp_path / "link.db")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o660])
def test_s13_a_state_file_that_anybody_else_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = _filled(tmp_path / "state.db")
    path.chmod(mode)

    for read_only in (True, False):
        with pytest.raises(StateUnusable, match=f"mode {mode:04o}.*chmod 600"):
            Ledger.open(path, read_only=read_only)

    path.chmod(0o600)
    Ledger.open(path).close()


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o775, 0o1777, 0o2770])
def test_s13_a_folder_that_others_may_write_is_refused_sticky_or_not(tmp_path: Path, mode: int) -> None:
    path = _filled(tmp_path / "state.db")
    tmp_path.chmod(mode)

    for read_only in (True, False):
        with pytest.raises(StateUnusable, match=r"others may write .*chmod go-w"):
            Ledger.open(path, read_only=read_only)
    with pytest.raises(StateUnusable, match="chmod go-w"):
        Ledger.create(tmp_path / "another.db", {}, NOW)

    assert not (tmp_path / "another.db").exists()
    tmp_path.chmod(0o755)  # others may look
    Ledger.open(path).close()


def test_s13_a_folder_of_somebody_else_is_refused_unless_it_is_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stat, owner = _filled(tmp_path / "state.db"), Path.stat, 0

    def owned(entry: Path, **more: bool) -> os.stat_result:
        found = stat(entry, **more)
        return os.stat_result((*found[:4], owner, *found[5:])) if entry == tmp_path else found

    monkeypatch.setattr(Path, "stat", owned)
    Ledger.open(path).close()
    owner = os.geteuid() + 1

    with pytest.raises(StateUnusable, match=r"a folder of user .*chmod 700"):
        Ledger.open(path)


def test_s13_a_run_beside_an_open_folder_asks_nobody_and_says_what_to_type(stage: Rehearsal) -> None:
    before = stage.received()["requests"]
    stage.folder.chmod(0o770)

    ended = stage.ecmbraze("onboarding")

    stage.folder.chmod(0o700)
    assert ended.code == 12
    assert f"chmod go-w {stage.folder}" in ended.stderr
    assert stage.received()["requests"] == before
    stage.run()


def test_s02_s10_foreign_and_newer_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (a)")
    foreign.chmod(0o600)
    with pytest.raises(StateUnusable, match="not a state file of ecmbraze"):
        Ledger.open(foreign)
    newer = _filled(tmp_path / "newer.db")
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateNewer):
        Ledger.open(newer)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_f1_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = _filled(tmp_path / "state.db")
        with run_lock(path):
            modes = {entry.name: entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}
    finally:
        os.umask(before)

    assert modes == {f"state.db{ending}": 0o600 for ending in ("", ".key", ".lock", ".seal")}


def _give_away(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to another user: only root gives one away, to all others it is said to be another's."""
    if os.geteuid() == 0:
        os.chown(file, 4711, -1)
        return
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        entry = real(path)
        return os.stat_result((*entry[:4], 4711, *entry[5:])) if path == file else entry

    monkeypatch.setattr(Path, "lstat", lstat)


@pytest.mark.parametrize("how", ["a link", "a second name", "readable", "somebody's"])
def test_s05_s13_a_journal_that_is_none_of_ours_is_not_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "state.db"
    Ledger.create(path, {}, NOW).close()
    planted, journal = tmp_path / "planted", tmp_path / "state.db-journal"
    planted.write_bytes(b"x" * 512)
    planted.chmod(0o644 if how == "readable" else 0o600)
    if how == "a link":
        journal.symlink_to(planted)
    elif how == "a second name":
        os.link(planted, journal)
    else:
        planted.rename(journal)
    if how == "somebody's":
        _give_away(journal, monkeypatch)
    before = path.read_bytes()

    for read_only in (False, True):
        with pytest.raises(StateUnusable, match="has a journal beside it"):
            Ledger.open(path, read_only=read_only)

    assert path.read_bytes() == before


def test_s05_a_hot_journal_is_recovered_by_a_live_run_and_refused_by_a_dry_run(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    _crash_in_a_commit(stage.state)
    before = stage.state.read_bytes()

    dry = stage.ecmbraze("onboarding", "--dry-run")
    assert (dry.code, stage.state.read_bytes() == before) == (16, True)
    stage.run()

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def _crash_in_a_commit(path: Path) -> None:
    """Leave the file as a process killed inside a large transaction leaves it: changed pages and a hot journal."""
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE record SET name = name || 'x'")
        connection.execute("INSERT INTO identity SELECT 'x' || key, hex(zeroblob(9000)) FROM record")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.with_name(path.name + "-journal").exists()


@pytest.mark.long
def test_o05_a_full_disk_is_exit_16_and_loses_nothing(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    limit = stage.state.stat().st_size // 1024 + 1
    command = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "-", *stage.command("onboarding", "--json")]

    ended = subprocess.run(command, env=stage.environ(), capture_output=True, check=False)

    assert ended.returncode in (0, 16)
    stage.run()
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_a_file_that_cannot_be_created_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "plain"
    blocked.touch()

    with pytest.raises(StorageError):
        Ledger.create(blocked / "state.db", {}, NOW)


def test_the_demo_makes_a_folder_for_its_state_that_is_ours_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecmbraze.cli.demo.play.play", lambda _folder, **_: 0)
    before = os.umask(0o002)  # as Debian and Red Hat give it to people
    try:
        assert run(["demo", "--keep", str(tmp_path / "kept")]) == 0
    finally:
        os.umask(before)

    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest.mark.long
def test_an_init_that_finds_no_room_leaves_nothing_that_the_next_one_would_stumble_over(tmp_path: Path) -> None:
    def create(kilobytes: int) -> int:
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kilobytes, resource.RLIM_INFINITY))
            code = 1
            try:
                Ledger.create(tmp_path / "state.db", {"ecm": "e", "braze": "b"}, NOW).close()
                code = 0
            except StorageError as error:
                code = error.exit_code
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    for kilobytes in (0, 8, 40, 80):
        assert (create(kilobytes), list(tmp_path.iterdir())) == (16, []), kilobytes
    assert create(10_000) == 0
