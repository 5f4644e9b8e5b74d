-- The state file as version 1 made it; frozen.
CREATE TABLE workspace (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL, facts TEXT NOT NULL, missed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE recipient (
    mapping TEXT NOT NULL, workspace INTEGER NOT NULL, customer TEXT NOT NULL,
    PRIMARY KEY (mapping, workspace, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_customer ON recipient (mapping, customer);
CREATE TABLE fact (
    flow TEXT NOT NULL, record TEXT NOT NULL, facts TEXT NOT NULL, modified_at TEXT NOT NULL,
    occurrences TEXT NOT NULL, PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE due (
    flow TEXT NOT NULL, record TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    flow TEXT NOT NULL, stream TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (flow, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE armed (
    type TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (type, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE baseline (
    flow TEXT NOT NULL, type TEXT NOT NULL, mapping TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (flow, type, mapping)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, customer TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (flow, record, rule, customer)
) STRICT, WITHOUT ROWID;

ALTER TABLE workspace ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN read_at TEXT NOT NULL DEFAULT '';
CREATE INDEX workspace_change ON workspace (change);
CREATE INDEX workspace_type ON workspace (type, read_at);
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE position (flow TEXT PRIMARY KEY, change INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, 
    key TEXT NOT NULL, flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, occurrence INTEGER NOT NULL,
    kind TEXT NOT NULL, delivery TEXT NOT NULL, phase INTEGER NOT NULL, recipient TEXT NOT NULL, name TEXT NOT NULL,
    target TEXT NOT NULL, payload TEXT, consent TEXT, create_profile INTEGER NOT NULL, expires_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready', why TEXT NOT NULL DEFAULT '', attempt TEXT NOT NULL DEFAULT '',
    planned_at TEXT NOT NULL, changed_at TEXT NOT NULL, next_look TEXT NOT NULL DEFAULT '',
    looks INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE delivery <> 'latest';
CREATE UNIQUE INDEX outbox_target ON outbox (target)
    WHERE delivery = 'latest' AND state IN ('ready', 'waiting', 'in flight');
CREATE INDEX outbox_state ON outbox (state, flow, phase);
CREATE INDEX outbox_recipient ON outbox (recipient, state);
CREATE TABLE pair (old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (old, new)) STRICT, WITHOUT ROWID;
INSERT INTO pair VALUES ('ready', 'in flight'), ('in flight', 'sent'), ('in flight', 'refused'), ('in flight', 'in doubt'), ('in flight', 'ready'), ('in doubt', 'sent'), ('in doubt', 'ready'), ('in doubt', 'held'), ('held', 'sent'), ('held', 'ready'), ('held', 'dropped'), ('ready', 'waiting'), ('waiting', 'ready'), ('ready', 'suppressed'), ('ready', 'expired'), ('ready', 'superseded'), ('waiting', 'suppressed'), ('waiting', 'expired'), ('waiting', 'superseded'), ('refused', 'ready'), ('refused', 'dropped');
CREATE TRIGGER outbox_born_ready BEFORE INSERT ON outbox WHEN NEW.state <> 'ready'
    BEGIN SELECT RAISE(ABORT, 'an outbox row is born ready'); END;
CREATE TRIGGER outbox_pairs BEFORE UPDATE OF state ON outbox
    WHEN NOT EXISTS (SELECT 1 FROM pair WHERE old = OLD.state AND new = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'no such step for an outbox row'); END;
CREATE TABLE accepted (target TEXT PRIMARY KEY, value TEXT, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE run (
    id TEXT PRIMARY KEY, flow TEXT NOT NULL, mode TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
    exit_code INTEGER NOT NULL, report TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_started ON run (started_at);
CREATE TABLE waiting_plan (
    flow TEXT NOT NULL, mode TEXT NOT NULL, hash TEXT NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
    made_at TEXT NOT NULL, PRIMARY KEY (flow, mode)
) STRICT, WITHOUT ROWID;
CREATE TABLE pause (
    flow TEXT PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER history_is_final BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TRIGGER history_stays BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
PRAGMA application_id = 1162038594;
PRAGMA user_version = 1;
