"""What we remember of records, whoever asks: the ground for telling new, changed and unread; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from ecmbraze.ledger.codec import instant, load, load_documents, load_each, load_facts, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.model import ContentKey, Document, Facts, Json, Key, PersonKey, Record, WorkspaceKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.document_kinds import relevant


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One record as it was last read; facts and documents as canonical text, to tell whether a reading differs."""

    facts: str
    documents: str
    name: str
    created_at: datetime
    modified_at: datetime
    again: bool
    """Whether to look once more: an edit may bear the same second, columns and details disagreed, or it was gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One record of a stream as it was last read: since when its facts are so, and when they were read last."""

    key: str
    facts: Facts
    since: datetime
    at: datetime
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many people workspaces lead to, how many of them were never read, and how many not since a moment."""

    known: int
    unread: int
    overdue: int


class Mirror:
    """The ledger's directory of workspaces, of people in Braze, and of which leads to which."""

    def __init__(self, database: Database, digest: Callable[[str], str]) -> None:
        self._database, self._digest = database, digest

    def held(self, records: Collection[str]) -> Mapping[str, Held]:
        """Return what the mirror holds of those records that we know, by the text of their key."""
        query = f"""SELECT key, facts, documents, name, created_at, modified_at, again OR missed >= {GONE} FROM record
                    WHERE key IN ({marks(records)})"""
        return {
            row[0]: Held(
                facts=row[1],
                documents=row[2],
                name=row[3],
                created_at=moment(row[4]),
                modified_at=moment(row[5]),
                again=bool(row[6]),
            )
            for row in self._database.execute(query, tuple(records))
        }

    def settled(self, records: Collection[str]) -> Iterator[tuple[str, str, datetime, Mapping[str, Any]]]:
        """Yield (record, name, modify date, facts) of those that we know and need not look at once more.

        With lists where facts have tuples. It costs half of :meth:`held`, and most records are as they were.
        """
        query = f"""SELECT key, name, modified_at, facts FROM record
                    WHERE key IN ({marks(records)}) AND NOT again AND missed < {GONE}"""
        rows = self._database.execute(query, tuple(records)).fetchall()
        for (key, name, modified, _), facts in zip(rows, load_each([row[3] for row in rows]), strict=True):
            yield key, name, moment(modified), facts

    def is_gone(self, record: str) -> bool:
        """Say whether two complete listings missed a record."""
        query = "SELECT 1 FROM record WHERE key = ? AND missed >= ?"
        return self._database.execute(query, (record, GONE)).fetchone() is not None

    def known(self, stream: str) -> int:
        """Return how many records of the stream the last complete listing showed."""
        # By the index over streams each row would be looked up: ten times the work for a type that is most of the file.
        query = "SELECT count(*) FROM record NOT INDEXED WHERE stream = ? AND missed = 0"
        return int(self._database.execute(query, (stream,)).fetchone()[0])

    def armed(self, stream: str) -> frozenset[str]:
        """Return the fact names for which the whole stream was once read."""
        query = "SELECT name FROM armed WHERE stream = ?"
        return frozenset(row[0] for row in self._database.execute(query, (stream,)))

    def columns(self, stream: str) -> Mapping[str, str]:
        """Return fact → listing column that was proven to carry it; an empty column was contradicted since."""
        return dict(self._database.execute("SELECT fact, name FROM column_of WHERE stream = ?", (stream,)).fetchall())

    def whole(self, stream: str) -> Iterator[Read]:
        """Yield every record of a stream as it was last read, gone or not, in no order."""
        query = "SELECT key, facts, modified_at, read_at, missed FROM record WHERE stream = ?"
        for key, facts, modified, read, missed in self._database.execute(query, (stream,)):
            yield Read(key=key, facts=load_facts(facts), since=moment(modified), at=moment(read), gone=missed >= GONE)

    def oldest_reads(self, stream: str, before: datetime, limit: int) -> list[str]:
        """Return up to ``limit`` records whose last detail read is oldest and before ``before``."""
        rows = self._database.execute(
            "SELECT key FROM record WHERE stream = ? AND missed = 0 AND read_at < ? ORDER BY read_at, key LIMIT ?",
            (stream, instant(before), limit),
        )
        return [row[0] for row in rows]

    def unsettled(self, stream: str) -> Mapping[str, bool]:
        """Return the workspaces of a stream that we wrote to without learning whether it arrived.

        Each with whether the last complete listing missed it.
        """
        # The target of a category's values is "ws:4711/category/<name>".
        query = """SELECT key, missed FROM record WHERE +stream = ? AND key IN
                   (SELECT substr(target, 1, instr(target, '/category/') - 1) FROM attempted) ORDER BY key"""
        return {row[0]: bool(row[1]) for row in self._database.execute(query, (stream,))}

    def oldest_read_at(self, stream: str) -> datetime | None:
        """Return when the record read longest ago was read; ``None`` for an empty stream.

        ``None`` too where each listing carries all facts: then none is older than the listing.
        """
        if any(self.columns(stream).values()):
            return None
        query = "SELECT min(read_at) FROM record WHERE stream = ? AND missed = 0"
        text = self._database.execute(query, (stream,)).fetchone()[0]
        return moment(text) if text else None

    def read_at(self, records: Collection[str]) -> Mapping[str, tuple[str, datetime]]:
        """Return record → (its stream, when it was last read) of those that we know."""
        query = f"SELECT key, stream, read_at FROM record WHERE key IN ({marks(records)})"
        return {row[0]: (row[1], moment(row[2])) for row in self._database.execute(query, tuple(records))}

    def documents(self, stream: str) -> Iterator[tuple[str, Document]]:
        """Yield (record, document) of every document kept of a stream, in the order of the records."""
        query = f"SELECT key, documents FROM record WHERE stream = ? AND missed = 0 AND documents <> '[]' {IN_ORDER}"
        for record, text in self._database.execute(query, (stream,)):
            yield from ((record, document) for document in load_documents(text))

    def looked(self, what: str, stream: str) -> datetime | None:
        """Return how far a look that all flows share has come with a stream; ``None`` before the first time."""
        query = "SELECT at FROM looked WHERE what = ? AND stream = ?"
        row = self._database.execute(query, (what, stream)).fetchone()
        return moment(row[0]) if row else None

    def looked_size(self, what: str, stream: str) -> int:
        """Return how much such a look showed the last time; 0 before the first time."""
        query = "SELECT size FROM looked WHERE what = ? AND stream = ?"
        row = self._database.execute(query, (what, stream)).fetchone()
        return int(row[0]) if row else 0

    def looked_below(self, prefix: str, stream: str) -> Mapping[str, tuple[datetime, int]]:
        """Return what every look whose name begins so showed: how far it came, and how much."""
        query = "SELECT what, at, size FROM looked WHERE stream = ? AND substr(what, 1, ?) = ?"
        rows = self._database.execute(query, (stream, len(prefix), prefix))
        return {what.removeprefix(prefix): (moment(at), size) for what, at, size in rows}

    def records(self, needs: Needs) -> Iterator[Record]:
        """Yield every record of a flow's streams as it was last read, stream by stream, without those that are gone."""
        query = f"SELECT {RECORD_COLUMNS} FROM record WHERE stream = ? AND missed < {GONE} {IN_ORDER}"
        for stream in needs.streams:
            for row in self._database.execute(query, (stream,)):
                yield read_record(row, needs)

    def crowd(self, mappings: Sequence[str], before: datetime) -> Crowd:
        """Count the people whom workspaces lead to under these customer mappings; overdue were not read since then."""
        query = f"""SELECT count(*), count(*) FILTER (WHERE p.key IS NULL),
                           count(*) FILTER (WHERE p.key IS NULL OR p.read_at <= ?)
                    FROM (SELECT DISTINCT r.customer FROM recipient r JOIN record w ON w.key = r.record
                          WHERE r.mapping IN ({marks(mappings)}) AND w.missed < {GONE}) c
                    LEFT JOIN record p ON p.key = ? || c.customer"""
        row = self._database.execute(query, (instant(before), *mappings, _PERSON)).fetchone()
        return Crowd(known=row[0], unread=row[1], overdue=row[2])

    def oldest_people(self, mappings: Sequence[str], limit: int) -> list[str]:
        """Return up to ``limit`` people whom workspaces lead to under these customer mappings, as recipients.

        First those whose own record was never read, then those read longest ago; of equal ones in the order of their
        text. Whom only workspaces that are gone lead to is left out.
        """
        found = self._never_read(mappings, limit)
        if len(found) < limit:
            known = f"""SELECT p.key FROM record p WHERE p.stream = ? AND EXISTS (
                        SELECT 1 FROM recipient r JOIN record w ON w.key = r.record
                        WHERE r.mapping IN ({marks(mappings)}) AND r.customer = substr(p.key, ?) AND w.missed < {GONE})
                        ORDER BY p.read_at, p.key LIMIT ?"""
            values = (keys.PEOPLE, *mappings, len(_PERSON) + 1, limit - len(found))
            found += [row[0].removeprefix(_PERSON) for row in self._database.execute(known, values)]
        return found

    def _never_read(self, mappings: Sequence[str], limit: int) -> list[str]:
        query = f"""SELECT DISTINCT r.customer FROM recipient r WHERE r.mapping IN ({marks(mappings)})
                    AND NOT EXISTS (SELECT 1 FROM record p WHERE p.key = ? || r.customer)
                    AND EXISTS (SELECT 1 FROM record w WHERE w.key = r.record AND w.missed < {GONE})
                    ORDER BY r.customer LIMIT ?"""
        return [row[0] for row in self._database.execute(query, (*mappings, _PERSON, limit))]

    def asked_people(self, flow: str, within: timedelta, now: datetime, limit: int) -> list[str]:
        """Return up to ``limit`` people of whom a flow may still learn the answer to a message, if it may have gone.

        That is so for a span after the message, and until they were looked at once after it: a program that was down
        must not lose what came in time. Those never looked at come first, then those looked at longest ago; of equal
        ones the oldest message first.
        """
        query = """SELECT o.recipient FROM outbox o LEFT JOIN record p ON p.key = ? || o.recipient
                   WHERE o.flow = ? AND o.delivery = 'once' AND o.state IN ('in flight', 'in doubt', 'held', 'sent')
                   AND o.changed_at > ? AND (o.changed_at > ? OR p.read_at IS NULL
                                             OR julianday(p.read_at) <= julianday(o.changed_at) + ?)
                   GROUP BY o.recipient
                   ORDER BY p.read_at IS NOT NULL, p.read_at, min(o.changed_at), o.recipient LIMIT ?"""
        spans = (instant(now - within - _FORGOTTEN), instant(now - within), within / timedelta(days=1))
        return [row[0] for row in self._database.execute(query, (_PERSON, flow, *spans, limit))]

    def noted(self, flow: str, record: str) -> Mapping[str, Json]:
        """Return what a flow noted of a record when it last planned it; nothing of one that it never did."""
        query = "SELECT memory FROM fact WHERE flow = ? AND record = ?"
        row = self._database.execute(query, (flow, record)).fetchone()
        return load(row[0]) if row else {}

    def workspaces_of(self, customer: str, mappings: Sequence[str]) -> list[str]:
        """Return the workspaces that lead to a person under one of these customer mappings, those gone left out."""
        query = f"""SELECT DISTINCT key FROM recipient r JOIN record ON key = r.record
                    WHERE r.customer = ? AND r.mapping IN ({marks(mappings)}) AND missed < {GONE} {IN_ORDER}"""
        return [row[0] for row in self._database.execute(query, (customer, *mappings))]

    def people_at(self, address: str) -> list[str]:
        """Return the records of the people who were last seen with an e-mail address or a phone number."""
        query = "SELECT record FROM address WHERE digest = ? ORDER BY record"
        return [row[0] for row in self._database.execute(query, (self._digest(address),))]


# A message whose span ended so long ago is not looked after any more, whoever was never looked at since.
_FORGOTTEN = timedelta(days=90)
# What the text of a person's key begins with.
_PERSON = PersonKey(recipient="").text


RECORD_COLUMNS = "key, stream, name, created_at, modified_at, facts, missed, documents"
# delivery.md, "Watermarks": absence counts after two complete listings.
GONE = 2
# Of one stream: workspaces by their number, since the text of none begins with a zero.
IN_ORDER = "ORDER BY length(key), key"


def read_record(row: Sequence[object], needs: Needs) -> Record:
    """Return the record of one row selected with ``RECORD_COLUMNS``."""
    text, stream, name, created, modified, facts, missed, documents = row
    key, held, names = keys.read(str(text)), load_facts(str(facts)), needs.names(str(stream))
    return Record(
        key=key,
        stream=str(stream),
        name=str(name),
        created_at=moment(str(created)),
        modified_at=moment(str(modified)),
        facts={name: value for name, value in held.items() if name in names},
        customers=people(key, held, needs.mapping_of(str(stream))),
        gone=int(str(missed)) >= GONE,
        documents=relevant(load_documents(str(documents)), needs.documents),
    )


def people(key: Key, facts: Facts, mapping: str) -> tuple[str, ...]:
    """Return whom a record leads to: a person to themselves, a workspace to what stands under a customer mapping."""
    match key:
        case PersonKey(recipient=recipient):
            return (recipient,)
        case ContentKey():
            return ()
        case WorkspaceKey():
            found = facts.get(mapping) or ()
            return tuple(str(person) for person in found) if isinstance(found, tuple) else (str(found),)
