"""What we remember of workspaces, whoever asks: the ground for telling new, changed and unread; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import instant, load, load_documents, moment
from ecmbraze.ledger.recordrow import GONE, RECORD_COLUMNS, read_record
from ecmbraze.model import Document, Record


class Mirror:
    """The ledger's directory of workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self, ids: Sequence[int]) -> Mapping[int, tuple[datetime, str, frozenset[str], bool]]:
        """Return id → (modify date, name, the fact names held, whether to read it again) of the ids we know."""
        marks = ",".join("?" * len(ids))
        rows = self._database.execute(
            f"SELECT id, modified_at, name, facts, again FROM workspace WHERE id IN ({marks})",
            tuple(ids),
        )
        return {row[0]: (moment(row[1]), row[2], frozenset(load(row[3])), bool(row[4])) for row in rows}

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

    def rows(self, ids: Sequence[int]) -> Mapping[int, tuple[str, str, datetime, bool]]:
        """Return id → (facts as canonical text, name, modify date, whether to look again) of the ids we know."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, facts, name, modified_at, again FROM workspace WHERE id IN ({marks})"
        return {
            row[0]: (row[1], row[2], moment(row[3]), bool(row[4])) for row in self._database.execute(query, tuple(ids))
        }

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

    def held(self, number: int) -> tuple[str, str] | None:
        """Return the stored facts and documents of a workspace as canonical text, to tell whether a reading differs."""
        row = self._database.execute("SELECT facts, documents FROM workspace WHERE id = ?", (number,)).fetchone()
        return (str(row[0]), str(row[1])) if row else None

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
