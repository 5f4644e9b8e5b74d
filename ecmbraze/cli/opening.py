"""Open what a command needs before it asks a system: the configuration, the clock, the state file.

Imports neither the engine nor the clients, for the commands that do without.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ecmbraze.cli.clock import WallClock, clock, environ
from ecmbraze.config import Settings, load
from ecmbraze.errors import ConfigurationError
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME
from ecmbraze.ledger.ledger import Ledger

DEFAULT_CONFIG = Path("ecmbraze.yaml")


def settings(path: Path | None, *, secrets: bool = True, drafted: bool = False) -> Settings:
    """Load the configuration; raises ConfigurationError with every problem at once.

    Commands that ask no system do without ``secrets``: only the schedule may have them (systemd's LoadCredential=).
    ``drafted`` is for who still writes the flows: what is wrong with them is left to `check`.
    """
    return load(path or DEFAULT_CONFIG, flows=BY_NAME, environ=environ(), secrets=secrets, drafted=drafted)


def wall_clock(config: Settings) -> WallClock:
    """Return the clock: the machine's; in a rehearsal, with both systems on loopback, that of the sandbox."""
    return clock(environ(), sandbox=partial(_sandbox_now, config.ecm.url) if config.both_loopback else None)


def _sandbox_now(url: str) -> datetime | None:
    from ecmbraze.systems.rehearsal import sandbox_now  # only a rehearsal asks anybody

    return sandbox_now(url)


def identity(config: Settings) -> dict[str, str]:
    """Return what makes a state file belong to this configuration."""
    return {"ecm": config.ecm.url, "braze": config.braze.url}


def section(config: Settings, flow: Flow[Any]) -> Any:
    """Return the flow's section; raises ConfigurationError when there is none."""
    if flow.name not in config.flows:
        raise ConfigurationError(
            f"{config.path} has no section flows.{flow.name}.",
            undone="Nothing was done.",
            advice="Add it; `config.example.yaml` shows one.",
        )
    return config.flows[flow.name]


def ledger(config: Settings, *, read_only: bool = False) -> Ledger:
    """Open the state file and make sure it belongs to this configuration."""
    opened = Ledger.open(config.state, read_only=read_only)
    opened.check_identity(identity(config))
    return opened
