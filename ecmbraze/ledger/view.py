"""The ledger as one flow sees it, overlaid with the plan in hand (the plan wins); writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any

from ecmbraze.ledger.audience import Audience, after_all
from ecmbraze.ledger.codec import dump, instant, load, load_documents, load_facts, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.ledger.mirror import RECORD_COLUMNS, people, read_record
from ecmbraze.ledger.page import SIZE
from ecmbraze.ledger.pending import Pending
from ecmbraze.ledger.schema import RULES
from ecmbraze.ledger.written import Written
from ecmbraze.model import Change, Json, PersonKey, Record, keys


class View(Audience, Written):
    """What planning of one flow may ask; ``needs`` says which facts and people of a record are its own."""

    def record(self, key: str) -> Record | None:
        """Return the newest record under a key; ``None`` when it was never read."""
        return self._page.of_record(key, self.records)

    def records(self, records: Sequence[str]) -> Mapping[str, Record | None]:
        """Return the newest record under each key; ``None`` where it was never read."""
        found = dict[str, Record | None]()
        for database in (self._plan, self._ledger):
            missing = [key for key in records if key not in found]
            for part in (missing[first : first + SIZE] for first in range(0, len(missing), SIZE)):
                query = f"SELECT {RECORD_COLUMNS} FROM record WHERE key IN ({marks(part)})"
                found |= {row[0]: read_record(row, self._needs) for row in database.execute(query, part)}
        for key in self._gone_now.intersection(found):
            found[key] = (record := found[key]) and replace(record, gone=True)
        return dict.fromkeys(records) | found

    def newest(self, key: str) -> Record | None:
        """Return the newest record under a key; ``None`` when it was never read."""
        return self.record(key)

    def person(self, customer: str) -> Record | None:
        """Return what Braze last said of a person; ``None`` when they were never read."""
        return self.record(PersonKey(recipient=customer).text)

    def name_of(self, key: str) -> str:
        """Return the name of the workspace behind a record; empty when it was never read."""
        return self._page.of_record(key, self._names)

    def _names(self, records: Sequence[str]) -> Mapping[str, str]:
        """Return the name of each record, the newest; empty where it was never read."""
        query = f"SELECT key, name FROM record WHERE key IN ({marks(records)})"
        found = [dict(database.execute(query, records).fetchall()) for database in (self._ledger, self._plan)]
        return dict.fromkeys(records, "") | found[0] | found[1]

    @cached_property
    def _gone_now(self) -> set[str]:
        """The records that the complete listings of this run miss for the second time (delivery.md, "Watermarks")."""
        listed = self._plan.execute("SELECT stream FROM scan WHERE complete")
        names = tuple(row[0] for row in listed if row[0] in self._needs.streams)
        query = f"SELECT key FROM record NOT INDEXED WHERE missed = 1 AND stream IN ({marks(names)})"
        missed = self._ledger.execute(query, names)  # few: by the index over streams each row would be looked up
        seen = "SELECT count(*) FROM seen WHERE record = ?"
        return {row[0] for row in missed if not self._plan.execute(seen, row).fetchone()[0]}

    def of_customer(self, customer: str) -> Sequence[Record]:
        """Return every workspace that leads to ``customer`` under the mapping of its type, in order."""
        found = sorted({*self._page.of_person(customer, self._leading_to)}, key=keys.order)
        records = [record for key in found if (record := self.record(key)) and not record.gone]
        return [one for one in records if one.stream in self._needs.streams and customer in one.customers]

    def noted(self, record: str) -> Mapping[str, Json]:
        """Return what the flow noted of a record, by the plan in hand or an earlier one; nothing of an unknown one."""
        query, values = "SELECT memory FROM fact WHERE flow = ? AND record = ?", (self._flow, record)
        row = self._plan.execute(query, values).fetchone() or self._ledger.execute(query, values).fetchone()
        return load(row[0]) if row else {}

    def noted_earlier(self, record: str) -> Mapping[str, Json]:
        """Return what the flow noted of a record by an earlier plan; nothing of one that it never planned."""
        query = "SELECT memory FROM fact WHERE flow = ? AND record = ?"
        row = self._ledger.execute(query, (self._flow, record)).fetchone()
        return load(row[0]) if row else {}

    def looked(self, record: str, now: datetime) -> datetime | None:
        """Return when a record was last read, changed or not: ``now`` in this run; ``None`` when it never was."""
        if self._plan.execute("SELECT 1 FROM record WHERE key = ?", (record,)).fetchone():
            return now
        row = self._ledger.execute("SELECT read_at FROM record WHERE key = ?", (record,)).fetchone()
        return moment(row[0]) if row and row[0] else None

    def edited_by_us(self, record: str) -> bool | None:
        """Say whether the last edit of a workspace was ours; ``None`` where this run did not ask.

        It asks where we wrote without learning whether it arrived.
        """
        row = self._plan.execute("SELECT by_us FROM editor WHERE record = ?", (record,)).fetchone()
        return bool(row[0]) if row else None

    def baseline(self, stream: str) -> datetime | None:
        """Return the instant of the baseline of (flow, stream, customer mapping); ``None`` when there was none yet."""
        return self._baseline(stream, self._needs.mapping_of(stream))

    def planned_before(self) -> bool:
        """Say whether an earlier run of the flow planned any record."""
        query = "SELECT 1 FROM fact WHERE flow = ? LIMIT 1"
        return self._ledger.execute(query, (self._flow,)).fetchone() is not None

    def knows_rules(self, digest: str) -> bool:
        """Say whether everything was planned once under these rules about time, and no others since."""
        return self._baseline(RULES, digest) is not None

    def _baseline(self, stream: str, mapping: str) -> datetime | None:
        query = "SELECT at FROM baseline WHERE flow = ? AND stream = ? AND mapping = ?"
        row = self._ledger.execute(query, (self._flow, stream, mapping)).fetchone()
        return moment(row[0]) if row else None

    def due(self, now: datetime) -> set[str]:
        """Return the records that must be planned again although nothing changed, because their time has come."""
        streams = self._needs.streams  # a flow may have ceased to speak of a stream of which something is due
        first = PersonKey(recipient="").text  # somebody who waits for a first look has no record yet
        query = f"""SELECT d.record FROM due d LEFT JOIN record w ON w.key = d.record
                    WHERE d.flow = ? AND d.at <= ? AND (w.stream IN ({marks(streams)})
                        OR (w.key IS NULL AND d.record > ? AND d.record < ?))"""
        values = (self._flow, instant(now), *streams, first, after_all(first))
        return {row[0] for row in self._ledger.execute(query, values)}

    def is_due(self, record: str) -> bool:
        """Say whether a record is to be planned at some time although nothing changes."""
        query = "SELECT 1 FROM due WHERE flow = ? AND record = ?"
        return self._ledger.execute(query, (self._flow, record)).fetchone() is not None

    def in_turn(self, people: Collection[str]) -> list[str]:
        """Return people in the order in which this flow planned them last; first those it never did, by name."""
        planned = "SELECT record, at FROM fact WHERE flow = ? AND record IN (SELECT value FROM json_each(?))"
        texts = {person: PersonKey(recipient=person).text for person in people}
        at = dict(self._ledger.execute(planned, (self._flow, dump(list(texts.values())))).fetchall())
        return sorted(people, key=lambda person: (at.get(texts[person], ""), person))

    def everything(self) -> set[str]:
        """Return every record of the flow's streams."""
        return set(self._everything())

    def candidates(self) -> set[str]:
        """Return the records to plan: what this run read and what changed since the flow's position."""
        return set(self._candidates())

    def to_plan(self, *more: Iterable[str], everything: bool = False, limit: int | None = None) -> Pending:
        """Return the records to plan and ``more``, or every record beside, in order and up to ``limit``."""
        found = Pending(limit)
        for keys_of in (self._candidates(), self._everything() if everything else (), *more):
            found.add(keys_of)
        return found

    def _everything(self) -> Iterator[str]:
        streams = self._needs.streams
        query = f"SELECT key FROM record WHERE stream IN ({marks(streams)})"
        yield from (row[0] for row in self._ledger.execute(query, streams))

    def _candidates(self) -> Iterator[str]:
        yield from self._gone_now
        query = "SELECT change FROM position WHERE flow = ? AND stream = ?"
        for stream in self._needs.streams:
            row = self._ledger.execute(query, (self._flow, stream)).fetchone()
            yield from (one[0] for one in self._plan.execute("SELECT key FROM record WHERE stream = ?", (stream,)))
            changed = "SELECT key FROM record WHERE change > ? AND +stream = ?"  # by the change: the fewer rows
            since = (row[0] if row else 0, stream)
            yield from (one[0] for one in self._ledger.execute(changed, since))

    def last_planned(self) -> Mapping[str, datetime]:
        """Return stream → when the flow last planned everything that had changed of it, where it ever did."""
        query = "SELECT stream, at FROM position WHERE flow = ? AND at IS NOT NULL"
        return {row[0]: moment(row[1]) for row in self._ledger.execute(query, (self._flow,))}

    def modified_between(self, since: datetime, until: datetime) -> list[str]:
        """Return the records last modified in the half-open span, in order, for a backfill."""
        streams = self._needs.streams
        query = f"SELECT key FROM record WHERE modified_at >= ? AND modified_at < ? AND stream IN ({marks(streams)})"
        span = (instant(since), instant(until), *streams)
        found = {row[0] for database in (self._plan, self._ledger) for row in database.execute(query, span)}
        return sorted(found, key=keys.order)

    def changes(self, records: Iterable[str]) -> Iterator[Change]:
        """Yield the change of each record since this flow last planned it, in order; whether it fires is not said."""
        ordered = iter(records if isinstance(records, Pending) else sorted(records, key=keys.order))
        while part := list(islice(ordered, SIZE)):
            with self.page(part) as page:
                changes = [self._change(record) for key in part if (record := self.record(key))]
                for change in changes:
                    page.name((*change.record.customers, *(change.before.customers if change.before else ())))
                for change in changes:
                    yield change

    def change_of(self, person: str) -> Change:
        """Return the change of somebody since this flow last planned them; one never read has no facts yet.

        Without when they were looked at: that decides nothing, and a dry run looks at another time.
        """
        key, never = PersonKey(recipient=person), datetime(1970, 1, 1, tzinfo=UTC)
        unread = Record(
            key=key, stream=keys.PEOPLE, name="", created_at=never, modified_at=never, facts={}, customers=(person,)
        )
        return self._change(replace(self.record(key.text) or unread, created_at=never, modified_at=never))

    def earlier(self, record: Record) -> Record | None:
        """Return a record as an earlier run of the flow planned it, whatever this one does; ``None`` if none did."""
        return self._change(record).before

    def planned_at(self, record: str) -> datetime | None:
        """Return when an earlier run of the flow planned a record last; ``None`` if none did."""
        query = "SELECT at FROM fact WHERE flow = ? AND record = ?"
        row = self._ledger.execute(query, (self._flow, record)).fetchone()
        return moment(row[0]) if row else None

    def _change(self, record: Record) -> Change:
        row = self._page.of_record(record.key.text, self._past)
        if row is None:
            return Change(record=record, before=None, fires=True, memory={})
        facts = load_facts(row[0])
        before = Record(
            key=record.key,
            stream=record.stream,
            name=record.name,
            created_at=record.created_at,
            modified_at=moment(row[1]),
            facts=facts,
            customers=people(record.key, facts, self._needs.mapping_of(record.stream)),
            gone=bool(row[2]),
            documents=load_documents(row[5]),
        )
        return Change(record=record, before=before, fires=True, memory=load(row[3]), since=moment(row[4]))

    def _past(self, records: Sequence[str]) -> Mapping[str, Sequence[Any] | None]:
        """Return what an earlier plan of the flow says of each record; ``None`` where none does."""
        query = f"""SELECT facts, modified_at, gone, memory, at, documents, record FROM fact
                    WHERE flow = ? AND record IN ({marks(records)})"""
        rows = self._ledger.execute(query, (self._flow, *records))
        return dict.fromkeys(records) | {row[-1]: row for row in rows}
