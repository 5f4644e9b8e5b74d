"""`ecmbraze runs`: past runs and their reports, from the state file."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ecmbraze.cli import opening
from ecmbraze.cli.shared import ConfigOption, config_path


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
    reports = ledger.runs(last)
    ledger.close()
    if as_json:
        typer.echo(json.dumps({"runs": reports}, indent=2, ensure_ascii=False))
        return 0
    table = Table(title=f"{len(reports)} runs", title_justify="left")
    for column in ("run", "flow", "mode", "started", "exit", "reason"):
        table.add_column(column, overflow="fold")
    for told in reports:
        names = ("run_id", "flow", "mode", "started_at", "exit_code", "exit_reason")
        table.add_row(*(str(told[name]) for name in names))
    Console().print(table)
    return 0
