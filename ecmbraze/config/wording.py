"""Say in the words of the operator what the models refuse: the place, the cause and what to write; judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ecmbraze.config.places import Path, Places
from ecmbraze.config.repeat import instead, may_be_shown, shown
from ecmbraze.suggest import did_you_mean, nearest

Problem = tuple[Path, str]
Loc = tuple[int | str, ...]
# Explaining a problem takes milliseconds, and a file may have one in each of its lines.
MOST = 100
_NUMBERS = {"int_type", "float_type", "int_parsing", "float_parsing", "int_from_float"}
_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n"})
_SECTIONS = {"dict_type", "model_type", "model_attributes_type"}
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
# How the sections look whose keys are names of ECM, and the short forms.
_WRITTEN = {
    "attributes": "{name_in_braze: Category.Attribute}",
    "properties": '{name: "${Category.Attribute}"}',
    "consent": '{email: subscribed} or {transactional: "reason"}',
    "send": "{event: name}",
    "customer": "Category.Attribute",
    "document": '{name: "Claim Form*"}',
    "expires": "{date: Category.Attribute}",
    "closed": "{event: name}",
}
_CONDITION = "{Category.Attribute: value}"
_FIGURE = re.compile(r"-?\d+([.,]\d+)?")
_QUOTED = re.compile(r"'([^']+)'")
_QUOTES = 3  # a sentence quotes no more names of the file; a value may hold any number of quotes


def problems(places: Places, base: Path, error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return (path, sentence) for what is wrong with one model; what only follows from another problem is left out."""
    entries = error.errors(include_url=False)
    around = {entry["loc"][:end] for entry in entries for end in range(len(entry["loc"]))}
    strays = (entry["loc"] for entry in entries if entry["type"] == "extra_forbidden")
    meant = {loc: nearest(str(loc[-1]), _keys(_model(model, loc[:-1]))) for loc in islice(strays, MOST)}
    found: dict[Path, list[str]] = {}
    for entry in entries:
        if len(found) >= MOST:
            break
        if not _follows(entry, around, meant):
            path = places.written((*base, *entry["loc"]))
            said = _sentence(places, path, entry, model, meant)
            if entry["type"] == "value_error":
                path = _sharpened(places, path, said)
            found.setdefault(path, []).append(said)
    return [(path, _joined(list(dict.fromkeys(said)))) for path, said in found.items()]


def _joined(said: list[str]) -> str:
    """Return the sentences about one value that has several forms as one: the later ones only say what to write."""
    return "; or ".join([said[0], *(other[max(0, other.find("write ")) :] for other in said[1:])])


def _follows(entry: Any, around: Set[Loc], meant: Mapping[Loc, str | None]) -> bool:
    """Say whether a problem is only the consequence of another: a key that is missing because it is misspelt."""
    here = entry["loc"]
    if entry["type"] == "too_short":
        return here in around
    if entry["type"] == "missing":
        return any(loc[:-1] == here[:-1] and name == here[-1] for loc, name in meant.items())
    return False


def _sharpened(places: Places, path: Path, said: str) -> Path:
    """Return the place of the name that a sentence about a whole section quotes."""
    for name in reversed(_QUOTED.findall(said)[-_QUOTES:]):
        if (found := places.find(path, name)) != path:
            return found
    return path


def _sentence(places: Places, path: Path, entry: Any, model: type[BaseModel], meant: Mapping[Loc, str | None]) -> str:
    kind, given, loc = entry["type"], entry["input"], entry["loc"]
    match kind:
        case "extra_forbidden":
            return _stray(str(loc[-1]), meant.get(loc), _model(model, loc[:-1]))
        case "missing":
            return f"{loc[-1]!r} is missing: write {loc[-1]}: …"
        case "value_error" if "or" in loc:
            return "the entries are joined by *and*: for *or* write a second rule"
        case "value_error":
            return instead(path, given, str(entry["msg"]).removeprefix("Value error, "))
        case "string_type" if given is not None and not isinstance(given, list | dict):
            return f"quote it: '{shown(path, _as_written(places, path, given), bare=True)}'"
    if given is None:
        return "is empty: give it a value, or take the line out"
    said = _value(kind, path, given, entry.get("ctx", {})) or _shape(kind, path, given, _model(model, loc))
    return said or str(entry["msg"])


def _value(kind: str, path: Path, given: Any, limits: Mapping[str, Any]) -> str:
    """Return what is wrong with a plain value; empty when that is its shape."""
    value = shown(path, given)
    if kind in _NUMBERS:
        return f"a number is expected, not {value}{_number(str(given)) if may_be_shown(path) else ''}"
    if kind in _BOUNDS:
        return f"must be {_BOUNDS[kind]} {next(iter(limits.values())):g}, not {value}"
    match kind:
        case "literal_error" | "enum":
            allowed = _QUOTED.findall(limits.get("expected", ""))
            return f"{value} is none of {', '.join(allowed)}{did_you_mean(str(given), allowed)}"
        case "string_pattern_mismatch":
            slug = re.sub(r"[^a-z0-9]+", "_", str(given).lower()).strip("_0123456789") or "name"
            return f"{value}: only small letters, digits and _, a letter first: write {shown(path, slug)}"
        case "string_too_long":
            return f"longer than {limits.get('max_length')} characters: shorten it"
        case "bool_type" | "bool_parsing":
            return f"write true or false, not {value}"
        case "path_type":
            return f"{value} is no path: write the path of a file"
    return ""


def _shape(kind: str, path: Path, given: Any, model: type[BaseModel] | None) -> str:
    """Return what to write where a list, a section or a text is expected and something else stands."""
    if kind == "too_short":
        return "is empty: it needs at least one entry"
    if kind in ("tuple_type", "list_type"):
        return f"write a list: [{shown(path, given, bare=True)}]"
    if kind in _SECTIONS:
        key = str(path[-1]) if path else ""
        how = _WRITTEN.get(key) if model else _WRITTEN.get(key, _CONDITION)
        keys = ", ".join(f"{name}: …" for name in sorted(_keys(model)))
        return f"{shown(path, given)} is no section: write {how or '{' + keys + '}'}"
    if kind in ("string_type", "string_too_short"):
        return "write a text" if given else "is empty: write a text"
    return ""


def _stray(key: str, near: str | None, model: type[BaseModel] | None) -> str:
    """Return the sentence for a key that does not belong: the one that was meant, or where it belongs."""
    keys = _keys(model)
    if near is not None:
        return f"unknown key; did you mean {near!r}?"
    for name, inner in _inner(model).items():
        if key in _keys(inner):
            return f"unknown key here; {key!r} belongs into {name!r}: {name}: {{{key}: …}}"
    return f"unknown key; known here are {', '.join(sorted(keys))}"


def _number(given: str) -> str:
    """Return what to write instead of a text that begins with a number."""
    found = _FIGURE.match(given)
    if not found:
        return ""
    value = float(found[0].replace(",", ".")) / (100 if given.endswith("%") else 1)
    return f": write {value:g}"


def quote(path: Path, text: str) -> str:
    """Return the sentence for an unquoted text that YAML might read as something else."""
    switch = "; a switch is true or false" if text.lower() in _SWITCHES else ""
    return f"quote it: '{shown(path, text, bare=True)}' (unquoted, YAML may read something else){switch}"


def _as_written(places: Places, path: Path, given: Any) -> Any:
    return places.document.ambiguous.get(path, str(given).lower() if isinstance(given, bool) else given)


def _keys(model: type[BaseModel] | None) -> set[str]:
    fields = model.model_fields.items() if model else ()
    return {field.alias or name for name, field in fields}


def _inner(model: type[BaseModel] | None) -> Mapping[str, type[BaseModel]]:
    """Return key → the section that stands under it, one level down."""
    fields = model.model_fields.items() if model else ()
    return {field.alias or name: found for name, field in fields for found in _models(field.annotation)}


def _model(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the model of the section at a path; ``None`` where keys are free names."""
    here: type[BaseModel] | None = model
    for step in loc:
        if here is None or isinstance(step, int) or step.startswith("function-"):
            continue
        inner = _inner(here)
        here = inner.get(step, here if step == here.__name__ else None)
    return here


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
