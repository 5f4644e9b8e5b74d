"""Count our own commits in the file and hold them against SQLite's counter: a commit of anybody else shows.

SQLite adds one to the file change counter with every commit (sqlite.org/fileformat2.html, 1.3.7); we write in each
transaction what it will be. The counter is read through a descriptor of its own, opened before the connection and
closed after it: to close one in between would drop SQLite's locks (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger import seal
from ecmbraze.ledger.connection import Connection, unusable

# The version of the state file that began to count.
FIRST = 8
_FIELD, _ROUND = slice(24, 28), 1 << 32


class Counted(Database):
    """The state file: what happens in a transaction of its own is counted, and held against what others did."""

    conn: Connection

    def __init__(self, connection: Connection, path: Path, *, read_only: bool) -> None:
        super().__init__(connection, execute_plugins=False)
        self._path, self._read_only = path, read_only

    @contextmanager
    def atomic(self) -> Generator[Database, None, None]:
        """Commit the block whole or not at all; a block within a block is a savepoint.

        Raises StateUnusable, and commits nothing, when anybody else changed or replaced the file.
        """
        if self.conn.in_transaction:
            with super().atomic():
                yield self
            return
        if self._read_only:
            with self.begun():
                yield self
            return
        with self.begun():
            _check_in_place(self.conn, self._path)
            # Before anything else: it locks this file for writing, and no plan that is attached.
            self.conn.execute("UPDATE commits SET n = n + 1")
            _judge(self.conn, self._path, counter(self.conn.raw) + 1, _told(self.conn, self._path))
            before = self.conn.total_changes
            yield self
            if self.conn.total_changes == before:
                self.conn.rollback()

    @contextmanager
    def begun(self) -> Generator[None, None, None]:
        """Commit the block whole or not at all, uncounted: for a file that is being made."""
        try:
            self.conn.execute("BEGIN")
            yield
            if self.conn.in_transaction:
                self.conn.execute("COMMIT")
        except BaseException:
            self.conn.rollback()
            raise


def counter(raw: int) -> int:
    """Return SQLite's counter of the file behind a descriptor; 0 of an empty one."""
    return int.from_bytes(os.pread(raw, 100, 0)[_FIELD], "big")


def bind(connection: sqlite3.Connection, before: int) -> None:
    """Begin to count in a transaction, with what the counter will be after it.

    ``before`` is the counter as it stood when the transaction began.
    """
    connection.execute("DELETE FROM commits")
    connection.execute("INSERT INTO commits VALUES (?)", ((before + 1) % _ROUND,))


def check(connection: Connection, path: Path) -> int:
    """Return the number of the newest commit; raises StateUnusable when it is not ours. Another process may write."""
    while True:
        before = counter(connection.raw)
        told = _told(connection, path)
        if before == counter(connection.raw):
            _judge(connection, path, before, told)
            return told


def _told(connection: Connection, path: Path) -> int:
    rows = connection.execute("SELECT n FROM commits").fetchall()
    if len(rows) != 1:
        raise unusable(path, f"has {len(rows)} rows in commits, where one counts what was committed")
    return int(rows[0][0]) % _ROUND


def _judge(connection: Connection, path: Path, found: int, told: int) -> None:
    found %= _ROUND
    if told == found:
        return
    others = (found - told) % _ROUND
    if others > _ROUND // 2:
        raise unusable(path, f"is of commit {found} and says {told}: it was put together from two files")
    tables = _changed(connection, path)
    place = f", in {', '.join(tables)}" if tables else ""
    plural = "s that are" if others > 1 else " that is"
    raise unusable(path, f"was changed by somebody else: {others} commit{plural} not of ecmbraze{place}")


def _changed(connection: Connection, path: Path) -> list[str]:
    """Return the tables that differ from what the seal knows; none where SQLite was built without `dbstat`."""
    pages = seal.changed_pages(path)
    if not pages:
        return []
    try:
        found = connection.execute("SELECT name, pageno FROM dbstat").fetchall()
    except sqlite3.OperationalError:
        return []
    tables = dict(connection.execute("SELECT name, tbl_name FROM sqlite_schema").fetchall())
    return sorted({tables.get(name, name) for name, page in found if page in pages and name != "sqlite_schema"})


def _check_in_place(connection: Connection, path: Path) -> None:
    """Raise when the file under our name is not the one we have open: somebody put another there (fault S19)."""
    ours = os.fstat(connection.raw)
    try:
        there = path.lstat()
    except FileNotFoundError:
        raise unusable(path, "was taken away while it was in use") from None
    if (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev):
        raise unusable(path, "was replaced by another file while it was in use")
