"""The tables of the state file and of a plan file, in the current version; no queries."""

from __future__ import annotations

# In place of a stream, what a baseline of the rules themselves stands under.
RULES = "rules"
APPLICATION_ID = 0x45434D42  # "ECMB"
VERSION = 15

# Tables that a run fills in the plan file and `stage` merges. Same shape in both files, so that a merge is a copy.
SHARED = """
CREATE TABLE record (
    key TEXT PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL, facts TEXT NOT NULL, missed INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0, documents TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE recipient (
    mapping TEXT NOT NULL, record TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY (mapping, record, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_customer ON recipient (mapping, customer);
CREATE TABLE address (
    digest TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (digest, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_record ON address (record);
CREATE TABLE fact (
    flow TEXT NOT NULL, record TEXT NOT NULL, facts TEXT NOT NULL, modified_at TEXT NOT NULL,
    gone INTEGER NOT NULL, memory TEXT NOT NULL, at TEXT NOT NULL, documents TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE due (
    flow TEXT NOT NULL, record TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    flow TEXT NOT NULL, stream TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (flow, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE looked (
    what TEXT NOT NULL, stream TEXT NOT NULL, at TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (what, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE armed (
    stream TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (stream, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE column_of (
    stream TEXT NOT NULL, fact TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (stream, fact)
) STRICT, WITHOUT ROWID;
CREATE TABLE baseline (
    flow TEXT NOT NULL, stream TEXT NOT NULL, mapping TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (flow, stream, mapping)
) STRICT, WITHOUT ROWID;
CREATE TABLE content (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE quarantine (
    flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, customer TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (flow, record, rule, customer)
) STRICT, WITHOUT ROWID;
"""

_ACTION = """
    key TEXT NOT NULL, flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, occurrence TEXT NOT NULL,
    kind TEXT NOT NULL, delivery TEXT NOT NULL, phase INTEGER NOT NULL,
    recipient TEXT NOT NULL, name TEXT NOT NULL,
    target TEXT NOT NULL, payload TEXT, consent TEXT, create_profile INTEGER NOT NULL, expires_at TEXT NOT NULL,
    reason TEXT NOT NULL"""

PLAN = (
    SHARED
    + f"""
CREATE TABLE action (
    id INTEGER PRIMARY KEY, {_ACTION}, series TEXT NOT NULL, doubtful INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX action_key ON action (key, name);
CREATE INDEX action_target ON action (target);
CREATE TABLE skip (
    id INTEGER PRIMARY KEY, flow TEXT NOT NULL, record TEXT NOT NULL, customer TEXT NOT NULL, rule TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE scan (
    stream TEXT PRIMARY KEY, began TEXT NOT NULL, newest TEXT, complete INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE seen (record TEXT PRIMARY KEY, stream TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE todo (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, record TEXT NOT NULL UNIQUE, why TEXT NOT NULL
) STRICT;
CREATE TABLE editor (record TEXT PRIMARY KEY, by_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counter (
    scope TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
"""
)

# Tables of a plan file whose rows belong to one flow each.
OF_A_FLOW = ("fact", "due", "watermark", "baseline", "quarantine", "action", "skip")

# delivery.md, "States of an outbox row": the only pairs there are. Terminal rows never leave.
PAIRS = (
    ("ready", "in flight"),
    ("in flight", "sent"),
    ("in flight", "refused"),
    ("in flight", "in doubt"),
    ("in flight", "ready"),
    ("in doubt", "sent"),
    ("in doubt", "ready"),
    ("in doubt", "held"),
    ("held", "sent"),
    ("held", "ready"),
    ("held", "dropped"),
    ("ready", "waiting"),
    ("waiting", "ready"),
    ("ready", "suppressed"),
    ("ready", "expired"),
    ("ready", "superseded"),
    ("waiting", "suppressed"),
    ("waiting", "expired"),
    ("waiting", "superseded"),
    ("refused", "ready"),
    ("refused", "dropped"),
    # After an older copy was adopted: the file that it replaces may have sent it.
    ("ready", "held"),
    ("waiting", "held"),
    ("refused", "held"),
)

# The states that a row never leaves, as SQL: an index is used only where a query names them in these words.
ENDED = "'sent', 'suppressed', 'expired', 'superseded', 'dropped'"

LEDGER = (
    SHARED
    + f"""
ALTER TABLE record ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN read_at TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN gone_at TEXT NOT NULL DEFAULT '';
CREATE INDEX record_change ON record (change);
CREATE INDEX record_stream ON record (stream, read_at, key);
CREATE TABLE commits (n INTEGER NOT NULL) STRICT;
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE position (
    flow TEXT NOT NULL, stream TEXT NOT NULL, change INTEGER NOT NULL, at TEXT, PRIMARY KEY (flow, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, {_ACTION},
    state TEXT NOT NULL DEFAULT 'ready', why TEXT NOT NULL DEFAULT '', attempt TEXT NOT NULL DEFAULT '',
    planned_at TEXT NOT NULL, changed_at TEXT NOT NULL, looks INTEGER NOT NULL DEFAULT 0,
    series TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE delivery <> 'latest';
CREATE UNIQUE INDEX outbox_target ON outbox (target)
    WHERE delivery = 'latest' AND state IN ('ready', 'waiting', 'in flight');
CREATE INDEX outbox_state ON outbox (state, flow, phase);
CREATE INDEX outbox_recipient ON outbox (recipient, state);
CREATE INDEX outbox_ended ON outbox (changed_at) WHERE delivery = 'latest' AND state IN ({ENDED});
CREATE INDEX outbox_several ON outbox (id) WHERE kind = 'attributes' AND state IN ('ready', 'waiting');
CREATE TABLE pair (old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (old, new)) STRICT, WITHOUT ROWID;
INSERT INTO pair VALUES {", ".join(f"('{old}', '{new}')" for old, new in PAIRS)};
CREATE TRIGGER outbox_born_ready BEFORE INSERT ON outbox WHEN NEW.state <> 'ready'
    BEGIN SELECT RAISE(ABORT, 'an outbox row is born ready'); END;
CREATE TRIGGER outbox_pairs BEFORE UPDATE OF state ON outbox
    WHEN NOT EXISTS (SELECT 1 FROM pair WHERE old = OLD.state AND new = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'no such step for an outbox row'); END;
CREATE TABLE accepted (target TEXT PRIMARY KEY, value TEXT, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE attempted (
    target TEXT NOT NULL, value TEXT NOT NULL, attempt TEXT NOT NULL, PRIMARY KEY (target, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
    id TEXT PRIMARY KEY, flow TEXT NOT NULL, mode TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
    exit_code INTEGER NOT NULL, report TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_started ON run (started_at);
CREATE TABLE run_lines (
    run TEXT NOT NULL, list TEXT NOT NULL, n INTEGER NOT NULL, page TEXT NOT NULL, PRIMARY KEY (run, list, n)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER run_goes AFTER DELETE ON run BEGIN DELETE FROM run_lines WHERE run = OLD.id; END;
CREATE TABLE waiting_plan (
    flow TEXT NOT NULL, mode TEXT NOT NULL, hash TEXT NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
    made_at TEXT NOT NULL, PRIMARY KEY (flow, mode)
) STRICT, WITHOUT ROWID;
CREATE TABLE expected (
    flow TEXT NOT NULL, day TEXT NOT NULL, messages INTEGER NOT NULL, people INTEGER NOT NULL, PRIMARY KEY (flow, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE pause (
    flow TEXT PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE initial_load (
    flow TEXT PRIMARY KEY, hash TEXT NOT NULL, estimate TEXT NOT NULL, made_at TEXT NOT NULL, confirmed_at TEXT,
    ended_at TEXT, people INTEGER NOT NULL, last TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE rate_limit (path TEXT PRIMARY KEY, opens_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE claim (
    token TEXT PRIMARY KEY, at TEXT NOT NULL, attempt TEXT NOT NULL, taken INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE adoption (at TEXT PRIMARY KEY, copied_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE remark (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER history_is_final BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TABLE segment (
    last INTEGER PRIMARY KEY, digest TEXT NOT NULL, file TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE TRIGGER history_stays BEFORE DELETE ON history WHEN NOT EXISTS (SELECT 1 FROM segment WHERE last >= OLD.seq)
    BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TABLE erased (digest TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
)
