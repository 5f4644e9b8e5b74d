"""How the lines of a run report lie in the state file: what they share once, several attributes of a person in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

# What in a line of an attribute says which one it is.
_NAMES = ("name", "rule", "title")
_LINES = ("actions", "skipped")


def pack(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report whose lines take a fifth of the place; :func:`unpack` gives back every field of each."""
    return {**report, **{name: _packed(report[name]) for name in _LINES if name in report}}


def unpack(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as it was packed; one that an earlier version stored, or that was shortened, as it is."""
    lines = {name: report[name] for name in _LINES if isinstance(report.get(name), Mapping)}
    return {**report, **{name: list(_unpacked(packed)) for name, packed in lines.items()}}


def _packed(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    if not lines:
        return lines
    first = lines[0]
    shared = {name: value for name, value in first.items() if all(line[name] == value for line in lines)}
    own = [name for name in first if name not in shared and name not in _NAMES]
    names = [name for name in _NAMES if name in first and name not in shared]
    found: list[Mapping[str, Any]] = []
    for values, together in groupby(lines, key=lambda line: [line[name] for name in own]):
        kept, each = {name: value for name, value in zip(own, values, strict=True) if value != ""}, []
        for line in together:
            if len(names) == len(_NAMES) and line["name"] == line["rule"] == line["title"]:
                each.append(line["name"])
            else:
                found += [{**kept, "each": each}] if each else []
                found.append({**kept, **{name: line[name] for name in names}})
                each = []
        found += [{**kept, "each": each}] if each else []
    return {"all": dict.fromkeys(first, "") | shared, "lines": found}


def _unpacked(packed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in packed["lines"]:
        whole = {**packed["all"], **line}
        each = whole.pop("each", None)
        yield from [whole] if each is None else ({**whole, **dict.fromkeys(_NAMES, name)} for name in each)
