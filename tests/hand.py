"""Edit a state file by hand for a test, so that the program takes the edit for a commit of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def unnoticed(state: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection in one transaction, which counts as one commit of ours."""
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("UPDATE commits SET n = n + 1")
        connection.execute("COMMIT")


def rows(state: Path) -> list[str]:
    """Return every table and every row but the count of commits, which belongs to the one file."""
    with closing(sqlite3.connect(state)) as connection:
        return sorted(line for line in connection.iterdump() if not line.startswith('INSERT INTO "commits"'))
