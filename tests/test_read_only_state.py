"""A state file that may only be read: a dry run shows the same as ever and writes nothing, a live run is 16."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.rehearsal import CONTRACT, Rehearsal, Result

_VERSION_3, _DAC = 0x20080522, 0b110  # linux/capability.h


def _bound_by_modes() -> None:
    """Give up what lets root read and write whatever its mode is: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(header, sets) == 0, ctypes.get_errno()
    for number in range(3):  # effective, permitted, inheritable
        sets[number] &= ~_DAC
    assert libc.capset(header, sets) == 0, ctypes.get_errno()


def _run(stage: Rehearsal, *arguments: str) -> Result:
    return stage.ecmbraze(*arguments, before=_bound_by_modes)


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
    before = _content(stage)

    with _modes(stage, folder, state):
        told = _run(stage, "onboarding", "--dry-run", "--json")
        after = _content(stage)
        refused = _run(stage, "onboarding")

    assert told.code == 0, told.stderr
    assert (told.report["plan_hash"], told.report["counts"]) == (usual["plan_hash"], usual["counts"])
    assert after == before
    assert refused.code == 16
    assert "Make room or remove the cause" in refused.stdout + refused.stderr
    assert not stage.messages()


def test_what_only_reads_works_beside_a_state_that_may_only_be_read(stage: Rehearsal) -> None:
    commands = ("status", "runs", "quarantine list", "holds list", "check")

    with _modes(stage, 0o500, 0o400):
        ended = [_run(stage, *command.split()) for command in commands]

    assert [result.code for result in ended] == [0] * len(ended), [result.stderr for result in ended]


def test_a_plan_for_review_is_written_elsewhere(stage: Rehearsal) -> None:
    (stage.folder / "plans").mkdir()
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})

    with _modes(stage, 0o500, 0o400):
        told = _run(stage, "plan", "onboarding", "--json", "-o", str(stage.folder / "plans" / "p"))

    assert told.code == 0, told.stderr
    assert json.loads(told.stdout)["counts"]["planned"] > 0
    assert (stage.folder / "plans" / "p").stat().st_size > 0
