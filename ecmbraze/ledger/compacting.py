"""Give back the room that the state file no longer needs: a new file, checked, takes the place of the old one."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from ecmbraze.ledger import counting, file, seal
from ecmbraze.ledger.connection import Connection, Explained, connect, unusable
from ecmbraze.ledger.copying import sync_folder
from ecmbraze.ledger.history import History
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.verifying import checks


def compact(path: Path) -> tuple[int, int]:
    """Write the file anew without its free pages; return its size before and after. The caller holds the run lock.

    While it lasts others may read, and nobody writes. A kill leaves the old file or the new one. Raises StateUnusable
    for a file that is not well, StorageError for the disk; then nothing changed.
    """
    Ledger.open(path).close()  # takes back what a crash left, migrates, refuses what is not ours
    scratch = path.with_name(f".{path.name}.compact")
    before = path.stat().st_size
    with closing(file.open_existing(path, read_only=True).conn) as reader, closing(connect(path, unusable)) as writer:
        # Closed in this order: `writer` first, since to close a descriptor of the file drops its locks.
        writer.execute("BEGIN IMMEDIATE")
        try:
            with Explained(scratch, unusable):
                _write(reader, scratch)
                for _ in checks(scratch, key=path):
                    pass
                seal.beside(path).unlink(missing_ok=True)  # it would take the new file for a damaged one
                scratch.replace(path)
                sync_folder(path)
        finally:
            with suppress(FileNotFoundError):
                scratch.unlink()
            writer.rollback()
    _seal(path)
    return before, path.stat().st_size


def _write(reader: Connection, scratch: Path) -> None:
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        reader.execute("PRAGMA query_only = 0")  # of the file that is read nothing is written: it is open for reading
        reader.execute("VACUUM INTO ?", (str(scratch),))
        with closing(connect(scratch, unusable)) as made:
            made.execute("BEGIN IMMEDIATE")
            counting.bind(made, counting.counter(descriptor))
            made.execute("COMMIT")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(path: Path) -> None:
    with closing(file.open_existing(path, read_only=True, pages=False).conn) as made:
        history = History.of(made, path)
        head, key = history.head(), history.key
    with suppress(OSError):
        seal.put(path, head=(head.length, head.digest), sign=key.sign if key else None)
