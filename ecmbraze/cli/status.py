"""`ecmbraze status`: one screen that says whether all is well; reads the state file only."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ecmbraze.cli import composition
from ecmbraze.cli.clock import instant_of
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.errors import EcmbrazeError
from ecmbraze.ledger.ledger import Ledger

STALE, CRITICAL, UNKNOWN = 20, 21, 22
_NEEDS_A_PERSON = frozenset({6, 7, 12, 13, 14, 15})


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    context: typer.Context,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
) -> int:
    """Show per flow the last success, what is pending, held and quarantined; exits 0, 20, 21 or 22."""
    loaded = composition.settings(config_path(context, config))
    now = composition.wall_clock(loaded).now()
    try:
        ledger = composition.ledger(loaded, read_only=True)
    except EcmbrazeError as error:
        typer.echo(f"unknown: {error}")
        return UNKNOWN
    rows = [_flow(ledger, name, _every(section), now) for name, section in loaded.flows.items()]
    ledger.close()
    code = max((int(row["code"]) for row in rows), default=0)
    if as_json:
        typer.echo(json.dumps({"code": code, "flows": rows}, indent=2))
    else:
        Console().print(_table(rows))
    return code


def _every(section: Any) -> timedelta:
    every: timedelta = section.every
    return every


def _flow(ledger: Ledger, name: str, every: timedelta, now: datetime) -> dict[str, Any]:
    runs = [run for run in ledger.runs(200) if run["flow"] == name]
    good = next((str(run["finished_at"]) for run in runs if run["exit_code"] in (0, 3, 4)), None)
    age = now - instant_of(good, "finished_at") if good else None
    held = ledger.outbox.rows("flow = ? AND state IN ('in doubt', 'held')", (name,))
    oldest = max((now - row.changed_at for row in held), default=timedelta())
    last = runs[0]["exit_code"] if runs else None
    code = 0
    if age is None or age > 2 * every or oldest > timedelta(hours=4):
        code = STALE
    if (age is not None and age > 4 * every) or oldest > timedelta(hours=24) or last in _NEEDS_A_PERSON:
        code = CRITICAL
    return {
        "flow": name, "code": code, "last_success": good, "last_exit": last,
        "pending": ledger.outbox.pending(name), "held": len(held),
        "quarantined": len(ledger.quarantined(name)) + len(ledger.quarantined("")),
        "refused": len(ledger.outbox.rows("flow = ? AND state = 'refused'", (name,))),
        "paused": ledger.waiting.paused(name),
    }  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="ecmbraze", title_justify="left")
    words = {0: "well", STALE: "stale", CRITICAL: "critical"}
    for column in ("flow", "state", "last success", "last exit", "pending", "held", "quarantined", "refused", "paused"):
        table.add_column(column, overflow="fold")
    for row in rows:
        told = (row["flow"], words[row["code"]], *(row[name] for name in list(row)[2:]))
        table.add_row(*("-" if value is None else str(value) for value in told))
    return table
