"""Plan files on disk: how one comes to be, and which are garbage; reads no plan."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import suppress
from functools import cache
from pathlib import Path

from ecmbraze.errors import StorageError
from ecmbraze.ledger import schema
from ecmbraze.ledger.connection import Connection, Explained, connect, connect_nameless, of_the_disk, unusable_plan
from ecmbraze.ledger.lock import lock

# A folder that we may read but not write: on a read-only mount, or by its mode.
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def new_file(path: Path) -> Connection:
    """Make an empty file, 0600 whatever the umask, and open it."""
    with Explained(path, unusable_plan):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    return connect(path, unusable_plan)


def empty_plan(connection: sqlite3.Connection) -> None:
    """Give an empty file the tables of a plan: copied, since to make them takes a twentieth of a quiet round."""
    assert isinstance(connection, Connection)
    with connection.explained:
        _empty_plan().backup(connection)


@cache
def _empty_plan() -> sqlite3.Connection:
    made = sqlite3.Connection(":memory:", check_same_thread=False)
    made.executescript(schema.PLAN)
    return made


def new_nameless_file(path: Path) -> Connection:
    """Make an empty file, open it and take its name away, so that not even a kill leaves it behind.

    Where ``path`` cannot be written it stands among the temporary files.
    """
    try:
        descriptor = _claim(path)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise of_the_disk(path, error.strerror) from error
        return connect_nameless(unusable_plan)
    try:
        return connect(path, unusable_plan)
    finally:
        path.unlink()
        os.close(descriptor)


def _claim(path: Path) -> int:
    """Make a file and lock it; once more when a live run that clears garbage saw it before it was locked."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if lock(descriptor, path) and os.fstat(descriptor).st_nlink:
                return descriptor
        except StorageError:
            path.unlink(missing_ok=True)
            raise
        os.close(descriptor)


def remove_garbage(path: Path) -> None:
    """Remove a plan file nobody owns, unless a dry run is making it right now; what cannot be removed stays."""
    with suppress(OSError, StorageError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if lock(descriptor, path):
                path.unlink()
        finally:
            os.close(descriptor)
