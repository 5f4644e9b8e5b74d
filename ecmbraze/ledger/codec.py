"""How values are written into columns and read back: canonical JSON and UTC text; knows no table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ecmbraze.model import Document, DocumentRow, Facts, Json, Version

# One for all: `json.dumps` would make another with every call. No value of ours holds itself, and to look for that
# takes a third of the time.
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
# Of most records, in both directions.
_NO_DOCUMENTS = "[]"


def dump(value: object) -> str:
    """Return canonical JSON: sorted keys, no blanks, so that equal values are equal text."""
    return _CANONICAL.encode(value)


def load(text: str) -> Any:
    """Return the value that :func:`dump` wrote."""
    return json.loads(text)


def load_facts(text: str) -> Facts:
    """Return facts, with the lists of multi-value attributes as tuples."""
    return _facts(json.loads(text))


def load_each(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the facts of each text, with lists where :func:`load_facts` has tuples: much less work for many."""
    found: list[dict[str, Any]] = json.loads(f"[{','.join(texts)}]")
    return found


def _facts(values: dict[str, Any]) -> Facts:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def dump_documents(documents: Sequence[Document]) -> str:
    """Return documents as canonical text, in id order."""
    if not documents:
        return _NO_DOCUMENTS
    return dump(
        [
            {
                **asdict(document.row),
                "created_at": instant(document.row.created_at),
                "modified_at": instant(document.row.modified_at),
                "facts": document.facts,
                "classifications": document.classifications,
                "missed": document.missed,
                "version": {**asdict(document.version), "created_at": instant(document.version.created_at)},
            }
            for document in sorted(documents, key=lambda document: document.row.id)
        ]
    )


def load_documents(text: str) -> tuple[Document, ...]:
    """Return the documents that :func:`dump_documents` wrote."""
    return () if text == _NO_DOCUMENTS else tuple(_document(entry) for entry in json.loads(text))


def _document(entry: dict[str, Any]) -> Document:
    version = entry["version"]
    row = {name: entry[name] for name in ("id", "name", "mime_type", "folder")}
    return Document(
        row=DocumentRow(**row, created_at=moment(entry["created_at"]), modified_at=moment(entry["modified_at"])),
        version=Version(**{**version, "created_at": moment(version["created_at"])}),
        facts=_facts(entry["facts"]),
        classifications=tuple(entry["classifications"]),
        missed=entry["missed"],
    )


def load_json(text: str | None) -> Json:
    """Return a payload; a blanked one is ``None``."""
    value: Json = None if text is None else json.loads(text)
    return value


@lru_cache(maxsize=64)  # most of a page is of one moment
def instant(moment: datetime) -> str:
    """Return UTC text that sorts as time does, to the microsecond."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = utc.isoformat()  # with `timespec` it takes twice as long
    return f"{text[:26]}Z" if utc.microsecond else f"{text[:19]}.000000Z"


def moment(text: str) -> datetime:
    """Return the aware instant that :func:`instant` wrote."""
    return datetime.fromisoformat(text)
