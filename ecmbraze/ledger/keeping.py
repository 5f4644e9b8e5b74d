"""Take what is over out of the state file, once a day; never what could make a message go a second time.

The key of what happens once stays as long as its record is known and, when the record is gone, as long as rows are
kept; a record that comes back later is old by its create date, and nothing of it is news (`engine/plan/planner.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger import segments
from ecmbraze.ledger.accepting import FORGET, STANDS
from ecmbraze.ledger.codec import instant, moment
from ecmbraze.ledger.history import History
from ecmbraze.ledger.mirror import GONE
from ecmbraze.ledger.schema import ENDED
from ecmbraze.model import WENT

# Under this name `looked` keeps when it was done last; a little less than a day, so that the hour does not wander.
_DONE, _EACH = "tidied", timedelta(hours=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long what is over stays."""

    rows: timedelta = timedelta(days=400)
    """Rows of the outbox, and everything of a record after it is gone."""
    runs: timedelta = timedelta(days=90)
    """Reports of runs with their lines; their counts stay as long as rows do."""
    unknown: timedelta = timedelta(days=90)
    """Attributes that wait for people whom Braze does not know."""
    history: timedelta = timedelta(days=400)
    """The history in the file itself; what is older lies beside it in segments."""


def tidy(database: Database, history: History, state: Path, now: datetime, keep: Keep) -> list[str]:
    """Do what is due once a day; return what a person should know of it."""
    # Under the span for reports: where it is another than it was, all of them are gone through once.
    under = (_DONE, f"runs {keep.runs.days}")
    row = database.execute("SELECT at FROM looked WHERE what = ? AND stream = ?", under).fetchone()
    done = row[0] if row else ""
    if done > instant(now - _EACH):
        return []
    with database.atomic():
        values = {"now": instant(now), "old": instant(now - keep.rows), "gone": GONE}
        database.conn.execute("UPDATE record SET gone_at = :now WHERE missed >= :gone AND gone_at = ''", values)
        given_up = _give_up(database, values)
        forgotten = _forget_records(database, values)
        for statement in _OVER:
            database.conn.execute(statement, values)
        since = instant(moment(done) - keep.runs - _EACH) if done else ""
        for statement in _SHORTEN:
            database.conn.execute(statement, {"from": since, "to": instant(now - keep.runs)})
        database.conn.execute(
            "INSERT OR REPLACE INTO looked (what, stream, at) VALUES (?, ?, ?)", (*under, instant(now))
        )
        if given_up:
            history.append(now, "give up", {"rows": given_up, "why": _FOR_GOOD})
        if forgotten:
            history.append(now, "forget", {"records": forgotten, "gone longer than": f"{keep.rows.days} days"})
    cut = segments.cut(database, history, state, now, keep.history)
    if cut is None:
        return []
    rows = f"rows {cut.before.length + 1:,} to {cut.end.length:,}"
    return [f"the history up to row {cut.end.length:,} now lies in {cut.file} beside the state file ({rows})"]


# Of a row `o`: each target that it writes, with its name where it is one of several.
_TARGETS = """SELECT 1 FROM (
    SELECT o.target, CASE o.kind WHEN 'attribute' THEN o.name END AS name WHERE o.kind <> 'attributes'
    UNION ALL SELECT o.recipient || '/attribute/' || value, value FROM json_each(o.name) WHERE o.kind = 'attributes'
    ) t"""
# What nobody will ask for again. A newer row of a target stands for it, or its value was cleared.
_OVER = (
    f"""DELETE FROM outbox WHERE id IN (
        SELECT o.id FROM outbox o WHERE o.delivery = 'latest' AND o.state IN ({ENDED}) AND o.changed_at < :old
        AND NOT EXISTS ({_TARGETS}
            WHERE (EXISTS (SELECT 1 FROM accepted a WHERE a.target = t.target AND a.value <> 'null')
                   OR {STANDS.format(who="o.recipient", name="t.name")})
            AND NOT EXISTS (SELECT 1 FROM outbox n WHERE n.recipient = o.recipient AND n.id > o.id
                            AND (n.target = t.target OR (n.kind = 'attributes' AND t.name IN
                                                         (SELECT value FROM json_each(n.name)))))))""",
    *FORGET,
    "DELETE FROM run WHERE started_at < :old",
    "DELETE FROM expected WHERE day < substr(:old, 1, 10)",
)

_FOR_GOOD = "the workspace is gone for good"
_OPEN = "'ready', 'waiting', 'in flight', 'in doubt', 'held', 'refused'"
# Those that were shortened before are left out by their time, so that they are not read again.
_SHORTEN = (
    "DELETE FROM run_lines WHERE run IN (SELECT id FROM run WHERE started_at >= :from AND started_at < :to)",
    """UPDATE run SET report = json_set(report, '$.actions', json('[]'), '$.skipped', json('[]'),
       '$.shortened', json('true')) WHERE started_at >= :from AND started_at < :to
       AND json_extract(report, '$.shortened') IS NULL""",
)


def _give_up(database: Database, values: dict[str, object]) -> list[int]:
    """Give up what waits for workspaces that are gone so long that they are forgotten; return the rows."""
    query = f"""SELECT id FROM outbox WHERE state = 'waiting' AND why = '{WENT}'
                AND recipient IN (SELECT key FROM record WHERE missed >= :gone AND gone_at < :old) ORDER BY id"""
    rows = [row[0] for row in database.conn.execute(query, values).fetchall()]
    statement = "UPDATE outbox SET state = 'superseded', why = ?, payload = NULL, changed_at = ? WHERE id = ?"
    database.conn.executemany(statement, [(_FOR_GOOD, values["now"], row) for row in rows])
    return rows


def _forget_records(database: Database, values: dict[str, object]) -> int:
    """Forget the workspaces that are gone long enough and of which nothing is open; return how many.

    People stay: a look finds them again as if for the first time, and their date would not tell that they are not new.
    """
    execute = database.conn.execute
    open_ones = f"""SELECT record FROM outbox WHERE state IN ({_OPEN})
                    UNION SELECT recipient FROM outbox WHERE state IN ({_OPEN})"""
    query = f"""SELECT key FROM record WHERE missed >= :gone AND gone_at < :old AND created_at < :old
                AND key NOT IN ({open_ones})"""
    found = [row[0] for row in execute(query, values).fetchall()]
    flows = [row[0] for row in execute("SELECT flow FROM position UNION SELECT flow FROM baseline").fetchall()]
    for key in found:
        for flow in flows:  # "0" follows "/"
            execute(
                f"""DELETE FROM outbox INDEXED BY outbox_key
                    WHERE key > ? AND key < ? AND delivery <> 'latest' AND state IN ({ENDED})""",
                (f"{flow}/{key}/", f"{flow}/{key}0"),
            )
        for table in ("recipient", "address", "fact", "due", "quarantine"):
            execute(f"DELETE FROM {table} WHERE record = ?", (key,))
        execute("DELETE FROM record WHERE key = ?", (key,))
    return len(found)
