"""`ecmbraze plan` and `apply`: the reviewable plan as a file, sent exactly or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecmbraze.cli import composition, flow_names, rounds
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.config import Settings
from ecmbraze.engine.setting import Options
from ecmbraze.errors import UsageError
from ecmbraze.flows import BY_NAME
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.planfolder import flow_of


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)
    app.command("apply")(apply)


def plan(
    context: typer.Context,
    flow: Annotated[
        str | None, typer.Argument(metavar="FLOW", help="the flow to plan", autocompletion=flow_names.complete)
    ] = None,
    config: ConfigOption = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="where the plan file goes")] = None,
    drop: Annotated[
        str | None,
        typer.Option(metavar="FLOW", help="drop the waiting plan of a flow", autocompletion=flow_names.complete),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
) -> int:
    """Write the plan of a flow to a file for review, or drop a waiting plan."""
    for name in filter(None, (flow, drop)):
        flow_names.known(name, undone="Nothing was planned or dropped.")
    loaded = composition.settings(config_path(context, config))
    if drop:
        return _drop(loaded, drop)
    if flow is None or output is None:
        raise UsageError(
            "Say which flow and where its plan goes.", undone="Nothing was planned.",
            advice=f"`ecmbraze plan FLOW -o FILE`, FLOW is one of {', '.join(BY_NAME)}.",
        )  # fmt: skip
    if output.exists():
        raise UsageError(f"{output} exists already.", undone="Nothing was planned.", advice="Name another file.")
    return _start(flow, loaded, Options(dry_run=True, keep=output), as_json=as_json)


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a plan file made by `ecmbraze plan`")],
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
) -> int:
    """Send exactly what a plan file holds, but no record that changed since."""
    if not file.is_file():
        raise UsageError(f"There is no plan file {file}.", undone="Nothing was sent.")
    flow = flow_of(file)
    if flow not in BY_NAME:
        raise UsageError(f"{file} is no plan of ecmbraze.", undone="Nothing was sent.")
    return _start(flow, composition.settings(config_path(context, config)), Options(apply=file), as_json=as_json)


def _start(flow: str, loaded: Settings, options: Options, *, as_json: bool) -> int:
    done = rounds.start([BY_NAME[flow]], loaded, options)
    rounds.tell_result(done, done[0].as_json(), as_json=as_json)
    return rounds.exit_code(done, pending=False)


def _drop(loaded: Settings, flow: str) -> int:
    with run_lock(loaded.state):
        ledger = composition.ledger(loaded)
        plans = [found for mode in ("live", "backfill", "baseline") if (found := ledger.waiting.get(flow, mode))]
        for waiting in plans:
            ledger.waiting.drop(waiting, composition.wall_clock(loaded).now(), "dropped by the operator")
        ledger.close()
    if not plans:
        raise UsageError(f"No plan of {flow} waits.", undone="Nothing was dropped.")
    typer.echo(f"Dropped {', '.join(found.hash[:12] for found in plans)}; the next run of {flow} plans anew.")
    return 0
