"""The bytes of documents that wait to be filed, by their sha256: from when they were read until they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from sqlite3 import Blob

from sqlite_utils import Database

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger.connection import Connection
from ecmbraze.ledger.scratch import PIECE, Scratch
from ecmbraze.model import DocumentBytes

# What is larger waits for its upload in a nameless file: several go at once, from threads that may not ask SQLite.
_IN_MEMORY = 1024 * 1024


class Contents:
    """The bytes that are kept beside the outbox. A row of it names them by digest, so that rows stay small."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, digest: str) -> DocumentBytes:
        """Return the bytes of a digest.

        Raises StateUnusable when a row names what is not there, StorageError where there is no room to copy it.
        """
        query = "SELECT rowid, length(bytes) FROM content WHERE sha256 = ?"
        row = self._database.execute(query, (digest,)).fetchone()
        if row is None:
            raise StateUnusable(
                f"The content {digest[:12]} of a document that waits to be filed is not in the state file.",
                undone="Nothing of it was filed.",
                advice="Restore a backup: docs/operations.md.",
            )
        if row[1] <= _IN_MEMORY:
            whole = self._database.execute("SELECT bytes FROM content WHERE rowid = ?", (row[0],)).fetchone()[0]
            return DocumentBytes(sha256=digest, size=row[1], pieces=lambda: (whole,))
        copy = Scratch()
        for piece in _read(self._database, row[0]):
            copy.add(piece)
        return DocumentBytes(sha256=digest, size=row[1], pieces=copy.pieces)

    def take_over(self) -> None:
        """Copy what the attached plan file has; a large row of it is never in memory as a whole."""
        execute = self._database.conn.execute
        execute("INSERT OR IGNORE INTO content SELECT * FROM plan.content WHERE length(bytes) <= ?", (_IN_MEMORY,))
        large = "SELECT sha256, length(bytes), rowid FROM plan.content WHERE length(bytes) > ?"
        for digest, size, number in execute(large, (_IN_MEMORY,)).fetchall():
            pieces = partial(_read, self._database, number, "plan")
            put(self._database, DocumentBytes(sha256=digest, size=size, pieces=pieces))

    def prune(self) -> None:
        """Drop what nothing will ask for any more: it is stored, or newer content was read before it was planned."""
        with self._database.atomic():
            self._database.conn.execute(
                """DELETE FROM content WHERE sha256 NOT IN (
                       SELECT json_extract(payload, '$.document') FROM outbox
                       WHERE kind IN ('archive', 'version') AND payload IS NOT NULL
                         AND json_extract(payload, '$.document') IS NOT NULL)
                   AND sha256 NOT IN (
                       SELECT d.value FROM record r, json_each(r.facts) d
                       WHERE r.stream LIKE 'content/%' AND d.key IN ('document', 'rendering') AND d.value IS NOT NULL
                         AND NOT EXISTS (SELECT 1 FROM fact f, json_each(f.facts) e
                                         WHERE f.record = r.key AND e.key = d.key AND e.value = d.value
                                           AND json_extract(f.facts, '$.workspace')
                                               IS json_extract(r.facts, '$.workspace')))"""
            )


def put(database: Database, document: DocumentBytes) -> None:
    """Keep the bytes of a document under their sha256, those of a large one piece by piece."""
    if document.size <= _IN_MEMORY:
        whole = b"".join(document.pieces())
        database.conn.execute("INSERT OR IGNORE INTO content VALUES (?, ?)", (document.sha256, whole))
        return
    with database.atomic():  # pages that are older than the transaction would go into its journal, in memory
        row = (document.sha256, document.size)
        made = database.conn.execute("INSERT OR IGNORE INTO content VALUES (?, zeroblob(?))", row)
        if made.rowcount > 0 and made.lastrowid:
            with _blob(database, made.lastrowid) as blob:
                for piece in document.pieces():
                    blob.write(piece)


def _read(database: Database, number: int, schema: str = "main") -> Iterator[bytes]:
    """Yield the bytes of one row."""
    with _blob(database, number, schema) as blob:
        while piece := blob.read(PIECE):
            yield piece


@contextmanager
def _blob(database: Database, number: int, schema: str = "main") -> Iterator[Blob]:
    connection = database.conn
    assert isinstance(connection, Connection), "files are opened by ledger/connection.py"
    with connection.explained, connection.blobopen("content", "bytes", number, name=schema) as blob:
        yield blob
