"""The reading half of a plan file: what it holds, how much of it, and the hash a person confirms; writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action
from ecmbraze.ledger.codec import dump, moment
from ecmbraze.model import Action, Phase

# What a person confirms: every decision of a flow and what it rests on. What was read of workspaces shows in the
# facts, and watermarks and read times differ from look to look although nothing changed. A withdrawal is nothing to
# confirm: it left in the run that planned it.
CONFIRMED = f"phase <> {Phase.CONSENT:d}"
_HASHED = (
    ("fact", "record"), ("due", "record"), ("baseline", "type, mapping"), ("quarantine", "record, rule, customer"),
    ("action", "key, name"),
)  # fmt: skip
_MOMENTS = {"at", "id", "expires_at"}


class PlanReading:
    """Queries over one plan file."""

    database: Database

    def rows(self, sql: str, parameters: Iterable[object] = ()) -> Iterator[tuple[object, ...]]:
        yield from self.database.conn.execute(sql, tuple(parameters))

    def counts(self) -> Mapping[str, int]:
        return dict(self.database.conn.execute("SELECT name, n FROM counter").fetchall())

    def seen(self, type_name: str) -> int:
        return int(self.database.conn.execute("SELECT count(*) FROM seen WHERE type = ?", (type_name,)).fetchone()[0])

    def listed(self, type_name: str, number: int) -> bool:
        """Say whether the listing of a workspace type showed a node in this run."""
        query = "SELECT 1 FROM seen WHERE type = ? AND id = ?"
        return self.database.conn.execute(query, (type_name, number)).fetchone() is not None

    def holds(self, number: int) -> bool:
        """Say whether the plan has a mirror row of a workspace."""
        return self.database.conn.execute("SELECT 1 FROM workspace WHERE id = ?", (number,)).fetchone() is not None

    def todo(self, type_name: str, after: int, limit: int) -> list[tuple[int, str]]:
        """Return the next ``limit`` (id, why) above ``after``, in id order."""
        return self.database.conn.execute(
            "SELECT id, why FROM todo WHERE type = ? AND id > ? ORDER BY id LIMIT ?", (type_name, after, limit)
        ).fetchall()

    def actions(self, flow: str) -> Iterator[Action]:
        """Yield the planned actions of a flow in the order of planning."""
        query = f"SELECT {ACTION_COLUMNS} FROM action WHERE flow = ? ORDER BY id"
        yield from (read_action(row) for row in self.rows(query, (flow,)))

    def messages_of(self, flow: str) -> Iterator[Action]:
        """Yield the planned messages of a flow in the order of planning."""
        query = f"SELECT {ACTION_COLUMNS} FROM action WHERE flow = ? AND delivery = 'once' ORDER BY id"
        yield from (read_action(row) for row in self.rows(query, (flow,)))

    def planned(self, flow: str) -> int:
        """Return how many actions the plan holds for a flow."""
        return int(self.database.conn.execute("SELECT count(*) FROM action WHERE flow = ?", (flow,)).fetchone()[0])

    def messages(self, flow: str) -> tuple[int, int]:
        """Return how many messages the plan holds for a flow, and for how many people."""
        query = "SELECT count(*), count(DISTINCT recipient) FROM action WHERE delivery = 'once' AND flow = ?"
        messages, people = self.database.conn.execute(query, (flow,)).fetchone()
        return messages, people

    def people_because(self, flow: str, reason: str) -> int:
        """Return how many people the plan writes to for one reason."""
        query = "SELECT count(DISTINCT recipient) FROM action WHERE flow = ? AND reason = ?"
        return int(self.database.conn.execute(query, (flow, reason)).fetchone()[0])

    def skips(self, flow: str, types: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """Return every (record, customer, rule, reason) left out by a flow, or by the scan of its types."""
        marks = ",".join("?" * len(types))
        query = f"""SELECT record, customer, rule, reason FROM skip WHERE flow = ? OR (flow = '' AND
            cast(substr(record, 4) AS INTEGER) IN (SELECT id FROM seen WHERE type IN ({marks}))) ORDER BY id"""
        return self.database.conn.execute(query, (flow, *types)).fetchall()

    def watermarks(self, flow: str) -> dict[str, datetime]:
        """Return stream → watermark as the merge would leave it."""
        query = "SELECT stream, value FROM watermark WHERE flow = ?"
        return {row[0]: moment(row[1]) for row in self.database.conn.execute(query, (flow,))}

    def acting(self, flow: str) -> list[str]:
        """Return the records of which a flow would write something that a person confirms, in order."""
        query = f"SELECT DISTINCT record FROM action WHERE flow = ? AND {CONFIRMED} ORDER BY record"
        return [row[0] for row in self.database.conn.execute(query, (flow,))]

    def hash(self, flow: str) -> str:
        """Return sha256 over every decision of a flow in key order, without what differs from look to look."""
        digest = hashlib.sha256()
        for table, order in _HASHED:
            those = f"{CONFIRMED} AND flow = ?" if table == "action" else "flow = ?"
            cursor = self.database.conn.execute(f"SELECT * FROM {table} WHERE {those} ORDER BY {order}", (flow,))
            names = [column[0] for column in cursor.description]
            kept = [i for i, name in enumerate(names) if name not in _MOMENTS or table == "due"]
            for row in cursor:
                digest.update(f"{table}\x1f{dump([row[i] for i in kept])}\x1e".encode())
        return digest.hexdigest()
