"""The records that a run plans, in order and on the disk: the first run plans all there are. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ecmbraze.ledger.connection import connect_nameless, unusable_plan


class Pending:
    """Keys of records, each once, in the order of :func:`ecmbraze.model.keys.order`; gone with its block.

    Of more than ``limit`` the first are returned.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = -1 if limit is None else limit
        self._file = connect_nameless(unusable_plan)
        self._file.execute("PRAGMA journal_mode = OFF").fetchall()
        self._file.execute(
            """CREATE TABLE key (
                kind TEXT, size INTEGER, text TEXT, PRIMARY KEY (kind, size, text)
            ) STRICT, WITHOUT ROWID"""
        )
        self._file.execute("BEGIN")  # what is written stays in the cache while it has room there

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.execute("COMMIT")
        self._file.close()

    def add(self, keys: Iterable[str]) -> None:
        """Take keys in; those that are there already stay."""
        put = "INSERT OR IGNORE INTO key VALUES (substr(?1, 1, instr(?1, ':')), length(?1), ?1)"
        self._file.executemany(put, ((key,) for key in keys))

    def __iter__(self) -> Iterator[str]:
        query = "SELECT text FROM key ORDER BY kind, size, text LIMIT ?"
        yield from (row[0] for row in self._file.execute(query, (self._limit,)))
