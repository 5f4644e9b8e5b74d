"""Whether every value in the state file can be read as what it is; changes nothing and knows no rule of a flow."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from ecmbraze.ledger.accepting import SEVERAL
from ecmbraze.ledger.codec import load_documents, moment
from ecmbraze.ledger.connection import unusable
from ecmbraze.model import Delivery, Kind, Phase, State, keys

Reader = Callable[[str], object]


def _instant(text: str) -> None:
    if moment(text).tzinfo is None:  # it would be compared with times that have a zone, and end in a bug
        raise ValueError("a time without a zone")


def _perhaps_instant(text: str) -> None:
    if text:
        _instant(text)


def _object(text: str) -> None:
    if not isinstance(json.loads(text), dict):
        raise TypeError("no object")


# Columns whose values the program reads as more than text; NULL is left to the schema.
_READERS: Mapping[str, Mapping[str, Reader]] = {
    "record": {
        "key": keys.read,
        "created_at": _instant,
        "modified_at": _instant,
        "facts": _object,
        "documents": load_documents,
        "read_at": _perhaps_instant,
        "gone_at": _perhaps_instant,
    },
    "recipient": {"record": keys.read},
    "address": {"record": keys.read},
    "fact": {
        "record": keys.read,
        "facts": _object,
        "modified_at": _instant,
        "memory": _object,
        "at": _instant,
        "documents": load_documents,
    },
    "due": {"record": keys.read, "at": _instant},
    "watermark": {"value": _instant},
    "looked": {"at": _instant},
    "armed": {"at": _instant},
    "baseline": {"at": _instant},
    "position": {"at": _instant},
    "quarantine": {"at": _instant},
    "outbox": {
        "record": keys.read,
        "kind": Kind,
        "delivery": Delivery,
        "phase": lambda text: Phase(int(text)),
        "payload": json.loads,
        "consent": json.loads,
        "expires_at": _instant,
        "state": State,
        "planned_at": _instant,
        "changed_at": _instant,
    },
    "accepted": {"value": json.loads, SEVERAL: _object, "at": _instant},
    "attempted": {"value": json.loads},
    "run": {"started_at": _instant, "finished_at": _instant, "report": _object},
    "run_lines": {"page": _object},
    "waiting_plan": {"made_at": _instant},
    "expected": {"day": date.fromisoformat},
    "pause": {"at": _instant},
    "rate_limit": {"opens_at": _instant},
    "claim": {"at": _instant},
    "adoption": {"at": _instant, "copied_at": _instant},
    "history": {"at": _instant, "body": _object},
    "segment": {"at": _instant},
    "erased": {"at": _instant},
}


def check_values(connection: sqlite3.Connection, path: Path) -> tuple[int, int]:
    """Read every value; return how many rows and columns. Raises StateUnusable with the place of the first that fails.

    The place is the row's number in the order of its table, never its content: that may name a person.
    """
    rows, columns = 0, 0
    for table, readers in _READERS.items():
        columns += len(readers)
        for row, values in enumerate(connection.execute(f"SELECT {', '.join(readers)} FROM {table}"), 1):
            for (column, read), value in zip(readers.items(), values, strict=True):
                if value is None:
                    continue
                try:
                    read(str(value))
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    place = f"{table}.{column.split()[-1]}, row {row}"
                    raise unusable(path, f"holds an unreadable value in {place} ({type(error).__name__})") from error
            rows += 1
    return rows, columns
