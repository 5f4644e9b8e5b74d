"""`ecmbraze pause` and `resume`: the switch that a run reads before each wave of requests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ecmbraze.cli import flow_names
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, deed

if TYPE_CHECKING:
    from ecmbraze.ledger.ledger import Ledger

_FlowArgument = Annotated[
    str | None, typer.Argument(metavar="FLOW", help="all flows when left out", autocompletion=flow_names.complete)
]


def register(app: typer.Typer) -> None:
    app.command("pause")(pause)
    app.command("resume")(resume)


def pause(
    context: typer.Context,
    flow: _FlowArgument = None,
    config: ConfigOption = None,
    reason: Annotated[str, typer.Option(help="why; shown by every run until it is resumed")] = "no reason given",
    by: ByOption = None,
) -> int:
    """Stop sending, also in a run that is under way; reading and planning go on."""
    ledger, now, name = _open(context, config, flow)
    who = deed(by, reason)
    ledger.waiting.pause(name, now, who.by, reason, host=who.host)
    ledger.close()
    typer.echo(f"Paused {flow or 'every flow'}. `ecmbraze resume` lets it send again.")
    return 0


def resume(
    context: typer.Context,
    flow: _FlowArgument = None,
    config: ConfigOption = None,
    reason: Annotated[str, typer.Option(help="why; goes into the history")] = "",
    by: ByOption = None,
) -> int:
    """Let a paused flow send again."""
    ledger, now, name = _open(context, config, flow)
    since = ledger.waiting.resume(name, now, deed(by, reason))
    lost = ledger.outbox.expired_since(since, now, flow) if since else 0
    ledger.close()
    typer.echo(f"{flow or 'Every flow'} {'sends again' if since else 'was not paused'}.")
    if lost:
        typer.echo(f"{lost} messages expired while it was paused and are not sent; `ecmbraze runs` shows whose.")
    return 0


def _open(context: typer.Context, config: ConfigOption, flow: str | None) -> tuple[Ledger, datetime, str]:
    from ecmbraze.cli import opening  # not before: the shell completes the names of flows

    if flow is not None:
        flow_names.known(flow, undone="Nothing was changed.")
    loaded = opening.settings(config_path(context, config), secrets=False)
    return opening.ledger(loaded), opening.wall_clock(loaded).now(), flow or "*"
