"""Log lines on stderr, one per event, as text or JSON; never a body, a query, a name or a secret."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping

from ecmbraze.report.plain import printable

LOG = logging.getLogger("ecmbraze")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "ts": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "lvl": record.levelname.lower(),
            "event": record.getMessage(),
        }
        extra = getattr(record, "fields", {})
        return json.dumps({**told, **(extra if isinstance(extra, Mapping) else {})}, ensure_ascii=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = getattr(record, "fields", {})
        told = " ".join(f"{name}={value}" for name, value in extra.items())
        first, *more = f"{record.levelname.lower()}: {record.getMessage()} {told}".rstrip().split("\n")
        # A list of problems keeps its lines, but indented: no text of a stranger can pass for a line of ours (D16).
        return "\n    ".join(printable(line) for line in (first, *more))


def set_up(*, verbose: bool, log_format: str) -> None:
    """Send our log to stderr; other libraries are heard from WARNING up, since they print URLs."""
    formatter = _JsonLines() if log_format == "json" else _Text()
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.DEBUG if verbose else logging.INFO)


def tell(event: str, **fields: object) -> None:
    """Log one event with its fields."""
    LOG.info(event, extra={"fields": fields})
