"""How a plan file is written: many statements in one transaction, counts when it ends; knows nothing of plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ecmbraze.errors import StorageError
from ecmbraze.ledger.planreading import PlanReading

# Statements in one transaction: each alone would be written out by itself. The journal is in memory, so it has an end:
# of a large plan each row dirties pages of its own, in every index.
_TOGETHER = 500
# Rows, where one statement writes many.
_ROWS = 1000


class PlanWriting(PlanReading):
    """Write a plan file by way of few transactions; another connection sees what was written after :meth:`commit`."""

    def __init__(self) -> None:
        self._counted, self._writes, self._begun = Counter[tuple[str, str]](), 0, 0
        self._hashed, self._uncounted = dict[str, tuple[int, str]](), 0

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        """Write as a part of the transaction in hand."""
        if self._writes >= _TOGETHER or self.database.conn.total_changes - self._begun >= _ROWS:
            self.commit()
        if not self.database.conn.in_transaction:
            self.database.conn.execute("BEGIN")
            self._begun = self.database.conn.total_changes
        self._writes += 1
        self.database.conn.execute(sql, values)

    def _write_all(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write one statement for each of some rows; see :meth:`_write`."""
        if rows:
            self._write(sql, rows[0])
            self._writes += len(rows) - 1
            self.database.conn.executemany(sql, rows[1:])

    def commit(self) -> None:
        """End the transaction in hand, so that another connection may read what was written."""
        try:
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
        self._counted, self._writes = Counter(), 0

    def counts(self) -> Counter[tuple[str, str]]:
        """Return (scope, name) → count; of what was never counted 0."""
        found = super().counts()
        found.update(self._counted)
        return found

    def hash(self, flow: str) -> str:
        """Return sha256 over every decision of a flow in key order, without what differs from look to look."""
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
