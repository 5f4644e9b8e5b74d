"""`ecmbraze forecast`: what comes due per day although nothing changes; reads the state file only."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ecmbraze.cli import composition
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.flows import FLOWS


def register(app: typer.Typer) -> None:
    app.command("forecast")(forecast)


def forecast(
    context: typer.Context,
    config: ConfigOption = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="how far to look")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
) -> int:
    """List what comes due per day: by the facts of the last look, for every workspace that leads to somebody."""
    loaded = composition.settings(config_path(context, config))
    zone, now = loaded.ecm.timezone or UTC, composition.wall_clock(loaded).now()
    ledger = composition.ledger(loaded, read_only=True)
    found: Counter[tuple[str, str, str]] = Counter()
    for flow in FLOWS:
        if (section := loaded.flows.get(flow.name)) is None or flow.ahead is None:
            continue
        for record in ledger.mirror.records(flow.needs(section)):
            for due, rule in flow.ahead(section, record, zone):
                if record.customers and now < due <= now + timedelta(days=days):
                    found[f"{due.astimezone(zone):%Y-%m-%d}", flow.name, rule] += len(record.customers)
    ledger.close()
    rows = [{"day": day, "flow": flow, "rule": rule, "people": n} for (day, flow, rule), n in sorted(found.items())]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return 0
    table = Table(title=f"due in the next {days} days", title_justify="left")
    for column in ("day", "flow", "rule", "people"):
        table.add_column(column, justify="right" if column == "people" else "left")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
    return 0
