"""Start a round from a command: lock, ledger, systems, signals; prints what came of it; decides nothing."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ecmbraze.cli import composition, opening
from ecmbraze.cli.clock import WallClock, new_id
from ecmbraze.cli.logs import LOG, by_line, detail, tell
from ecmbraze.cli.progress import Silent, observing
from ecmbraze.cli.shared import console
from ecmbraze.cli.signals import Budget, listening
from ecmbraze.config import Settings
from ecmbraze.engine.round import Round
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Options
from ecmbraze.errors import StorageError, UsageError, strongest
from ecmbraze.flow import Flow
from ecmbraze.ledger.file import check
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.planning.rules import Span
from ecmbraze.ports import Progress
from ecmbraze.report import json_text
from ecmbraze.report.lines import unwrapped

PENDING = 9
_POLL_S = 0.5
# What stands in quotes is the name of a document or what ECM said; beside it anything like an address or a number.
_PERSONAL = re.compile(r"'[^']*'|[\w.+-]+@[\w.-]+|\+?\d{6,}")
_SLACK = timedelta(minutes=1)
# Variables by which somebody asks for colours or another width although no terminal is there.
_STYLING = frozenset({"COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"})
# New objects until Python looks for cycles among them: a page of 500 rows alone has more than its 700.
_GARBAGE = 20_000


def start(
    flows: Sequence[Flow[Any]], config: Settings, options: Options, *, seconds: float | None = None, due: bool = False
) -> list[RunReport]:
    """Run the flows in one round, in the order of the register; with ``due`` only those whose `every` has passed.

    Raises Locked when another run holds the lock, but waits for an initial load to end its slice. A dry run needs none.
    """
    wall = opening.wall_clock(config)
    budget = Budget(wall.monotonic, seconds)
    if options.dry_run:
        return _execute(flows, config, options, wall, budget, due=due)
    with listening(budget):
        check(config.state)  # a wrong state file is told before the lock is touched
        with budget.under(run_lock(config.state, wait=waiting(wall, budget))):
            return _execute(flows, config, options, wall, budget, due=due)


def _execute(
    flows: Sequence[Flow[Any]], config: Settings, options: Options, wall: WallClock, budget: Budget, *, due: bool
) -> list[RunReport]:
    gc.freeze()  # the program itself is never garbage, and what a page leaves behind goes without a search for cycles
    gc.set_threshold(_GARBAGE)
    ledger = opening.ledger(config, read_only=options.dry_run)
    try:
        chosen = [(flow, opening.section(config, flow)) for flow in flows]
        if due:
            chosen = [(flow, section) for flow, section in chosen if _is_due(ledger, flow, section, wall)]
        if not chosen:
            return []
        tell("run.start", flows=[flow.name for flow, _ in chosen], dry_run=options.dry_run)
        with observing(wall.monotonic, plain=by_line()) as progress, ledger.blaming():
            return play(ledger, chosen, config, options, wall, budget, progress)
    finally:
        ledger.close()


def waiting(wall: WallClock, budget: Budget) -> Callable[[], None]:
    """Return what waits a moment for the lock; it raises when the run must end."""

    def wait() -> None:
        budget.tick()
        wall.sleep(_POLL_S)

    return wait


def play(
    ledger: Ledger,
    flows: Sequence[tuple[Flow[Any], Any]],
    config: Settings,
    options: Options,
    wall: WallClock,
    budget: Budget,
    progress: Progress | None = None,
    *,
    ecm_per_minute: int | None = None,
) -> list[RunReport]:
    """Take one round of flows with their sections over an open ledger; ``ecm_per_minute`` throttles what it asks."""
    made, reading = composition.clients(config, wall, budget, ecm_per_minute), composition.reading(config)
    made.braze.close_windows(ledger.rate_limits.known())
    shown = progress or Silent()

    def keep() -> None:
        if not options.dry_run:
            ledger.rate_limits.keep(made.braze.closed_windows())

    def tick() -> None:
        keep()
        budget.tick()

    made.ecm.progress = shown
    reports = Round(
        flows=flows,
        reading=reading,
        options=options,
        setting=composition.setting(config),
        systems=composition.systems(made, shown),
        ledger=ledger,
        clock=wall,
        new_id=new_id,
        tick=tick,
    ).execute()
    with suppress(StorageError):  # the reports are stored: a full disk does not hide them
        keep()
    return reports


def _is_due(ledger: Ledger, flow: Flow[Any], section: Any, wall: WallClock) -> bool:
    """Say whether the flow's `every` has passed; a tenth of it, at most a minute, forgives a timer that is early.

    A look by a clock that was ahead, days perhaps, is none to wait for.
    """
    last, every = ledger.last_look(flow.name, wall.now() + _SLACK), section.every
    return last is None or wall.now() - last >= every - min(every / 10, _SLACK)


def tell_result(
    reports: Sequence[RunReport], *, as_json: bool, limit: int | None = None, together: bool = False
) -> None:
    """Print the reports for a person or as JSON, ``together`` in ``{runs: [...]}``, and log how each run ended."""
    if as_json:
        sys.stdout.writelines(json_text.pieces(reports, together=together, limit=limit))
    else:
        for report in reports:
            _print(report, limit)
    sys.stdout.flush()
    for report in reports:
        _tell_decisions(report)
        fields = {
            "run": report.run_id,
            "flow": report.flow,
            "exit_code": report.exit_code,
            "reason": report.exit_reason,
            "counts": report.counts,
            "by_action": report.by_action,
        }
        LOG.log(40 if report.exit_code else 20, "run.end", extra={"fields": fields})


def _print(report: RunReport, limit: int | None) -> None:
    """Print a report for a person; one without tables is printed without rich where no terminal is."""
    watched = any(map(os.isatty, (0, 1, 2))) or not _STYLING.isdisjoint(os.environ)
    if not watched and (text := unwrapped(report)) is not None:
        sys.stdout.write(text)
        return
    from ecmbraze.report.table import show

    show(report, console(), limit=limit)


def _tell_decisions(report: RunReport) -> None:
    """Log with `-v` what was decided of each record and why, without the person: that stands in the report."""
    if not LOG.isEnabledFor(logging.DEBUG):
        return
    for line in report.actions:
        why = _impersonal(line.because, line.customer)
        detail("decision", record=line.record, rule=line.rule, kind=line.kind, state=line.state, why=why)
    for skip in report.skipped:
        why = _impersonal(skip.reason, skip.customer)
        detail("decision", record=skip.record, rule=skip.rule, state="left out", why=why)


def _impersonal(text: str, customer: str) -> str:
    """Return a reason without what could name a person: their id, an address, a document's name (fault D15)."""
    for person in filter(None, customer.split(", ")):
        text = text.replace(person, "***")
    return _PERSONAL.sub("***", text)


def exit_code(reports: Sequence[RunReport], *, pending: bool) -> int:
    """Return the strongest code; with ``pending`` planned actions turn 0 into 9."""
    code = strongest(report.exit_code for report in reports)
    return PENDING if pending and not code and any(report.counts["planned"] for report in reports) else code


def refuse_lone_exit_code(exit_code: bool, *, dry_run: bool) -> None:
    """Raise when `--exit-code` stands without a dry run: a live run's code says how it ended."""
    if exit_code and not dry_run:
        raise UsageError(
            "--exit-code belongs to --dry-run.", undone="Nothing was done.", advice="Add --dry-run, or leave it out."
        )


def seconds(text: str | None) -> float | None:
    """Return `--max-duration` in seconds."""
    if text is None:
        return None
    try:
        return float(TypeAdapter(Span).validate_python(text).total_seconds())
    except ValidationError:
        raise UsageError(
            f"--max-duration {text!r} is no span.", undone="Nothing was done.", advice="Write 90s or 10m."
        ) from None
