"""What the sinks took last, as it is kept: of a person one row for all attributes, of anything else one a target.

What it means stays per attribute: a name that is missing was never taken, or is known no more; one with null was
emptied. Only the newest time of a person's row is kept: nothing asks when a single attribute was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from sqlite3 import Connection

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant, load, load_json
from ecmbraze.model import Action, Json

# Among the targets of the attributes of a person, and none of them: no name begins so.
_ALL = "/attribute/@"
# Whether the value of an attribute {name} of a person {who} stands, so that it is neither unknown nor emptied.
STANDS = f"""EXISTS (SELECT 1 FROM accepted a, json_each(a.value) v
    WHERE a.target = {{who}} || '{_ALL}' AND v.key = {{name}} AND v.type <> 'null')"""
# The values of one person, which are an object.
SEVERAL = f"CASE WHEN substr(target, -{len(_ALL)}) = '{_ALL}' THEN value END AS value"
# How many values a row stands for.
COUNTED = f"""CASE WHEN substr(target, -{len(_ALL)}) = '{_ALL}' THEN (SELECT count(*) FROM json_each(accepted.value))
    ELSE 1 END"""
# What is over once it is older than :old: that something was emptied. Of a patch, null takes its name out.
FORGET = (
    f"""UPDATE accepted SET value = json_patch('{{}}', value)
        WHERE at < :old AND value LIKE '%:null%' AND substr(target, -{len(_ALL)}) = '{_ALL}'""",
    "DELETE FROM accepted WHERE value IN ('null', '{}') AND at < :old",
)
_MERGED = """INSERT INTO accepted {} ON CONFLICT (target) DO UPDATE
    SET value = merged(value, excluded.value), at = excluded.at"""
_OF_ROWS = """FROM outbox WHERE id IN (SELECT value FROM json_each(:rows)) AND delivery = 'latest'
    AND kind {} IN ('attribute', 'attributes')"""


def prepare(connection: Connection) -> None:
    """Teach a connection to put the attributes of a person together; none of the file needs it to be read."""
    connection.create_function("merged", 2, lambda old, new: dump({**load(old), **load(new)}), deterministic=True)


def settle(connection: Connection, rows: str, now: datetime) -> None:
    """Keep what the sink took of rows (their numbers, as JSON), before their payloads are blanked.

    A part of the transaction in hand.
    """
    values = {"rows": rows, "now": instant(now)}
    others, profiles = _OF_ROWS.format("NOT"), _OF_ROWS.format("")
    connection.execute(f"INSERT OR REPLACE INTO accepted SELECT target, ifnull(payload, 'null'), :now {others}", values)
    connection.execute(f"DELETE FROM attempted WHERE target IN (SELECT target {others})", {"rows": rows})
    # Those of one person in the order of their rows, so that the newest wins.
    one = f"""SELECT recipient || '{_ALL}', CASE kind WHEN 'attributes' THEN payload
              ELSE json_object(name, json(ifnull(payload, 'null'))) END, :now {profiles} ORDER BY id"""
    connection.execute(_MERGED.format(one), values)


def note(connection: Connection, person: str, name: str, value: Json, now: datetime) -> None:
    """Keep an attribute that Braze took and no row stands for; a part of the transaction in hand."""
    connection.execute(_MERGED.format("VALUES (?, ?, ?)"), (f"{person}{_ALL}", dump({name: value}), instant(now)))


def accepted(database: Database, target: str) -> Json:
    """Return the value the sink last took for a target; ``None`` when it took none."""
    query = "SELECT value FROM accepted WHERE target = ?"
    recipient, kind, name = target.rsplit("/", 2)
    if kind == "attribute" and (row := database.execute(query, (recipient + _ALL,)).fetchone()):
        values: dict[str, Json] = load(row[0])
        return values.get(name)
    row = database.execute(query, (target,)).fetchone()  # the name of a category may look like that of an attribute
    return load_json(row[0]) if row else None


def accepted_of(database: Database, actions: Mapping[int, Action]) -> Mapping[int, Json]:
    """Return row number → the value the sink last took for its target; ``None`` when it took none.

    Of a row that holds several it is name → value.
    """
    kept = {row: one.recipient + _ALL if one.kind.is_profile_value else one.target for row, one in actions.items()}
    query = "SELECT target, value FROM accepted WHERE target IN (SELECT value FROM json_each(?))"
    texts = dict(database.execute(query, (dump(list(kept.values())),)).fetchall())
    return {row: _value(one, texts.get(kept[row])) for row, one in actions.items()}


def _value(action: Action, text: str | None) -> Json:
    if not action.kind.is_profile_value:
        return load_json(text)
    values: dict[str, Json] = load(text or "{}")
    return {name: values.get(name) for name in action.names} if action.kind.holds else values.get(action.name)
