"""What is kept of the value of a custom attribute, and what is dropped without a word; knows no profile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import moments
from ecmbraze.sandbox.braze.switches import Switches

_MAX_NESTED = 100 * 1024
_MAX_TEXT = 255
_MAX_ITEMS = 500
_SIMPLE = frozenset({"add", "remove"})
_OBJECTS = frozenset({"$add", "$remove", "$update"})
_TRUE, _FALSE = ("1", "true", "t"), ("0", "false", "f")


class Dropped(Exception):
    """A value is not taken, and the API still answers success (api/braze.md 1.6)."""


def stored(switches: Switches, types: dict[str, str], name: str, raw: Any, before: Any, *, merge: bool) -> Any:
    """Return what is stored of a value that is not null; the first one fixes the type. Raises Dropped."""
    if broken(raw):
        raise Dropped("a bad value inside")
    if isinstance(raw, str) and len(raw) > _MAX_TEXT:
        if switches.string_too_long == "drop":
            raise Dropped("longer than 255")
        raw = raw[:_MAX_TEXT]
    kind = _kind(raw)
    known = types.get(name, kind)
    value = _coerced(raw, kind, known, before, merge=merge)
    if isinstance(value, dict | list) and len(json.dumps(value, ensure_ascii=False).encode()) > _MAX_NESTED:
        raise Dropped("larger than 100 KB")
    types[name] = known
    return value


def broken(raw: Any) -> bool:
    """Say whether anything inside a nested value is invalid, so that every update of it in the request is dropped."""
    if isinstance(raw, Mapping):
        if _is_operator(raw):
            return not all(_sound(item) for items in raw.values() for item in _operands(items))
        return not _sound(raw)
    return isinstance(raw, list) and not all(_sound(item) for item in raw)


def _operands(items: Any) -> list[Any]:
    """Return the values inside an operator, without its own ``$`` keys."""
    found = items if isinstance(items, list) else [items]
    return [item.get("$new_object", {}) if _is_selector(item) else item for item in found]


def _is_selector(item: Any) -> bool:
    return isinstance(item, Mapping) and "$identifier_key" in item


def _is_operator(raw: Mapping[str, Any]) -> bool:
    return bool(raw) and (raw.keys() <= _SIMPLE or raw.keys() <= _OBJECTS or raw.keys() == {"inc"})


def _sound(value: Any) -> bool:
    if isinstance(value, Mapping):
        if value.keys() == {"$time"}:
            moment = moments.parse(value["$time"])
            return moment is not None and moment.year <= moments.LAST_YEAR
        return all(_sound_key(key) and _sound(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(_sound(inner) for inner in value)
    return value is not None and not (isinstance(value, str) and len(value) > _MAX_TEXT)


def _sound_key(key: str) -> bool:
    return 0 < len(key) <= _MAX_TEXT and not any(sign in key for sign in ". $")


def _kind(raw: Any) -> str:
    if isinstance(raw, Mapping):
        if _is_operator(raw):
            return "number" if "inc" in raw else "array" if raw.keys() <= _SIMPLE else "objects"
        return "object"
    if isinstance(raw, list):
        return "objects" if raw and all(isinstance(item, Mapping) for item in raw) else "array"
    if isinstance(raw, bool):
        return "boolean"
    if isinstance(raw, int | float):
        return "number"
    moment = moments.parse(raw)
    return "time" if moment is not None and moment.year <= moments.LAST_YEAR else "string"


def _coerced(raw: Any, kind: str, known: str, before: Any, *, merge: bool) -> Any:
    if kind in ("array", "objects", "object") or isinstance(raw, Mapping):
        if kind != known and raw != []:
            raise Dropped(f"{kind} for {known}")
        return _structured(raw, before, merge=merge)
    text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    match known:
        case "string":
            return text
        case "boolean" if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        case "time" if kind == "time" and (moment := moments.parse(raw)):
            return moments.stamp(moment)
        case "number" if not isinstance(raw, bool):
            return raw if kind == "number" else _number(text)
    raise Dropped(f"{kind} for {known}")


def _number(text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise Dropped("text for number")


def _structured(raw: Any, before: Any, *, merge: bool) -> Any:
    if isinstance(raw, list):
        plain = not any(isinstance(item, Mapping | list) for item in raw)
        return list(dict.fromkeys(raw))[-_MAX_ITEMS:] if plain else raw
    if not _is_operator(raw):
        return _merged(before, raw) if merge and isinstance(before, dict) else raw
    if "inc" not in raw and not all(isinstance(items, list) for items in raw.values()):
        raise Dropped("an operator without a list")
    if "inc" in raw:
        if not isinstance(before, int | None) or type(raw["inc"]) is not int:
            raise Dropped("only integers are incremented")
        return (before or 0) + raw["inc"]
    kept = list(before) if isinstance(before, list) else []
    if raw.keys() <= _SIMPLE:
        if any(isinstance(item, Mapping | list) for items in raw.values() for item in items):
            raise Dropped("an object in a simple array")
        gone = [*raw.get("add", []), *raw.get("remove", [])]
        return [*(item for item in kept if item not in gone), *dict.fromkeys(raw.get("add", []))][-_MAX_ITEMS:]
    return _objects(raw, kept, merge=merge)


def _objects(raw: Mapping[str, Any], kept: list[Any], *, merge: bool) -> list[Any]:
    """Apply the operators in Braze's own order, so that what is added and removed at once is gone."""
    selectors = [*raw.get("$remove", []), *raw.get("$update", [])]
    for item in (*raw.get("$add", []), *selectors):
        if not isinstance(item, Mapping) or not isinstance(item.get("$new_object", {}), Mapping):
            raise Dropped("an operator on what is no object")
    kept += raw.get("$add", [])
    for selector in raw.get("$remove", []):
        kept = [item for item in kept if not _selected(item, selector)]
    for selector in raw.get("$update", []):
        new = selector.get("$new_object", {})
        kept = [(_merged(item, new) if merge else new) if _selected(item, selector) else item for item in kept]
    return kept


def _selected(item: Any, selector: Mapping[str, Any]) -> bool:
    key = selector.get("$identifier_key")
    return (
        isinstance(item, Mapping)
        and isinstance(key, str)
        and key in item
        and item[key] == selector.get("$identifier_value")
    )


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        inner = both.get(name)
        both[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
