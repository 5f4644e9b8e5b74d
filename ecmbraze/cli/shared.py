"""The options that commands share, before or after their name; holds no behaviour of a command."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecmbraze.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from ecmbraze.ledger.history import Deed

# ``readable=False``: the loader says of a file why it cannot be read, and ends with 15 as for any other mistake in it.
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", readable=False, help="configuration file (default: ecmbraze.yaml, or ECMBRAZE_CONFIG)"
    ),
]
CONFIG_VARIABLE = "ECMBRAZE_CONFIG"


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


def console() -> Console:
    """Return a console to which text is only text: what strangers write in brackets or colons is no markup of it."""
    from rich.console import Console  # most commands print no table

    return Console(markup=False, emoji=False)


def deed(by: str | None, reason: str = "") -> Deed:
    """Return who decides something, on which machine and why."""
    from ecmbraze.ledger.history import Deed  # once there is something to decide: the options alone need no ledger

    return Deed(by=by or login(), host=socket.gethostname(), reason=reason)


def login() -> str:
    """Return the account this runs as."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container an account may have no name
        return f"uid {os.getuid()}"


def config_path(context: typer.Context, own: Path | None) -> Path | None:
    """Return the configuration file: the command's own option, else the global one.

    Raises ConfigurationError for an empty variable, which names no file: another one is not meant (fault C17).
    """
    shared = context.obj
    found = own or (shared.config if isinstance(shared, Shared) else None)
    if found is None and os.environ.get(CONFIG_VARIABLE) == "":
        raise ConfigurationError(
            f"The environment variable {CONFIG_VARIABLE} is empty.",
            undone="Nothing was done.",
            advice="Set it to the configuration file, unset it, or name the file with -c FILE.",
        )
    return found
