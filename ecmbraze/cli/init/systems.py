"""Reach both systems with what was answered, and hold a section of a flow against them, as `check` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ecmbraze.cli import composition, opening
from ecmbraze.cli.check import in_braze, in_ecm, in_success, writing
from ecmbraze.cli.check.findings import WRONG_NAME, Finding, Level
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings
from ecmbraze.config.names import Named, named
from ecmbraze.config.places import Path
from ecmbraze.config.secret import Secret
from ecmbraze.errors import CredentialRefused, EcmbrazeError
from ecmbraze.flows import BY_NAME
from ecmbraze.model import AttributeInfo

# How long a system may take that does not answer: somebody waits at the terminal.
_PATIENCE_S = 20.0
_NO_SECRET = Secret("")  # of the system that is not asked
ECM, BRAZE = "Extended ECM", "Braze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at a place of a section, and what stands there; ``path`` begins with the flow."""

    path: Path
    said: str
    certain: bool = True
    """Whether it is wrong; else it could not be found out."""
    entry: Named | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """Both systems, reached; what was read of them is kept."""

    made: composition.Clients
    types: Mapping[str, int]
    samples: in_ecm.Samples
    _listed: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def messages(self, kind: str) -> Mapping[str, str]:
        """Return id → name of the campaigns, Canvases or segments; nothing where the key may not list them."""
        if kind not in self._listed:
            self._listed[kind] = {}
            with suppress(CredentialRefused):
                found = [one for one in self.made.braze.everything(kind) if not one.archived]
                by_name = sorted(found, key=lambda one: (one.name.casefold(), one.id))
                often = Counter(one.name for one in by_name)
                self._listed[kind] = {
                    one.id: one.name if often[one.name] == 1 else f"{one.name} ({one.id})" for one in by_name
                }
        return self._listed[kind]

    def attributes(self, entry: Named) -> Mapping[str, AttributeInfo]:
        """Return the attributes that a name may be one of."""
        found: dict[str, AttributeInfo] = {}
        for type_name in (name for name in entry.types if name in self.types):
            if entry.documents:
                found |= self.samples.of_documents(self.samples.documents(type_name, entry.documents))
            else:
                found |= self.samples.carried(type_name)
        return found

    def faults(self, config: Settings, flow: str) -> Iterator[Fault]:
        """Yield what of a flow's section is not in the systems or cannot work there. Raises TemporaryError."""
        names = list(named(flow, config.flows[flow]))
        objects = in_braze.Objects(config=config, braze=self.made.braze)
        found: list[Finding] = [
            *in_ecm.findings(config, self.made.ecm, flow, names, self.samples),
            *writing.findings(config, self.made.ecm, BY_NAME[flow], names),
            *in_success.in_ecm(config, self.made.ecm, flow),
            *objects.findings(flow, names),
            *in_success.in_braze(config, self.made.braze, flow),
        ]
        entries = {entry.path: entry for entry in names}
        places = {config.places.of(path): path for path in config.places.document.lines}
        for one in found:
            path = places.get(one.where, ())
            wrong = one.level is Level.WRONG and one.code == WRONG_NAME  # what the account may not, `check` tells
            if path[:1] == ("flows",) and (wrong or one.level is Level.DOUBT):
                yield Fault(path=path[1:], said=one.said, certain=wrong, entry=entries.get(path))


def login(config: Settings) -> tuple[str, str]:
    """Return how Extended ECM was reached, or why it was not: one of the two is empty."""

    def ask(made: composition.Clients) -> str:
        return f"logged in as {made.ecm.whoami()}; {len(made.ecm.workspace_types())} workspace types."

    return _tried(_alone(config), ask)


def skew(config: Settings) -> float:
    """Return the seconds by which our clock is ahead of that of Extended ECM, read in the zone of the configuration.

    0 where it does not answer.
    """
    try:
        made = _clients(_alone(config), _PATIENCE_S)
        made.ecm.server_now()
        return made.ecm.skew() or 0.0
    except EcmbrazeError:
        return 0.0


def key(config: Settings) -> tuple[str, str]:
    """Return how Braze was reached, or why it was not: one of the two is empty."""

    def ask(made: composition.Clients) -> str:
        made.braze.missing_permissions(["/users/export/ids"])  # raises for a key that is refused altogether
        return "the key is taken."

    ecm = config.ecm.model_copy(update={"password": _NO_SECRET, "otds": None})
    return _tried(config.model_copy(update={"ecm": ecm}), ask)


def _alone(config: Settings) -> Settings:
    """Return the configuration for Extended ECM alone, whether or not the key of Braze can be read."""
    return config.model_copy(update={"braze": config.braze.model_copy(update={"api_key": _NO_SECRET})})


def _tried(config: Settings, ask: Callable[[composition.Clients], str]) -> tuple[str, str]:
    try:
        return ask(_clients(config, _PATIENCE_S)), ""
    except EcmbrazeError as error:
        return "", error.happened


def reached(config: Settings) -> Systems:
    """Return both systems. Raises EcmbrazeError where one does not answer."""
    made = _clients(config, None)
    types = made.ecm.workspace_types()
    return Systems(made=made, types=types, samples=in_ecm.Samples(reader=made.ecm, types=types))


def _clients(config: Settings, seconds: float | None) -> composition.Clients:
    wall = opening.wall_clock(config)
    return composition.clients(config, wall, Budget(wall.monotonic, seconds))
