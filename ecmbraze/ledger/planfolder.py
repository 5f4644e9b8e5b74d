"""Plan files on disk: which are garbage, and to which flow one belongs; reads no plan."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path


def remove_garbage(path: Path) -> None:
    """Remove a plan file nobody owns, unless a dry run is writing it right now."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)


def flow_of(path: Path) -> str:
    """Return the flow a plan file belongs to; empty when it is no plan file."""
    try:
        with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'flow'").fetchone()
    except sqlite3.Error:
        return ""
    return str(row[0]) if row else ""
