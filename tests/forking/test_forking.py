"""What the tests stand on: forked processes are real, answer for themselves, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.forking.client import Child, fork, piped, read_all
from tests.rehearsal import CONTRACT, Rehearsal, rehearsal, until

WAITS: Callable[[], int] = signal.pause  # type: ignore[assignment]  # never returns


def _child(run: Callable[[], int]) -> Child:
    return fork(run, environ=os.environ, stdout=1, stderr=2)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_each_order_gets_its_own_answer_whichever_ends_first() -> None:
    long, short = _child(WAITS), _child(partial(int, "3"))

    assert short.wait(timeout=60) == 3
    assert long.poll() is None
    assert long.kill() == -signal.SIGKILL


def test_an_order_that_nobody_waited_for_leaves_its_answer_to_no_other() -> None:
    abandoned = _child(WAITS)
    with pytest.raises(TimeoutError):
        abandoned.wait(timeout=0.01)
    os.kill(abandoned.pid, signal.SIGKILL)

    assert [_child(partial(int, str(code))).wait(timeout=60) for code in (5, 0, 7)] == [5, 0, 7]
    assert abandoned.wait(timeout=60) == -signal.SIGKILL


def test_a_child_has_an_environment_and_streams_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = "pwd; echo $WORD; cat; echo bad >&2; exit 4"
    with piped() as (out, out_end), piped() as (err, err_end):
        with out_end, err_end:
            run = partial(subprocess.call, ["/bin/sh", "-c", script])
            child = fork(run, environ={"WORD": "good"}, stdout=out_end.fileno(), stderr=err_end.fileno())
        texts = read_all(out, err, timeout=60)

    assert (child.wait(timeout=60), texts) == (4, [f"{tmp_path}\ngood\n".encode(), b"bad\n"])


def test_a_child_that_fails_says_where() -> None:
    with piped() as (out, end):
        with end:
            child = fork(partial(int, "no number"), environ={}, stdout=end.fileno(), stderr=end.fileno())
        (text,) = read_all(out, timeout=60)

    assert child.wait(timeout=60) == 1
    assert b"Traceback" in text


def test_what_a_rehearsal_started_ends_with_it(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.set_up()
        stage.box.fault("slow", path="/businessworkspaces", seconds=240)
        program = stage.start("onboarding")
        until(lambda: stage.box.faults()[-1]["hits"] == 1)

    assert program.wait(timeout=60) == -signal.SIGKILL


@pytest.mark.long
def test_everything_ends_with_the_test_process_however_it_ends() -> None:
    script = (
        "import os; from tests.forking.test_forking import WAITS, _child\n"
        "print(_child(WAITS).pid, flush=True); os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, check=False
    )

    pid = int(done.stdout)
    until(lambda: not _runs(pid))


def test_the_clocks_of_program_and_servers_are_one(stage: Rehearsal) -> None:
    before = stage.box.now()

    report = stage.run()

    assert datetime.fromisoformat(report["started_at"]) == stage.box.now() == before + timedelta(seconds=1)


def test_waiting_moves_the_time_and_takes_none(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    headers = {"X-Ratelimit-Retry-After": "45"}
    stage.box.fault("status", system="braze", path="/users/track", status=429, headers=headers)
    before = stage.box.now()

    assert stage.run()["requests"]["rate_limited"] == 1

    assert stage.box.now() - before >= timedelta(seconds=45)
    assert set(stage.messages().values()) == {1}
