"""What `check` finds: one value per thing looked at; prints and asks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ecmbraze.config import Settings
from ecmbraze.config.names import Named
from ecmbraze.config.places import Path
from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError
from ecmbraze.flow import Flow

# A name that ECM or Braze does not have ends a run the same way.
WRONG_NAME = ConfigurationError.exit_code


class Level(StrEnum):
    """How a thing stands; what could not be found out is never called well. A note is right and should be known."""

    WELL = "ok"
    NOTE = "note"
    DOUBT = "?"
    WRONG = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. ``where`` is a place in the file, or what was looked at."""

    level: Level
    where: str
    said: str
    code: int = 0


def well(where: str, said: str) -> Finding:
    return Finding(level=Level.WELL, where=where, said=said)


def doubt(where: str, said: str) -> Finding:
    return Finding(level=Level.DOUBT, where=where, said=said)


def notes(config: Settings, flow: Flow[Any]) -> list[Finding]:
    """Return what a flow says of its own section."""
    where = config.places.of(("flows", flow.name))
    return [Finding(level=Level.NOTE, where=where, said=said) for said in flow.warnings(config.flows[flow.name])]


def wrong(config: Settings, entry: Named, said: str) -> Finding:
    """Return that a name of the configuration is wrong, with its place."""
    return Finding(level=Level.WRONG, where=config.places.of(entry.path), said=said, code=WRONG_NAME)


def failed(config: Settings, section: str, error: EcmbrazeError, *, rest: str = "") -> Finding:
    """Return what ended the checks of a system: of a refused credential the place is that of the secret."""
    path: Path = (section, "url")
    if isinstance(error, CredentialRefused):
        secret = "api_key" if section == "braze" else "otds" if config.ecm.otds else "password"
        path = (section, secret)
    said = " ".join(" ".join(part for part in (error.happened, rest, error.advice) if part).split())
    return Finding(level=Level.WRONG, where=config.places.of(path), said=said, code=error.exit_code)
