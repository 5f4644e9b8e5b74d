"""Several attributes of one person as one row of the outbox, taken apart where one is refused or written anew.

What they mean stays per attribute: which value was accepted, which one a newer one supersedes, what is quarantined.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant, load, load_json
from ecmbraze.model import Json

# The writes that rows of the outbox stand for.
WRITES = "ifnull(sum(CASE kind WHEN 'attributes' THEN json_array_length(name) ELSE 1 END), 0)"
# What every row keeps of its action, whatever it holds.
_SAME = "flow, record, occurrence, delivery, phase, recipient, consent, create_profile, expires_at, reason, series"
_COLUMNS = f"{_SAME}, key, rule, kind, name, target, payload"
# What is staged of a plan.
_HERE = "plan.action WHERE flow = :flow AND phase <= :last"
# Whether a plan writes the attribute {name} of the person of an outbox row `o` anew, in a row beside others.
_BESIDE = f"""EXISTS (SELECT 1 FROM {_HERE} AND kind = 'attributes' AND target >= o.recipient || '/attribute/@'
    AND target < o.recipient || '/attribute/A' AND {{name}} IN (SELECT value FROM json_each(action.name)))"""
# What of the outbox a plan writes anew.
ANEW = f"""SELECT o.id FROM outbox o WHERE o.delivery = 'latest' AND o.state IN ('ready', 'waiting', 'refused')
    AND (o.target IN (SELECT target FROM {_HERE} AND kind <> 'attributes')
         OR (o.kind = 'attribute' AND {_BESIDE.format(name="o.name")}))"""
# Rows that a plan writes an attribute of anew: the others of theirs stay, each by itself.
OVERTAKEN = f"""SELECT o.id FROM outbox o WHERE o.kind = 'attributes' AND o.state IN ('ready', 'waiting')
    AND EXISTS (SELECT 1 FROM json_each(o.name) j WHERE o.recipient || '/attribute/' || j.value IN
                (SELECT target FROM {_HERE}) OR {_BESIDE.format(name="j.value")})"""

# The targets of one kind that some people have, each person one row of `one`; see `values_of`.
THEIRS = "ON target >= one.recipient || ? AND target < one.recipient || ?"
ACCEPTED = f"SELECT one.recipient, target, value FROM one CROSS JOIN accepted {THEIRS}"

# An attribute is sent until Braze takes it.
_LASTING = timedelta(days=3650)
# A value that somebody else writes too is not fought over: it is restated once in so long.
_RESTATED, _RESTATED_EACH = "sent again: the profile no longer shows it", timedelta(days=1)
_EACH = """SELECT id, flow, name, target, state, reason, planned_at FROM outbox
           WHERE recipient = :recipient AND kind = :kind
           UNION ALL
           SELECT o.id, o.flow, j.value, o.recipient || '/' || :kind || '/' || j.value, o.state, o.reason, o.planned_at
           FROM outbox o, json_each(o.name) j WHERE o.recipient = :recipient AND o.kind = 'attributes'
           AND :kind = 'attribute'"""
_LOST = f"""WITH mine AS ({_EACH}) SELECT max(e.id), e.flow, e.name FROM mine e
            WHERE NOT EXISTS (SELECT 1 FROM mine n WHERE n.target = e.target
                              AND n.state IN ('ready', 'waiting', 'in flight'))
            AND NOT EXISTS (SELECT 1 FROM mine n WHERE n.target = e.target AND n.reason = :reason
                            AND n.planned_at > :lately)
            GROUP BY e.target"""


def values_of(people: Sequence[str], kind: str, *asked: tuple[Connection, str]) -> dict[str, dict[str, Json]]:
    """Return person → name → value of what they have of one kind, by queries over `one`; the later ones win."""
    found: dict[str, dict[str, Json]] = {person: {} for person in people}
    rows, values = ", ".join(["(?)"] * len(people)), (*people, f"/{kind}/", f"/{kind}0")  # "0" follows "/"
    several = "@" if kind == "attribute" else None  # with what the name of a row of several begins; a category may
    for database, query in asked:
        for person, target, value in database.execute(f"WITH one(recipient) AS (VALUES {rows}) {query}", values):
            name = target[len(person) + len(kind) + 2 :]
            found[person].update({name: load_json(value)} if name[:1] != several or value is None else load(value))
    return found


def take_apart(database: Database, rows: Iterable[int]) -> dict[int, list[int]]:
    """Put a row of its own in place of each attribute that rows hold, ready or waiting as those; return their numbers.

    A part of the transaction in hand: no attribute is ever in two rows, or in none.
    """
    parts: dict[int, list[int]] = {}
    execute = database.conn.execute
    for number in rows:
        state, payload = execute("SELECT state, payload FROM outbox WHERE id = ?", (number,)).fetchone()
        more = ", attempt, planned_at, changed_at, why"
        for name, value in load(payload).items():
            made = _copy(database, number, "attribute", name, value, more, more)
            parts.setdefault(number, []).append(made)
        if state == "waiting":  # a row is born ready
            moved = "UPDATE outbox SET state = 'waiting' WHERE id IN (SELECT value FROM json_each(?))"
            execute(moved, (dump(parts[number]),))
        execute("DELETE FROM outbox WHERE id = ?", (number,))
    return parts


def lost(
    database: Database, recipient: str, kind: str, written: Container[tuple[str, str]], now: datetime
) -> list[tuple[int, Json, str, str]]:
    """Return (row, value, flow, name) of what Braze took of a person and should still have: of that kind alone.

    Only what is ``written`` today, as (flow, name), each target once a day at most, and none that is on its way.
    """
    lately = instant(now - _RESTATED_EACH)
    values = {"recipient": recipient, "kind": kind, "reason": _RESTATED, "lately": lately}
    taken = values_of([recipient], kind, (database.conn, ACCEPTED))[recipient]
    return [
        (number, taken[name], flow, name)
        for number, flow, name in database.execute(_LOST, values).fetchall()
        if taken.get(name) is not None and (flow, name) in written
    ]


def restate(database: Database, kind: str, found: Sequence[tuple[int, Json, str, str]], now: datetime) -> None:
    """Queue once more what was lost, each value in a row of its own; a part of the transaction in hand."""
    times = f", '{instant(now)}', '{instant(now)}'"
    for number, value, _, name in found:
        made = _copy(database, number, kind, name, value, ", planned_at, changed_at", times)
        database.conn.execute(
            "UPDATE outbox SET reason = ?, expires_at = ? WHERE id = ?", (_RESTATED, instant(now + _LASTING), made)
        )


def _copy(database: Database, number: int, kind: str, name: str, value: Json, columns: str, more: str) -> int:
    """Make a row for one attribute of another row; return its number."""
    values = {"number": number, "kind": kind, "name": name, "payload": dump(value)}
    made = database.conn.execute(
        f"""INSERT INTO outbox ({_COLUMNS}{columns}) SELECT {_SAME},
            flow || '/' || record || '/' || :name || '/' || occurrence || '/' || :kind || '/' || recipient,
            :name, :kind, :name, recipient || '/' || :kind || '/' || :name, :payload{more} FROM outbox
            WHERE id = :number""",
        values,
    )
    assert made.lastrowid is not None
    return made.lastrowid
