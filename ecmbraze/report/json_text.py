"""The text of run reports as JSON, piece by piece: that of a large run is never in memory at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ecmbraze.engine.run_report import RunReport, plain
from ecmbraze.ledger.storedreports import LINES
from ecmbraze.model import Json

_INDENT = "  "
_INDENTED = json.JSONEncoder(indent=_INDENT, ensure_ascii=False)
_IN_A_LINE = json.JSONEncoder(ensure_ascii=False)


def pieces(reports: Sequence[RunReport], *, together: bool, limit: int | None = None) -> Iterator[str]:
    """Yield what ``json.dumps`` with an indent of two makes of reports as interface.md has them.

    With ``together`` they are in ``{runs: [...]}``, else there is one; with ``limit`` no more than so many actions and
    skips are in each.
    """
    if together:
        yield f'{{\n{_INDENT}"runs": '
        yield from _list((_report(one, limit, 2 * _INDENT) for one in reports), _INDENT)
        yield "\n}\n"
    else:
        yield from _report(reports[0], limit, "")
        yield "\n"


def stored(reports: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the same of ``{runs: [...]}`` of reports as the ledger returns them."""
    yield f'{{\n{_INDENT}"runs": '
    yield from _list((_object(one, 2 * _INDENT) for one in reports), _INDENT)
    yield "\n}\n"


def _report(report: RunReport, limit: int | None, margin: str) -> Iterator[str]:
    lines = {name: map(plain, islice(getattr(report, name), limit)) for name in LINES}
    return _object({**report.as_json(0), **lines}, margin)


def _object(report: Mapping[str, Any], margin: str) -> Iterator[str]:
    inner = margin + _INDENT
    for number, (name, value) in enumerate(report.items()):
        yield f'{"," if number else "{"}\n{inner}"{name}": '
        if name in LINES:
            yield from _list((_line(line, inner + _INDENT) for line in value), inner)
        else:
            yield _text(value, inner)
    yield f"\n{margin}}}"


def _list(items: Iterable[Iterable[str]], margin: str) -> Iterator[str]:
    opening = "["
    for item in items:
        yield f"{opening}\n{margin}{_INDENT}"
        yield from item
        opening = ","
    yield "[]" if opening == "[" else f"\n{margin}]"


def _line(line: dict[str, Json], margin: str) -> Iterator[str]:
    inner = margin + _INDENT
    yield "{\n" + ",\n".join(f'{inner}"{name}": {_text(value, inner)}' for name, value in line.items())
    yield f"\n{margin}}}"


def _text(value: Json, margin: str) -> str:
    if not value or isinstance(value, str):
        return _IN_A_LINE.encode(value)  # a third of the time
    return _INDENTED.encode(value).replace("\n", f"\n{margin}")  # within strings line ends are escapes
