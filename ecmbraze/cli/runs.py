"""`ecmbraze runs`: past runs and their reports, from the state file."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table

from ecmbraze.cli import opening
from ecmbraze.cli.shared import ConfigOption, config_path, console
from ecmbraze.report import json_text
from ecmbraze.report.plain import printable


def register(app: typer.Typer) -> None:
    app.command("runs")(runs)


def runs(
    context: typer.Context,
    config: ConfigOption = None,
    last: Annotated[int, typer.Option(min=1, help="how many, newest first")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="the stored run reports as JSON")] = False,
) -> int:
    """Show past runs, newest first."""
    ledger = opening.ledger(opening.settings(config_path(context, config), secrets=False), read_only=True)
    with closing(ledger):
        if as_json:
            sys.stdout.writelines(json_text.stored(ledger.reports(last)))
            return 0
        ended = ledger.runs(last)
    table = Table(title=f"{len(ended)} runs", title_justify="left")
    for column in ("run", "flow", "mode", "started", "exit", "reason"):
        table.add_column(column, overflow="fold")
    for run in ended:
        table.add_row(run.run_id, run.flow, run.mode, run.started_at, str(run.exit_code), printable(run.exit_reason))
    console().print(table)
    return 0
