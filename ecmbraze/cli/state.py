"""`ecmbraze state`: save the state file, check it, make it smaller."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from ecmbraze.cli import composition
from ecmbraze.cli.groups import Group
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.errors import UsageError
from ecmbraze.ledger import compacting
from ecmbraze.ledger.backup import back_up
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.verifying import Checked, checks

state = typer.Typer(help="The state file: save it, check it, make it smaller.", no_args_is_help=True, cls=Group)

_Json = Annotated[bool, typer.Option("--json", help="what was checked as JSON")]


def register(app: typer.Typer) -> None:
    app.add_typer(state, name="state")


@state.command("backup")
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="where the backup goes; never overwritten")],
    config: ConfigOption = None,
) -> int:
    """Save the state file, also while a run is live, and check the copy."""
    loaded = composition.settings(config_path(context, config))
    found = back_up(loaded.state, file)
    _tell(found)
    typer.echo(f"Saved {loaded.state} as {file}, with {file}.seal and {file}.key.")
    typer.echo("They hold personal data and a secret: keep them 0600.")
    return 0


@state.command("compact")
def compact(context: typer.Context, config: ConfigOption = None) -> int:
    """Write the state file anew without the room it no longer needs; no run may be under way."""
    loaded = composition.settings(config_path(context, config))
    with run_lock(loaded.state):
        before, after = compacting.compact(loaded.state)
    typer.echo(f"{loaded.state}: {before:,} bytes before, {after:,} now.")
    return 0


@state.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="a backup; the state file when left out")] = None,
    config: ConfigOption = None,
    as_json: _Json = False,
) -> int:
    """Check a state file or a backup through and through: its place, seal, pages, history and values."""
    if file is not None and not file.exists():  # its error would say how a first state file is made
        raise UsageError(
            f"There is no file {file}.", undone="Nothing was checked.", advice="Name a backup that is there."
        )
    path = file or composition.settings(config_path(context, config)).state
    if as_json:
        told = {"file": str(path), "checked": {one.what: one.found for one in checks(path)}}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    typer.echo(str(path))
    _tell(checks(path))
    typer.echo("Nothing is wrong with it.")
    return 0


def _tell(found: Iterable[Checked]) -> None:
    for one in found:
        typer.echo(f"{one.what:>10}  {one.found}")
