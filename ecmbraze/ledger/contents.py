"""The bytes of documents that wait to be filed, by their sha256: from when they were read until they are stored."""

from __future__ import annotations

from sqlite_utils import Database

from ecmbraze.errors import StateUnusable


class Contents:
    """The bytes that are kept beside the outbox. A row of it names them by digest, so that rows stay small."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, digest: str) -> bytes:
        """Return the bytes of a digest; raises StateUnusable when a row names what is not there."""
        row = self._database.execute("SELECT bytes FROM content WHERE sha256 = ?", (digest,)).fetchone()
        if row is None:
            raise StateUnusable(
                f"The content {digest[:12]} of a document that waits to be filed is not in the state file.",
                undone="Nothing of it was filed.",
                advice="Restore a backup: docs/operations.md.",
            )
        return bytes(row[0])

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
