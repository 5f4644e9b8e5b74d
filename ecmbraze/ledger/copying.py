"""Copy an open state file page by page, in short steps, so that a run that is writing it hardly waits."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ecmbraze.ledger import counting

# 400 kB: a step of a millisecond or two, after which a commit that waits has its turn.
_PAGES = 100


class _BegunAnew(Exception):
    """A commit of another process changed the file meanwhile: SQLite starts the copy from its first page."""


def copy_in_steps(source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    """Copy the file as it was at one commit; between two steps others may commit.

    Each commit that falls into it has the copy begin anew with steps twice as long, so that it comes to an end beside
    a run that never rests: at last it is one step, for which a commit waits.
    """
    pages = _PAGES
    while True:
        try:
            source.backup(copy, pages=pages, progress=_Watch(), sleep=0.01)
        except _BegunAnew:
            pages *= 2
        else:
            return


class _Watch:
    """Notice by what is left that the copy began anew."""

    def __init__(self) -> None:
        self._left: int | None = None

    def __call__(self, _status: int, left: int, _pages: int) -> None:
        if self._left is not None and left > self._left:
            raise _BegunAnew
        self._left = left


@contextmanager
def new_copy(source: sqlite3.Connection, scratch: Path) -> Iterator[None]:
    """Copy into a file that is made for it, 0600, through no link; it stands on disk in the block, and is gone after.

    Raises OSError for the disk.
    """
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        with closing(sqlite3.connect(scratch, isolation_level=None)) as copy:
            copy_in_steps(source, copy)
            if copy.execute("SELECT 1 FROM sqlite_schema WHERE name = 'commits'").fetchone():
                copy.execute("BEGIN IMMEDIATE")  # SQLite counts the commits of the copy, not those of its source
                counting.bind(copy, counting.counter(descriptor))
                copy.execute("COMMIT")
        os.fsync(descriptor)
        yield
    finally:
        os.close(descriptor)
        scratch.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Put the names in the folder of a file on disk."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
