"""`ecmbraze holds`: what has an unknown outcome, and a person's decision about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from ecmbraze.cli import opening
from ecmbraze.cli.groups import Group
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, console, deed
from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.errors import UsageError
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.outbox import Outbox, Row, Step
from ecmbraze.model import State
from ecmbraze.report.plain import printable
from ecmbraze.suggest import did_you_mean

holds = typer.Typer(
    help="Messages whose outcome is unknown: list them, decide about them.", no_args_is_help=True, cls=Group
)
_UNDONE = "Nothing was changed."
_HOW = "`holds resolve ID drop --reason TEXT`, or `holds resolve --all --rule RULE drop --reason TEXT`."
_DECISIONS = {"sent": State.SENT, "send-again": State.READY, "drop": State.DROPPED}


def register(app: typer.Typer) -> None:
    app.add_typer(holds, name="holds")


@holds.command("list")
def listing(
    context: typer.Context, config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> int:
    """Show every message in doubt or held."""
    ledger = opening.ledger(opening.settings(config_path(context, config), secrets=False), read_only=True)
    rows = ledger.outbox.unsettled()
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
    console().print(table)
    return 0


@holds.command("show")
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="from `holds list`")],
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> int:
    """Show one message of unknown outcome: what was sent, when, what is known of it, and what to do."""
    ledger = opening.ledger(opening.settings(config_path(context, config), secrets=False), read_only=True)
    rows = [row for row in ledger.outbox.unsettled() if row.id == number]
    known = ledger.outbox.numbered(number)
    ledger.close()
    if not rows:
        raise _not_held(number, known)
    told = {**_told(rows[0]), "reason": rows[0].action.reason, "payload": rows[0].action.payload}
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    for name, value in told.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name:>10}  {printable(text)}")
    typer.echo(
        f"\n{channel_of(rows[0].action.kind).advice(rows[0].action)}, then one of:\n"
        + "".join(f'  ecmbraze holds resolve {number} {decision} --reason "…"\n' for decision in _DECISIONS)
    )
    return 0


@holds.command("resolve")
def resolve(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[ID] sent|send-again|drop", help="ID from `holds list`")],
    reason: Annotated[str, typer.Option(help="why; goes into the history")],
    everything: Annotated[bool, typer.Option("--all", help="every message of a rule, instead of one ID")] = False,
    rule: Annotated[str | None, typer.Option(help="with --all: the rule")] = None,
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Decide about one held message, or all of a rule: it was sent, it may be sent again, or it is dropped."""
    number, decision = _asked(words, everything=everything, rule=rule)
    loaded = opening.settings(config_path(context, config), secrets=False)
    with run_lock(loaded.state):
        ledger = opening.ledger(loaded)
        try:
            rows, left = _chosen(ledger.outbox, number, rule, decision)
            _decide(ledger, rows, decision, deed(by, reason), opening.wall_clock(loaded).now())
        finally:
            ledger.close()
    for row in rows:
        typer.echo(f"{printable(row.action.key)}: {decision}")
    if rule:
        typer.echo(f"{len(rows)} of {rule}: {decision}")
    if left:
        typer.echo(f"{left} are still in doubt and were left: the next runs look for them; then decide again")
    return 0


@holds.command("drop")
def drop(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="from `holds list`")],
    reason: Annotated[str, typer.Option(help="why; goes into the history")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Give one held message up for good: the same as `holds resolve ID drop`."""
    return resolve(context, [str(number), "drop"], reason, config=config, by=by)


def _asked(words: list[str], *, everything: bool, rule: str | None) -> tuple[int | None, str]:
    """Return the number, if one is named, and the decision."""
    *first, decision = words
    if decision not in _DECISIONS:
        near = did_you_mean(decision, _DECISIONS) or "."
        raise UsageError(f"{decision!r} is no decision{near}", undone=_UNDONE, advice="Say sent, send-again or drop.")
    if everything != (rule is not None):
        raise UsageError("--all and --rule belong together.", undone=_UNDONE, advice=_HOW)
    if everything == bool(first) or len(first) > 1 or not all(word.isdecimal() for word in first):
        raise UsageError("Say which message by its ID, or all of a rule.", undone=_UNDONE, advice=_HOW)
    return (int(first[0]) if first else None), decision


def _chosen(outbox: Outbox, number: int | None, rule: str | None, decision: str) -> tuple[list[Row], int]:
    """Return the messages to decide about, and how many are left to the runs that look for them.

    Of many at once only those go again that no run looks for any more: one that arrived after all would go twice.
    """
    found = outbox.unsettled()
    if number is not None:
        mine = [row for row in found if row.id == number]
        if not mine:
            raise _not_held(number, outbox.numbered(number))
        return mine, 0
    mine = [row for row in found if row.action.rule == rule]
    if not mine:
        near = did_you_mean(rule or "", {row.action.rule for row in found}) or "."
        raise UsageError(f"Nothing of the rule {rule!r} is held{near}", undone=_UNDONE, advice="`ecmbraze holds list`")
    chosen = [row for row in mine if decision != "send-again" or row.state is State.HELD]
    return chosen, len(mine) - len(chosen)


def _decide(ledger: Ledger, rows: list[Row], decision: str, who: Deed, now: datetime) -> None:
    doubts = [row for row in rows if row.state is State.IN_DOUBT]
    held = [replace(row, state=State.HELD) for row in rows]
    with ledger.database.atomic():
        ledger.history.decide(now, "holds", who, {"decision": decision, "rows": [row.id for row in rows]})
        ledger.outbox.move([Step(row=row, state=State.HELD, why=row.why) for row in doubts], now)
        ledger.outbox.move(
            [Step(row=row, state=_DECISIONS[decision], why=f"operator: {who.reason}") for row in held], now
        )


def _not_held(number: int, known: Row | None) -> UsageError:
    """Return the refusal, with what became of the message: somebody else may have decided meanwhile."""
    stands = f": it is {known.state} since {known.changed_at:%Y-%m-%d %H:%M:%S} UTC, {known.why}" if known else ""
    return UsageError(f"Nothing is held under {number}{stands}.", undone=_UNDONE, advice="`ecmbraze holds list`")


def _told(row: Row) -> dict[str, object]:
    action = row.action
    return {
        "id": row.id,
        "state": row.state,
        "key": action.key,
        "flow": action.flow,
        "record": action.record,
        "customer": action.person,
        "rule": action.rule,
        "occurrence": action.occurrence,
        "kind": action.kind,
        "name": action.name,
        "attempt": row.attempt,
        "since": row.changed_at.isoformat().replace("+00:00", "Z"),
        "why": row.why,
    }
