"""One command per flow, made from the register: parses options, runs, prints; knows no flow by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from ecmbraze.cli import composition
from ecmbraze.cli.clock import WallClock, instant_of, new_id
from ecmbraze.cli.logs import LOG, tell
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.cli.signals import Budget, listening
from ecmbraze.config import Settings
from ecmbraze.engine.run import Run
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Options
from ecmbraze.errors import UsageError
from ecmbraze.flow import Flow
from ecmbraze.flows import FLOWS
from ecmbraze.ledger.file import check
from ecmbraze.ledger.lock import run_lock
from ecmbraze.planning.rules import Span
from ecmbraze.report import files
from ecmbraze.report.table import show

_PENDING = 9


def register(app: typer.Typer) -> None:
    """Add one command per flow."""
    for flow in FLOWS:
        app.command(flow.name, help=f"{flow.summary} ({flow.direction})")(_command(flow))


def _command(flow: Flow[Any]) -> Any:
    def command(
        context: typer.Context,
        config: ConfigOption = None,
        dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="the whole run without one write")] = False,
        exit_code: Annotated[bool, typer.Option("--exit-code", help="a dry run with changes pending exits 9")] = False,
        limit_listing: Annotated[int, typer.Option(min=0, help="actions and skips listed in the report")] = 200,
        max_duration: Annotated[
            str | None, typer.Option(help='time budget, e.g. "10m"; the rest waits, exit 8')
        ] = None,
        since: Annotated[str | None, typer.Option(help="backfill from here; the watermark stays")] = None,
        until: Annotated[str | None, typer.Option(help="backfill up to this instant")] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="plan at most N records")] = None,
        include_messages: Annotated[bool, typer.Option(help="let a backfill send messages")] = False,
        confirm: Annotated[
            str | None, typer.Option(metavar="HASH", help="send the waiting plan that a guard stopped")
        ] = None,
        report: Annotated[Path | None, typer.Option(help="also write the report: .html, .json or .csv")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
    ) -> int:
        if exit_code and not dry_run:
            raise UsageError("--exit-code belongs to --dry-run.", undone="Nothing was done.")
        if confirm and dry_run:
            raise UsageError("A dry run confirms nothing.", undone="Nothing was done.")
        if include_messages and not (since or until):
            raise UsageError("--include-messages belongs to a backfill: name --since.", undone="Nothing was done.")
        options = Options(
            dry_run=dry_run, limit=limit, include_messages=include_messages, limit_listing=limit_listing,
            confirm=confirm,
            since=instant_of(since, "--since") if since else None,
            until=instant_of(until, "--until") if until else None,
        )  # fmt: skip
        done = run(flow, composition.settings(config_path(context, config)), options, _seconds(max_duration))
        if report:
            files.write(done, report)
        tell_result(done, as_json=as_json)
        return _PENDING if exit_code and not done.exit_code and done.counts["planned"] else done.exit_code

    return command


def run(flow: Flow[Any], config: Settings, options: Options, seconds: float | None) -> RunReport:
    section = composition.section(config, flow)
    wall = composition.wall_clock(config)
    budget = Budget(wall.monotonic, seconds)
    if options.dry_run:
        return _execute(flow, config, section, options, wall, budget)
    with listening(budget):
        check(config.state)  # a wrong state file is told before the lock is touched
        with run_lock(config.state):
            return _execute(flow, config, section, options, wall, budget)


def _execute(
    flow: Flow[Any], config: Settings, section: Any, options: Options, wall: WallClock, budget: Budget
) -> RunReport:
    ledger = composition.ledger(config, read_only=options.dry_run)
    try:
        run = Run(
            flow=flow, section=section, options=options, setting=composition.setting(config, flow.name),
            systems=composition.systems(composition.clients(config, wall, budget)), ledger=ledger, clock=wall,
            run_id=new_id(), new_id=new_id, tick=budget.tick,
        )  # fmt: skip
        tell("run.start", run=run.run_id, flow=flow.name, dry_run=options.dry_run)
        return run.execute()
    finally:
        ledger.close()


def tell_result(report: RunReport, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        show(report, Console())
    fields = {"run": report.run_id, "flow": report.flow, "exit_code": report.exit_code, "reason": report.exit_reason}
    LOG.log(40 if report.exit_code else 20, "run.end", extra={"fields": fields})


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(TypeAdapter(Span).validate_python(text).total_seconds())
    except ValidationError:
        raise UsageError(
            f"--max-duration {text!r}: write a span such as 90s or 10m.", undone="Nothing was done."
        ) from None
