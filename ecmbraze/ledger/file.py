"""Make and open the state file, refusing every file that is not safely ours; reads no business table."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecmbraze.errors import StateMissing, StateNewer, StateUnusable, StorageError
from ecmbraze.ledger import accepting, counting, schema
from ecmbraze.ledger.connection import RESTORING, Connection, Explained, check_pages, connect, unusable
from ecmbraze.ledger.counting import Counted
from ecmbraze.ledger.migrations import migrate
from ecmbraze.ledger.mounts import networked

_HEADER = b"SQLite format 3\x00"


@contextmanager
def making(path: Path) -> Iterator[Counted]:
    """Yield a new state file of the current version, mode 0600 whatever the umask, to be filled in one transaction.

    A block that fails leaves nothing behind. Raises StateUnusable when something stands there already or its folder is
    not safe, StorageError when it cannot be written.
    """
    with Explained(path, unusable):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(path)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR, 0o600))
        except FileExistsError:
            raise StateUnusable(
                f"{path} exists already.",
                undone="Nothing was written.",
                advice="Go on using it, or move it away first if you really want to start from a new baseline.",
            ) from None
    try:
        path.chmod(0o600)
        database = _opened(path, read_only=False)
        with database.begun():
            for statement in _statements(schema.LEDGER):
                database.conn.execute(statement)
            database.conn.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            database.conn.execute(f"PRAGMA user_version = {schema.VERSION}")
            counting.bind(database.conn, 0)
            yield database
    except BaseException:
        path.unlink()
        raise


def check(path: Path) -> None:
    """Raise what is wrong with the file as it lies there, without opening it as a database.

    Its version is not asked: in the raw bytes it may be that of a commit that a crash cut off.
    """
    _check_place(path)
    _check_header(path)


def is_state_file(path: Path) -> bool:
    """Say whether a file begins like a state file of ours, of whatever version; it is not opened as a database."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.read(100)
    return header.startswith(_HEADER) and int.from_bytes(header[68:72], "big") == schema.APPLICATION_ID


def open_existing(path: Path, *, read_only: bool, pages: bool = True) -> Counted:
    """Open the state file after checking that it is ours, private and whole; a writer migrates an older one.

    Without ``pages`` they are not checked: that is one long read, for which the commits of a live run would wait.
    Raises StateMissing (10), StateUnusable (12), StateNewer (14) or StorageError (16); never creates a file.
    """
    check(path)
    database = _opened(path, read_only=read_only)
    try:
        _bring_up_to_date(database.conn, path, read_only=read_only)
        counting.check(database.conn, path)
        if pages:
            check_pages(database.conn, path, unusable)
    except BaseException:
        database.close()
        raise
    return database


def check_every_page(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StateUnusable when a page, or an index, is not as SQLite left it."""
    check_pages(connection, path, unusable, check="integrity_check")


def _opened(path: Path, *, read_only: bool) -> Counted:
    connection = connect(path, unusable, mode="ro" if read_only else "rw")
    connection.execute(f"PRAGMA {'query_only = 1' if read_only else 'journal_mode = DELETE'}").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    accepting.prepare(connection)
    return Counted(connection, path, read_only=read_only)


def _bring_up_to_date(connection: Connection, path: Path, *, read_only: bool) -> None:
    """Migrate an older file. SQLite is asked for the version: it first takes back what a crash left half written."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > schema.VERSION:
        raise StateNewer(
            f"{path} is of version {version}; this program knows {schema.VERSION}.",
            undone="It was not touched.",
            advice="Install the newer ecmbraze again.",
        )
    if read_only and version < schema.VERSION:
        raise StorageError(
            f"{path} is of version {version}, this program writes {schema.VERSION}.",
            undone="Nothing was read or sent.",
            advice="A live run migrates it; start one, then repeat this command.",
        )
    if version < schema.VERSION:
        if version >= counting.FIRST:
            counting.check(connection, path)
        migrate(connection, path, version)


def _statements(script: str) -> Iterator[str]:
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            if text.strip(" \n;"):
                yield text
            text = ""


def _check_place(path: Path) -> None:
    with Explained(path, unusable):
        try:
            entry = path.lstat()
        except FileNotFoundError:
            raise StateMissing(
                f"No state file at {path}.",
                undone="Nothing was read or sent.",
                advice="If this is the first time: `ecmbraze init --non-interactive -c FILE`. "
                f"If not, restore a backup. {RESTORING}",
            ) from None
        if not stat.S_ISREG(entry.st_mode):
            raise _misplaced(path, "is not a regular file (a link, a folder or a device)", "Name the file itself.")
        if entry.st_uid != os.geteuid():
            why = f"belongs to user {entry.st_uid}, not to us ({os.geteuid()})"
            raise _misplaced(path, why, "Run as that user; or `chown` it, if it is yours.")
        if entry.st_mode & 0o077:
            why = f"can be read by others (mode {stat.S_IMODE(entry.st_mode):04o})"
            raise _misplaced(path, why, f"`chmod 600 {path}`")
        check_folder(path)
        if kind := networked(path):
            why = f"lies on a network file system ({kind}), where locks are not reliable"
            raise _misplaced(path, why, "Move it, with .key and .seal, to a local disk of the machine that runs it.")
        _check_journal(path)
        if any(os.path.lexists(path.with_name(path.name + ending)) for ending in ("-wal", "-shm")):
            raise unusable(path, "has a foreign -wal file beside it: it was copied wrongly")


def _check_journal(path: Path) -> None:
    """Raise for a journal that is none of ours: SQLite would play it into the state file."""
    journal = path.with_name(f"{path.name}-journal")
    try:
        entry = journal.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(entry.st_mode) or entry.st_nlink > 1:
        why = f"has a journal beside it that is a link or no file ({journal})"
    elif entry.st_uid != os.geteuid():
        why = f"has a journal beside it that belongs to user {entry.st_uid} ({journal})"
    elif entry.st_mode & 0o077:
        why = f"has a journal beside it that others may read or write ({journal}): ecmbraze makes it 0600"
    else:
        return
    raise _misplaced(path, why, "Find out who put it there before anything else; restore a backup if you cannot tell.")


def check_folder(path: Path, what: str = "The state file") -> None:
    """Raise when others may put a file beside the state: SQLite would play a planted journal back into it.

    A sticky folder (`/tmp`) keeps them from replacing the state, not from planting a journal, so it is refused too.
    """
    folder = path.parent.stat()
    if folder.st_uid not in (0, os.geteuid()):
        why = f"lies in a folder of user {folder.st_uid} ({path.parent}), who may change it"
        raise _misplaced(
            path, why, f"`chown` the folder and `chmod 700 {path.parent}`, or move the state elsewhere.", what
        )
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = f"lies in a folder that others may write ({path.parent}, mode {stat.S_IMODE(folder.st_mode):04o})"
        raise _misplaced(path, why, f"`chmod go-w {path.parent}`, or move the state into a folder of its own.", what)


def _misplaced(path: Path, why: str, advice: str, what: str = "The state file") -> StateUnusable:
    return StateUnusable(f"{what} {path} {why}.", undone="It was not touched.", advice=advice)


def _check_header(path: Path) -> None:
    with Explained(path, unusable), path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_HEADER):
        raise unusable(path, "is not a state file of ecmbraze")
    if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        raise unusable(path, "is a database, but not a state file of ecmbraze")
