"""What a run says while it goes on: bars on a terminal, lines elsewhere, requests and decisions with `-v`."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from rich.console import Console

from ecmbraze.cli import logs, progress
from ecmbraze.cli.bars import Bars
from ecmbraze.cli.progress import Lines, observing
from ecmbraze.ports import Work
from tests.rehearsal import CONTRACT, Rehearsal


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged as progress."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(progress, "tell", lambda event, **fields: found.append({"event": event, **fields}))
    return found


def test_a_plain_line_comes_each_30_seconds_with_rate_and_remaining_time(said: list[dict[str, Any]]) -> None:
    now = [0.0]
    lines = Lines(monotonic=lambda: now[0])
    lines.expect(Work.READ, 1000)
    for _ in range(10):
        now[0] += 10
        lines.step(Work.READ, 50)

    assert [entry["done"] for entry in said] == [200, 350, 500]
    assert said[0] == {"event": "progress", "what": Work.READ, "done": 200, "per_s": 5.0, "of": 1000, "left_s": 160}


def test_without_a_known_total_nothing_is_promised(said: list[dict[str, Any]]) -> None:
    now = [0.0]
    lines = Lines(monotonic=lambda: now[0])
    for _ in range(5):
        lines.step(Work.READ, 30)
        now[0] += 10

    assert said == [{"event": "progress", "what": Work.READ, "done": 120, "per_s": 4.0}]


def test_a_short_run_says_nothing(said: list[dict[str, Any]]) -> None:
    lines = Lines(monotonic=lambda: 0.0)
    lines.expect(Work.READ, 10)
    lines.step(Work.READ, 10)

    assert said == []


def test_on_a_terminal_there_is_a_bar_with_count_rate_and_remaining_time() -> None:
    screen = _Terminal()
    bars = Bars(Console(file=screen, width=80, force_terminal=True, color_system=None, legacy_windows=False))
    bars.expect(Work.READ, 1000)
    bars.step(Work.READ, 250)
    table = bars.bars.make_tasks_table(bars.bars.tasks)
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(table)

    assert "details read" in captured.get()
    assert "250/1000" in captured.get()
    assert all(len(line) <= 80 for line in captured.get().splitlines())


@pytest.mark.parametrize(
    ("terminal", "plain", "kind"), [(True, False, Bars), (True, True, Lines), (False, False, Lines)]
)
def test_bars_stand_on_a_terminal_only_and_never_between_lines(terminal: bool, plain: bool, kind: type) -> None:
    stream = _Terminal() if terminal else io.StringIO()

    with observing(lambda: 0.0, plain=plain, stream=stream) as observer:
        assert isinstance(observer, kind)


@pytest.mark.parametrize(
    ("verbose", "log_format", "by_line"), [(False, "text", False), (True, "text", True), (False, "json", True)]
)
def test_json_and_verbose_logs_are_read_by_line(verbose: bool, log_format: str, by_line: bool) -> None:
    logs.set_up(verbose=verbose, log_format=log_format)
    try:
        assert logs.by_line() is by_line
    finally:
        logs.set_up(verbose=False, log_format="text")
        logs.LOG.setLevel(logging.INFO)


def test_verbose_tells_requests_and_decisions_and_names_nobody(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    person = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    done = stage.ecmbraze("-v", "--log-format", "json", "onboarding")

    told = [json.loads(line) for line in done.stderr.splitlines()]
    requests = [entry for entry in told if entry["event"] == "request"]
    assert {"system", "method", "path", "status", "bytes", "ms"} <= requests[0].keys()
    assert {entry["system"] for entry in requests} == {"ecm", "braze"}
    assert any(entry["path"] == "/campaigns/trigger/send" and entry["status"] == 201 for entry in requests)
    decisions = [entry for entry in told if entry["event"] == "decision"]
    assert {(entry["record"], entry["rule"], entry["state"]) for entry in decisions} == {
        (f"ws:{workspace}", "contract_approved", "sent")
    }
    assert person not in done.stderr
    assert "?" not in "".join(entry["path"] for entry in requests)
    assert not any(secret in done.stderr for secret in stage.secrets.values())


def test_the_end_of_a_run_carries_its_counts(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    as_json = stage.ecmbraze("--log-format", "json", "onboarding").stderr.splitlines()[-1]
    as_text = stage.ecmbraze("onboarding").stderr.splitlines()[-1]

    end = json.loads(as_json)
    assert (end["event"], end["counts"]["sent"], end["by_action"]["events"]) == ("run.end", 2, 1)
    assert end["exit_code"] == 0
    assert as_text.startswith("info: run.end run=")
    assert as_text.endswith("read=25 unchanged=25")


def _each_step() -> None:
    """Have a line told for each step, not only each 30 seconds."""
    setattr(progress, "_EACH_S", 0.0)  # noqa: B010 the seam


def _ends(stderr: str) -> dict[str, tuple[int, int]]:
    """Return, of each kind of work, the largest total that was told and how much was done in the end."""
    found: dict[str, tuple[int, int]] = {}
    for entry in map(json.loads, stderr.splitlines()):
        if entry["event"] == "progress":
            total, _ = found.get(entry["what"], (0, 0))
            found[entry["what"]] = max(total, entry.get("of", 0)), entry["done"]
    return found


def test_outside_a_baseline_the_details_read_and_the_objects_sent_have_a_total(stage: Rehearsal) -> None:
    for workspace in stage.open_workspaces()[:3]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    done = stage.ecmbraze("--log-format", "json", "onboarding", before=_each_step)

    ends = _ends(done.stderr)
    assert ends[Work.READ][0] == ends[Work.READ][1] >= 3
    counts = json.loads(done.stderr.splitlines()[-1])["counts"]
    assert ends[Work.SENT][0] == ends[Work.SENT][1] == counts["sent"] + counts["suppressed"] + counts["waiting"]
