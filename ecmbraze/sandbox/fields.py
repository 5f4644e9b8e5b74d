"""Check what a control request carries: names and kinds of its fields, and the nearest right name; changes nothing."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import request

from ecmbraze.sandbox.clock import parse_instant

_NEAR = 0.6
_FEW = 25
FIRST, LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may hold; ``null`` says that JSON's null means something there, else it is as good as left out."""

    name: str
    fits: Callable[[Any], bool]
    null: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return True


def _is_instant(value: Any) -> bool:
    """Say whether a text is an instant that a rehearsal can be about: every zone can write it, and the hours after."""
    try:
        return isinstance(value, str) and FIRST <= parse_instant(value) <= LAST
    except (ValueError, OverflowError):
        return False


ANY = Kind("anything", lambda _: True, null=True)
TEXT = Kind("a text", lambda value: isinstance(value, str))
NAME = Kind("a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
NATURAL = Kind("a whole number, 0 or more", lambda value: type(value) is int and value >= 0)
INTEGER = Kind("a whole number", lambda value: type(value) is int)
SECONDS = Kind("a number of seconds, 0 or more", lambda value: _is_number(value) and value >= 0)
NUMBER = Kind("a number", _is_number)
INSTANT = Kind("an ISO 8601 instant of the years 1971 to 2998 such as 2026-11-24T08:00:00Z", _is_instant)
PATTERN = Kind("a regular expression", _is_pattern)
OBJECT = Kind("an object", lambda value: isinstance(value, Mapping))
OBJECTS = Kind(
    "a list of objects", lambda value: isinstance(value, list) and all(isinstance(o, Mapping) for o in value)
)
NAMES = Kind("a list of texts", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value))
IDS = Kind("a list of ids", lambda value: isinstance(value, list) and all(type(one) is int for one in value))


def one_of(*choices: str) -> Kind:
    """Return the kind of a field that takes one of some words."""
    return Kind(f"one of {', '.join(choices)}", lambda value: value in choices if isinstance(value, str) else False)


def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """Return the error for a name that is not there, with the nearest that is, or with all of a few."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=_NEAR)
    if near:
        return ValueError(f"{what} {name!r}; did you mean {near[0]!r}?")
    return ValueError(f"{what} {name!r}" + (f"; known are {', '.join(names)}" if 0 < len(names) <= _FEW else ""))


def checked(raw: Any, fields: Mapping[str, Kind], what: str, required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the given fields of an object. Raises ValueError for one that is unknown, missing or of another kind."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{what} takes an object, not {_shown(raw)}")
    given: dict[str, Any] = {}
    for name, value in raw.items():
        kind = fields.get(name)
        if kind is None:
            raise unknown(f"{what}: unknown field", name, fields)
        if value is None and not kind.null:
            continue
        if not kind.fits(value):
            raise ValueError(f"{what}: {name!r} wants {kind.name}, not {_shown(value)}")
        given[name] = value
    missing = [name for name in required if name not in given]
    if missing:
        raise ValueError(f"{what} wants {' and '.join(repr(name) for name in missing)}")
    return given


def body() -> Any:
    """Return the JSON of a control request whatever its content type, an empty object when there is none."""
    content = request.get_data()
    try:
        return json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is no JSON: {error}") from None


def query(**fields: Kind) -> dict[str, Any]:
    """Return the query parameters, numbers as numbers. Raises ValueError as ``checked`` does."""
    raw = {name: int(text) if text.isascii() and text.isdigit() else text for name, text in request.args.items()}
    return checked(raw, fields, f"{request.method} {request.path}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
