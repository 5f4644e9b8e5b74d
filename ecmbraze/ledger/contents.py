"""The bytes of documents that wait to be filed, by their sha256: from when they were read until they are stored."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger.connection import Connection, of_the_disk
from ecmbraze.model import DocumentBytes

# What is larger waits for its upload in a nameless file: several go at once, from threads that may not ask SQLite.
_IN_MEMORY, _PIECE = 1024 * 1024, 64 * 1024


class Contents:
    """The bytes that are kept beside the outbox. A row of it names them by digest, so that rows stay small."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, digest: str) -> DocumentBytes:
        """Return the bytes of a digest; raises StateUnusable when a row names what is not there."""
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
        return DocumentBytes(sha256=digest, size=row[1], pieces=self._copied(row[0]).pieces)

    def _copied(self, number: int) -> _Copy:
        """Copy one row piece by piece. Raises StorageError where there is no room for it."""
        connection = self._database.conn
        assert isinstance(connection, Connection), "a state file is opened by ledger/connection.py"
        copy = _Copy()
        with connection.explained, connection.blobopen("content", "bytes", number, readonly=True) as blob:
            while piece := blob.read(_PIECE):
                copy.add(piece)
        return copy

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
                         AND NOT EXISTS (SELECT 1 FROM fact f, json_each(f.facts) e WHERE f.record = r.key
                                         AND e.key = d.key AND e.value = d.value))"""
            )


class _Copy:
    """A file without a name where temporary files go; gone with the last who reads it."""

    def __init__(self) -> None:
        self._size = 0
        with _room(), tempfile.TemporaryFile() as made:
            self._file = os.dup(made.fileno())
        weakref.finalize(self, os.close, self._file)

    def add(self, piece: bytes) -> None:
        with _room():
            while piece:
                written = os.pwrite(self._file, piece, self._size)
                self._size, piece = self._size + written, piece[written:]

    def pieces(self) -> Iterator[bytes]:
        """Yield everything, from the first byte on."""
        at = 0
        while piece := os.pread(self._file, _PIECE, at):
            at += len(piece)
            yield piece


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise of_the_disk(Path(tempfile.gettempdir()), error.strerror) from None
