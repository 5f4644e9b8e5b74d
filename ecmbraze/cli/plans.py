"""`ecmbraze plan` and `apply`: the reviewable plan as a file, sent exactly or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ecmbraze.cli import flow_names, opening, rounds
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, console, deed
from ecmbraze.config import Settings
from ecmbraze.engine.reporting import HIDDEN
from ecmbraze.engine.setting import Options
from ecmbraze.errors import UsageError
from ecmbraze.flows import BY_NAME
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.savedplan import HIDES, SavedPlan
from ecmbraze.model import Action, Json
from ecmbraze.report.plain import printable


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)
    app.command("apply")(apply)


def plan(
    context: typer.Context,
    flow: Annotated[
        str | None,
        typer.Argument(metavar="FLOW|show", help="the flow to plan", autocompletion=flow_names.complete),
    ] = None,
    file: Annotated[Path | None, typer.Argument(help="with `show`: the plan file to print")] = None,
    config: ConfigOption = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="where the plan file goes")] = None,
    drop: Annotated[
        str | None,
        typer.Option(metavar="FLOW", help="drop the waiting plan of a flow", autocompletion=flow_names.complete),
    ] = None,
    by: ByOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
) -> int:
    """Write the plan of a flow to a file for review, print such a file (`plan show FILE`), or drop a waiting plan."""
    if flow == "show":
        return _show(file, as_json=as_json)
    for name in filter(None, (flow, drop)):
        flow_names.known(name, undone="Nothing was planned or dropped.")
    loaded = opening.settings(config_path(context, config), secrets=not drop)
    if drop:
        return _drop(loaded, drop, by)
    if flow is None or output is None:
        raise UsageError(
            "Say which flow and where its plan goes.",
            undone="Nothing was planned.",
            advice=f"`ecmbraze plan FLOW -o FILE`, FLOW is one of {', '.join(BY_NAME)}.",
        )
    if output.exists():
        raise UsageError(f"{output} exists already.", undone="Nothing was planned.", advice="Name another file.")
    code = _start(flow, loaded, Options(dry_run=True, keep=output), as_json=as_json)
    if output.exists() and not as_json:
        typer.echo(f"Kept in {output}: `ecmbraze plan show {output}` prints it, and what sends exactly that.")
    return code


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a plan file made by `ecmbraze plan`")],
    confirm: Annotated[str | None, typer.Option(metavar="HASH", help="the hash of the plan that was reviewed")] = None,
    config: ConfigOption = None,
    reason: Annotated[str, typer.Option(help="why; goes into the history")] = "",
    by: ByOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
) -> int:
    """Send exactly what a reviewed plan file holds, but no record that changed since."""
    saved = SavedPlan(file)
    flow = saved.flow
    saved.close()
    if not confirm:
        raise UsageError(
            "Say which plan was reviewed.",
            undone="Nothing was sent.",
            advice=f"`ecmbraze plan show {file}` prints it and its hash; then `ecmbraze apply {file} --confirm HASH`.",
        )
    options = Options(apply=file, confirm=confirm, deed=deed(by, reason))
    return _start(_known(flow), opening.settings(config_path(context, config)), options, as_json=as_json)


def _known(flow: str) -> str:
    if flow not in BY_NAME:
        raise UsageError(f"There is no flow {flow!r}.", undone="Nothing was sent.")
    return flow


def _show(file: Path | None, *, as_json: bool) -> int:
    """Print what a plan file would send, and the hash that confirms it."""
    if file is None:
        raise UsageError("Say which plan file.", undone="Nothing was printed.", advice="`ecmbraze plan show FILE`")
    saved = SavedPlan(file)
    found: dict[str, Any] = {
        "flow": saved.flow,
        **{name: value for name, value in saved.meta.items() if name not in ("flow", "version", HIDES)},
        "hash": saved.hash(saved.flow),
        "actions": [_action(one, saved.hides.get(one.rule, ())) for one in saved.actions(saved.flow)],
    }
    saved.close()
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    for name, value in found.items():
        if name != "actions":
            typer.echo(f"{name:>17}  {printable(str(value))}")
    table = Table(title=f"{len(found['actions'])} actions", title_justify="left")
    for column in ("record", "customer", "rule", "kind", "name", "payload", "consent"):
        table.add_column(column, overflow="fold")
    for told in found["actions"]:
        table.add_row(*(Text(printable(_text(told[str(column.header)]))) for column in table.columns))
    console().print(table)
    typer.echo(f"Send it: ecmbraze apply {file} --confirm {str(found['hash'])[:12]}")
    return 0


def _action(action: Action, secret: Collection[str]) -> dict[str, Json]:
    return {
        "record": action.record,
        "customer": action.recipient,
        "rule": action.rule,
        "occurrence": action.occurrence,
        "kind": action.kind,
        "name": action.name,
        "payload": _hiding(action.payload, secret),
        "consent": dict(action.consent) if action.consent is not None else None,
        "create_profile": action.create_profile,
    }


def _hiding(payload: Json, secret: Collection[str]) -> Json:
    """Return what is written without the properties that are for their person alone."""
    properties = payload.get("properties") if isinstance(payload, Mapping) else None
    if not secret or not isinstance(payload, Mapping) or not isinstance(properties, Mapping):
        return payload
    return {**payload, "properties": {name: HIDDEN if name in secret else one for name, one in properties.items()}}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _start(flow: str, loaded: Settings, options: Options, *, as_json: bool) -> int:
    done = rounds.start([BY_NAME[flow]], loaded, options)
    rounds.tell_result(done, as_json=as_json)
    return rounds.exit_code(done, pending=False)


def _drop(loaded: Settings, flow: str, by: str | None) -> int:
    with run_lock(loaded.state):
        ledger = opening.ledger(loaded)
        plans = [found for mode in ("live", "backfill", "baseline") if (found := ledger.waiting.get(flow, mode))]
        for waiting in plans:
            ledger.waiting.drop(waiting, opening.wall_clock(loaded).now(), "dropped by the operator", deed(by))
        ledger.close()
    if not plans:
        raise UsageError(f"No plan of {flow} waits.", undone="Nothing was dropped.")
    typer.echo(f"Dropped {', '.join(found.hash[:12] for found in plans)}; the next run of {flow} plans anew.")
    return 0
