"""`ecmbraze quarantine`: records and rows put aside with a reason, and what to do with them."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ecmbraze.cli import composition
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.errors import UsageError
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import State
from ecmbraze.report.plain import printable

quarantine = typer.Typer(help="Records and messages that were refused, with the reason.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(quarantine, name="quarantine")


@quarantine.command("list")
def listing(
    context: typer.Context, config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> int:
    """Show refused rows (with a number, to replay or drop) and records that could not be used."""
    ledger = composition.ledger(composition.settings(config_path(context, config)), read_only=True)
    rows = [
        {"id": row.id, "record": row.action.record, "customer": row.action.recipient, "rule": row.action.rule,
         "reason": row.why}
        for row in ledger.outbox.rows("state = 'refused'")
    ]  # fmt: skip
    rows += [
        {"id": None, "record": record, "customer": customer, "rule": rule, "reason": reason}
        for _, record, rule, customer, reason, _ in ledger.quarantined()
    ]
    ledger.close()
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    table = Table(title=f"{len(rows)} in quarantine", title_justify="left")
    for column in ("id", "record", "customer", "rule", "reason"):
        table.add_column(column, overflow="fold")
    for told in rows:
        table.add_row(*(printable("" if value is None else str(value)) for value in told.values()))
    Console().print(table)
    return 0


@quarantine.command("replay")
def replay(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID")],
    config: ConfigOption = None,
) -> int:
    """Make one refused row ready again; the next run sends it after its usual screen."""
    return _move(context, config, number, State.READY)


@quarantine.command("drop")
def drop(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID")],
    config: ConfigOption = None,
) -> int:
    """Give one refused row up for good."""
    return _move(context, config, number, State.DROPPED)


def _move(context: typer.Context, config: ConfigOption, number: int, state: State) -> int:
    loaded = composition.settings(config_path(context, config))
    with run_lock(loaded.state):
        ledger = composition.ledger(loaded)
        rows = ledger.outbox.rows("id = ? AND state = 'refused'", (number,))
        if not rows:
            raise UsageError(
                f"No refused row has the number {number}.", undone="Nothing was changed.",
                advice="`ecmbraze quarantine list`",
            )  # fmt: skip
        step = Step(row=rows[0], state=state, why="operator: quarantine")
        ledger.outbox.move([step], composition.wall_clock(loaded).now())
        ledger.close()
    typer.echo(f"{rows[0].action.key}: {state}")
    return 0
