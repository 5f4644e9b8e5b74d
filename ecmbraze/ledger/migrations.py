"""Lift a state file to the current version: a backup first, then each step in one transaction; loses no row."""

from __future__ import annotations

from pathlib import Path

from ecmbraze.ledger import counting, schema
from ecmbraze.ledger.connection import Connection, Explained, unusable
from ecmbraze.ledger.copying import new_copy

# Of a target of version 13: what stands before its name; whether that is an attribute (a category may be named so).
_PERSON = "rtrim(target, replace(target, '/', ''))"
_ATTRIBUTE = f"""substr({_PERSON}, -11) = '/attribute/'
    AND target NOT GLOB 'ws:*/category/*' AND target NOT GLOB 'content:*/metadata/*'"""

# Version n is reached from n - 1 by STEPS[n]. A step is never changed again: it meets files as they were then.
STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE workspace ADD COLUMN again INTEGER NOT NULL DEFAULT 0",
        # Plan files of version 1 have another shape: what waited is planned and guarded anew.
        "DELETE FROM waiting_plan",
        "ALTER TABLE fact RENAME TO fact_1",
        """CREATE TABLE fact (
            flow TEXT NOT NULL, record TEXT NOT NULL, facts TEXT NOT NULL,
            modified_at TEXT NOT NULL, gone INTEGER NOT NULL, memory TEXT NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (flow, record)
        ) STRICT, WITHOUT ROWID""",
        """INSERT INTO fact SELECT flow, record, facts, modified_at, 0, occurrences,
           coalesce((SELECT nullif(read_at, '') FROM workspace WHERE 'ws:' || id = record), modified_at) FROM fact_1""",
        "DROP TABLE fact_1",
        "DROP TRIGGER outbox_born_ready",
        "DROP TRIGGER outbox_pairs",
        "DROP INDEX outbox_key",
        "DROP INDEX outbox_target",
        "DROP INDEX outbox_state",
        "DROP INDEX outbox_recipient",
        "ALTER TABLE outbox RENAME TO outbox_1",
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL,
            occurrence TEXT NOT NULL, kind TEXT NOT NULL, delivery TEXT NOT NULL, phase INTEGER NOT NULL,
            recipient TEXT NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL, payload TEXT, consent TEXT,
            create_profile INTEGER NOT NULL, expires_at TEXT NOT NULL, reason TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'ready', why TEXT NOT NULL DEFAULT '', attempt TEXT NOT NULL DEFAULT '',
            planned_at TEXT NOT NULL, changed_at TEXT NOT NULL, looks INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        """INSERT INTO outbox SELECT id, key, flow, record, rule, cast(occurrence AS TEXT), kind, delivery, phase,
           recipient, name, target, payload, consent, create_profile, expires_at, reason, state, why, attempt,
           planned_at, changed_at, looks FROM outbox_1""",
        "DROP TABLE outbox_1",
        "CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE delivery <> 'latest'",
        """CREATE UNIQUE INDEX outbox_target ON outbox (target)
           WHERE delivery = 'latest' AND state IN ('ready', 'waiting', 'in flight')""",
        "CREATE INDEX outbox_state ON outbox (state, flow, phase)",
        "CREATE INDEX outbox_recipient ON outbox (recipient, state)",
        """CREATE TRIGGER outbox_born_ready BEFORE INSERT ON outbox WHEN NEW.state <> 'ready'
           BEGIN SELECT RAISE(ABORT, 'an outbox row is born ready'); END""",
        """CREATE TRIGGER outbox_pairs BEFORE UPDATE OF state ON outbox
           WHEN NOT EXISTS (SELECT 1 FROM pair WHERE old = OLD.state AND new = NEW.state)
           BEGIN SELECT RAISE(ABORT, 'no such step for an outbox row'); END""",
    ),
    3: (
        # Plan files of version 2 know no documents: what waited is planned and guarded anew.
        "DELETE FROM waiting_plan",
        "ALTER TABLE workspace ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE fact ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'",
        """CREATE TABLE expected (
            flow TEXT NOT NULL, day TEXT NOT NULL, messages INTEGER NOT NULL, people INTEGER NOT NULL,
            PRIMARY KEY (flow, day)
        ) STRICT, WITHOUT ROWID""",
    ),
    4: (
        """CREATE TABLE column_of (
            type TEXT NOT NULL, fact TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (type, fact)
        ) STRICT, WITHOUT ROWID""",
    ),
    5: (
        # Plan files of version 4 have another shape: what waited is planned and guarded anew.
        "DELETE FROM waiting_plan",
        "ALTER TABLE outbox ADD COLUMN series TEXT NOT NULL DEFAULT ''",
        """UPDATE outbox SET series = CASE
           WHEN occurrence LIKE 'doc:%' THEN substr(occurrence, 1, instr(occurrence || '.v', '.v') - 1)
           WHEN occurrence GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN substr(occurrence, 11)
           ELSE '' END""",
        "ALTER TABLE position RENAME TO position_4",
        """CREATE TABLE position (
            flow TEXT NOT NULL, type TEXT NOT NULL, change INTEGER NOT NULL, at TEXT, PRIMARY KEY (flow, type)
        ) STRICT, WITHOUT ROWID""",
        """INSERT INTO position SELECT DISTINCT p.flow, b.type, p.change, (SELECT max(r.finished_at) FROM run r
           WHERE r.flow = p.flow AND r.mode IN ('live', 'baseline') AND r.exit_code IN (0, 3, 4))
           FROM position_4 p JOIN baseline b ON b.flow = p.flow WHERE b.type <> ''""",
        "DROP TABLE position_4",
        "CREATE TABLE rate_limit (path TEXT PRIMARY KEY, opens_at TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    6: (
        # Plan files of version 5 have another shape: what waited is planned and guarded anew.
        "DELETE FROM waiting_plan",
        """CREATE TABLE record (
            key TEXT PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
            modified_at TEXT NOT NULL, facts TEXT NOT NULL, missed INTEGER NOT NULL DEFAULT 0,
            again INTEGER NOT NULL DEFAULT 0, documents TEXT NOT NULL DEFAULT '[]',
            change INTEGER NOT NULL DEFAULT 0, read_at TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        """INSERT INTO record SELECT 'ws:' || id, 'workspaces/' || type, name, created_at, modified_at, facts, missed,
           again, documents, change, read_at FROM workspace ORDER BY id""",
        "DROP TABLE workspace",
        "CREATE INDEX record_change ON record (change)",
        "CREATE INDEX record_stream ON record (stream, read_at, key)",
        "DROP INDEX recipient_customer",
        "ALTER TABLE recipient RENAME TO recipient_5",
        """CREATE TABLE recipient (
            mapping TEXT NOT NULL, record TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY (mapping, record, customer)
        ) STRICT, WITHOUT ROWID""",
        "INSERT INTO recipient SELECT mapping, 'ws:' || workspace, customer FROM recipient_5",
        "DROP TABLE recipient_5",
        "CREATE INDEX recipient_customer ON recipient (mapping, customer)",
        """CREATE TABLE address (
            digest TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (digest, record)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX address_record ON address (record)",
        # What all flows share stood among the watermarks, as those of a flow without a name.
        """CREATE TABLE looked (
            what TEXT NOT NULL, stream TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (what, stream)
        ) STRICT, WITHOUT ROWID""",
        """INSERT INTO looked SELECT substr(stream, 1, instr(stream, '/') - 1),
           'workspaces/' || substr(stream, instr(stream, '/') + 1), value FROM watermark WHERE flow = ''""",
        "DELETE FROM watermark WHERE flow IN ('', 'listing', 'began')",
        "ALTER TABLE armed RENAME COLUMN type TO stream",
        "UPDATE armed SET stream = 'workspaces/' || stream",
        "ALTER TABLE column_of RENAME COLUMN type TO stream",
        "UPDATE column_of SET stream = 'workspaces/' || stream",
        "ALTER TABLE position RENAME COLUMN type TO stream",
        "UPDATE position SET stream = 'workspaces/' || stream",
        "ALTER TABLE baseline RENAME COLUMN type TO stream",
        "UPDATE baseline SET stream = CASE stream WHEN '' THEN 'rules' ELSE 'workspaces/' || stream END",
    ),
    7: (
        # A plan file is bound to the version it was made under: what waited is planned and guarded anew.
        "DELETE FROM waiting_plan",
        """CREATE TABLE attempted (
            target TEXT NOT NULL, value TEXT NOT NULL, attempt TEXT NOT NULL, PRIMARY KEY (target, value)
        ) STRICT, WITHOUT ROWID""",
    ),
    8: (
        # As for 7: a plan file is bound to its version.
        "DELETE FROM waiting_plan",
        "CREATE TABLE commits (n INTEGER NOT NULL) STRICT",
        "CREATE TABLE remark (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    9: (
        # As for 7: a plan file is bound to its version.
        "DELETE FROM waiting_plan",
        """CREATE TABLE claim (
            token TEXT PRIMARY KEY, at TEXT NOT NULL, attempt TEXT NOT NULL, taken INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE adoption (at TEXT PRIMARY KEY, copied_at TEXT NOT NULL) STRICT, WITHOUT ROWID",
        "INSERT INTO pair VALUES ('ready', 'held'), ('waiting', 'held'), ('refused', 'held')",
    ),
    10: (
        # As for 7: a plan file is bound to its version.
        "DELETE FROM waiting_plan",
        "ALTER TABLE record ADD COLUMN gone_at TEXT NOT NULL DEFAULT ''",
        """CREATE INDEX outbox_ended ON outbox (changed_at)
           WHERE delivery = 'latest' AND state IN ('sent', 'suppressed', 'expired', 'superseded', 'dropped')""",
        """CREATE TABLE segment (
            last INTEGER PRIMARY KEY, digest TEXT NOT NULL, file TEXT NOT NULL, at TEXT NOT NULL
        ) STRICT""",
        "DROP TRIGGER history_stays",
        """CREATE TRIGGER history_stays BEFORE DELETE ON history
           WHEN NOT EXISTS (SELECT 1 FROM segment WHERE last >= OLD.seq)
           BEGIN SELECT RAISE(ABORT, 'history only grows'); END""",
        "CREATE TABLE erased (digest TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    11: (
        # As for 7: a plan file is bound to its version.
        "DELETE FROM waiting_plan",
        """CREATE TABLE initial_load (
            flow TEXT PRIMARY KEY, hash TEXT NOT NULL, estimate TEXT NOT NULL, made_at TEXT NOT NULL,
            confirmed_at TEXT, ended_at TEXT, people INTEGER NOT NULL, last TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
    ),
    12: (
        # As for 7: a plan file is bound to its version.
        "DELETE FROM waiting_plan",
        "CREATE TABLE content (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
        "ALTER TABLE looked ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
    ),
    13: (
        # As for 7. From here on a row of the outbox may hold several attributes: an older program would not know it.
        # Rows with one each stay as they are.
        "DELETE FROM waiting_plan",
        """CREATE INDEX outbox_several ON outbox (id) WHERE kind = 'attributes' AND state IN ('ready', 'waiting')""",
    ),
    14: (
        # As for 7. From here on what Braze took of the attributes of a person is one row for all of them.
        "DELETE FROM waiting_plan",
        # Up to its last "/", of which names have none. What is put in ends with "@", as no name does.
        f"""INSERT INTO accepted SELECT person || '@', json_group_object(substr(target, length(person) + 1),
                                                                         json(ifnull(value, 'null'))), max(at)
            FROM (SELECT {_PERSON} AS person, target, value, at FROM accepted) WHERE {_ATTRIBUTE} GROUP BY person""",
        f"DELETE FROM accepted WHERE {_ATTRIBUTE} AND target <> {_PERSON} || '@'",
    ),
    15: (
        # As for 7. From here on the lines of a report are rows of their own; those of earlier runs stay in it.
        "DELETE FROM waiting_plan",
        """CREATE TABLE run_lines (
            run TEXT NOT NULL, list TEXT NOT NULL, n INTEGER NOT NULL, page TEXT NOT NULL, PRIMARY KEY (run, list, n)
        ) STRICT, WITHOUT ROWID""",
        "CREATE TRIGGER run_goes AFTER DELETE ON run BEGIN DELETE FROM run_lines WHERE run = OLD.id; END",
    ),
}


def migrate(connection: Connection, path: Path, version: int) -> None:
    """Bring an opened state file from ``version`` to the current one; the old file stays as ``<name>.backup-v<n>``.

    When it raises, the file is of the last version whose step was committed.
    """
    _back_up(connection, path, path.with_name(f"{path.name}.backup-v{version}"))
    for number in range(version + 1, schema.VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        before = counting.counter(connection.raw)
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] >= number:  # another process was first
                connection.rollback()
                continue
            for statement in STEPS[number]:
                connection.execute(statement)
            if number >= counting.FIRST:
                counting.bind(connection, before)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise


def _back_up(connection: Connection, path: Path, to: Path) -> None:
    """Copy the file page by page, 0600, whole or not at all; one left by an interrupted try is replaced."""
    with Explained(to, lambda _, why: unusable(path, why)), new_copy(connection, to) as scratch:
        scratch.replace(to)
