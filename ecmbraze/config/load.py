"""Load a configuration file: every problem at once, each with its line; no default hides a mistake."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecmbraze.config import meaning, secret, wording
from ecmbraze.config.places import Places
from ecmbraze.config.repeat import outermost
from ecmbraze.config.sections import Settings
from ecmbraze.config.strict_yaml import as_mapping, parse
from ecmbraze.config.wording import MOST, Problem
from ecmbraze.errors import ConfigurationError
from ecmbraze.flow import Flow
from ecmbraze.planning.rules import Section

_SECRETS = (("ecm", "password"), ("ecm", "otds", "client_secret"), ("braze", "api_key"))
_DEFAULT = Path("ecmbraze.yaml")  # the file that commands take where none is named
_NUMBERS = ("at_least", "at_most", "sample")  # what takes a number in the sections of flows
_LONGEST = 500  # letters of one problem: it may quote a fact of any length


def load(
    path: Path,
    *,
    flows: Mapping[str, Flow[Any]],
    environ: Mapping[str, str],
    secrets: bool = True,
    drafted: bool = False,
) -> Settings:
    """Return the settings of a file; raises ConfigurationError (exit 15) naming all problems with their lines.

    ``flows`` is the register, by name. Without ``secrets`` they are looked for only when a system is asked after all.
    With ``drafted`` the flows may still be half written: a section that does not load is left out.
    """
    return read(_text(path), path, flows=flows, environ=environ, secrets=secrets, drafted=drafted)


def read(
    text: str,
    path: Path,
    *,
    flows: Mapping[str, Flow[Any]],
    environ: Mapping[str, str],
    secrets: bool = True,
    drafted: bool = False,
) -> Settings:
    """Return the settings of a text as :func:`load` does; ``path`` is where it stands, or is going to."""
    document = parse(text)
    if not document.problems and not isinstance(document.value, dict):
        document.problems.append((1, "the file is empty or not a mapping: copy config.example.yaml"))
    if document.problems:
        _refuse(path, [(line, f"{path.name}:{line}: {text}") for line, text in document.problems])
    places = Places(file=path.name, document=document)
    raw = copy.deepcopy(document.value)
    problems = list(_take_secrets(raw, environ, secret.resolve if secrets else secret.defer))
    sections, found = _flows(places, raw, flows)
    problems += found
    settings, found = _settings(places, raw)
    problems += found
    if settings is not None:
        problems += islice(meaning.problems(places, flows, sections, settings.attribute_prefix), MOST)
    kept = (one for one in _all(places, problems) if not (drafted and one[0][:1] == ("flows",)))
    first = islice(kept, MOST)
    _refuse(path, [(places.line(where), f"{places.of(where)}: {said}") for where, said in first])
    assert settings is not None, "a problem was told otherwise"
    state = settings.state if settings.state.is_absolute() else path.resolve().parent / settings.state
    _refuse_undecoded(state)
    return settings.model_copy(update={"flows": sections, "state": state}).read_from(path.resolve(), places)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise ConfigurationError(
            f"{path} is a folder, not a configuration file.",
            undone="Nothing was done.",
            advice="Name the file with -c FILE.",
        ) from None
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            undone="Nothing was done.",
            advice="Name it with -c FILE, or make one: `ecmbraze init` asks for what belongs there.",
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path} is not UTF-8 text.", undone="Nothing was done.", advice="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.",
            undone="Nothing was done.",
            advice="Let the account that runs ecmbraze read it.",
        ) from None


def _refuse_undecoded(state: Path) -> None:
    """Raise ConfigurationError for a path that is no UTF-8: SQLite takes none."""
    try:
        str(state).encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"The path of the state file is not UTF-8: {str(state)!r}.",
            undone="Nothing was done.",
            advice="Rename the folder, or name another path under `state`.",
        ) from None


def _refuse(path: Path, problems: Iterable[tuple[int, str]]) -> None:
    lines = [text for _, text in sorted(set(problems))]
    if lines:
        many = f"{MOST} problems or more" if len(lines) >= MOST else f"{len(lines)} problem{'s' * (len(lines) > 1)}"
        file = "" if path == _DEFAULT else f" -c {path}"
        raise ConfigurationError(
            f"{path} has {many}:",
            problems=[line[:_LONGEST] for line in lines[:MOST]],
            undone="Nothing was read or sent.",
            advice=f"Correct the configuration and run `ecmbraze check{file}`.",
        )


def _take_secrets(
    raw: dict[str, Any], environ: Mapping[str, str], take: Callable[[object, Mapping[str, str]], secret.Secret]
) -> Iterator[Problem]:
    for path in _SECRETS:
        section: Any = raw
        for name in path[:-1]:
            section = as_mapping(section).get(name)
        if isinstance(section, dict) and path[-1] in section:
            try:
                section[path[-1]] = take(section[path[-1]], environ)
            except ValueError as error:
                section[path[-1]] = secret.Secret("unresolved")
                yield path, str(error)


def _flows(
    places: Places, raw: dict[str, Any], flows: Mapping[str, Flow[Any]]
) -> tuple[dict[str, Section], list[Problem]]:
    sections: dict[str, Section] = {}
    problems: list[Problem] = []
    for name, section in as_mapping(raw.pop("flows", None)).items():
        if len(problems) >= MOST:
            break
        if name not in flows:
            problems.append((("flows", name), meaning.no_such_flow(name, flows)))
            continue
        try:
            sections[name] = flows[name].options.model_validate(section)
        except ValidationError as error:
            problems += wording.problems(places, ("flows", name), error, flows[name].options)
    return sections, problems


def _settings(places: Places, raw: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    try:
        return Settings.model_validate(raw), []
    except ValidationError as error:
        return None, wording.problems(places, (), error, Settings)


def _all(places: Places, problems: list[Problem]) -> Iterator[Problem]:
    """Yield the problems and, where nothing worse is said of it, what YAML might read as something else."""
    yield from problems
    named = {path for path, _ in problems}
    for path, text in places.document.ambiguous.items():
        where = outermost(path)
        if where not in named and (isinstance(places.value(path), str) or _loses_zeros(path, text)):
            yield where, wording.quote(where, text)


def _loses_zeros(path: tuple[str | int, ...], text: str) -> bool:
    """Say whether a number of a flow is written as only a text is, ``1.10``: 1.1 equals no such text.

    Where a number is expected it is one, however it is written.
    """
    return path[0] == "flows" and path[-1] not in _NUMBERS and str(float(text)) != text
