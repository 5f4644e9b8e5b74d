"""A state file that may only be read: a dry run shows the same as ever and writes nothing, a live run is 16."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.rehearsal import CONTRACT, Rehearsal, Result

# Modes mean nothing to root: give up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, then be the program.
_BOUND_BY_MODES = """
import ctypes, os, sys
PR_CAPBSET_DROP = 24
for capability in (1, 2):
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "ecmbraze", *sys.argv[1:]])
"""


def _run(stage: Rehearsal, command: list[str]) -> Result:
    done = subprocess.run(
        [sys.executable, "-c", _BOUND_BY_MODES, *command[3:]],
        env=stage.environ(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def _modes(stage: Rehearsal, folder: int, state: int) -> Iterator[None]:
    stage.state.chmod(state)
    stage.folder.chmod(folder)
    try:
        yield
    finally:
        stage.folder.chmod(0o700)
        stage.state.chmod(0o600)


def _content(stage: Rehearsal) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in stage.folder.iterdir()}


@pytest.mark.parametrize(("folder", "state"), [(0o500, 0o600), (0o700, 0o400), (0o500, 0o400), (0o500, 0o500)])
def test_u04_a_dry_run_beside_a_state_that_may_only_be_read(stage: Rehearsal, folder: int, state: int) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    usual = stage.ecmbraze("onboarding", "--dry-run", "--json").report
    dry, live = stage.command("onboarding", "--dry-run", "--json"), stage.command("onboarding")
    before = _content(stage)

    with _modes(stage, folder, state):
        told = _run(stage, dry)
        after = _content(stage)
        refused = _run(stage, live)

    assert told.code == 0, told.stderr
    assert (told.report["plan_hash"], told.report["counts"]) == (usual["plan_hash"], usual["counts"])
    assert after == before
    assert refused.code == 16
    assert "Make room or remove the cause" in refused.stdout + refused.stderr
    assert not stage.messages()


def test_what_only_reads_works_beside_a_state_that_may_only_be_read(stage: Rehearsal) -> None:
    commands = [stage.command(*line.split()) for line in ("status", "runs", "quarantine list", "holds list", "check")]

    with _modes(stage, 0o500, 0o400):
        ended = [_run(stage, command) for command in commands]

    assert [result.code for result in ended] == [0] * len(ended), [result.stderr for result in ended]


def test_a_plan_for_review_is_written_elsewhere(stage: Rehearsal) -> None:
    (stage.folder / "plans").mkdir()
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    command = stage.command("plan", "onboarding", "--json", "-o", str(stage.folder / "plans" / "p"))

    with _modes(stage, 0o500, 0o400):
        told = _run(stage, command)

    assert told.code == 0, told.stderr
    assert json.loads(told.stdout)["counts"]["planned"] > 0
    assert (stage.folder / "plans" / "p").stat().st_size > 0
