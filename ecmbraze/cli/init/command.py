"""`ecmbraze init`: make the state file of a configuration, asking for both where wanted; never overwrites one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated

import typer

from ecmbraze.cli import opening
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.config import Settings
from ecmbraze.errors import ConfigurationError, UsageError
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.suggest import nearest


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    context: typer.Context,
    config: ConfigOption = None,
    non_interactive: Annotated[
        bool, typer.Option("--non-interactive", help="read the configuration, ask nothing")
    ] = False,
) -> int:
    """Ask for both systems and the flows, then write the configuration and its state file; existing ones are refused.

    With --non-interactive the configuration is there already: its state file is created, and nothing is asked.
    """
    path = config_path(context, config)
    if not non_interactive:
        from ecmbraze.cli.init.guided import guided  # the clients, the flows: only whoever is asked needs them

        return guided(path)
    loaded = opening.settings(path)
    create(loaded)
    for line in created(loaded):
        typer.echo(line)
    typer.echo(f"Next: `ecmbraze check -c {loaded.path}`, then a first run: it is a baseline.")
    return 0


def create(loaded: Settings) -> None:
    """Make the state file; raises where one stands already, or its folder is missing."""
    _refuse_place(loaded)
    now = opening.wall_clock(loaded).now()
    Ledger.create(loaded.state, opening.identity(loaded), now).close()


def created(loaded: Settings) -> Iterator[str]:
    """Yield what to say of a state file that was made."""
    yield f"Created {loaded.state}, and {loaded.state}.key, which keys its history: keep both."
    if loaded.fence is not None and not loaded.fence.none:
        in_ecm = loaded.fence.workspace or f"node {loaded.fence.folder}"
        place = "the canary profile of Braze" if loaded.fence.canary else f"{in_ecm} of Extended ECM"
        yield f"The first live run makes its claim in {place}; `check` looks whether it can."


def _refuse_place(loaded: Settings) -> None:
    """Raise where a state file stands already, or where a folder is missing: made silently, a typo would be kept."""
    place, folder = loaded.places.of(("state",)), loaded.state.parent
    if loaded.state.exists():
        raise UsageError(
            f"{place}: there is a state file already, {loaded.state}.",
            undone="It was not touched.",
            advice="Go on with it: `ecmbraze status`. Only to begin anew, with a new baseline, move it away first.",
        )
    if not folder.is_dir():
        there = next(parent for parent in folder.parents if parent.is_dir())
        missing = folder.relative_to(there).parts[0]
        near = nearest(missing, (entry.name for entry in there.iterdir() if entry.is_dir()))
        hint = f"; did you mean {there / near}?" if near else "."
        raise ConfigurationError(
            f"{place}: the folder {folder} does not exist{hint}",
            undone="Nothing was written.",
            advice=f"Correct the path, or make the folder: mkdir -p -m 700 {shlex.quote(str(folder))}",
        )
