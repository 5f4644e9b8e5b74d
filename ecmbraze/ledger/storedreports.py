"""How the lines of a run report lie in the state file: what they share once, several attributes of a person in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

# What in a line of an attribute says which one it is.
_NAMES = ("name", "rule", "title")
_LINES = ("actions", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The lines of one sort, each as its values in the order of the fields: a report may have a hundred thousand."""

    fields: Sequence[str]
    rows: Sequence[Sequence[Any]]


def pack(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as it is stored, its :class:`Lines` in a fifth of the place; :func:`unpack` gives them back."""
    return {name: _packed(value) if isinstance(value, Lines) else value for name, value in report.items()}


def unpack(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as it was packed; one that an earlier version stored, or that was shortened, as it is."""
    lines = {name: report[name] for name in _LINES if isinstance(report.get(name), Mapping)}
    return {**report, **{name: list(_unpacked(packed)) for name, packed in lines.items()}}


def _packed(lines: Lines) -> Mapping[str, Any] | Sequence[Any]:
    if not lines.rows:
        return []
    first = lines.rows[0]
    shared = [all(row[n] == value for row in lines.rows) for n, value in enumerate(first)]
    differing = {name: n for n, name in enumerate(lines.fields) if not shared[n]}
    own = {name: n for name, n in differing.items() if name not in _NAMES}
    names = {name: n for name, n in differing.items() if name in _NAMES}
    found: list[Mapping[str, Any]] = []
    for values, together in groupby(lines.rows, key=lambda row: [row[n] for n in own.values()]):
        kept, each = {name: value for name, value in zip(own, values, strict=True) if value != ""}, []
        for row in together:
            named = [row[n] for n in names.values()]
            if len(named) == len(_NAMES) and len(set(named)) == 1:
                each.append(named[0])
                continue
            found += [{**kept, "each": each}] if each else []
            found.append({**kept, **dict(zip(names, named, strict=True))})
            each = []
        found += [{**kept, "each": each}] if each else []
    same = {name: first[n] for n, name in enumerate(lines.fields) if shared[n]}
    return {"all": dict.fromkeys(lines.fields, "") | same, "lines": found}


def _unpacked(packed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in packed["lines"]:
        whole = {**packed["all"], **line}
        each = whole.pop("each", None)
        yield from [whole] if each is None else ({**whole, **dict.fromkeys(_NAMES, name)} for name in each)
