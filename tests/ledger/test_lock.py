"""The lock: one holder at a time, and a file system that gives no locks is 16, not a bug."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecmbraze.errors import Locked, StorageError
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import held, run_lock
from ecmbraze.ledger.planfile import PlanFile
from tests.ledger.test_ledger import NOW
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal

_REFUSALS = (errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP, errno.EIO)
# A file system whose lock service does not answer: NFS, say.
_WITHOUT_LOCKS = """
import errno, fcntl, os
def refused(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = refused
from ecmbraze.cli.app import main
main()
"""


@pytest.fixture(params=_REFUSALS, ids=errno.errorcode.get)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refused)


def test_the_second_holder_is_refused_and_the_first_is_seen(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    assert not held(state)
    with run_lock(state):
        assert held(state)
        with pytest.raises(Locked, match=f"pid {os.getpid()}"), run_lock(state):
            pass
    assert not held(state)


def test_who_comes_during_a_load_gets_the_lock_after_its_slice_and_before_the_next(tmp_path: Path) -> None:
    """Two runs come while a slice has it: the first waits, the second does not; the load waits behind the first."""
    state, order, came = tmp_path / "state.db", list[str](), threading.Event()

    def run() -> None:
        with run_lock(state, wait=came.set):
            order.append("run")
            assert held(state)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with run_lock(state, load=True, wait=lambda: None):
            order.append("slice")
            waits = pool.submit(run)
            came.wait(20)
            with pytest.raises(Locked, match="another run waits"), run_lock(state, wait=lambda: None):
                pass
            with pytest.raises(Locked, match="loads"), run_lock(state):
                pass
        with run_lock(state, load=True, wait=lambda: None):
            order.append("slice")
        waits.result()

    assert order == ["slice", "run", "slice"]


@pytest.mark.usefixtures("no_locks")
def test_a_lock_that_cannot_be_had_is_16_with_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with pytest.raises(StorageError, match=r"Cannot lock .*local disk"), run_lock(state):
        pass
    with pytest.raises(StorageError, match="Cannot lock"):
        held(state)
    with pytest.raises(StorageError, match="Cannot lock"):
        PlanFile(tmp_path / "state.db.plan-t", named=False)
    assert not (tmp_path / "state.db.plan-t").exists()


@pytest.mark.parametrize("taking", [held, lambda state: run_lock(state).__enter__()], ids=["look", "take"])
def test_a_lock_of_somebody_else_is_16_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taking: Callable[[Path], object]
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refused)  # as root, whose tests these may be, no mode refuses anything
    with pytest.raises(StorageError, match="Permission denied") as error:
        taking(tmp_path / "state.db")
    assert f"`chown` {tmp_path / 'state.db.lock'}" in (error.value.advice or "")


def test_garbage_stays_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    ledger.plan_path("left").touch()

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    ledger.new_plan("t").discard()

    assert ledger.plan_path("left").exists()
    ledger.close()


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.long
def test_a_run_without_locks_ends_with_16_and_asks_nobody(stage: Rehearsal, options: tuple[str, ...]) -> None:
    before = stage.received()["requests"]
    arguments = stage.command("onboarding", *options)[3:]

    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_LOCKS, *arguments], env=stage.environ(), capture_output=True, check=False
    )

    assert done.returncode == 16, done.stderr
    assert b"No locks available" in done.stderr
    assert b"Traceback" not in done.stderr
    assert stage.received()["requests"] == before


@pytest.mark.parametrize(
    ("system", "path"),
    [("ecm", "/businessworkspaces"), ("braze", "/users/export"), ("braze", "/users/track"), ("braze", "/trigger/send")],
)
@pytest.mark.parametrize("replaced", [False, True])
def test_u07_who_lost_the_lock_file_to_another_run_stops_before_the_next_message(
    stage: Rehearsal, system: str, path: str, replaced: bool
) -> None:
    stage.config["braze"] |= {"trigger_batch": 1, "connections": 1}
    people = [stage.customer(workspace) for workspace in stage.open_workspaces()]
    for workspace in stage.open_workspaces():
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    with stage.held_at(system, path, "onboarding") as owner:
        lock = stage.state.with_name("state.db.lock")
        lock.unlink()
        if replaced:
            other = stage.ecmbraze("onboarding")
    if not replaced:
        assert owner.wait() == 11
        other = stage.ecmbraze("onboarding")

    assert owner.wait() in ((0, 11) if replaced else (11,))  # 0 where the other run left it nothing to send
    assert other.code in (0, 4)  # what the owner had on its way is in doubt, or was settled
    for seconds in (60, 6 * 60):
        stage.box.advance(seconds)
        stage.run()
    assert stage.messages() == {(one, name): 1 for one in people for name in ("contract_approved", CAMPAIGN)}
