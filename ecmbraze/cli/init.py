"""`ecmbraze init`: make the state file of a configuration; never overwrites one."""

from __future__ import annotations

from typing import Annotated

import typer

from ecmbraze.cli import composition
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.errors import UsageError
from ecmbraze.ledger.ledger import Ledger


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    context: typer.Context,
    config: ConfigOption = None,
    non_interactive: Annotated[bool, typer.Option(help="read the configuration, ask nothing")] = False,
) -> int:
    """Create the state file for a configuration; an existing one is refused."""
    if not non_interactive:
        raise UsageError(
            "The guided init is not built yet.", undone="Nothing was written.",
            advice="Copy config.example.yaml, edit it, then `ecmbraze init --non-interactive -c FILE`.",
        )  # fmt: skip
    loaded = composition.settings(config_path(context, config))
    now = composition.wall_clock(loaded).now()
    Ledger.create(loaded.state, composition.identity(loaded), now).close()
    typer.echo(f"Created {loaded.state}. Next: `ecmbraze check -c {loaded.path}`, then a first run: it is a baseline.")
    return 0
