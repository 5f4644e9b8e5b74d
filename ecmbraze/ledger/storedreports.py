"""How run reports lie in the state file: their lines by pages, what these share once; judges no run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant, load

# What in a line of an attribute says which one it is.
_NAMES = ("rule", "name", "title")
_EACH = "each"
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


def store(database: Database, report: Mapping[str, Any], now: datetime) -> None:
    """Keep a report whose lists are :class:`Lines`, page by page; a part of the transaction in hand."""
    head = {name: value for name, value in report.items() if name not in LINES}
    told = [report[name] for name in ("run_id", "flow", "mode", "started_at")]
    database.conn.execute("DELETE FROM run WHERE id = ?", (report["run_id"],))
    database.conn.execute(
        "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", (*told, instant(now), report["exit_code"], dump(head))
    )
    for name in [name for name in LINES if name in report]:
        for n, page in enumerate(page for page in report[name].pages if page):
            text = dump(_packed(report[name].fields, page))
            database.conn.execute("INSERT INTO run_lines VALUES (?, ?, ?, ?)", (report["run_id"], name, n, text))


def whole(database: Database, run: str, text: str) -> dict[str, Any]:
    """Return a report as it was stored, from its row; also one of an earlier version, or that was shortened.

    Its lines are iterators that read a page at a time: a large run is never in memory at once, and no read is left
    open for which a run would have to wait.
    """
    report = load(text)
    lines = {name: _unpacked(report[name] if name in report else _pages(database, run, name)) for name in LINES}
    return dict(sorted({**report, **lines}.items()))


def _pages(database: Database, run: str, name: str) -> Iterator[Mapping[str, Any]]:
    query, n = "SELECT page FROM run_lines WHERE run = ? AND list = ? AND n = ?", 0
    while row := database.execute(query, (run, name, n)).fetchone():
        yield load(row[0])
        n += 1


def texts(database: Database) -> Iterator[tuple[str, str]]:
    """Yield all that is kept of reports, with the run that it is of."""
    yield from database.execute("SELECT id, report FROM run UNION ALL SELECT run, page FROM run_lines")


def _packed(fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return a page: what all its lines share, and of each the values that differ, in the order of ``fields``."""
    names = [fields.index(name) for name in _NAMES] if set(_NAMES) <= set(fields) else []
    own = [n for n in range(len(fields)) if n not in names]
    shared = [n for n in own if all(row[n] == rows[0][n] for row in rows)]
    differing = [n for n in own if n not in shared]
    return {
        "all": dict.fromkeys(fields, "") | {fields[n]: rows[0][n] for n in shared},
        "fields": [*(fields[n] for n in differing), *([_EACH] if names else [])],
        "rows": [[*(row[n] for n in differing), *([_each(*(row[n] for n in names))] if names else [])] for row in rows],
    }


def _each(rule: str, name: str | list[str], title: str) -> list[str] | dict[str, str]:
    """Return the names of a line of attributes; of any other line what its three names are."""
    if isinstance(name, list):
        return name
    return [name] if rule == name == title else {"rule": rule, "name": name, "title": title}


def as_lines(page: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page with its lines as objects, as version 14 and earlier stored it."""
    lines = []
    for row in page["rows"]:
        line = dict(zip(page["fields"], row, strict=True))
        if isinstance(line.get(_EACH), dict):
            line |= line.pop(_EACH)
        lines.append(line)
    return {"all": page["all"], "lines": lines}


def _unpacked(lines: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of pages; in ``lines`` of an earlier version they lie open, or are all in one page."""
    for stored in [lines] if isinstance(lines, Mapping) else lines:
        page = as_lines(stored) if "rows" in stored else stored
        if "lines" not in page:
            yield page
            continue
        for line in page["lines"]:
            whole = {**page["all"], **line}
            each = whole.pop(_EACH, None)
            yield from [whole] if each is None else ({**whole, **dict.fromkeys(_NAMES, name)} for name in each)
