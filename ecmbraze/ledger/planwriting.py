"""How a plan file is written: many statements in one transaction, counts when it ends; knows nothing of plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ecmbraze.errors import StorageError
from ecmbraze.ledger.codec import dump
from ecmbraze.ledger.connection import Connection
from ecmbraze.ledger.planreading import PlanReading

# Rows in one transaction: each alone would be written out by itself. The journal is in memory, so it has an end: of a
# large plan each row dirties pages of its own, in every index.
_TOGETHER = 2000
# What listings show is written so many keys at a time, in their order: in that of the listing, which is none, each key
# of a million dirties a page of its own, four kilobytes a workspace.
_PORTION = 30_000
# Rows of one statement that wait for each other: one by one each costs half as much again.
_AT_ONCE = 200


class PlanWriting(PlanReading):
    """Write a plan file by way of few transactions; another connection sees what was written after :meth:`commit`."""

    def __init__(self) -> None:
        self._counted, self._begun = Counter[tuple[str, str]](), 0
        self._hashed, self._uncounted = dict[str, tuple[int, str]](), 0
        self._waiting = dict[str, list[Sequence[Any]]]()
        self._seen = dict[str, str]()

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        """Write as a part of the transaction in hand."""
        self._begin()
        self.database.conn.execute(sql, values)

    def _write_all(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write one statement for each of some rows; see :meth:`_write`."""
        if rows:
            self._begin()
            self.database.conn.executemany(sql, rows)

    def _begin(self) -> None:
        """Begin a transaction, or go on with one that is not full yet."""
        if self._waiting:
            self._write_waiting()
        if self.database.conn.total_changes - self._begun >= _TOGETHER:
            self._end()
        if not self.database.conn.in_transaction:
            self.database.conn.execute("BEGIN")
            self._begun = self.database.conn.total_changes

    def _write_soon(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows together with others, at the latest before the next statement of this connection."""
        waiting = self._waiting.setdefault(sql, [])
        waiting.extend(rows)
        if len(waiting) >= _AT_ONCE:
            self._write_waiting()
        elif self._connection.first is None:
            self._connection.first = self._write_waiting

    def _write_waiting(self) -> None:
        self._connection.first = None
        waiting, self._waiting = self._waiting, {}
        try:
            for sql, rows in waiting.items():
                self._write_all(sql, rows)
        except StorageError:
            raise  # it ends the run, and nothing of the run is staged
        except BaseException:  # a value that no column takes: whoever reads may pass over that, but not over the rows
            self._waiting, self._connection.first = waiting, self._write_waiting
            raise

    @property
    def _connection(self) -> Connection:
        made = self.database.conn
        assert isinstance(made, Connection)
        return made

    def mark_seen(self, stream: str, records: Iterable[str]) -> set[str]:
        """Note the records of one listing page and return those that were new to this scan."""
        listed = [one for one in dict.fromkeys(records) if one not in self._seen]
        new = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT record FROM seen)"
        found = {str(row[0]) for row in self.database.conn.execute(new, (dump(listed),))}
        self._seen |= dict.fromkeys(found, stream)
        if len(self._seen) >= _PORTION:
            self.write_seen()
        return found

    def write_seen(self) -> None:
        """Write what was noted as seen, so that a query finds it."""
        rows = sorted(self._seen.items())
        for at in range(0, len(rows), _TOGETHER):
            self._write_all("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows[at : at + _TOGETHER])
        self._seen = {}  # not before: what finds no room is still told in the report

    def seen(self, stream: str) -> int:
        self.write_seen()
        return super().seen(stream)

    def listed(self, stream: str, record: str) -> bool:
        """Say whether the listing of a stream showed a record in this run."""
        return self._seen.get(record) == stream or super().listed(stream, record)

    def skips(self, flow: str, streams: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """Return every (record, customer, rule, reason) left out by a flow, or by the scan of its streams.

        It writes nothing: the report of a run that found no room asks for it.
        """
        return self._skips(flow, streams, [record for record, stream in self._seen.items() if stream in streams])

    def commit(self) -> None:
        """End the transaction in hand, so that another connection may read what was written."""
        self.write_seen()
        self._end()

    def _end(self) -> None:
        try:
            self._write_waiting()
            self.database.conn.executemany(
                "INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                ((*name, n) for name, n in self._counted.items()),
            )
            if self.database.conn.in_transaction:
                self.database.conn.execute("COMMIT")
        except StorageError:
            self.database.conn.rollback()  # what was committed before is still there for the report
            raise
        self._uncounted += len(self._counted)
        self._counted = Counter()

    def counts(self) -> Counter[tuple[str, str]]:
        """Return (scope, name) → count; of what was never counted 0."""
        found = super().counts()
        found.update(self._counted)
        return found

    def hash(self, flow: str) -> str:
        """Return sha256 over every decision of a flow in key order, without what differs from look to look."""
        self._write_waiting()
        changes = self.database.conn.total_changes - self._uncounted
        if self._hashed.get(flow, (-1, ""))[0] != changes:
            self._hashed[flow] = (changes, super().hash(flow))
        return self._hashed[flow][1]

    def put_editor(self, record: str, *, by_us: bool) -> None:
        """Note whether the last edit of a workspace was ours; what planning may ask, no decision."""
        self._write("INSERT OR REPLACE INTO editor VALUES (?, ?)", (record, int(by_us)))

    def count(self, scope: str, name: str, n: int = 1) -> None:
        """Add ``n`` to one of the counts of the run report. The scope is a stream that was scanned, or a flow."""
        self._counted[scope, name] += n
