"""The guided init: in which order is asked, what is reached, and what is written at the end; all of it or nothing."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer

from ecmbraze.cli import opening
from ecmbraze.cli.clock import environ
from ecmbraze.cli.init import answers, choosing, systems
from ecmbraze.cli.init.command import create, created
from ecmbraze.cli.init.questions import NOTHING, Dialogue, with_person
from ecmbraze.cli.init.writing import Asked, new_files, text
from ecmbraze.cli.signals import Budget, listening
from ecmbraze.config import Settings, read, secret
from ecmbraze.config.urls import checked
from ecmbraze.errors import ConfigurationError, EcmbrazeError, Interrupted, UsageError
from ecmbraze.flows import BY_NAME

# The addresses of config.example.yaml: whoever leaves them has not said yet which systems are meant.
_ECM_URL, _BRAZE_URL = "https://ecm.example.com/otcs/cs.exe", "https://rest.fra-01.braze.eu"
_ZONE_MINUTES = 10  # clocks that are set differ by less, zones by more
_SYSTEM_STATE = Path("/var/lib/ecmbraze/state.db")


def guided(path: Path | None) -> int:
    """Ask, then write the configuration and make its state file; whatever fails, nothing stays."""
    try:
        asked, state = ask(with_person(), path)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise Interrupted(
            signal.SIGINT, undone=NOTHING, advice="Begin again with `ecmbraze init`: everything is asked once more."
        ) from None
    known = has_systems(asked)
    folder = state.parent if known else asked.path.resolve().parent
    with (
        listening(Budget(time.monotonic, None)),  # what takes an instant is not left half done
        new_files(asked.path, text(asked), folder, _loaded),
    ):
        loaded = _loaded(asked.path)
        if known:
            create(loaded)
    typer.echo(f"Wrote {asked.path}; no secret stands in it.")
    for line in (*(created(loaded) if known else ()), *_next(asked, loaded)):
        typer.echo(line)
    return 0


def _loaded(path: Path) -> Settings:
    return opening.settings(path, secrets=False)


def _next(asked: Asked, loaded: Settings) -> Iterator[str]:
    """Yield what to type now."""
    file = "" if asked.path == opening.DEFAULT_CONFIG else f" -c {shlex.quote(str(asked.path))}"
    flow = next((name for name, section in loaded.flows.items() if getattr(section, "enabled", True)), "")
    yield "Next:"
    if not has_systems(asked):
        yield "  write the address of your Extended ECM into it, then make the state file:"
        yield f"    ecmbraze init --non-interactive{file}"
    for what in _unreadable(loaded):
        yield f"  {what}"
    if not flow:
        yield "  take a flow into use: each stands in the file as a comment; this lists names to write there:"
        yield f"    ecmbraze discover types{file}"
    yield "  see whether names, permissions and ids are right:"
    yield f"    ecmbraze check{file}"
    if flow:
        yield "  see who would get what; nothing of it can be sent:"
        yield f"    ecmbraze {flow} --dry-run --as-if-new --report {flow}.html{file}"
        yield "  take the baseline: the first run remembers what is, and messages nobody:"
        yield f"    ecmbraze run{file}"


def _unreadable(loaded: Settings) -> Iterator[str]:
    """Yield what to do about each secret that cannot be read here and now."""
    of_ecm = loaded.ecm.otds.client_secret if loaded.ecm.otds else loaded.ecm.password
    for what, one in (("Extended ECM", of_ecm), ("Braze", loaded.braze.api_key)):
        try:
            assert one is not None, "a login has a secret"
            one.reveal()
        except ConfigurationError as error:
            said = error.happened.removeprefix("A secret of the configuration is missing: ")
            yield f"let the secret of {what} be read, which it cannot now: {said}"


def ask(dialogue: Dialogue, path: Path | None) -> tuple[Asked, Path]:
    """Return everything that was answered, and the whole place of the state file. Raises UsageError."""
    _refuse_existing(path or opening.DEFAULT_CONFIG)
    dialogue.say(
        "This asks for both systems and then writes a configuration and an empty state file; nothing is sent. "
        "An empty answer takes what stands in [brackets]; Ctrl-C ends it, and nothing is written."
    )
    place = _place(dialogue, path)
    asked = Asked(path=place, ecm={}, braze={}, zone=answers.system_zone(environ()))
    dialogue.head(systems.ECM)
    asked = replace(asked, ecm=_ecm(dialogue))
    dialogue.head(systems.BRAZE)
    asked = replace(asked, braze=_braze(dialogue))
    asked, reached = _reach(dialogue, asked)
    dialogue.head("Here")
    asked = replace(asked, zone=_zone(dialogue, asked, asks=systems.ECM in reached))
    written, state = _state(dialogue, place)
    asked = replace(asked, state=written)
    dialogue.head("Flows")
    if reached == {systems.ECM, systems.BRAZE}:
        asked = replace(asked, sections=_sections(dialogue, asked))
    else:
        dialogue.say("The flows stand in the file as comments, each with an example, until both systems are reached.")
    dialogue.say()
    what = f"{place} and {state}" if has_systems(asked) else str(place)
    if not dialogue.confirm(f"Write {what}?", default=True):
        raise UsageError("It was not confirmed.", undone=NOTHING, advice="Begin again with `ecmbraze init`.")
    return asked, state


def has_systems(asked: Asked) -> bool:
    """Whether it was said which Extended ECM is meant: a state file belongs to one for good."""
    return asked.ecm["url"] != _ECM_URL


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(
            f"There is a configuration already, {path}.",
            undone=f"It was not touched. {NOTHING}",
            advice=f"Its state file: `ecmbraze init --non-interactive -c {shlex.quote(str(path))}`. "
            "Another configuration: `ecmbraze init -c FILE`.",
        )


def _place(dialogue: Dialogue, path: Path | None) -> Path:
    if path is None:
        dialogue.say()
        return dialogue.ask("Configuration file", str(opening.DEFAULT_CONFIG), answers.new_file)
    try:
        return answers.new_file(str(path))
    except ValueError as error:
        raise UsageError(f"{error}.", undone=NOTHING, advice="Name a file with -c FILE.") from None


def _ecm(dialogue: Dialogue) -> dict[str, object]:
    url = dialogue.ask("Address, with its path", _set("ECM_URL", _ECM_URL, answers.ecm_url), answers.ecm_url)
    if url == _ECM_URL:
        dialogue.say("That is the address of the example: no state file is made for it.", indent=2)
    ways = {"user": "a user with a password", "otds": "a client of OTDS (OpenText Directory Services)"}
    if dialogue.choose("Log in as", ways, default="user") == "user":
        user = dialogue.ask("User", _set("ECM_USERNAME", "svc-ecmbraze", answers.some_text), answers.some_text)
        return {"url": url, "username": user, "password": _secret(dialogue, "Its password", "${ECM_PASSWORD}")}
    otds = {
        "url": dialogue.ask("Address of OTDS", "https://otds.example.com", checked),
        "client_id": dialogue.ask("OAuth client id", "ecmbraze", answers.some_text),
        "client_secret": _secret(dialogue, "Its client secret", "${OTDS_SECRET}"),
    }
    return {"url": url, "otds": otds}


def _braze(dialogue: Dialogue) -> dict[str, object]:
    default = _set("BRAZE_URL", _BRAZE_URL, answers.braze_url)
    url = dialogue.ask("REST endpoint of your instance", default, answers.braze_url)
    return {"url": url, "api_key": _secret(dialogue, "The REST key", "${BRAZE_API_KEY}")}


def _set(variable: str, otherwise: str, take: Callable[[str], str]) -> str:
    """Return what a variable of the environment suggests, where it could be an answer."""
    try:
        return take(environ()[variable])
    except (KeyError, ValueError):
        return otherwise


def _secret(dialogue: Dialogue, what: str, default: str) -> str:
    """Ask where a secret comes from; nobody is asked for the secret itself."""
    dialogue.say()
    dialogue.say(
        f"{what} never stands in the file, only where it comes from: a variable, ${{NAME}}; file:/path (0600); "
        "credential:NAME, of systemd; or command:PROGRAM."
    )
    while True:
        origin = dialogue.ask(f"{what} comes from", default, answers.secret_from(environ()))
        try:
            secret.resolve(origin, environ())
            return origin
        except ValueError as error:
            dialogue.say(f"It cannot be read now: {error}.", indent=2)
            if dialogue.confirm("Keep it all the same?", default=True):
                return origin


def _reach(dialogue: Dialogue, asked: Asked) -> tuple[Asked, set[str]]:
    """Log in to both systems; whoever wants to may answer for one again. Return which were reached."""
    dialogue.head("Can they be reached?")
    if not has_systems(asked):
        dialogue.say("Neither system was asked: the address of Extended ECM is that of the example.")
        return asked, set()
    reached: set[str] = set()
    for name, log_in, again in ((systems.ECM, systems.login, _ecm), (systems.BRAZE, systems.key, _braze)):
        while True:
            how, why = log_in(_settings(asked))
            dialogue.say(f"{name}: {how}" if how else why)
            if how or not dialogue.confirm(f"Answer for {name} again?", default=False):
                break
            mended = again(dialogue)
            asked = replace(asked, ecm=mended) if name == systems.ECM else replace(asked, braze=mended)
        reached |= {name} if how else set()
    return asked, reached


def _settings(asked: Asked) -> Settings:
    return read(text(asked), asked.path, flows=BY_NAME, environ=environ(), secrets=False)


def _zone(dialogue: Dialogue, asked: Asked, *, asks: bool) -> str:
    """Ask for the zone of Extended ECM; where it is reached, its clock tells whether that can be."""
    while True:
        zone = dialogue.ask("Time zone of dates that Extended ECM gives without one", asked.zone, answers.zone)
        minutes = round(systems.skew(_settings(replace(asked, zone=zone))) / 60) if asks else 0
        if abs(minutes) < _ZONE_MINUTES:
            return zone
        way = "behind" if minutes > 0 else "ahead of"
        dialogue.say(f"Read in {zone}, the clock of Extended ECM is {abs(minutes)} minutes {way} ours.", indent=2)
        if dialogue.confirm("Keep it all the same?", default=True):
            return zone


def _state(dialogue: Dialogue, path: Path) -> tuple[str, Path]:
    """Return the place of the state file as it is written, and in full; its folder may have to be made."""
    base = path.resolve().parent
    take = answers.state_file(base)
    while True:
        written = dialogue.ask("State file", _suggested(take), lambda answer: str(take(answer)) and answer)
        place = take(written)
        if place.parent.is_dir():
            return written, place
        near = answers.like(place.parent)
        if near:
            dialogue.say(f"There is no folder {place.parent}; did you mean {near}?", indent=2)
        if dialogue.confirm(f"Make the folder {place.parent}, for this account alone?", default=True):
            return written, place


def _suggested(take: Callable[[str], Path]) -> str:
    for place in (str(_SYSTEM_STATE), "state.db"):
        try:
            if take(place).parent.is_dir():
                return place
        except ValueError:
            continue
    return "state/state.db"


def _sections(dialogue: Dialogue, asked: Asked) -> Mapping[str, str]:
    try:
        both = systems.reached(_settings(asked))
    except EcmbrazeError as error:
        dialogue.say(f"{error.happened} The flows stand in the file as comments.")
        return {}

    def load(chosen: Mapping[str, str], flow: str, section: str) -> Settings:
        return _settings(replace(asked, sections={**chosen, flow: section}))

    return choosing.sections(dialogue, both, asked.zone, lambda chosen, flow: partial(load, chosen, flow))
