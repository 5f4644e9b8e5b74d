"""Give the state file out row by row, for auditors; what could name a person only where it is asked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import keys

HIDDEN = "***"
# Columns that speak of nobody by what they are; every other text is hidden, also of a table that comes later.
_PLAIN = frozenset(
    {
        "flow",
        "rule",
        "occurrence",
        "kind",
        "delivery",
        "phase",
        "state",
        "attempt",
        "planned_at",
        "changed_at",
        "at",
        "expires_at",
        "looks",
        "series",
        "stream",
        "created_at",
        "modified_at",
        "read_at",
        "missed",
        "again",
        "change",
        "gone",
        "what",
        "fact",
        "mapping",
        "digest",
        "old",
        "new",
        "id",
        "n",
        "seq",
        "run",
        "list",
        "body",
        "previous",
        "hash",
        "mode",
        "started_at",
        "finished_at",
        "exit_code",
        "made_at",
        "day",
        "messages",
        "people",
        "opens_at",
        "path",
        "token",
        "taken",
        "copied_at",
        "create_profile",
    }
)
_PEOPLE = frozenset({"recipient", "customer", "person"})
_RECORDS = frozenset({"record", "key"})
# What stands under a name that is plain elsewhere: a watermark is a time, an accepted value is a person's.
_ALSO_PLAIN = {("watermark", "value"), ("watermark", "stream"), ("identity", "name"), ("armed", "name")}
# The salt makes a digest of a person's id what anybody could make, so it is never given out.
_SECRET = {("identity", "salt")}


def rows(ledger: Ledger, *, full: bool) -> Iterator[Mapping[str, Any]]:
    """Yield every row of every table with the name of its table; ``full`` with the people, their values and texts.

    Else people stand as the digests that the history knows them by, and what could say anything of them as ``***``.
    """
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    for (table,) in ledger.database.execute(names).fetchall():
        found = ledger.database.execute(f'SELECT * FROM "{table}"')
        columns = [column[0] for column in found.description]
        for values in found:
            row = dict(zip(columns, values, strict=True))
            if (table, row.get("name")) in _SECRET:
                continue
            shown = row if full else {name: _shown(ledger, table, name, row[name]) for name in columns}
            shown = {name: _text(value) if isinstance(value, bytes) else value for name, value in shown.items()}
            yield {"table": table, **shown}


def as_line(row: Mapping[str, Any]) -> str:
    """Return a row as one line of JSON."""
    return json.dumps(row, ensure_ascii=False)


def _text(content: bytes) -> str:
    """Return the content of a document that waits to be stored, which may be of any kind."""
    return base64.b64encode(content).decode()


def _shown(ledger: Ledger, table: str, column: str, value: object) -> object:
    if isinstance(value, bytes):
        return HIDDEN
    if not isinstance(value, str):
        return value
    if column in _PEOPLE:
        return ledger.history.subject(value) if value else ""
    if column in _RECORDS:
        return _record(ledger, value)
    plain = column in _PLAIN or (table, column) in _ALSO_PLAIN
    return value if plain and table != "remark" else HIDDEN if value else value


def _record(ledger: Ledger, text: str) -> str:
    """Return the key of a record, or the business key of a message, without the person in it."""
    if keys.names_a_record(text):
        return ledger.history.record(text)
    return f"key {ledger.history.subject(text)}"
