"""Make and open the state file, refusing every file that is not safely ours; reads no business table."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.errors import StateMissing, StateNewer, StateUnusable, StorageError
from ecmbraze.ledger import schema
from ecmbraze.ledger.lock import held
from ecmbraze.ledger.migrations import migrate

_HEADER = b"SQLite format 3\x00"
# Another process may read (a dry run, a backup): settle waits long rather than make a doubt.
BUSY_MS = 60_000


def create(path: Path) -> Database:
    """Create an empty state file of the current version, mode 0600 whatever the umask.

    Raises StateUnusable when something already stands there, StorageError when it cannot be written.
    """
    try:
        _make_folder(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except FileExistsError:
        raise StateUnusable(
            f"{path} exists already.", undone="Nothing was written.",
            advice="Go on using it, or move it away first if you really want to start from a new baseline.",
        ) from None  # fmt: skip
    except OSError as error:
        raise StorageError(f"Cannot create {path}: {error.strerror}.", undone="Nothing was written.") from error
    database = _connect(path, read_only=False)
    with database.atomic():
        for statement in _statements(schema.LEDGER):
            database.execute(statement)
    _pragma(database, f"application_id = {schema.APPLICATION_ID}")
    _pragma(database, f"user_version = {schema.VERSION}")
    return database


def check(path: Path) -> int:
    """Raise what is wrong with the file as it lies there, without opening it as a database; return its version."""
    _check_place(path)
    return _check_header(path)


def open_existing(path: Path, *, read_only: bool) -> Database:
    """Open the state file after checking that it is ours, private and whole.

    Raises StateMissing (10), StateUnusable (12), StateNewer (14) or StorageError (16); never creates a file.
    """
    version = check(path)
    if read_only and version < schema.VERSION:
        raise StorageError(
            f"{path} is of version {version}, this program writes {schema.VERSION}.",
            undone="Nothing was read or sent.", advice="A live run migrates it; start one, then repeat this command.",
        )  # fmt: skip
    if read_only and path.with_name(path.name + "-journal").exists() and not held(path):
        raise StorageError(
            f"{path} has a hot journal: a run was interrupted.", undone="Nothing was read or sent.",
            advice="A live run recovers it; start one, then repeat this command.",
        )  # fmt: skip
    database = _connect(path, read_only=read_only)
    with guarded(path):
        if version < schema.VERSION:
            migrate(database.conn, path, version)
        problems = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise unusable(path, f"fails SQLite's own check ({problems[0]})")
    return database


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: 12 for a damaged file, 16 for the disk."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path}: {error}.", undone="What was not committed did not happen.",
            advice="Make room or remove the cause, then run the same command again.",
        ) from error  # fmt: skip
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
            raise
        raise unusable(path, f"is damaged ({error})") from error


def _connect(path: Path, *, read_only: bool) -> Database:
    uri = f"file:{_quoted(path)}?mode={'ro' if read_only else 'rw'}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000)
    except sqlite3.Error as error:
        raise StorageError(f"Cannot open {path}: {error}.", undone="Nothing was read or sent.") from error
    database = Database(connection, execute_plugins=False)
    with guarded(path):
        _pragma(database, "journal_mode = DELETE" if not read_only else "query_only = 1")
        _pragma(database, "synchronous = EXTRA")
        _pragma(database, "secure_delete = ON")
    return database


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot create {folder}: {error.strerror}.", undone="Nothing was written.") from error


def _quoted(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _pragma(database: Database, text: str) -> None:
    database.conn.execute(f"PRAGMA {text}").fetchall()


def _statements(script: str) -> Iterator[str]:
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            if text.strip(" \n;"):
                yield text
            text = ""


def _check_place(path: Path) -> None:
    try:
        entry = path.lstat()
        folder = path.parent.stat()
    except FileNotFoundError:
        raise StateMissing(
            f"No state file at {path}.", undone="Nothing was read or sent.",
            advice="If this is the first time: `ecmbraze init --non-interactive -c FILE`. If not: restore it.",
        ) from None  # fmt: skip
    except OSError as error:
        raise StorageError(f"Cannot look at {path}: {error.strerror}.", undone="Nothing was read or sent.") from error
    if not stat.S_ISREG(entry.st_mode):
        raise unusable(path, "is not a regular file (a link, a folder or a device)")
    if entry.st_uid != os.geteuid():
        raise unusable(path, f"belongs to user {entry.st_uid}, not to us ({os.geteuid()})")
    if entry.st_mode & 0o077:
        raise unusable(path, f"can be read by others (mode {stat.S_IMODE(entry.st_mode):04o}); `chmod 600` it")
    if folder.st_mode & 0o002 and not folder.st_mode & stat.S_ISVTX:
        raise unusable(path, f"lies in a folder that everybody may write ({path.parent})")
    if any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-shm")):
        raise unusable(path, "has a foreign -wal file beside it: it was copied wrongly")


def _check_header(path: Path) -> int:
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror}.", undone="Nothing was read or sent.") from error
    if len(header) < 100 or not header.startswith(_HEADER):
        raise unusable(path, "is not a state file of ecmbraze")
    if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        raise unusable(path, "is a database, but not a state file of ecmbraze")
    version = int.from_bytes(header[60:64], "big")
    if version > schema.VERSION:
        raise StateNewer(
            f"{path} is of version {version}; this program knows {schema.VERSION}.", undone="It was not touched.",
            advice="Install the newer ecmbraze again.",
        )  # fmt: skip
    return version


def unusable(path: Path, why: str) -> StateUnusable:
    """Return the error of a state file that must not be used as it is."""
    return StateUnusable(
        f"The state file {path} {why}.", undone="It was not touched; nothing was read or sent.",
        advice="Put it right or restore a backup; a new one would forget what was already sent.",
    )  # fmt: skip
