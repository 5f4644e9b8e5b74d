"""What we remember of workspaces, whoever asks: the ground for telling new, changed and unread; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import instant, load_documents, moment
from ecmbraze.ledger.recordrow import GONE, RECORD_COLUMNS, read_record
from ecmbraze.model import Document, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One workspace as it was last read; facts and documents as canonical text, to tell whether a reading differs."""

    facts: str
    documents: str
    name: str
    modified_at: datetime
    again: bool
    """Whether to look once more: an edit may bear the same second, or columns and details disagreed."""


class Mirror:
    """The ledger's directory of workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, ids: Sequence[int]) -> Mapping[int, Held]:
        """Return what the mirror holds of those ids that we know."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, facts, documents, name, modified_at, again FROM workspace WHERE id IN ({marks})"
        return {
            row[0]: Held(facts=row[1], documents=row[2], name=row[3], modified_at=moment(row[4]), again=bool(row[5]))
            for row in self._database.execute(query, tuple(ids))
        }

    def known(self, type_name: str) -> int:
        """Return how many workspaces of the type the last complete listing showed."""
        query = "SELECT count(*) FROM workspace WHERE type = ? AND missed = 0"
        return int(self._database.execute(query, (type_name,)).fetchone()[0])

    def armed(self, type_name: str) -> frozenset[str]:
        """Return the fact names for which the whole type was once read."""
        query = "SELECT name FROM armed WHERE type = ?"
        return frozenset(row[0] for row in self._database.execute(query, (type_name,)))

    def columns(self, type_name: str) -> Mapping[str, str]:
        """Return fact → listing column that was proven to carry it; an empty column was contradicted since."""
        return dict(self._database.execute("SELECT fact, name FROM column_of WHERE type = ?", (type_name,)).fetchall())

    def oldest_reads(self, type_name: str, before: datetime, limit: int) -> list[tuple[int, datetime]]:
        """Return up to ``limit`` (id, modify date) whose last detail read is oldest and before ``before``."""
        rows = self._database.execute(
            "SELECT id, modified_at FROM workspace WHERE type = ? AND missed = 0 AND read_at < ? "
            "ORDER BY read_at, id LIMIT ?",
            (type_name, instant(before), limit),
        ).fetchall()
        return [(row[0], moment(row[1])) for row in rows]

    def oldest_read_at(self, type_name: str) -> datetime | None:
        """Return when the workspace read longest ago was read; ``None`` for an empty type.

        ``None`` too where each listing carries all facts: then none is older than the listing.
        """
        if any(self.columns(type_name).values()):
            return None
        query = "SELECT min(read_at) FROM workspace WHERE type = ? AND missed = 0"
        text = self._database.execute(query, (type_name,)).fetchone()[0]
        return moment(text) if text else None

    def read_at(self, ids: Sequence[int]) -> Mapping[int, tuple[str, datetime]]:
        """Return id → (workspace type, when it was last read) of those ids that are workspaces we know."""
        marks = ",".join("?" * len(ids))
        rows = self._database.execute(f"SELECT id, type, read_at FROM workspace WHERE id IN ({marks})", tuple(ids))
        return {row[0]: (row[1], moment(row[2])) for row in rows}

    def documents(self, type_name: str) -> Iterator[tuple[int, Document]]:
        """Yield (workspace, document) of every document kept of a type, in the order of the workspaces."""
        query = "SELECT id, documents FROM workspace WHERE type = ? AND missed = 0 AND documents <> '[]' ORDER BY id"
        for number, text in self._database.execute(query, (type_name,)):
            yield from ((number, document) for document in load_documents(text))

    def looked(self, stream: str) -> datetime | None:
        """Return how far a stream that all flows share was looked at; ``None`` before the first time."""
        row = self._database.execute("SELECT value FROM watermark WHERE flow = '' AND stream = ?", (stream,)).fetchone()
        return moment(row[0]) if row else None

    def records(self, needs: Needs) -> Iterator[Record]:
        """Yield every workspace of a flow's types as it was last read, in id order, without those that are gone."""
        marks = ",".join("?" * len(needs.types))
        query = f"SELECT {RECORD_COLUMNS} FROM workspace WHERE type IN ({marks}) AND missed < {GONE} ORDER BY id"
        for row in self._database.execute(query, needs.types):
            yield read_record(row, needs)
