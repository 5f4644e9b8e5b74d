"""`ecmbraze quarantine`: records and rows put aside with a reason, and what to do with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from ecmbraze.cli import opening
from ecmbraze.cli.groups import Group
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, console, deed
from ecmbraze.errors import UsageError
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import State, keys
from ecmbraze.report.plain import printable

quarantine = typer.Typer(
    help="Records and messages that were refused, with the reason.", no_args_is_help=True, cls=Group
)

_Reason = Annotated[str, typer.Option("--reason", help="why; goes into the history")]
_Subject = Annotated[str, typer.Argument(metavar="ID|RECORD", help="a number or a record from `quarantine list`")]


def register(app: typer.Typer) -> None:
    app.add_typer(quarantine, name="quarantine")


@quarantine.command("list")
def listing(
    context: typer.Context, config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> int:
    """Show refused rows (with a number, to replay or drop) and records that could not be used."""
    ledger = opening.ledger(opening.settings(config_path(context, config), secrets=False), read_only=True)
    rows = [
        {
            "id": row.id,
            "record": row.action.record,
            "customer": row.action.person,
            "rule": row.action.rule,
            "reason": row.why + _where(row),
        }
        for row in ledger.outbox.refused()
    ]
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
    console().print(table)
    return 0


@quarantine.command("show")
def show(context: typer.Context, subject: _Subject, config: ConfigOption = None) -> int:
    """Show one entry whole: what was refused, why, since when, and its content."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    ledger = opening.ledger(loaded, read_only=True)
    told: list[dict[str, object]] = [
        {"flow": flow, "record": record, "rule": rule, "customer": customer, "reason": reason, "at": at}
        for flow, record, rule, customer, reason, at in ledger.quarantined()
        if record == subject
    ]
    rows = [row for row in ledger.outbox.refused() if str(row.id) == subject]
    told += [{"key": row.action.key, "reason": row.why, "payload": row.action.payload} for row in rows]
    ledger.close()
    if not told:
        raise _unknown(subject)
    typer.echo(json.dumps(told, indent=2, ensure_ascii=True))
    return 0


@quarantine.command("replay")
def replay(
    context: typer.Context, subject: _Subject, config: ConfigOption = None, reason: _Reason = "", by: ByOption = None
) -> int:
    """Try again: a refused row is sent by the next run after its usual screen, a record is planned anew."""
    return _move(context, config, subject, State.READY, deed(by, reason))


@quarantine.command("drop")
def drop(
    context: typer.Context, subject: _Subject, config: ConfigOption = None, reason: _Reason = "", by: ByOption = None
) -> int:
    """Give one entry up for good; a record that cannot be read comes back as long as Extended ECM shows it so."""
    return _move(context, config, subject, State.DROPPED, deed(by, reason))


def _move(context: typer.Context, config: ConfigOption, subject: str, state: State, who: Deed) -> int:
    loaded = opening.settings(config_path(context, config), secrets=False)
    now = opening.wall_clock(loaded).now()
    with run_lock(loaded.state):
        ledger = opening.ledger(loaded)
        rows = [row for row in ledger.outbox.refused() if str(row.id) == subject]
        unread = any((flow, record) == ("", subject) for flow, record, *_ in ledger.quarantined())
        try:
            done = _do(ledger, rows, subject, state, who, now)
        finally:
            ledger.close()
    if not done:
        raise _unknown(subject)
    typer.echo(f"{subject}: {state}")
    if unread and state is State.DROPPED:
        typer.echo("It cannot be read: the next run that meets it so puts it aside again. Correct it in Extended ECM.")
    return 0


def _do(ledger: Ledger, rows: Sequence[Row], subject: str, state: State, who: Deed, now: datetime) -> bool:
    """Move the row, or the record, with a line in the history; return whether there was one."""
    said = f"operator: {who.reason or 'quarantine'}"
    with ledger.database.atomic():
        ledger.outbox.move([Step(row=row, state=state, why=said) for row in rows], now)
        done = bool(rows)
        if not done and keys.names_a_record(subject):
            again = state is State.READY
            done = ledger.plan_again(subject, now) if again else ledger.forget_quarantined(subject, now)
        if done:
            told = {"decision": "replay" if state is State.READY else "drop", "subject": ledger.history.record(subject)}
            ledger.history.decide(now, "quarantine", who, told)
    return done


def _where(row: Row) -> str:
    """Return the workspace to which it was to go, where its record is not that: a person may have several."""
    to = row.action.recipient
    return f" (in {to})" if keys.names_a_record(to) and to != row.action.record else ""


def _unknown(subject: str) -> UsageError:
    return UsageError(
        f"Nothing in quarantine is called {subject!r}.",
        undone="Nothing was changed.",
        advice="`ecmbraze quarantine list` shows numbers of rows and names of records.",
    )
