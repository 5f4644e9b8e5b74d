"""Merge a plan file into the ledger in one transaction; decides nothing about what may be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger import attributerows
from ecmbraze.ledger.codec import instant
from ecmbraze.ledger.contents import Contents
from ecmbraze.ledger.history import History
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.schema import RULES
from ecmbraze.model import MOVED, WENT, Phase
from ecmbraze.planning.currents import FILE, FILES_KEPT

# Why a message is held that was planned after a copy of the state file was adopted.
DOUBTFUL = "it happened before a copy was adopted: another state file may have sent it"
_OPEN = "('ready', 'waiting')"
_ACTION = (
    "key, flow, record, rule, occurrence, kind, delivery, phase, recipient, name, target, payload, consent, "
    "create_profile, expires_at, reason, series"
)

# Newer rows only, and a change number only where something a flow can see differs: a sweep that finds a
# workspace as it was must not make every flow plan it again.
_MIRROR = (
    # Read no earlier than its listing began: a document that came while the details were read is news to the search.
    """INSERT INTO record (
           key, stream, name, created_at, modified_at, facts, documents, missed, change, read_at, again)
       SELECT key, stream, name, created_at, modified_at, facts, documents, 0, :change, ifnull(began, :now), again
       FROM plan.record LEFT JOIN plan.scan USING (stream)
       WHERE true ORDER BY key  -- as they stand in the indexes: in any other order each row dirties pages of its own
       ON CONFLICT (key) DO UPDATE SET change = excluded.change, facts = excluded.facts, name = excluded.name,
           documents = excluded.documents, stream = excluded.stream, modified_at = excluded.modified_at,
           missed = 0, gone_at = '', read_at = excluded.read_at, again = excluded.again
       WHERE (facts, documents, name, stream, modified_at, missed >= 2)
             IS NOT (excluded.facts, excluded.documents, excluded.name, excluded.stream, excluded.modified_at, 0)
         AND excluded.modified_at >= modified_at""",
    # Of those that were found as they were: only when that was. Those written just now are not written twice.
    """UPDATE record SET missed = 0, gone_at = '', read_at = p.looked_at, again = p.again
       FROM (SELECT key, again, ifnull(began, :now) AS looked_at FROM plan.record LEFT JOIN plan.scan USING (stream)) p
       WHERE record.key = p.key
         AND (record.missed, record.gone_at, record.read_at, record.again) IS NOT (0, '', p.looked_at, p.again)""",
    # By the mappings that the record was read for, each a list: one that leads to nobody now has no row in the plan.
    """DELETE FROM recipient WHERE (mapping, record) IN
       (SELECT f.key, w.key FROM plan.record w, json_each(w.facts) f WHERE f.type = 'array')""",
    "INSERT OR IGNORE INTO recipient SELECT * FROM plan.recipient",
    "DELETE FROM address WHERE record IN (SELECT key FROM plan.record)",
    "INSERT OR IGNORE INTO address SELECT * FROM plan.address",
    "DELETE FROM quarantine WHERE flow = '' AND record IN (SELECT key FROM plan.record)",
)

_LISTING = (
    # Few were missed: one walk through the table instead of a look-up for each that was seen.
    """UPDATE record NOT INDEXED
       SET missed = 0, gone_at = '', change = CASE WHEN missed >= 2 THEN :change ELSE change END
       WHERE missed > 0 AND key IN (SELECT record FROM plan.seen)""",
    # Gone is what two complete listings miss; that is a change every flow plans once.
    """UPDATE record SET missed = missed + 1, change = CASE WHEN missed = 1 THEN :change ELSE change END,
       gone_at = CASE WHEN missed = 1 THEN :now ELSE gone_at END
       WHERE stream IN (SELECT stream FROM plan.scan WHERE complete) AND key NOT IN (SELECT record FROM plan.seen)""",
    "INSERT OR REPLACE INTO quarantine SELECT * FROM plan.quarantine WHERE flow = ''",
    "INSERT OR REPLACE INTO armed SELECT * FROM plan.armed",
    "DELETE FROM column_of WHERE stream IN (SELECT stream FROM plan.scan WHERE complete)",
    "INSERT INTO column_of SELECT * FROM plan.column_of",
    "INSERT OR REPLACE INTO looked SELECT * FROM plan.looked",
    # A Currents file that old is not listed any more, so that nobody asks whether it was read.
    f"""DELETE FROM looked WHERE substr(what, 1, {len(FILE)}) = '{FILE}'
        AND julianday(at) < julianday(:now) - {FILES_KEPT.days}""",
)

# A slice consumes no facts; what it put aside is listed until the workspace is planned again.
_LOAD = (
    "INSERT OR REPLACE INTO quarantine SELECT * FROM plan.quarantine WHERE flow = :loading",
    "UPDATE initial_load SET last = :last_person, people = people + :people WHERE flow = :loading",
)

_FACTS = (
    "INSERT OR REPLACE INTO fact SELECT * FROM plan.fact WHERE flow = :flow",
    "DELETE FROM due WHERE flow = :flow AND record IN (SELECT record FROM plan.fact WHERE flow = :flow)",
    "DELETE FROM quarantine WHERE flow = :flow AND record IN (SELECT record FROM plan.fact WHERE flow = :flow)",
    "INSERT OR REPLACE INTO due SELECT * FROM plan.due WHERE flow = :flow",
    "INSERT OR REPLACE INTO quarantine SELECT * FROM plan.quarantine WHERE flow = :flow",
)

# What only a plan of everything that changed may move; a limited run and a confirmed plan keep the position.
_POSITION = (
    """INSERT INTO watermark SELECT * FROM plan.watermark WHERE flow = :flow
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)""",
    # Of the rules themselves only the last baseline counts: rules changed and changed back are new again.
    f"""DELETE FROM baseline WHERE flow = :flow AND stream = '{RULES}'
        AND EXISTS (SELECT 1 FROM plan.baseline WHERE flow = :flow AND stream = '{RULES}')""",
    "INSERT OR REPLACE INTO baseline SELECT * FROM plan.baseline WHERE flow = :flow",
    """INSERT OR REPLACE INTO position
       SELECT :flow, stream, ifnull((SELECT max(change) FROM record), 0), :now
       FROM plan.watermark WHERE flow = :flow""",
)

# What was to go to the archive before another workspace took its place goes there first: each content was seen.
_MOVED_ARCHIVE = """UPDATE outbox SET payload = json_set(payload, '$.workspace', (
        SELECT json_extract(a.payload, '$.workspace') FROM plan.action a
        WHERE a.flow = :flow AND a.recipient = outbox.recipient AND a.kind = 'archive' AND a.phase <= :last))
    WHERE flow = :flow AND kind IN ('archive', 'version', 'rename') AND state IN ('ready', 'waiting', 'in doubt')
      AND recipient IN (SELECT recipient FROM plan.action WHERE flow = :flow AND kind = 'archive' AND phase <= :last)"""

_OUTBOX = (
    _MOVED_ARCHIVE,
    f"""UPDATE outbox SET state = 'superseded', why = 'a newer value is planned', changed_at = :now
        WHERE state IN {_OPEN} AND id IN ({attributerows.ANEW})""",
    # One that stands refused would, tried again, put an older value in the place of the newer.
    f"""UPDATE outbox SET state = 'dropped', why = 'a newer value is planned', payload = NULL, changed_at = :now
        WHERE state = 'refused' AND id IN ({attributerows.ANEW})""",
    # What ECM refused and was planned again, as it is configured now, or is over: a replay would ask for what it was.
    """DELETE FROM outbox WHERE state = 'refused' AND kind = 'follow-up'
        AND key IN (SELECT key FROM plan.action WHERE flow = :flow AND phase <= :last)""",
    """UPDATE outbox SET state = 'dropped', why = 'not needed any more', payload = NULL, changed_at = :now
        WHERE state = 'refused' AND kind = 'follow-up' AND (flow, record, rule, occurrence, recipient) IN
            (SELECT flow, record, rule, occurrence, recipient FROM plan.action
             WHERE flow = :flow AND kind = 'completion' AND phase <= :last)""",
    # What was taken back before anything went, because the record named somebody else meanwhile or was gone, may be
    # planned again.
    f"""DELETE FROM outbox WHERE state = 'superseded' AND why IN ('{MOVED}', '{WENT}') AND delivery <> 'latest'
        AND key IN (SELECT key FROM plan.action WHERE flow = :flow AND phase <= :last)""",
    f"""INSERT OR IGNORE INTO outbox ({_ACTION}, planned_at, changed_at)
        SELECT {_ACTION}, :now, :now FROM plan.action WHERE flow = :flow AND phase <= :last ORDER BY id""",
    f"""UPDATE outbox SET state = 'held', why = '{DOUBTFUL}'
        WHERE delivery = 'once' AND state = 'ready' AND planned_at = :now
          AND key IN (SELECT key FROM plan.action WHERE flow = :flow AND phase <= :last AND doubtful)""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of one flow is merged: its actions always; its facts not in a backfill, which consumes no transition."""

    flow: str
    facts: bool
    move: bool
    """Whether its position and watermarks move, because everything that changed was planned."""
    last: Phase = Phase.TRIGGER
    """Up to which phase its actions are merged: of a plan that waits for a person only the withdrawals are."""

    @property
    def statements(self) -> tuple[str, ...]:
        return (_FACTS if self.facts else ()) + (_POSITION if self.move else ()) + _OUTBOX


class Stage:
    """Merge parts of a plan, each call in one transaction."""

    def __init__(self, database: Database, history: History, contents: Contents, plan: PlanFile) -> None:
        self._database, self._history, self._contents, self._plan = database, history, contents, plan

    def slice(self, now: datetime) -> None:
        """Merge the details read so far of a scan that is not finished."""
        self._merge(_MIRROR, (), now)

    def everything(self, parts: Sequence[Part], now: datetime) -> None:
        """Merge a complete inventory and the plans of the flows; without parts it sends nothing and needs no guard."""
        self._merge(_MIRROR + _LISTING, parts, now)

    def withdrawals(self, parts: Sequence[Part], now: datetime) -> None:
        """Merge the parts of a plan whose inventory is not to be trusted."""
        self._merge((), parts, now)

    def _note_held(self, now: datetime) -> None:
        query = "SELECT id FROM outbox WHERE state = 'held' AND planned_at = ? AND changed_at = planned_at ORDER BY id"
        if rows := [row[0] for row in self._database.execute(query, (instant(now),))]:
            self._history.append(now, "held", {"rows": rows, "why": DOUBTFUL})

    def _take_apart(self, values: dict[str, object], now: datetime) -> None:
        """Give the attributes of an open row each its own, where this plan writes one of them anew."""
        overtaken = [row[0] for row in self._database.execute(attributerows.OVERTAKEN, values)]
        if overtaken:
            parts = attributerows.take_apart(self._database, overtaken)
            self._history.append(now, "apart", {"rows": {str(number): made for number, made in parts.items()}})

    def load(self, flow: str, last: str, people: int, now: datetime) -> None:
        """Merge one slice of an initial load and note how far it has come: a kill loses and repeats nothing."""
        values = {"loading": flow, "last_person": last, "people": people}
        self._merge(_LOAD, [Part(flow=flow, facts=False, move=False)], now, values)

    def _merge(
        self, scan: Sequence[str], parts: Sequence[Part], now: datetime, more: Mapping[str, object] | None = None
    ) -> None:
        self._plan.commit()
        self._database.conn.execute("ATTACH DATABASE ? AS plan", (str(self._plan.path),))
        try:
            with self._database.atomic():
                change = self._database.execute("SELECT ifnull(max(change), 0) + 1 FROM record").fetchone()[0]
                values = {"now": instant(now), "change": change, "flow": "", **(more or {})}
                for statement in scan:
                    self._database.conn.execute(statement, values)
                self._contents.take_over()
                for part in parts:
                    self._take_apart({**values, "flow": part.flow, "last": part.last}, now)
                    for statement in part.statements:
                        self._database.conn.execute(statement, {**values, "flow": part.flow, "last": part.last})
                self._note_held(now)
                plans = {part.flow: self._plan.hash(part.flow) for part in parts if part.last is max(Phase)}
                self._history.append(now, "stage", {"plans": plans, "change": change})
        except StateUnusable:
            self._plan.check()  # both files were read: which of them is damaged?
            raise
        finally:
            self._database.conn.execute("DETACH DATABASE plan")
