"""Category values by name: the three container shapes and the key grammar of api/ecm.md 5; asks and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, Fact, Facts
from ecmbraze.systems.ecm import times
from ecmbraze.systems.shapes import MAX_LIST, MAX_TEXT

_KEY = re.compile(r"(?P<category>\d+)_(?P<first>\d+)(?:_(?P<row>\d+|x)_(?P<inner>\d+))?")
# Twins such as `16878_2_multilingual`, and the category object itself `16878_1` (api/ecm.md 5.2).
_BESIDE = re.compile(r"\d+(?:_1|(?:_\d+)+_[A-Za-z]\w*)?")

Scalar = bool | int | float | str | None


class Definitions:
    """The names and types behind category keys, learned from the metadata of answers."""

    def __init__(self) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {}

    def learn(self, metadata: object) -> None:
        """Take definitions in: flat, keyed by category, or a list of either."""
        if isinstance(metadata, list):
            for part in metadata:
                self.learn(part)
        elif isinstance(metadata, Mapping):
            for key, entry in metadata.items():
                if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                    self._entries[str(key)] = entry
                elif isinstance(entry, Mapping | list):
                    self.learn(entry)

    def knows(self, values: Mapping[str, Any]) -> bool:
        """Say whether every key of the values can be named."""
        return all(self._parts(match) is not None for match, _ in _keys(values))

    def categories(self) -> dict[int, str]:
        """Return category id → name of those that have an entry of their own; two may share a name."""
        return {int(key): str(entry["name"]) for key, entry in self._entries.items() if key.isdecimal()}

    def attributes(self) -> dict[str, AttributeInfo]:
        """Return what is known of every attribute, by ``Category.Attribute`` or ``Category.Set.Attribute``."""
        found = {}
        for key, entry in self._entries.items():
            match = _KEY.fullmatch(key)
            parts = self._parts(match) if match and entry.get("persona") != "set" and match["first"] != "1" else None
            if parts:
                name, type_name = ".".join(parts), str(entry.get("type_name") or "String")
                found[name] = AttributeInfo(
                    name=name,
                    type_name=type_name,
                    multi_value=bool(entry.get("multi_value")),
                    valid_values=_offered(entry.get("valid_values")),
                    set_name=".".join(parts[:2]) if len(parts) > 2 else "",
                )
        return found

    def facts(self, values: Mapping[str, Any], zone: tzinfo | None) -> tuple[Facts, Mapping[str, tuple[Facts, ...]]]:
        """Return facts by name, and the rows of each set in order; a set without rows is there, and empty.

        Raises RecordUnreadable for a key nothing defines, and for two attributes of one name.
        """
        facts: dict[str, Fact] = {}
        rows: dict[str, dict[int, dict[str, Fact]]] = self._empty_sets(values)
        for match, raw in _keys(values):
            parts, entry = self._parts(match), self._entry(match)
            if parts is None or entry is None:
                raise RecordUnreadable(f"category key {match[0]} has no definition")
            if match["row"] is None and entry.get("persona") == "set":
                continue  # a set told as a whole beside its rows
            value = _fact(raw, entry, zone)
            if match["row"] is None:
                into, name = facts, ".".join(parts)
            else:
                into, name = rows.setdefault(".".join(parts[:2]), {}).setdefault(int(match["row"]), {}), parts[2]
            if name in into:
                raise RecordUnreadable(f"two attributes of this workspace are named {name}")
            into[name] = value
        sets = {name: tuple(found[number] for number in sorted(found)) for name, found in rows.items()}
        return {**facts, **self._columns_of_sets(values, sets)}, sets

    def _columns_of_sets(self, values: Mapping[str, Any], sets: Mapping[str, tuple[Facts, ...]]) -> Facts:
        """Return ``Category.Set.Attribute`` → the values over all rows; ``None`` when no row has one."""
        names = [parts for match, _ in self._of(values) if match["row"] and (parts := self._parts(match))]
        return {
            ".".join(parts): tuple(_scalars(row.get(parts[2]) for row in sets.get(".".join(parts[:2]), ()))) or None
            for parts in names
        }

    def _empty_sets(self, values: Mapping[str, Any]) -> dict[str, dict[int, dict[str, Fact]]]:
        names = [
            parts
            for match, entry in self._of(values)
            if entry.get("persona") == "set" and (parts := self._parts(match))
        ]
        return {".".join(parts): {} for parts in names}

    def _of(self, values: Mapping[str, Any]) -> Iterator[tuple[re.Match[str], Mapping[str, Any]]]:
        """Yield the definitions of the categories that the values belong to."""
        here = {key.partition("_")[0] for key in values}
        for key, entry in self._entries.items():
            if (match := _KEY.fullmatch(key)) and match["category"] in here:
                yield match, entry

    def _entry(self, match: re.Match[str]) -> Mapping[str, Any] | None:
        inner = f"{match['category']}_{match['first']}_x_{match['inner']}"
        return self._entries.get(match[0] if match["row"] is None else inner)

    def _parts(self, match: re.Match[str]) -> tuple[str, ...] | None:
        """Return (category, attribute) or (category, set, attribute) by name; ``None`` when one has no definition."""
        chain = [self._entries.get(match["category"]), self._entry(match)]
        if match["row"] is not None:
            chain.insert(1, self._entries.get(f"{match['category']}_{match['first']}"))
        return None if None in chain else tuple(str(entry["name"]) for entry in chain if entry is not None)


def _offered(raw: object) -> tuple[str, ...]:
    """Return what a popup offers (api/ecm.md 5.1); nothing where the server tells it in no known way."""
    values = raw if isinstance(raw, list) else ()
    return tuple(str(value) for value in values if isinstance(value, str | int) and value != "")


def flatten(container: object) -> dict[str, Any]:
    """Return key → value of the three shapes: by category, a list of flat objects, or flat.

    Raises RecordUnreadable for anything else.
    """
    if isinstance(container, list):
        return {key: value for part in container for key, value in flatten(part).items()}
    if not isinstance(container, Mapping):
        raise RecordUnreadable(f"categories come as {type(container).__name__}, not as an object or a list")
    flat: dict[str, Any] = {}
    for key, value in container.items():
        flat |= value if str(key).isdigit() and isinstance(value, Mapping) else {str(key): value}
    return flat


def _keys(values: Mapping[str, Any]) -> Iterator[tuple[re.Match[str], Any]]:
    """Yield the keys that hold a value; raises RecordUnreadable for one outside the grammar."""
    for key, value in values.items():
        if _BESIDE.fullmatch(key):
            continue
        match = _KEY.fullmatch(key)
        if match is None or match["row"] == "x":
            raise RecordUnreadable(f"category key {key[:40]!r} is of no known form")
        yield match, value


def _fact(raw: object, definition: Mapping[str, Any], zone: tzinfo | None) -> Fact:
    """Return the value; empty spellings are ``None``, several values a tuple (api/ecm.md 5.2)."""
    if isinstance(raw, list):
        if len(raw) > MAX_LIST:
            raise RecordUnreadable(f"{definition['name']} holds more than {MAX_LIST} values")
        return tuple(_scalars(_scalar(value, definition, zone) for value in raw)) or None
    value = _scalar(raw, definition, zone)
    return (value,) if value is not None and definition.get("multi_value") is True else value


def _scalar(raw: object, definition: Mapping[str, Any], zone: tzinfo | None) -> Scalar:
    if raw is None or raw == "":
        return None
    if isinstance(raw, str):
        if len(raw) > MAX_TEXT:
            raise RecordUnreadable(f"{definition['name']} is longer than {MAX_TEXT} characters")
        return times.fact(raw, zone) if str(definition.get("type_name", "")).lower() == "date" else raw
    if isinstance(raw, bool | int | float):
        return raw
    raise RecordUnreadable(f"{definition['name']} is {type(raw).__name__}, not text, number or a list of them")


def _scalars(facts: Iterator[Fact]) -> Iterator[Scalar]:
    for fact in facts:
        if isinstance(fact, tuple):
            yield from fact
        elif fact is not None:
            yield fact
