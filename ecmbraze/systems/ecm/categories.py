"""Category values by name: the three container shapes and the key grammar of api/ecm.md 5; writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, Fact, Facts
from ecmbraze.systems.ecm import times

_KEY = re.compile(r"(?P<category>\d+)_(?P<first>\d+)(?:_(?P<row>\d+|x)_(?P<inner>\d+))?")


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
                if isinstance(entry, Mapping) and "name" in entry and isinstance(entry["name"], str):
                    self._entries[str(key)] = entry
                elif isinstance(entry, Mapping | list):
                    self.learn(entry)

    def knows(self, values: Mapping[str, Any]) -> bool:
        """Say whether every key of the values has a definition."""
        return all(self._definition(match) is not None for match, _ in _keys(values))

    def attributes(self) -> dict[str, AttributeInfo]:
        """Return what is known of every attribute, by ``Category.Attribute`` or ``Category.Set.Attribute``."""
        found = {}
        for key, entry in self._entries.items():
            match = _KEY.fullmatch(key)
            if match and entry.get("persona") != "set" and match["first"] != "1":
                name = self._name(match)
                found[name] = AttributeInfo(
                    name=name,
                    type_name=str(entry.get("type_name", "String")),
                    multi_value=bool(entry.get("multi_value")),
                )
        return found

    def facts(self, values: Mapping[str, Any], zone: tzinfo | None) -> tuple[Facts, Mapping[str, tuple[Facts, ...]]]:
        """Return facts by name, and the rows of each set. Raises RecordUnreadable for a key nothing defines."""
        facts: dict[str, Fact] = {}
        rows: dict[str, dict[int, dict[str, Fact]]] = {}
        for match, raw in _keys(values):
            entry = self._definition(match)
            if entry is None:
                raise RecordUnreadable(f"category key {match[0]} has no definition.")
            value = _fact(raw, str(entry.get("type_name", "")), zone)
            if match["row"] is None:
                facts[self._name(match)] = value
                continue
            inner = str(entry["name"])
            rows.setdefault(self._set_name(match), {}).setdefault(int(match["row"]), {})[inner] = value
        sets = {name: tuple(found[number] for number in sorted(found)) for name, found in rows.items()}
        for name, found in sets.items():
            for inner in dict.fromkeys(key for row in found for key in row):
                facts[f"{name}.{inner}"] = tuple(_flat(row.get(inner) for row in found))
        return facts, sets

    def _definition(self, match: re.Match[str]) -> Mapping[str, Any] | None:
        if match["row"] is None:
            return self._entries.get(match[0])
        return self._entries.get(f"{match['category']}_{match['first']}_x_{match['inner']}")

    def _name(self, match: re.Match[str]) -> str:
        entry = self._definition(match)
        if entry is None or match["category"] not in self._entries:
            raise RecordUnreadable(f"category key {match[0]} has no definition.")
        if match["row"] is None:
            return f"{self._entries[match['category']]['name']}.{entry['name']}"
        return f"{self._set_name(match)}.{entry['name']}"

    def _set_name(self, match: re.Match[str]) -> str:
        category, key = match["category"], f"{match['category']}_{match['first']}"
        if category not in self._entries or key not in self._entries:
            raise RecordUnreadable(f"category set {key} has no definition.")
        return f"{self._entries[category]['name']}.{self._entries[key]['name']}"


def flatten(container: object) -> dict[str, Any]:
    """Return key → value of the three shapes: by category, a list of flat objects, or flat.

    Raises RecordUnreadable for anything else.
    """
    if isinstance(container, list):
        return {key: value for part in container for key, value in flatten(part).items()}
    if not isinstance(container, Mapping):
        raise RecordUnreadable(f"categories come as {type(container).__name__}, not as an object or a list.")
    flat: dict[str, Any] = {}
    for key, value in container.items():
        if str(key).isdigit() and isinstance(value, Mapping):
            flat.update(value)
        else:
            flat[str(key)] = value
    return flat


def _keys(values: Mapping[str, Any]) -> Iterator[tuple[re.Match[str], Any]]:
    for key, value in values.items():
        match = _KEY.fullmatch(key)  # `…_multilingual` twins do not match and are left out
        if match and (match["first"] != "1" or match["row"] is not None):
            if match["row"] is None and isinstance(value, list) and value and isinstance(value[0], Mapping):
                continue  # a set told as a whole beside its rows
            yield match, value


def _fact(raw: object, type_name: str, zone: tzinfo | None) -> Fact:
    if raw is None or raw == "" or raw == []:
        return None
    if isinstance(raw, list):
        return tuple(_flat(_fact(value, type_name, zone) for value in raw))
    if isinstance(raw, str):
        return times.fact(raw, zone) if type_name.lower() == "date" else raw
    if isinstance(raw, bool | int | float):
        return raw
    raise RecordUnreadable(f"a category value is {type(raw).__name__}, not text, number or a list of them.")


def _flat(facts: Iterator[Fact]) -> Iterator[bool | int | float | str | None]:
    for fact in facts:
        if isinstance(fact, tuple):
            yield from fact
        elif fact is not None:
            yield fact
