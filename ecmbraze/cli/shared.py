"""The options every command accepts, before or after its name; holds no behaviour of a command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="configuration file (default: ecmbraze.yaml, or ECMBRAZE_CONFIG)")
]


@dataclass(frozen=True, slots=True)
class Shared:
    """What was said before the command's name."""

    config: Path | None
    verbose: bool


def config_path(context: typer.Context, own: Path | None) -> Path | None:
    """Return the configuration file: the command's own option, else the global one."""
    shared = context.obj
    return own or (shared.config if isinstance(shared, Shared) else None)
