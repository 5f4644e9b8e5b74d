"""Load a configuration file: every problem at once, each with its line; no default hides a mistake."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ecmbraze.config import secret
from ecmbraze.config.sections import Settings
from ecmbraze.config.strict_yaml import Document, as_mapping, line_of, parse
from ecmbraze.errors import ConfigurationError

_SECRETS = (("ecm", "password"), ("ecm", "otds", "client_secret"), ("braze", "api_key"))
_NUMBERS = {"int_type", "float_type", "int_parsing", "float_parsing", "int_from_float"}
_Problem = tuple[int, str]


def load(path: Path, *, flows: Mapping[str, type[BaseModel]], environ: Mapping[str, str]) -> Settings:
    """Return the settings; raises ConfigurationError naming all problems with their lines.

    ``flows`` is the register: flow name → model of its section. Raises ConfigurationError (exit 15).
    """
    document = parse(_text(path))
    if not document.problems and not isinstance(document.value, dict):
        document.problems.append((1, "the file is empty or not a mapping"))
    if document.problems:
        _refuse(path, document.problems)
    raw = copy.deepcopy(document.value)
    problems = list(_ambiguous(document, raw, flows))
    problems += _take_secrets(document, raw, environ)
    sections, found = _flows(document, raw, flows)
    problems += found
    settings: Settings | None = None
    try:
        settings = Settings.model_validate({**raw, "flows": {}, "path": path.resolve()})
    except ValidationError as error:
        problems += _told(document, (), error, Settings)
    if problems or settings is None:
        _refuse(path, problems)
        raise AssertionError  # _refuse raises
    state = settings.state if settings.state.is_absolute() else path.resolve().parent / settings.state
    return settings.model_copy(update={"flows": sections, "state": state})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise ConfigurationError(f"{path} is a folder, not a configuration file.") from None
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}.", advice="Name it with -c FILE, or copy config.example.yaml."
        ) from None  # fmt: skip
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None


def _refuse(path: Path, problems: list[_Problem]) -> None:
    lines = [f"{path.name}:{line}: {text}" for line, text in sorted(set(problems))]
    raise ConfigurationError(f"{path} has {len(lines)} problem{'s' * (len(lines) > 1)}:", problems=lines)


def _take_secrets(document: Document, raw: dict[str, Any], environ: Mapping[str, str]) -> Iterator[_Problem]:
    for path in _SECRETS:
        section: Any = raw
        for name in path[:-1]:
            section = as_mapping(section).get(name)
        if isinstance(section, dict) and path[-1] in section:
            try:
                section[path[-1]] = secret.resolve(section[path[-1]], environ)
            except ValueError as error:
                section[path[-1]] = secret.Secret("unresolved")
                yield line_of(document, path), f"{'.'.join(path)}: {error}"


def _flows(
    document: Document, raw: dict[str, Any], flows: Mapping[str, type[BaseModel]]
) -> tuple[dict[str, BaseModel], list[_Problem]]:
    sections: dict[str, BaseModel] = {}
    problems: list[_Problem] = []
    for name, section in as_mapping(raw.pop("flows", None)).items():
        path = ("flows", name)
        if name not in flows:
            problems.append((line_of(document, path), f"flows.{name}: no such flow{_near(name, flows)}"))
            continue
        try:
            sections[name] = flows[name].model_validate(section)
        except ValidationError as error:
            problems += _told(document, path, error, flows[name])
    return sections, problems + list(_shared_attributes(document, sections))


def _shared_attributes(document: Document, sections: Mapping[str, BaseModel]) -> Iterator[_Problem]:
    """Yield what two flows would write in turns: an attribute has one source."""
    writers: dict[str, str] = {}
    for flow, section in sections.items():
        for name in getattr(section, "attributes", ()):
            path = ("flows", flow, "attributes", name)
            if (other := writers.setdefault(name, flow)) != flow:
                yield line_of(document, path), f"{_dotted(path)}: {other} writes this attribute as well"


def _ambiguous(document: Document, raw: Any, flows: object) -> Iterator[_Problem]:
    """Yield what stands unquoted where YAML 1.1 would have read something else than the text."""
    for path, text in document.ambiguous.items():
        value = document.value
        for step in path:
            value = value[step]
        if isinstance(value, str):
            yield (
                line_of(document, path),
                f"{_dotted(path)}: quote it: '{text}' (unquoted, YAML may read something else)",
            )


def _told(
    document: Document, base: tuple[str | int, ...], error: ValidationError, model: type[BaseModel]
) -> list[_Problem]:
    problems = []
    for entry in error.errors():
        path = (*base, *(step for step in entry["loc"]))
        shown = tuple(step for step in path if not (isinstance(step, str) and step.startswith("function-")))
        problems.append((line_of(document, shown), f"{_dotted(shown)}: {_sentence(document, shown, entry, model)}"))
    return problems


def _sentence(document: Document, path: tuple[str | int, ...], entry: Any, model: type[BaseModel]) -> str:
    kind, said = entry["type"], str(entry["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"unknown key{_near(str(path[-1]), _siblings(model))}"
    if kind == "missing":
        return "is missing"
    if kind == "string_type" and entry["input"] is not None:
        text = document.ambiguous.get(
            path, str(entry["input"]).lower() if isinstance(entry["input"], bool) else entry["input"]
        )
        return f"quote it: '{text}'"
    if kind in _NUMBERS:
        return f"a number is expected, not {entry['input']!r}"
    return said[:1].lower() + said[1:]


def _siblings(model: type[BaseModel]) -> set[str]:
    """Return every key that may stand somewhere in a section, for suggestions."""
    names: set[str] = set()
    for definition in [model.model_json_schema(), *model.model_json_schema().get("$defs", {}).values()]:
        names |= set(definition.get("properties", {}))
    return names


def _near(name: str, there: object) -> str:
    names = [str(entry) for entry in there] if isinstance(there, Mapping | set) else []
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"
