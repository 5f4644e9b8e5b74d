"""The demo: one story through all flows, evidence from both systems, and an exit code that can say no."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from ecmbraze.cli.demo.story import STORY
from tests import demo_parts
from tests.forking.client import fork, piped, read_all
from tests.forking.programs import run_program
from tests.pictures import TERMINAL, lines_of
from tests.rehearsal import Rehearsal, rehearsal

EIGHT = ("onboarding", "cases", "lifecycle", "approvals", "consent", "assets", "success", "feedback")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, "--world", "empty") as stage:
        yield stage


@pytest.mark.long
def test_the_demo_tells_one_story_through_all_flows_and_ends_with_nothing_to_do(tmp_path: Path) -> None:
    arguments = ["demo", "--keep", os.path.relpath(tmp_path / "kept")]

    code, told = _forked(partial(run_program, arguments, time=None, ahead=timedelta()))

    assert (code, "✗" in told) == (0, False), told
    assert [name for name in EIGHT if f"  {name} · " not in told] == []
    assert f"{len(EIGHT)} flows: 0, 0" in told
    assert [step.sentence for step in STORY if f"\n{step.sentence}\n" not in told] == []  # one line each
    assert "\x1b" not in told  # nobody watches: no colours, and nobody waits for a reader
    assert [line for line in told.splitlines() if len(line.rstrip()) > 80] == []
    assert {"ecmbraze.yaml", "state.db", "report.html"} <= {one.name for one in (tmp_path / "kept").iterdir()}
    # The picture in the README shows what it prints.
    printed = {_plain(line) for line in told.splitlines()}
    assert [line for line in lines_of(TERMINAL.read_text(encoding="utf-8")) if _plain(line) not in printed] == []


def test_a_second_demo_is_not_played_over_the_state_file_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()

    code, _ = _forked(partial(run_program, ["demo", "--keep", str(tmp_path)], time=None, ahead=timedelta()))

    assert code == 2
    assert [one.name for one in tmp_path.iterdir()] == ["state.db"]


def test_a_step_that_does_not_show_what_it_claims_is_named_and_the_demo_ends_with_1(
    empty: Rehearsal, tmp_path: Path
) -> None:
    code, told = _forked(partial(demo_parts.tell_spoiled, empty.box.addresses, tmp_path))

    assert code == 1
    assert "Step 2 of 2 did not show what it claims" in told
    assert "✗ Braze    Amara Okafor C-1001     message" in told


def test_no_step_holds_where_nothing_happened(empty: Rehearsal, tmp_path: Path) -> None:
    code, told = _forked(partial(demo_parts.look_without_acts, empty.box.addresses, tmp_path))

    assert code == 0
    assert [number for number, held in enumerate(json.loads(told), start=1) if all(held)] == []


def _plain(line: str) -> str:
    """Return a line without the blanks that align it."""
    return "".join(line.split())


def _forked(run: Callable[[], int]) -> tuple[int, str]:
    """Return exit code and output of what ran in a process of its own, on 80 columns, of somebody with real systems."""
    environ = {**os.environ, "COLUMNS": "80", "ECMBRAZE_CONFIG": "/real/ecmbraze.yaml"}
    with piped() as (out, end):
        with end:
            child = fork(run, environ=environ, stdout=end.fileno(), stderr=2)
        (text,) = read_all(out, timeout=240)
    return child.wait(timeout=240), text.decode()
