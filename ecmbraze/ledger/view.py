"""The ledger as one flow sees it, overlaid with the plan in hand (the plan wins); writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from sqlite_utils import Database

from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import instant, load, load_documents, load_facts, load_json, moment
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.recordrow import RECORD_COLUMNS, people, read_record
from ecmbraze.model import MOVED, UNMET, Change, Json, Record

_ACCEPTED = (
    "SELECT payload FROM outbox WHERE target = ? AND delivery = 'latest' "
    "AND state IN ('ready', 'waiting', 'in flight')",
    "SELECT value FROM accepted WHERE target = ?",
)


def marks(values: Sequence[object]) -> str:
    """Return as many placeholders as there are values."""
    return ",".join("?" * len(values))


class View:
    """What planning of one flow may ask; ``needs`` says which facts and people of a workspace are its own."""

    def __init__(self, ledger: Database, plan: PlanFile, *, flow: str, needs: Needs) -> None:
        self._ledger, self._plan = ledger, plan.database
        self._flow, self._needs, self._customer = flow, needs, needs.customer.fact

    def workspace(self, number: int) -> Record | None:
        """Return the newest record of one workspace; ``None`` when it was never read."""
        query = f"SELECT {RECORD_COLUMNS} FROM workspace WHERE id = ?"
        row = self._plan.execute(query, (number,)).fetchone() or self._ledger.execute(query, (number,)).fetchone()
        record = read_record(row, self._needs) if row else None
        return replace(record, gone=True) if record and number in self._gone_now else record

    def record(self, key: str) -> Record | None:
        """Return the newest record under a key; ``None`` when it was never read."""
        return self.workspace(int(key.removeprefix("ws:")))

    def workspace_name(self, key: str) -> str:
        """Return the name of the workspace behind a record; empty when it was never read."""
        query, number = "SELECT name FROM workspace WHERE id = ?", int(key.removeprefix("ws:"))
        row = self._plan.execute(query, (number,)).fetchone() or self._ledger.execute(query, (number,)).fetchone()
        return str(row[0]) if row else ""

    @cached_property
    def _gone_now(self) -> set[int]:
        """The ids that the complete listings of this run miss for the second time (delivery.md, "Watermarks")."""
        listed = self._plan.execute("SELECT stream FROM watermark WHERE flow = 'listing'")
        names = tuple(row[0] for row in listed if row[0] in self._needs.types)
        missed = self._ledger.execute(f"SELECT id FROM workspace WHERE missed = 1 AND type IN ({marks(names)})", names)
        seen = "SELECT count(*) FROM seen WHERE id = ?"
        return {row[0] for row in missed if not self._plan.execute(seen, row).fetchone()[0]}

    def of_customer(self, customer: str) -> Sequence[Record]:
        """Return every record that leads to ``customer``, in id order."""
        query = "SELECT workspace FROM recipient WHERE mapping = ? AND customer = ?"
        values = (self._customer, customer)
        numbers = {row[0] for database in (self._plan, self._ledger) for row in database.execute(query, values)}
        found = [record for number in sorted(numbers) if (record := self.workspace(number)) and not record.gone]
        return [one for one in found if one.type in self._needs.types and customer in one.customers]

    def noted(self, record: str) -> Mapping[str, Json]:
        """Return what the flow noted of a record, by the plan in hand or an earlier one; nothing of an unknown one."""
        query, values = "SELECT memory FROM fact WHERE flow = ? AND record = ?", (self._flow, record)
        row = self._plan.execute(query, values).fetchone() or self._ledger.execute(query, values).fetchone()
        return load(row[0]) if row else {}

    def happened(self, record: str, rule: str) -> frozenset[str]:
        """Return the occurrences of a rule that ever led to a message or document of this record."""
        first = f"{self._flow}/{record}/{rule}/"  # keys are unique and so indexed; "0" follows "/"
        query = "SELECT DISTINCT occurrence FROM outbox WHERE key > ? AND key < ? AND delivery <> 'latest'"
        return frozenset(row[0] for row in self._ledger.execute(query, (first, f"{first[:-1]}0")))

    def accepted(self, target: str) -> tuple[bool, Json]:
        """Return (known, value) of what is planned, staged or accepted for a target, the newest first."""
        row = self._plan.execute("SELECT payload FROM action WHERE target = ?", (target,)).fetchone()
        for query in _ACCEPTED:
            row = row or self._ledger.execute(query, (target,)).fetchone()
        return (row is not None, load_json(row[0]) if row else None)

    def unmet(self, customer: str) -> bool:
        """Say whether something waits for this person, of any flow, because Braze does not know them yet."""
        query = "SELECT 1 FROM outbox WHERE recipient = ? AND state = 'waiting' AND why = ?"
        return self._ledger.execute(query, (customer, UNMET)).fetchone() is not None

    def refused(self, record: str, customer: str, name: str) -> bool:
        """Say whether an attribute of this person stands in the flow's quarantine."""
        query = "SELECT 1 FROM quarantine WHERE flow = ? AND record = ? AND rule = ? AND customer = ?"
        return self._ledger.execute(query, (self._flow, record, name, customer)).fetchone() is not None

    def unreached(self, record: Record, now: datetime) -> frozenset[tuple[str, str]]:
        """Return (rule, occurrence) of a record's messages to people it does not name, that never went and are not old.

        One to somebody whom the record names again counts too, if it was taken back while it named somebody else.
        """
        names = record.customers
        query = f"""SELECT DISTINCT rule, occurrence FROM outbox WHERE delivery = 'once' AND flow = ? AND record = ?
                    AND expires_at > ? AND ((state = 'superseded' AND why = ?)
                        OR (recipient NOT IN ({marks(names)}) AND state IN ('ready', 'waiting', 'suppressed')))"""
        rows = self._ledger.execute(query, (self._flow, record.key, instant(now), MOVED, *names))
        return frozenset((row[0], row[1]) for row in rows)

    def of_unmet(self) -> set[int]:
        """Return the flow's workspaces of people whom Braze does not know yet and for whom something waits."""
        names = self._needs.types
        query = f"""SELECT r.workspace FROM recipient r JOIN workspace w ON w.id = r.workspace
                    WHERE r.mapping = ? AND w.type IN ({marks(names)})
                    AND r.customer IN (SELECT recipient FROM outbox WHERE state = 'waiting' AND why = ?)"""
        return {row[0] for row in self._ledger.execute(query, (self._customer, *names, UNMET))}

    def audience(self) -> int:
        """Return how many people the workspaces of the flow's types lead to, by the ledger."""
        names = self._needs.types
        query = f"""SELECT count(DISTINCT r.customer) FROM recipient r JOIN workspace w ON w.id = r.workspace
                    WHERE r.mapping = ? AND w.type IN ({marks(names)})"""
        return int(self._ledger.execute(query, (self._customer, *names)).fetchone()[0])

    def baseline(self, type_name: str, mapping: str = "") -> datetime | None:
        """Return the instant of the baseline of (flow, type, customer mapping); ``None`` when there was none yet."""
        row = self._ledger.execute(
            "SELECT at FROM baseline WHERE flow = ? AND type = ? AND mapping = ?",
            (self._flow, type_name, mapping or self._customer),
        ).fetchone()
        return moment(row[0]) if row else None

    def due(self, types: Iterable[str], now: datetime) -> set[int]:
        """Return the ids that must be planned again although nothing changed, because their time has come."""
        names = tuple(types)  # a flow may have ceased to speak of a type of which something is due
        query = (
            "SELECT w.id FROM due d JOIN workspace w ON w.id = CAST(substr(d.record, 4) AS INTEGER) "
            f"WHERE d.flow = ? AND d.at <= ? AND w.type IN ({marks(names)})"
        )
        return {row[0] for row in self._ledger.execute(query, (self._flow, instant(now), *names))}

    def everything(self, types: Iterable[str]) -> set[int]:
        """Return the ids of every workspace of the types."""
        names = tuple(types)
        rows = self._ledger.execute(f"SELECT id FROM workspace WHERE type IN ({marks(names)})", names)
        return {row[0] for row in rows}

    def candidates(self, types: Iterable[str]) -> set[int]:
        """Return the ids to plan: what this run read and what changed since the flow's position."""
        found = set(self._gone_now)
        query = "SELECT change FROM position WHERE flow = ? AND type = ?"
        for name in types:
            row = self._ledger.execute(query, (self._flow, name)).fetchone()
            found |= {entry[0] for entry in self._plan.execute("SELECT id FROM workspace WHERE type = ?", (name,))}
            changed = "SELECT id FROM workspace WHERE change > ? AND type = ?"
            found |= {entry[0] for entry in self._ledger.execute(changed, (row[0] if row else 0, name))}
        return found

    def last_planned(self) -> Mapping[str, datetime]:
        """Return workspace type → when the flow last planned everything that had changed of it, where it ever did."""
        query = "SELECT type, at FROM position WHERE flow = ? AND at IS NOT NULL"
        return {row[0]: moment(row[1]) for row in self._ledger.execute(query, (self._flow,))}

    def modified_between(self, types: Iterable[str], since: datetime, until: datetime) -> list[int]:
        """Return the ids last modified in the half-open span, for a backfill."""
        names = tuple(types)
        query = f"SELECT id FROM workspace WHERE modified_at >= ? AND modified_at < ? AND type IN ({marks(names)})"
        span = (instant(since), instant(until), *names)
        return sorted({row[0] for database in (self._plan, self._ledger) for row in database.execute(query, span)})

    def changes(self, ids: Iterable[int]) -> Iterator[Change]:
        """Yield the change of each id since this flow last planned it, in id order; whether it fires is not said."""
        for number in sorted(ids):
            record = self.workspace(number)
            if record is not None:
                yield self._change(record)

    def _change(self, record: Record) -> Change:
        row = self._ledger.execute(
            "SELECT facts, modified_at, gone, memory, at, documents FROM fact WHERE flow = ? AND record = ?",
            (self._flow, record.key),
        ).fetchone()
        if row is None:
            return Change(record=record, before=None, fires=True, memory={})
        facts = load_facts(row[0])
        before = Record(
            id=record.id, type=record.type, name=record.name, created_at=record.created_at,
            modified_at=moment(row[1]), facts=facts, customers=people(facts, self._customer), gone=bool(row[2]),
            documents=load_documents(row[5]),
        )  # fmt: skip
        return Change(record=record, before=before, fires=True, memory=load(row[3]), since=moment(row[4]))
