"""How the lines of a run report lie in the state file: what they share once, several attributes of a person in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecmbraze.ledger.codec import dump

# What in a line of an attribute says which one it is.
_NAMES = ("rule", "name", "title")
LINES = ("actions", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a past run ended, without what its report lists; times as the report writes them."""

    run_id: str
    flow: str
    mode: str
    started_at: str
    finished_at: str
    exit_code: int
    exit_reason: str


# Selects the fields of :class:`Ended` in their order.
ENDED = """id, flow, mode, started_at, json_extract(report, '$.finished_at'), exit_code,
           json_extract(report, '$.exit_reason')"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The lines of one sort, by pages, each line as its values in the order of the fields.

    A report may have a hundred thousand. Lines of attributes that differ in nothing else are one, with a list of names.
    """

    fields: Sequence[str]
    pages: Iterable[Sequence[Sequence[Any]]]


def ended(row: Sequence[Any]) -> Ended:
    """Return how a run ended, from a row selected with ``ENDED``."""
    return Ended(**dict(zip(Ended.__dataclass_fields__, row, strict=True)))


def pack(report: Mapping[str, Any]) -> str:
    """Return the text of a report, its :class:`Lines` in a fifth of the place; :func:`unpack` gives them back."""
    return "".join(_pieces(report))


def unpack(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as it was packed; one that an earlier version stored, or that was shortened, as it is.

    Its lines are iterators: those of a large run are never in memory at once.
    """
    return {**report, **{name: _unpacked(report[name]) for name in LINES if name in report}}


def _pieces(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield canonical JSON, of lines a page at a time."""
    for number, (name, value) in enumerate(sorted(report.items())):
        yield f"{',' if number else '{'}{dump(name)}:"
        if not isinstance(value, Lines):
            yield dump(value)
            continue
        yield "["
        for at, page in enumerate(page for page in value.pages if page):
            yield f"{',' if at else ''}{dump(_packed(value.fields, page))}"
        yield "]"
    yield "}"


def _packed(fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    names = [fields.index(name) for name in _NAMES] if set(_NAMES) <= set(fields) else []
    own = [n for n in range(len(fields)) if n not in names]
    shared = [n for n in own if all(row[n] == rows[0][n] for row in rows)]
    differing = [(n, fields[n]) for n in own if n not in shared]
    found: list[Mapping[str, Any]] = []
    for row in rows:
        line = {name: row[n] for n, name in differing if row[n] != ""}
        if names:
            rule, name, title = (row[n] for n in names)
            if isinstance(name, list):
                line["each"] = name
            elif rule == name == title:
                line["each"] = [name]
            else:
                line |= {"rule": rule, "name": name, "title": title}
        found.append(line)
    return {"all": dict.fromkeys(fields, "") | {fields[n]: rows[0][n] for n in shared}, "lines": found}


def _unpacked(lines: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of pages; in ``lines`` of an earlier version they lie open, or are all in one page."""
    for page in [lines] if isinstance(lines, Mapping) else lines:
        if "lines" not in page:
            yield page
            continue
        for line in page["lines"]:
            whole = {**page["all"], **line}
            each = whole.pop("each", None)
            yield from [whole] if each is None else ({**whole, **dict.fromkeys(_NAMES, name)} for name in each)
