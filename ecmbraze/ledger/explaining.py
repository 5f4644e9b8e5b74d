"""What the state file can tell of one record: what was read, planned, sent, left out; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger import storedreports
from ecmbraze.ledger.codec import instant, load, load_facts, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.ledger.mirror import GONE
from ecmbraze.ledger.outboxreading import OutboxReading, Row
from ecmbraze.model import Facts, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One record as it was last read."""

    key: str
    stream: str
    name: str
    facts: Facts
    read_at: datetime | None
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What was put aside or left out, and why."""

    flow: str
    rule: str
    reason: str
    at: datetime
    customer: str = ""
    """Whom it is about, where a run report says so."""


class Explaining:
    """Ask a state file about one subject."""

    def __init__(self, database: Database) -> None:
        self._database, self._outbox = database, OutboxReading(database)

    def content(self, subject: str) -> list[Known]:
        """Return the assets of Braze with this id, this key, or this name; of other case where none is spelled so.

        Where none is named so now, those of which a version was archived under this name: people remember old names.
        """
        query = """stream LIKE 'content/%' AND (key = ? OR substr(key, -length(?) - 1) = ':' || ?
                   OR (name <> '' AND lower(name) = lower(?)))"""
        earlier = """stream LIKE 'content/%' AND key IN (
                       SELECT f.record FROM fact f, json_each(f.memory, '$.versions') v
                       WHERE lower(json_extract(v.value, '$.asset')) = lower(?))"""
        found = self._known(query, (subject, subject, subject, subject))
        exact = [one for one in found if subject in (one.name, one.key, one.key.rpartition(":")[2])]
        return exact or found or self._known(earlier, (subject,))

    def record(self, key: str) -> Known | None:
        """Return a record by its key; ``None`` when it was never read."""
        return next(iter(self._known("key = ?", (key,))), None)

    def led_by(self, customer: str) -> list[Known]:
        """Return the workspaces that lead to a person."""
        query = "key IN (SELECT record FROM recipient WHERE customer = ?)"
        return self._known(query, (customer,))

    def noted(self, flow: str, record: str) -> Mapping[str, Json]:
        """Return what a flow noted of a record; nothing where it never planned it."""
        row = self._database.execute("SELECT memory FROM fact WHERE flow = ? AND record = ?", (flow, record)).fetchone()
        return load(row[0]) if row else {}

    def planned(self, record: str) -> list[tuple[str, datetime]]:
        """Return (flow, when) for each flow that planned a record."""
        query = "SELECT flow, at FROM fact WHERE record = ? ORDER BY at"
        return [(row[0], moment(row[1])) for row in self._database.execute(query, (record,))]

    def writes(self, subjects: Sequence[str], most: int) -> list[Row]:
        """Return the newest writes about, or to, one of these records or people, newest first."""
        where = f"(record IN ({marks(subjects)}) OR recipient IN ({marks(subjects)}))"
        return self._outbox.rows(where, (*subjects, *subjects), limit=most, order="id DESC")

    def consents(self, rows: Sequence[Row]) -> dict[int, tuple[Mapping[str, Json], datetime]]:
        """Return row → the states of its person that it left on, and when they were read; of what never left, nothing.

        They stand in the history, of which the oldest part may lie in segments.
        """
        left = {row.attempt: row.planned_at for row in rows if row.attempt and row.action.kind.is_message}
        if not left:
            return {}
        query = f"""SELECT step.value FROM history h, json_each(h.body, '$.steps') step
                    WHERE h.kind = 'outbox' AND h.at >= ? AND json_extract(h.body, '$.attempt') IN ({marks(left)})"""
        found = self._database.execute(query, (instant(min(left.values())), *left))
        steps = [load(one[0]) for one in found if one[0]]
        return {step["row"]: (step["consent"], moment(step["consent_read_at"])) for step in steps if "consent" in step}

    def aside(self, subjects: Sequence[str]) -> list[Aside]:
        """Return what of these records stands in quarantine, or of these people."""
        query = f"""SELECT flow, rule, reason, at FROM quarantine
                    WHERE record IN ({marks(subjects)}) OR customer IN ({marks(subjects)}) ORDER BY at"""
        rows = self._database.execute(query, (*subjects, *subjects))
        return [Aside(flow=row[0], rule=row[1], reason=row[2], at=moment(row[3])) for row in rows]

    def due(self, record: str) -> list[tuple[str, datetime]]:
        """Return (flow, when) for each flow that plans a record again although nothing changes."""
        query = "SELECT flow, at FROM due WHERE record = ? ORDER BY at"
        return [(row[0], moment(row[1])) for row in self._database.execute(query, (record,))]

    def left_out(self, records: Sequence[str]) -> list[Aside]:
        """Return what the reports of the runs that planned these records last say was left out of them."""
        reports: dict[tuple[str, datetime], Sequence[Mapping[str, Json]]] = {}
        found: list[Aside] = []
        for record in records:
            for flow, at in self.planned(record):
                if (flow, at) not in reports:
                    reports[flow, at] = self._skipped(flow, at)
                for line in (one for one in reports[flow, at] if one["record"] == record):
                    rule, reason, customer = (str(line[name]) for name in ("rule", "reason", "customer"))
                    found.append(Aside(flow=flow, rule=rule, reason=reason, at=at, customer=customer))
        return found

    def _skipped(self, flow: str, at: datetime) -> Sequence[Mapping[str, Json]]:
        """Return the lines of what a run of a flow left out that went on at a moment."""
        second = "substr({}, 1, 19)"  # a report writes a whole second without its fraction
        span = f"{second.format('started_at')} <= ? AND {second.format('finished_at')} >= ?"
        query = f"SELECT id, report FROM run WHERE flow = ? AND {span} ORDER BY started_at DESC LIMIT 1"
        row = self._database.execute(query, (flow, instant(at)[:19], instant(at)[:19])).fetchone()
        return list(storedreports.whole(self._database, *row)["skipped"]) if row else []

    def _known(self, where: str, values: Sequence[str]) -> list[Known]:
        query = f"SELECT key, stream, name, facts, read_at, missed FROM record WHERE {where} ORDER BY stream, key"
        return [
            Known(
                key=row[0],
                stream=row[1],
                name=row[2],
                facts=load_facts(row[3]),
                read_at=moment(row[4]) if row[4] else None,
                gone=row[5] >= GONE,
            )
            for row in self._database.execute(query, tuple(values))
        ]
