"""The disk is full at many points of a run: exit 16, nothing sent unrecorded, and the next run goes on (O05, O06)."""

from __future__ import annotations

import resource
from functools import partial
from pathlib import Path

import pytest

from tests.checker import check
from tests.rehearsal import CAMPAIGN, CONTRACT, SOAK, Rehearsal, rehearsal

# `make soak`: forty.
POINTS = 40 if SOAK else 10


def _fill_the_disk(limit: int) -> None:
    """Let no file of this process grow past a limit, which is what a full disk is to SQLite."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _run(stage: Rehearsal, limit: int, *options: str) -> tuple[int, str]:
    done = stage.ecmbraze("onboarding", *options, before=partial(_fill_the_disk, limit))
    return done.code, done.stderr


def _plans(stage: Rehearsal) -> list[Path]:
    """Return what plan files and unfinished files lie beside the state."""
    return [*stage.folder.glob("state.db.plan-*"), *stage.folder.glob("*.new")]


@pytest.mark.soak
def test_o05_o06_a_full_disk_at_many_points_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    due, codes, size = set(), set(), "200" if SOAK else "100"
    with rehearsal(tmp_path, "--workspaces", size, "--customers", size) as stage:
        stage.config["ecm"]["page_size"] = 500
        stage.config["braze"] |= {"track_batch": 2, "trigger_batch": 1}
        stage.config["guards"] = {"max_audience_share": 1.0}
        stage.set_up()
        free = iter(stage.open_workspaces())
        for point in range(POINTS):
            if (workspace := next(free, None)) is not None:
                stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
                due |= {(stage.customer(workspace), name) for name in ("contract_approved", CAMPAIGN)}
            # From "not one page fits" to "the last commit does not"; the state is larger than its journal.
            bytes_ = stage.state.stat().st_size
            limit = (
                int(bytes_ * point / (POINTS - 1))
                if point % 2
                else bytes_ + 1024 * (40 // POINTS) * (point - POINTS // 2)
            )
            code, said = _run(stage, max(limit, 0))
            codes.add(code)
            assert code in (0, 4, 16), (limit, code, said)
            assert code != 16 or "Traceback" not in said, said
            assert not _plans(stage), said
            stage.box.advance(60)
        for seconds in (400, 2000, 22_000, 60):
            stage.box.advance(seconds)
            assert stage.ecmbraze("onboarding").code in (0, 4)

        books = check(stage, due)

    assert 16 in codes
    assert (books.repeated, books.lost, books.unexpected) == ((), (), ())


@pytest.mark.parametrize("limit", [0, 100])  # not even the lock, not even a plan file
def test_o05_nothing_is_asked_of_a_system_when_nothing_can_be_written(stage: Rehearsal, limit: int) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    before = stage.received()["requests"]

    code, said = _run(stage, limit)

    assert code == 16
    assert stage.received()["requests"] == before
    assert "Make room" in said


def test_a_plan_that_finds_no_room_is_never_told_as_a_damaged_state(tmp_path: Path) -> None:
    codes = set()
    with rehearsal(tmp_path, "--workspaces", "200", "--customers", "200") as stage:
        stage.set_up()
        for workspace in stage.open_workspaces()[:5]:
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
        before = stage.state.read_bytes()
        for limit in range(4096, 140_000, 15_000):  # a dry run writes nothing but its plan
            code, said = _run(stage, limit, "--dry-run")

            codes.add(code)
            assert (code, _plans(stage)) in ((0, []), (16, [])), (limit, code, said)
            assert code == 0 or (".plan-" in said and "Make room" in said and "backup" not in said), (limit, said)
        assert stage.state.read_bytes() == before
    assert codes == {0, 16}
