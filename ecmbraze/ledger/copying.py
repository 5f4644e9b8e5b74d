"""Copy an open state file page by page, in short steps, so that a run that is writing it hardly waits."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ecmbraze.errors import StorageError
from ecmbraze.ledger import counting
from ecmbraze.ledger.lock import lock

# The end of the name of a folder in which a copy is made, and the name of the copy.
_UNFINISHED, _COPY = ".ecmbraze-copy", "copy"
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
def new_copy(source: sqlite3.Connection, to: Path) -> Iterator[Path]:
    """Copy into a file that is made for it, 0600, beside ``to``; it stands on disk in the block, and is gone after.

    Raises OSError and StorageError for the disk, and while another process makes the same copy.
    """
    with _folder(to) as folder:
        scratch = folder / _COPY
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
            yield scratch
        finally:
            os.close(descriptor)


def unfinished(folder: Path) -> list[Path]:
    """Return what a kill left of copies that never became whole: they hold people, and nobody asks for them again."""
    return sorted(path for path in folder.glob(f".*{_UNFINISHED}") if _is_being_made(path) is False)


def remove_unfinished(folder: Path) -> None:
    """Remove what a kill left of copies; what cannot be removed stays."""
    for path in unfinished(folder):
        shutil.rmtree(path, ignore_errors=True)


def half_done(folder: Path) -> list[Path]:
    """Return the copies of which a kill came between the moment they got their name and the end of their block."""
    found = ((left, left.with_name(left.name[1:].removesuffix(_UNFINISHED))) for left in unfinished(folder))
    return [to for left, to in found if _is_same(left / _COPY, to)]


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return False


def _folder_of(to: Path) -> Path:
    return to.with_name(f".{to.name}{_UNFINISHED}")


@contextmanager
def _folder(to: Path) -> Iterator[Path]:
    """Make a folder for one copy and its journal, locked for as long as it is being made.

    Not the copy itself is locked: on a network file system SQLite could not lock it any more.
    """
    folder = _folder_of(to)
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir() and not _is_being_made(folder):
        shutil.rmtree(folder)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise StorageError(
            f"Another process is writing {to}.", undone="No copy was made.", advice="Let it end, or name another file."
        ) from None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with suppress(StorageError):
            lock(descriptor, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _is_being_made(folder: Path) -> bool | None:
    """Say whether a process is making a copy in a folder; ``None`` where the file system does not tell."""
    with suppress(OSError, StorageError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return not lock(descriptor, folder)
        finally:
            os.close(descriptor)
    return None


def sync_folder(path: Path) -> None:
    """Put the names in the folder of a file on disk."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
