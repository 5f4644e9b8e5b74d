"""Open SQLite files so that what goes wrong with one is told under its name; knows no table.

Only damage of the state file is exit 12. The disk is 16 whichever file meets it, and so is damage of a plan file, which
is made anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ecmbraze.errors import EcmbrazeError, StateUnusable, StorageError

# Another process may read (a dry run, a backup): settle waits long rather than make a doubt.
BUSY_S = 60
# A round of all flows has some two hundred statements; beyond the 128 that Python keeps they are compiled each time.
_STATEMENTS = 512
# Rows that are read ahead; who stops early has read no more in vain.
_AT_ONCE = 100
RESTORING = (
    "A restored file does not know what was sent since it was saved: stop the schedule, put the file in place, then "
    "before any run `ecmbraze state adopt --restored-from FILE --reason TEXT`, which holds what may have been sent "
    '("A restored state file" in docs/operations.md).'
)

# sqlite.org/rescode.html, the primary result codes
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DISK = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PROTOCOL,
)


@dataclass(frozen=True, slots=True)
class Explained:
    """A block in which errors of SQLite and of the disk become ours; what only a bug explains stays what it is."""

    path: Path
    damaged: Callable[[Path, str], EcmbrazeError]
    """Makes the error of a file that cannot be read."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self.told(error)

    def told(self, error: BaseException) -> None:
        """Raise our error for one of SQLite or of the disk; return for any other."""
        ours = self._explain(error)
        if ours is not None:
            raise ours from error

    def _explain(self, error: BaseException) -> EcmbrazeError | None:
        if isinstance(error, OSError):
            return of_the_disk(self.path, error.strerror)
        if isinstance(error, UnicodeDecodeError):  # SQLite quotes a damaged schema in its message
            return self.damaged(self.path, "is damaged (text that is not UTF-8)")
        if not isinstance(error, sqlite3.DatabaseError):
            return None
        code = getattr(error, "sqlite_errorcode", None)
        if code is None and isinstance(error, sqlite3.OperationalError):  # the message would quote the text itself
            return self.damaged(self.path, "is damaged (text that is not UTF-8)")
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            return StorageError(
                f"{self.path} has a hot journal: a run was interrupted.",
                undone="Nothing was read or sent.",
                advice="A live run recovers it; start one, then repeat this command.",
            )
        primary = (code or 0) & 0xFF
        if primary in _DAMAGE:
            return self.damaged(self.path, f"is damaged ({error})")
        if primary in _TAKEN:
            return StorageError(
                f"{self.path} is in use by another process ({error}).",
                undone="What was not committed did not happen.",
                advice="Let it end (a backup, a reader), then run the same command again.",
            )
        return of_the_disk(self.path, error) if primary in _DISK else None


class Connection(sqlite3.Connection):
    """A connection that knows whose its errors are."""

    explained: Explained
    raw: int = -1
    """A descriptor of the file beside SQLite's own, for the length of the connection."""
    first: Callable[[], None] | None = None
    """What is done before the next statement: rows that wait to be written together."""

    def close(self) -> None:
        super().close()
        if self.raw >= 0:
            os.close(self.raw)
            self.raw = -1

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if self.first is not None:
            self.first()
        return self.cursor(_Cursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        if self.first is not None:
            self.first()
        return self.cursor(_Cursor).executemany(sql, parameters)

    def executescript(self, script: str) -> sqlite3.Cursor:
        return self.cursor(_Cursor).executescript(script)

    def rollback(self) -> None:
        with self.explained:
            super().rollback()


class _Cursor(sqlite3.Cursor):
    """A cursor whose errors are its connection's; damage may show at every row.

    Each statement and each row passes here: a ``with`` would cost a third of a small statement.
    """

    connection: Connection

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        try:
            return super().execute(sql, parameters)
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        try:
            return super().executemany(sql, parameters)
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def executescript(self, script: str) -> sqlite3.Cursor:
        try:
            return super().executescript(script)
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # rows, some at a time: each by itself costs as much
        while rows := self.fetchmany(_AT_ONCE):
            yield from rows

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except StopIteration:
            raise
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def fetchmany(self, size: int | None = _AT_ONCE) -> list[Any]:
        try:
            return super().fetchmany(size)
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except BaseException as error:
            self.connection.explained.told(error)
            raise

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except BaseException as error:
            self.connection.explained.told(error)
            raise


def connect(path: Path, damaged: Callable[[Path, str], EcmbrazeError], *, mode: str = "rw") -> Connection:
    """Open a file that is there."""
    quoted = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    explained = Explained(path, damaged)
    with explained:
        raw = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made = _connect(f"file:{quoted}?mode={mode}", explained)
    except BaseException:
        os.close(raw)
        raise
    made.raw = raw
    return made


def connect_nameless(damaged: Callable[[Path, str], EcmbrazeError]) -> Connection:
    """Open a private file of SQLite's own where temporary files go; it is gone with us."""
    return _connect("", Explained(Path("a temporary file"), damaged))


def _connect(name: str, explained: Explained) -> Connection:
    with explained:
        made = sqlite3.connect(
            name, uri=True, timeout=BUSY_S, isolation_level=None, factory=Connection, cached_statements=_STATEMENTS
        )
    made.explained = explained
    return made


def check_pages(
    connection: sqlite3.Connection,
    path: Path,
    damaged: Callable[[Path, str], EcmbrazeError],
    *,
    check: str = "quick_check",
) -> None:
    """Raise the error of a damaged file when SQLite's own check finds something; the quick one skips indexes."""
    found = " ".join(str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0]).split())
    if found != "ok":
        raise damaged(path, f"fails SQLite's own check ({found})")


def unusable(path: Path, why: str) -> StateUnusable:
    """Return the error of a state file that must not be used as it is."""
    return StateUnusable(
        f"The state file {path} {why}.",
        undone="It was not touched; nothing was read or sent.",
        advice=f"Put it right or restore a backup; a new one would forget what was already sent. {RESTORING}",
    )


def unusable_plan(path: Path, why: str) -> StorageError:
    """Return the error of a plan file that cannot be read; the state file is well."""
    return StorageError(
        f"The plan file {path} {why}.",
        undone="Nothing of it was sent.",
        advice="Run again and a plan is made anew; one that waits is first dropped: `ecmbraze plan --drop FLOW`.",
    )


def of_the_disk(path: Path, why: object) -> StorageError:
    """Return the error of a file that the disk, or the mode of its folder, keeps from us."""
    return StorageError(
        f"{path}: {why}.",
        undone="What was not committed did not happen.",
        advice="Make room or remove the cause, then run the same command again.",
    )


def marks(values: Sized) -> str:
    """Return as many placeholders as there are values."""
    return ",".join("?" * len(values))
