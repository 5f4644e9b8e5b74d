"""The reading half of a plan file: what it holds, how much of it, and the hash a person confirms; writes nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action
from ecmbraze.ledger.attributerows import WRITES
from ecmbraze.ledger.codec import dump, load, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.model import Action, PersonKey, Phase, keys

# What a person confirms: every decision of a flow and what it rests on. What was read of workspaces shows in the
# facts, and watermarks and read times differ from look to look although nothing changed. A withdrawal is nothing to
# confirm: it left in the run that planned it.
CONFIRMED = f"phase <> {Phase.CONSENT:d}"
_HASHED = (
    ("fact", "record"),
    ("due", "record"),
    ("baseline", "stream, mapping"),
    ("quarantine", "record, rule, customer"),
    ("action", "key, name"),
)
# Of a look: its id, when it was, and what holds one of the two: the document of an asset.
_OF_THE_LOOK = ("look", "read", "document", "rendering")
_MOMENTS = {"at", "id", "expires_at"}
READ_BY = "read by "
"""What the note begins with that says when all was read of what is planned of a flow."""


class PlanReading:
    """Queries over one plan file."""

    database: Database

    def rows(self, sql: str, parameters: Iterable[object] = ()) -> Iterator[tuple[object, ...]]:
        yield from self.database.conn.execute(sql, tuple(parameters))

    def counts(self) -> Counter[tuple[str, str]]:
        """Return (scope, name) → count; of what was never counted 0."""
        rows = self.database.conn.execute("SELECT scope, name, n FROM counter")
        return Counter({(row[0], row[1]): row[2] for row in rows})

    def complete(self) -> frozenset[str]:
        """Return the streams whose listing was complete: what they did not show is missing."""
        return frozenset(row[0] for row in self.database.conn.execute("SELECT stream FROM scan WHERE complete"))

    def looked_through(self) -> frozenset[str]:
        """Return the streams whose listing came to its end, complete or by date."""
        return frozenset(row[0] for row in self.database.conn.execute("SELECT stream FROM scan WHERE newest NOT NULL"))

    def seen(self, stream: str) -> int:
        return int(self.database.conn.execute("SELECT count(*) FROM seen WHERE stream = ?", (stream,)).fetchone()[0])

    def listed(self, stream: str, record: str) -> bool:
        """Say whether the listing of a stream showed a record in this run."""
        query = "SELECT 1 FROM seen WHERE stream = ? AND record = ?"
        return self.database.conn.execute(query, (stream, record)).fetchone() is not None

    def holds(self, record: str) -> bool:
        """Say whether the plan has a mirror row of a record."""
        return self.database.conn.execute("SELECT 1 FROM record WHERE key = ?", (record,)).fetchone() is not None

    def unread_people(self, mappings: Sequence[str]) -> Iterator[str]:
        """Yield the people whom the workspaces read in this run lead to and of whom this plan holds no record."""
        query = f"""SELECT DISTINCT customer FROM recipient r WHERE mapping IN ({marks(mappings)})
                    AND NOT EXISTS (SELECT 1 FROM record WHERE key = ? || r.customer)"""
        values = (*mappings, PersonKey(recipient="").text)
        yield from (str(row[0]) for row in self.database.conn.execute(query, values))

    def todo(self, stream: str, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return the next ``limit`` (number, record, why) above the number ``after``, in the order of queueing."""
        return self.database.conn.execute(
            "SELECT id, record, why FROM todo WHERE stream = ? AND id > ? ORDER BY id LIMIT ?", (stream, after, limit)
        ).fetchall()

    def todos(self, stream: str) -> int:
        """Return how many details of a stream are queued."""
        query = "SELECT count(*) FROM todo WHERE stream = ?"
        return int(self.database.conn.execute(query, (stream,)).fetchone()[0])

    def actions(self, flow: str) -> Iterator[Action]:
        """Yield the planned actions of a flow in the order of planning."""
        query = f"SELECT {ACTION_COLUMNS} FROM action WHERE flow = ? ORDER BY id"
        for row in self.rows(query, (flow,)):
            yield from read_action(row).each

    def messages_of(self, flow: str) -> Iterator[Action]:
        """Yield the planned messages of a flow in the order of planning."""
        query = f"SELECT {ACTION_COLUMNS} FROM action WHERE flow = ? AND delivery = 'once' ORDER BY id"
        yield from (read_action(row) for row in self.rows(query, (flow,)))

    def doubtful(self, flow: str) -> frozenset[str]:
        """Return the keys of the messages of a flow that are staged as held; see :class:`Adoption`."""
        rows = self.rows("SELECT key FROM action WHERE flow = ? AND doubtful", (flow,))
        return frozenset(str(row[0]) for row in rows)

    def planned(self, flow: str) -> int:
        """Return how many actions the plan holds for a flow."""
        return int(self.database.conn.execute(f"SELECT {WRITES} FROM action WHERE flow = ?", (flow,)).fetchone()[0])

    def of_kinds(self, flow: str, kinds: Collection[str]) -> int:
        """Return how many actions of some kinds the plan holds for a flow."""
        query = f"SELECT count(*) FROM action WHERE flow = ? AND kind IN ({marks(kinds)})"
        return int(self.database.conn.execute(query, (flow, *kinds)).fetchone()[0])

    def messages(self, flow: str) -> tuple[int, int]:
        """Return how many messages the plan holds for a flow, and for how many people."""
        query = "SELECT count(*), count(DISTINCT recipient) FROM action WHERE delivery = 'once' AND flow = ?"
        messages, people = self.database.conn.execute(query, (flow,)).fetchone()
        return messages, people

    def people_because(self, flow: str, reason: str) -> int:
        """Return how many people the plan writes to for one reason."""
        query = "SELECT count(DISTINCT recipient) FROM action WHERE flow = ? AND reason = ?"
        return int(self.database.conn.execute(query, (flow, reason)).fetchone()[0])

    def _skips(self, flow: str, streams: Sequence[str], also_seen: Sequence[str]) -> list[tuple[str, str, str, str]]:
        query = f"""SELECT record, customer, rule, reason FROM skip WHERE flow = ? OR (flow = ''
            AND (record IN (SELECT record FROM seen WHERE stream IN ({marks(streams)}))
                 OR record IN (SELECT value FROM json_each(?)))) ORDER BY id"""
        return self.database.conn.execute(query, (flow, *streams, dump(also_seen))).fetchall()

    def watermarks(self, flow: str) -> dict[str, datetime]:
        """Return stream → watermark as the merge would leave it."""
        query = "SELECT stream, value FROM watermark WHERE flow = ?"
        return {row[0]: moment(row[1]) for row in self.database.conn.execute(query, (flow,))}

    def acting(self, flow: str) -> list[str]:
        """Return the records of which a flow would write something that a person confirms, in order."""
        query = f"SELECT DISTINCT record FROM action WHERE flow = ? AND {CONFIRMED} ORDER BY record"
        return [row[0] for row in self.database.conn.execute(query, (flow,))]

    def looks(self, flow: str) -> dict[str, tuple[str, ...]]:
        """Return record → what of its facts differs from look to look, of people and content in Braze (`engine/scan/`).

        It is no decision wherever it stands: a dry run and the live run after it look twice.
        """
        query = "SELECT record, facts FROM fact WHERE flow = ? AND instr(facts, '\"look\":')"
        found = ((row[0], load(row[1])) for row in self.database.conn.execute(query, (flow,)))
        return {record: tuple(facts[name] for name in _OF_THE_LOOK if facts.get(name)) for record, facts in found}

    def moments(self, flow: str) -> list[datetime]:
        """Return when this plan looked at people and planned a flow; nothing where people are not looked at.

        A record of them says when it was seen. Two plans over the same facts differ by that, and by nothing else.
        """
        query = """SELECT began FROM scan WHERE stream = :people UNION SELECT at FROM fact WHERE flow = :flow
                   UNION SELECT modified_at FROM fact WHERE flow = :flow AND instr(record, :person) = 1
                   UNION SELECT value FROM meta WHERE name = :read_by"""
        people = {"people": keys.PEOPLE, "person": PersonKey(recipient="").text}
        if not self.database.conn.execute("SELECT 1 FROM scan WHERE stream = ?", (keys.PEOPLE,)).fetchone():
            return []
        values = {**people, "flow": flow, "read_by": READ_BY + flow}
        return [moment(row[0]) for row in self.database.conn.execute(query, values)]

    def hash(self, flow: str) -> str:
        """Return sha256 over every decision of a flow in key order, without what differs from look to look."""
        digest, looks = hashlib.sha256(), self.looks(flow)
        for table, order in _HASHED:
            those = f"{CONFIRMED} AND flow = ?" if table == "action" else "flow = ?"
            cursor = self.database.conn.execute(f"SELECT * FROM {table} WHERE {those} ORDER BY {order}", (flow,))
            names = [column[0] for column in cursor.description]
            kept = [i for i, name in enumerate(names) if name not in _MOMENTS or table == "due"]
            of = names.index("record") if "record" in names else None
            for row in cursor:
                look = looks.get(row[of], ()) if of is not None else ()
                text = without(look, dump([row[i] for i in kept]))
                digest.update(f"{table}\x1f{text}\x1e".encode())
        return digest.hexdigest()


def without(look: Iterable[str], text: str) -> str:
    """Return a text without what differs from look to look."""
    for one in look:
        text = text.replace(one, "")
    return text
