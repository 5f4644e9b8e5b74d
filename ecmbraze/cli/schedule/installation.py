"""What a schedule must know of this machine and its configuration, and how templates are filled; writes nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template

from ecmbraze.config import Settings
from ecmbraze.config.secret import Deferred, Origin, Way
from ecmbraze.errors import ConfigurationError

# How long a run may take: less than what ends it from outside (TimeoutStartSec=, activeDeadlineSeconds).
BUDGET = "14m"
# A start that finds nothing due costs a fifth of a second; each is also the next try of what had to wait.
_MINUTES = 5
_DIVISORS = (1, 2, 3, 4, 5)
_UNUSABLE = frozenset("\\\"'`$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where everything is: what starts the program, its files, where secrets come from, and how often it starts."""

    program: tuple[str, ...]
    config: Path
    state: Path
    state_place: str
    state_relative: bool = False
    secrets: tuple[Origin, ...]
    also_read: tuple[str, ...] = ()
    minutes: int = _MINUTES

    def named(self, way: Way) -> list[str]:
        """Return the names of the secrets that come that way, each once."""
        return list(dict.fromkeys(origin.name for origin in self.secrets if origin.way is way))


def installation(loaded: Settings) -> Installation:
    """Return what a schedule of this configuration must know."""
    otds = loaded.ecm.otds
    hidden = (loaded.ecm.password, otds.client_secret if otds else None, loaded.braze.api_key)
    paths = {"ecm.ca_file": loaded.ecm.ca_file, "braze.ca_file": loaded.braze.ca_file}
    for name, section in loaded.flows.items():
        paths |= {f"flows.{name}.{key}": getattr(section, key, None) for key in ("currents", "currents_files")}
    return Installation(
        program=_program(),
        config=loaded.path,
        state=loaded.state,
        state_place=loaded.places.of(("state",)),
        state_relative=not Path(str(loaded.places.value(("state",)))).is_absolute(),
        secrets=tuple(secret.origin for secret in hidden if isinstance(secret, Deferred)),
        also_read=tuple(f"{key}: {path}" for key, path in paths.items() if path),
        minutes=_minutes(section.every for section in loaded.flows.values() if section.enabled),  # type: ignore[attr-defined]  # every section has both
    )


def filled(template: str, **values: object) -> str:
    """Return a template of this folder with its places filled in."""
    text = Path(__file__).with_name("templates").joinpath(template).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def refuse_odd(*paths: str | Path) -> None:
    """Raise for a path that could mean something else to cron, a shell or systemd; blanks and ``%`` are quoted."""
    for path in map(str, paths):
        if not path.isprintable() or not _UNUSABLE.isdisjoint(path):
            raise ConfigurationError(
                f"The path {path!r} has a letter that a schedule would read as something else.",
                undone="Nothing was printed.",
                advice="Move it to a path without quotes, backslashes, $, line breaks and other invisible letters.",
            )


def _minutes(spans: Iterable[timedelta]) -> int:
    """Return how often to start: every five minutes, or more often where a flow wants it; hours divide evenly."""
    least = min((span // timedelta(minutes=1) for span in spans), default=_MINUTES)
    return max(each for each in _DIVISORS if each <= max(least, 1))


def _program() -> tuple[str, ...]:
    """Return what starts this very installation, whatever PATH somebody has."""
    typed, beside = Path(sys.argv[0]), Path(sys.executable).with_name("ecmbraze")
    for path in (typed, beside):
        if path.name == "ecmbraze" and path.is_file():
            return (str(path.absolute()),)
    found = shutil.which("ecmbraze")
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "ecmbraze")
