"""Find and remove everything that is kept of one person or workspace, and leave a tombstone so that it stays away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ecmbraze.ledger import storedreports, tombstones
from ecmbraze.ledger.accepting import COUNTED
from ecmbraze.ledger.attributerows import WRITES
from ecmbraze.ledger.codec import dump, instant, load
from ecmbraze.ledger.connection import marks
from ecmbraze.ledger.history import Deed, History
from ecmbraze.ledger.subject import Subject
from ecmbraze.ledger.tombstones import ERASED
from ecmbraze.model import Delivery, Kind, PersonKey, Phase, keys, mark_of

# Where a name may stand within a longer text; in JSON it is looked for in its texts only.
_TEXTS = (("quarantine", "reason"), ("outbox", "why"), ("outbox", "reason"), ("pause", "reason"), ("pause", "by"))
_JSON = (
    ("record", "facts"),
    ("record", "documents"),
    ("fact", "facts"),
    ("fact", "memory"),
    ("fact", "documents"),
    ("outbox", "payload"),
    ("outbox", "consent"),
    ("accepted", "value"),
    ("run", "report"),
    ("run_lines", "page"),
)
_KINDS = frozenset(map(str, Kind))
_MADE = ("sent", "in flight", "in doubt", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of a subject, as lines for a person; nothing of it is written anywhere."""

    subject: Subject
    workspaces: tuple[str, ...]
    """The workspaces that name the person."""
    alone: tuple[str, ...]
    """Those of them that name nobody else: they are emptied."""
    counts: Mapping[str, int]
    """What is kept → how much of it."""
    documents: tuple[str, ...]
    """What we filed in Extended ECM, which stays there."""
    follow_ups: tuple[str, ...]
    """What people are asked to do in Extended ECM and nobody completes any more, by mark and workspace."""
    also: tuple[str, ...]
    """Other names under which people with the same e-mail address are known."""
    withdrawals: int
    """Consents taken back that have not reached Braze yet: to erase them loses them."""
    plans: tuple[Path, ...]
    """Waiting plans that name the subject."""

    @property
    def anything(self) -> bool:
        return any(self.counts.values())


def find(subject: Subject, database: Database, history: History, state: Path) -> Kept:
    """Return what is kept of a subject; changes nothing."""
    workspaces, alone = _workspaces(subject, database)
    persons = [PersonKey(recipient=one).text for one in subject.people]
    about = (*persons, *alone)
    people = subject.people
    rows = f"""FROM outbox WHERE recipient IN ({marks(people)}) OR record IN ({marks(about)})
               OR recipient IN ({marks(alone)})"""
    values = (*people, *about, *alone)
    pattern = subject.pattern
    counts = {
        "workspaces that name them": len(workspaces) if people else 0,
        "records": _count(database, f"FROM record WHERE key IN ({marks(about)})", about),
        "e-mail addresses (digests)": _count(database, f"FROM address WHERE record IN ({marks(persons)})", persons),
        "facts per flow": _count(database, f"FROM fact WHERE record IN ({marks(about)})", about),
        "intended writes and messages": _count(database, rows, values, WRITES),
        "in quarantine": _count(
            database,
            f"FROM quarantine WHERE customer IN ({marks(people)}) OR record IN ({marks(about)})",
            (*people, *about),
        ),
        "values that the systems took": sum(sum(_targets(database, one).values()) for one in (*people, *alone)),
        "run reports": len({run for run, text in storedreports.texts(database) if pattern.search(text)}),
        "remarks": sum(bool(pattern.search(row[0])) for row in database.execute("SELECT text FROM remark")),
    }
    plans = tuple(state.with_name(row[0]) for row in database.execute("SELECT file FROM waiting_plan"))
    naming = tuple(path for path in plans if path.exists() and _names(path, subject))
    counts["waiting plans"] = len(naming)
    filed = f"SELECT DISTINCT name, recipient, state {rows} ORDER BY name"
    documents = tuple(
        f"{name} in {place}" + ("" if state == "sent" else f" ({state})")
        for name, place, state in database.execute(filed, values)
        if keys.names_a_record(place) and _is_document(database, name, place)
    )
    return Kept(
        subject=subject,
        workspaces=workspaces,
        alone=alone,
        counts=counts,
        documents=documents,
        follow_ups=_open_follow_ups(database, rows, values),
        also=_also(subject, database),
        plans=naming,
        withdrawals=_count(
            database,
            f"FROM outbox WHERE recipient IN ({marks(people)}) AND phase = {Phase.CONSENT.value} "
            "AND state IN ('ready', 'waiting', 'in flight', 'refused')",
            people,
        ),
    )


def erase(kept: Kept, database: Database, history: History, now: datetime, deed: Deed) -> None:
    """Remove it in one transaction, with a tombstone for each name; of the history nothing, it knows only digests."""
    subject, execute = kept.subject, database.conn.execute
    persons = tuple(PersonKey(recipient=one).text for one in subject.people)
    with database.atomic():
        _bury(subject, database, history, now)
        for person in subject.people:
            execute("DELETE FROM outbox WHERE recipient = ?", (person,))
            execute("DELETE FROM recipient WHERE customer = ?", (person,))
            execute("DELETE FROM quarantine WHERE customer = ?", (person,))
        for record in (*persons, *kept.alone):
            execute("DELETE FROM outbox WHERE record = ? OR recipient = ?", (record, record))
            for table in ("recipient", "address", "due", "quarantine"):
                execute(f"DELETE FROM {table} WHERE record = ?", (record,))
        for record in persons:
            execute("DELETE FROM record WHERE key = ?", (record,))
            execute("DELETE FROM fact WHERE record = ?", (record,))
        for record in kept.alone:
            _empty(record, database)
        for name in (*subject.people, *kept.alone):
            for target in _targets(database, name):
                execute("DELETE FROM accepted WHERE target = ?", (target,))
                execute("DELETE FROM attempted WHERE target = ?", (target,))
        for path in kept.plans:
            execute("DELETE FROM waiting_plan WHERE file = ?", (path.name,))
        _blank(subject, database)
        told = [history.subject(one) for one in subject.people] or [subject.workspace]
        rows = kept.counts["intended writes and messages"]
        history.decide(now, "erase", _unnamed(deed, subject), {"subjects": told, "rows": rows})
    for path in kept.plans:
        path.unlink(missing_ok=True)


def _bury(subject: Subject, database: Database, history: History, now: datetime) -> None:
    found = {one for person in subject.people for one in tombstones.digests(history, person)}
    for person in subject.people:
        record = PersonKey(recipient=person).text
        found |= {row[0] for row in database.execute("SELECT digest FROM address WHERE record = ?", (record,))}
    if subject.workspace:
        found.add(tombstones.of_record(history, subject.workspace))
    for digest in sorted(found):
        database.conn.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (digest, instant(now)))


def _empty(record: str, database: Database) -> None:
    """Leave of a workspace that it is there and when it changed, so that neither listing nor plan takes it for new."""
    row = database.execute("SELECT facts FROM record WHERE key = ?", (record,)).fetchone()
    database.conn.execute(
        "UPDATE record SET name = ?, facts = ?, documents = '[]' WHERE key = ?", (ERASED, _emptied(row[0]), record)
    )
    query = "SELECT flow, facts FROM fact WHERE record = ?"
    for flow, facts in database.execute(query, (record,)).fetchall():
        database.conn.execute(
            "UPDATE fact SET facts = ?, documents = '[]', memory = ? WHERE flow = ? AND record = ?",
            (_emptied(facts), dump({ERASED: True}), flow, record),
        )


def _emptied(facts: str) -> str:
    return dump({name: [] if isinstance(value, list) else None for name, value in load(facts).items()})


def _blank(subject: Subject, database: Database) -> None:
    """Take the names out of every text that speaks of others too."""
    pattern = subject.pattern
    for table, column in _TEXTS:
        for (text,) in database.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            if pattern.search(text):
                new = pattern.sub(ERASED, text)
                database.conn.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, text))
    for table, column in _JSON:
        for (text,) in database.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            if text is not None and pattern.search(text):
                new = dump(_replaced(load(text), subject, pattern))
                database.conn.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, text))
    for digest, text in database.execute("SELECT digest, text FROM remark").fetchall():
        if pattern.search(text):
            database.conn.execute("DELETE FROM remark WHERE digest = ?", (digest,))


# What of a line of a report tells of the person it is about.
_OF_A_LINE = ("workspace", "customer", "reason", "why", "said", "before", "after", "properties", "because")


def _replaced(value: Any, subject: Subject, pattern: re.Pattern[str]) -> Any:
    """Return JSON without the names; a line of a report about the subject keeps what it counts, nothing it says."""
    match value:
        case str():
            return pattern.sub(ERASED, value)
        case list():
            lists = [one for one in value if not (isinstance(one, str) and one in subject.names)]
            return [_replaced(one, subject, pattern) for one in lists]
        case {"all": dict(), "fields": list(), "rows": list()}:  # a page of lines, see `storedreports.py`
            return _replaced(storedreports.as_lines(value), subject, pattern)
        case {"all": dict() as same, "lines": list() as lines}:
            return {
                "all": _replaced(same, subject, pattern),
                "lines": [_replaced(_open(line, same, subject), subject, pattern) for line in lines],
            }
        case dict():
            mine = _is_mine(value, subject)
            return {
                name: ERASED if mine and name in _OF_A_LINE else _replaced(inner, subject, pattern)
                for name, inner in value.items()
            }
    return value


def _is_mine(line: Mapping[str, Any], subject: Subject) -> bool:
    people = str(line.get("customer", "")).split(", ")
    return any(one in subject.names for one in people) or line.get("record") == subject.workspace != ""


def _open(line: Mapping[str, Any], same: Mapping[str, Any], subject: Subject) -> Mapping[str, Any]:
    """Return a line with what it shares with others of its page, where it is about the subject."""
    return {**same, **line} if _is_mine({**same, **line}, subject) else line


def _unnamed(deed: Deed, subject: Subject) -> Deed:
    """Return who, where and why without the name of whom it is about."""
    return Deed(by=deed.by, host=deed.host, reason=subject.pattern.sub(ERASED, deed.reason))


def _workspaces(subject: Subject, database: Database) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the workspaces that name the person, and those of them that name nobody else."""
    if subject.workspace:
        known = database.execute("SELECT 1 FROM record WHERE key = ?", (subject.workspace,)).fetchone()
        return ((subject.workspace,), (subject.workspace,)) if known else ((), ())
    query = f"SELECT DISTINCT record FROM recipient WHERE customer IN ({marks(subject.people)})"
    found = tuple(sorted((row[0] for row in database.execute(query, subject.people)), key=keys.order))
    others = f"SELECT 1 FROM recipient WHERE record = ? AND customer NOT IN ({marks(subject.people)}) LIMIT 1"
    alone = tuple(one for one in found if not database.execute(others, (one, *subject.people)).fetchone())
    return found, alone


def _also(subject: Subject, database: Database) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for person in subject.people:
        query = """SELECT DISTINCT b.record FROM address a JOIN address b ON b.digest = a.digest
                   WHERE a.record = ? AND b.record <> a.record"""
        for (record,) in database.execute(query, (PersonKey(recipient=person).text,)):
            key = keys.read(record)
            if isinstance(key, PersonKey) and key.recipient not in subject.people:
                found[key.recipient] = None
    return tuple(found)


def _open_follow_ups(database: Database, rows: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the follow-ups that were made, or may have been, and whose completion has not arrived."""
    query = f"""SELECT key, recipient FROM (SELECT * {rows}) o WHERE kind = 'follow-up' AND state IN ({marks(_MADE)})
                AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.kind = 'completion' AND e.state = 'sent' AND
                    (e.record, e.rule, e.occurrence, e.recipient) = (o.record, o.rule, o.occurrence, o.recipient))
                ORDER BY o.id"""
    found = database.execute(query, (*values, *_MADE))
    return tuple(f"[{mark_of(key)}] on {place}" for key, place in found)


def _is_document(database: Database, name: str, place: str) -> bool:
    query = """SELECT 1 FROM outbox WHERE name = ? AND recipient = ? AND delivery = ?
               AND kind NOT IN ('follow-up', 'completion') LIMIT 1"""  # those that are open are listed by themselves
    return database.execute(query, (name, place, Delivery.UNIQUE)).fetchone() is not None


def _targets(database: Database, name: str) -> dict[str, int]:
    """Return target → how many values stand there, of one recipient and of none whose name only begins like it."""
    query = f"""SELECT target, max(n) FROM (SELECT target, {COUNTED} AS n FROM accepted
                                            UNION ALL SELECT target, 1 FROM attempted)
                WHERE target > ? AND target < ? GROUP BY target"""
    found = database.execute(query, (f"{name}/", f"{name}0"))  # "0" follows "/"
    return {target: n for target, n in found if target[len(name) + 1 :].partition("/")[0] in _KINDS}


def _names(path: Path, subject: Subject) -> bool:
    content = path.read_bytes()
    return any(name.encode() in content for name in subject.names)


def _count(database: Database, rows: str, values: tuple[str, ...] | list[str], what: str = "count(*)") -> int:
    return int(database.execute(f"SELECT {what} {rows}", tuple(values)).fetchone()[0])
