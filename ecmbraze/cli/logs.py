"""Log lines on stderr, one per event, as text or JSON; never a body, a query, a name or a secret."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping

from ecmbraze.report.plain import printable

LOG = logging.getLogger("ecmbraze")
_INDENT = 4


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        about: dict[str, object] = {
            "ts": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "lvl": record.levelname.lower(),
            "event": record.getMessage(),
        }
        extra = getattr(record, "fields", {})
        return json.dumps({**about, **(extra if isinstance(extra, Mapping) else {})}, ensure_ascii=True)


class Text(logging.Formatter):
    """One event as a person reads it: folded to ``width`` columns, or one line for each of its own with 0."""

    def __init__(self, width: int = 0) -> None:
        super().__init__()
        self._width = width

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(_shown(getattr(record, "fields", {})))
        first, *more = f"{record.levelname.lower()}: {record.getMessage()} {fields}".rstrip().split("\n")
        # A list of problems keeps its lines, but indented: no text of a stranger can pass for a line of ours (D16).
        return "\n".join(
            self._folded(line) for line in (printable(first), *(f"    {printable(line)}" for line in more))
        )

    def _folded(self, line: str) -> str:
        indent = " " * (len(line) - len(line.lstrip()) + _INDENT)
        if not self._width or len(line) <= self._width:
            return line
        return textwrap.fill(
            line, self._width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )


def _shown(fields: Mapping[str, object]) -> Iterator[str]:
    """Yield ``name=value``; of counts only those that are not 0."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from (f"{inner}={number}" for inner, number in value.items() if number)
        else:
            yield f"{name}={value}"


def set_up(*, verbose: bool, log_format: str) -> None:
    """Send our log to stderr; other libraries are heard from WARNING up, since they print URLs."""
    formatter = _JsonLines() if log_format == "json" else Text(_columns())
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.DEBUG if verbose else logging.INFO)


def _columns() -> int:
    """Return how wide the terminal behind stderr is; 0 where there is none: a file is searched by line."""
    return shutil.get_terminal_size().columns if sys.stderr.isatty() else 0


def by_line() -> bool:
    """Say whether the log is read line by line, as JSON or with every detail: then no bar may stand in between."""
    return LOG.isEnabledFor(logging.DEBUG) or any(isinstance(one.formatter, _JsonLines) for one in LOG.handlers)


def tell(event: str, **fields: object) -> None:
    """Log one event with its fields."""
    LOG.info(event, extra={"fields": fields})


def detail(event: str, **fields: object) -> None:
    """Log one event that only `-v` shows."""
    LOG.debug(event, extra={"fields": fields})
