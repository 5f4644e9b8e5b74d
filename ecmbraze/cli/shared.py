"""The options that commands share, before or after their name; holds no behaviour of a command."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ecmbraze.ledger.history import Deed

ConfigOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="configuration file (default: ecmbraze.yaml, or ECMBRAZE_CONFIG)")
]


ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="who decides, for the history (default: the login user)")
]

ReportOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="also write the report: .html for people, personal data masked; .json or .csv hold everything",
    ),
]
PersonalOption = Annotated[
    bool, typer.Option("--show-personal-data", help="the .html report says who gets what, unmasked")
]


@dataclass(frozen=True, slots=True)
class Shared:
    """What was said before the command's name."""

    config: Path | None
    verbose: bool


def deed(by: str | None, reason: str = "") -> Deed:
    """Return who decides something, on which machine and why."""
    from ecmbraze.ledger.history import Deed  # once there is something to decide: the options alone need no ledger

    return Deed(by=by or _login(), host=socket.gethostname(), reason=reason)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container an account may have no name
        return f"uid {os.getuid()}"


def config_path(context: typer.Context, own: Path | None) -> Path | None:
    """Return the configuration file: the command's own option, else the global one."""
    shared = context.obj
    return own or (shared.config if isinstance(shared, Shared) else None)
