"""`ecmbraze holds`: what has an unknown outcome, and a person's decision about it."""

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
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import State
from ecmbraze.report.plain import printable

holds = typer.Typer(help="Messages whose outcome is unknown: list them, decide about them.", no_args_is_help=True)
_DECISIONS = {"sent": State.SENT, "send-again": State.READY, "drop": State.DROPPED}


def register(app: typer.Typer) -> None:
    app.add_typer(holds, name="holds")


@holds.command("list")
def listing(
    context: typer.Context, config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> int:
    """Show every message in doubt or held."""
    ledger = composition.ledger(composition.settings(config_path(context, config)), read_only=True)
    rows = ledger.outbox.rows("state IN ('in doubt', 'held')")
    ledger.close()
    if as_json:
        typer.echo(json.dumps([_told(row) for row in rows], indent=2, ensure_ascii=False))
        return 0
    table = Table(title=f"{len(rows)} of unknown outcome", title_justify="left")
    for column in ("id", "state", "key", "since", "why"):
        table.add_column(column, overflow="fold")
    for row in rows:
        told = _told(row)
        table.add_row(*(printable(str(told[name])) for name in ("id", "state", "key", "since", "why")))
    Console().print(table)
    return 0


@holds.command("show")
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="from `holds list`")],
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> int:
    """Show one message of unknown outcome: what was sent, when, what is known of it, and what to do."""
    ledger = composition.ledger(composition.settings(config_path(context, config)), read_only=True)
    rows = ledger.outbox.rows("id = ? AND state IN ('in doubt', 'held')", (number,))
    ledger.close()
    if not rows:
        raise _not_held(number)
    told = {**_told(rows[0]), "reason": rows[0].action.reason, "payload": rows[0].action.payload}
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    for name, value in told.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name:>10}  {printable(text)}")
    typer.echo(
        "\nLook in Braze whether this person has it (the attempt stands in the attribute "
        f"ecmbraze_{rows[0].action.flow} if it was the last one), then one of:\n"
        + "".join(f'  ecmbraze holds resolve {number} {decision} --reason "…"\n' for decision in _DECISIONS)
    )
    return 0


@holds.command("resolve")
def resolve(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="from `holds list`")],
    decision: Annotated[str, typer.Argument(metavar="sent|send-again|drop")],
    reason: Annotated[str, typer.Option(help="why; goes into the history")],
    config: ConfigOption = None,
) -> int:
    """Decide about one held message: it was sent, it may be sent again, or it is dropped."""
    if decision not in _DECISIONS:
        raise UsageError(
            f"{decision!r} is no decision.", undone="Nothing was changed.", advice="sent, send-again or drop."
        )
    loaded = composition.settings(config_path(context, config))
    with run_lock(loaded.state):
        ledger = composition.ledger(loaded)
        rows = ledger.outbox.rows("id = ? AND state IN ('in doubt', 'held')", (number,))
        if not rows:
            raise _not_held(number)
        now = composition.wall_clock(loaded).now()
        row = rows[0]
        if row.state is State.IN_DOUBT:
            ledger.outbox.move([Step(row=row, state=State.HELD, why=row.why)], now)
        ledger.outbox.move([Step(row=row, state=_DECISIONS[decision], why=f"operator: {reason}")], now)
        ledger.close()
    typer.echo(f"{row.action.key}: {decision}")
    return 0


def _not_held(number: int) -> UsageError:
    return UsageError(f"Nothing is held under {number}.", undone="Nothing was changed.", advice="`ecmbraze holds list`")


def _told(row: Row) -> dict[str, object]:
    action = row.action
    return {
        "id": row.id, "state": row.state, "key": action.key, "flow": action.flow, "record": action.record,
        "customer": action.recipient, "rule": action.rule, "occurrence": action.occurrence, "kind": action.kind,
        "name": action.name, "attempt": row.attempt, "since": row.changed_at.isoformat().replace("+00:00", "Z"),
        "why": row.why,
    }  # fmt: skip
