"""Kill the program at any crossing of a seam.

The seams are where the program touches what outlives it: each transaction on the state file and each HTTP exchange.
They are wrapped from outside, so that a new write cannot escape.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

from ecmbraze.systems.http import Http

_SEAMS = ("BEGIN", "COMMIT")


class Crossings:
    """Count the crossings, note their names, and die at the one that was ordered."""

    def __init__(self, die_at: int | None, book: Path) -> None:
        self._die_at, self._book, self._count, self._lock = die_at, book, 0, threading.Lock()

    def cross(self, name: str) -> None:
        """Note one crossing; never returns from the ordered one."""
        with self._lock:
            self._count += 1
            with self._book.open("a", encoding="utf-8") as book:
                book.write(f"{name}\n")
            if self._count == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)


def install(die_at: int | None, book: Path) -> None:
    """Wrap both seams of this process."""
    crossings = Crossings(die_at, book)

    connect, once = sqlite3.connect, Http.once

    def connected(
        *args: Any, factory: type[sqlite3.Connection] = sqlite3.Connection, **more: Any
    ) -> sqlite3.Connection:
        def execute(connection: sqlite3.Connection, sql: str, *values: Any) -> sqlite3.Cursor:
            word = sql.split(None, 1)[0].upper()
            if word not in _SEAMS:
                return factory.execute(connection, sql, *values)
            crossings.cross(f"{word}:before")
            cursor = factory.execute(connection, sql, *values)
            crossings.cross(f"{word}:after")
            return cursor

        def rollback(connection: sqlite3.Connection) -> None:
            if connection.in_transaction:
                crossings.cross("ROLLBACK:before")
            factory.rollback(connection)

        own = {"execute": execute, "rollback": rollback}
        return connect(*args, factory=type("Connection", (factory,), own), **more)

    def crossed(http: Http, method: str, path: str, **more: Any) -> Any:
        crossings.cross(f"{method} {path.split('?')[0]}:before")
        answer = once(http, method, path, **more)
        crossings.cross(f"{method} {path.split('?')[0]}:after")
        return answer

    setattr(sqlite3, "connect", connected)  # noqa: B010 the seam
    setattr(Http, "once", crossed)  # noqa: B010 the seam
