"""Kill a run in this process at a crossing of a seam, so that what is left equals what a SIGKILL leaves.

The seams are those of ``tests/crashing``: each transaction on a file of SQLite, each exchange with a system. At the
kill the folder of the state file is copied as its bytes lie on the disk, a hot journal too; the next start
uses the copy. What the dead run still does while Python unwinds it meets the abandoned folder only, and can neither
commit nor ask a twin: every further crossing of it is fatal again.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

_SEAMS = ("BEGIN", "COMMIT")


class Killed(BaseException):
    """The run is dead. Nothing of the product catches it."""


class Crossings:
    """The crossings of one run; it dies at the number that was ordered, and ``happen`` runs at others."""

    def __init__(
        self, folder: Path, successor: Path, die_at: int | None, happen: Mapping[int, Callable[[], None]]
    ) -> None:
        self._folder, self._successor, self._die_at, self._happen = folder, successor, die_at, happen
        self.names: list[str] = []
        self.dead = False

    def cross(self, name: str) -> None:
        """Note one crossing. Raises Killed at the ordered one and ever after."""
        if self.dead:
            raise Killed
        self.names.append(name)
        if len(self.names) == self._die_at:
            shutil.copytree(self._folder, self._successor)
            self.dead = True
            raise Killed
        if what := self._happen.get(len(self.names)):
            what()


@contextmanager
def watched(crossings: Crossings) -> Iterator[None]:
    """Wrap SQLite for the length of a run, run what it would hand to threads at once, and let go of its files."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*args: Any, factory: type[sqlite3.Connection] = sqlite3.Connection, **more: Any) -> Any:
        connection = connect(*args, factory=_crossed(factory), **more)
        connection.crossings = crossings  # type: ignore[attr-defined]  # the subclass has it
        made.append(connection)
        return connection

    with patch.object(sqlite3, "connect", connected), in_one_thread():
        try:
            yield
        finally:
            for connection in made if crossings.dead else ():
                with suppress(sqlite3.Error):
                    connection.close()


_CLASSES: dict[str, type[sqlite3.Connection]] = {}


def _crossed(factory: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
    if factory.__qualname__ in _CLASSES:
        return _CLASSES[factory.__qualname__]

    def execute(connection: Any, sql: str, *values: Any) -> sqlite3.Cursor:
        word = sql.lstrip()[:6].rstrip("; ").upper()
        if word not in _SEAMS:
            return factory.execute(connection, sql, *values)
        connection.crossings.cross(f"{word}:before")
        cursor = factory.execute(connection, sql, *values)
        connection.crossings.cross(f"{word}:after")
        return cursor

    made = type("Crossed", (factory,), {"execute": execute, "crossings": None})
    _CLASSES[factory.__qualname__] = made
    return made


class InlinePool:
    """Stands in for ThreadPoolExecutor: what is handed in runs at once, so that a seed is one story for ever."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def submit(self, do: Callable[..., Any], *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(do(*args, **more))
        except Exception as error:  # Killed goes through: no thread survives a kill
            future.set_exception(error)
        return future

    def map(self, do: Callable[..., Any], *iterables: Any) -> Iterator[Any]:
        return iter([do(*each) for each in zip(*iterables, strict=False)])

    def shutdown(self, **_: object) -> None: ...


_STAND_INS = {"ThreadPoolExecutor": InlinePool, "as_completed": list}


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Replace the pools of the engine, wherever a module of it has one, and the order in which results come in."""
    taken = _threaded()
    try:
        for module, name, _ in taken:
            setattr(module, name, _STAND_INS[name])
        yield
    finally:
        for module, name, own in taken:
            setattr(module, name, own)


@cache
def _threaded() -> tuple[tuple[Any, str, Any], ...]:
    """Return (module, name, what it is) of every pool of the engine."""
    return tuple(
        (module, name, vars(module)[name])
        for path, module in list(sys.modules.items())
        if path.startswith("ecmbraze.engine")
        for name in _STAND_INS
        if name in vars(module)
    )
