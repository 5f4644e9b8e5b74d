BEGIN TRANSACTION;
CREATE TABLE accepted (target TEXT PRIMARY KEY, value TEXT, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_product','"ecm_product of C-1"','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_stage','"ecm_stage of C-1"','2026-03-10T09:00:00.000000Z');
CREATE TABLE address (
    digest TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (digest, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE adoption (at TEXT PRIMARY KEY, copied_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE armed (
    stream TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (stream, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempted (
    target TEXT NOT NULL, value TEXT NOT NULL, attempt TEXT NOT NULL, PRIMARY KEY (target, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE baseline (
    flow TEXT NOT NULL, stream TEXT NOT NULL, mapping TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (flow, stream, mapping)
) STRICT, WITHOUT ROWID;
CREATE TABLE claim (
    token TEXT PRIMARY KEY, at TEXT NOT NULL, attempt TEXT NOT NULL, taken INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE column_of (
    stream TEXT NOT NULL, fact TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (stream, fact)
) STRICT, WITHOUT ROWID;
CREATE TABLE commits (n INTEGER NOT NULL) STRICT;
INSERT INTO "commits" VALUES(11);
CREATE TABLE content (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE due (
    flow TEXT NOT NULL, record TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE erased (digest TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE expected (
    flow TEXT NOT NULL, day TEXT NOT NULL, messages INTEGER NOT NULL, people INTEGER NOT NULL, PRIMARY KEY (flow, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    flow TEXT NOT NULL, record TEXT NOT NULL, facts TEXT NOT NULL, modified_at TEXT NOT NULL,
    gone INTEGER NOT NULL, memory TEXT NOT NULL, at TEXT NOT NULL, documents TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (flow, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO "history" VALUES(1,'2026-03-10T09:00:00.000000Z','init','{}','0000000000000000000000000000000000000000000000000000000000000000','56600e89cea1aeb033840beb6bb970a04e0d35e5b8e297dc8d5b4ee97c5df593');
INSERT INTO "history" VALUES(2,'2026-03-10T09:00:00.000000Z','stage','{"change":1,"plans":{"f":"bd263b32bd69cabe02e25edb4aa4452150fb563b9599fbbeb6c3706e03de2433"}}','56600e89cea1aeb033840beb6bb970a04e0d35e5b8e297dc8d5b4ee97c5df593','5aebc0017ccd3f29c21d6192d51196b9a9477e57effb857e41a4a4a6accb3c18');
INSERT INTO "history" VALUES(3,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-1","steps":[{"digest":"2586c0cb680b57aa6d79818c3dbdba0f22820f58e471e7e768ac80fa78a42150","first":1,"flow":"f","from":"ready","kind":"attribute","last":2,"remark":"","rows":2,"to":"in flight"}]}','5aebc0017ccd3f29c21d6192d51196b9a9477e57effb857e41a4a4a6accb3c18','06e120e97633d86ed6442aabee4757ebc3292e66404b9e665d0c9715c16237d2');
INSERT INTO "history" VALUES(4,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"digest":"d0d7e0d8836d3302a2e599e1a378a011bce406cfa53abffd52818ee1fe44c793","first":1,"flow":"f","from":"ready","kind":"attribute","last":2,"remark":"8abc53dcde7b865b307f0cbdaf7dfc6a2559ea55e6ac1c91446e63f945851652","rows":2,"to":"sent"}]}','06e120e97633d86ed6442aabee4757ebc3292e66404b9e665d0c9715c16237d2','067fcb474dff09601524d8f9d5f4af9685f5ac77fdb1bc9b91bf4a5ec24c8be1');
INSERT INTO "history" VALUES(5,'2026-03-10T09:00:00.000000Z','stage','{"change":1,"plans":{"f":"277cb37a9462890641526ab1e0c96c0fe6c1463019a55a95091de8d72cadab36"}}','067fcb474dff09601524d8f9d5f4af9685f5ac77fdb1bc9b91bf4a5ec24c8be1','2edea88173046d58b02b9e7287e6113204d179967178ef75370c70c88ed9164e');
INSERT INTO "history" VALUES(6,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-2","steps":[{"digest":"e4b2dd8072d211efdd582a64f753bf01b2fab7baf9244c8e39d2654889a37357","first":5,"flow":"f","from":"ready","kind":"attribute","last":5,"remark":"","rows":1,"to":"in flight"}]}','2edea88173046d58b02b9e7287e6113204d179967178ef75370c70c88ed9164e','5784be256fcbf25c3beabe729bc0bb1f4feae7e054b0b813fd0a4514edd75abb');
INSERT INTO "history" VALUES(7,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"digest":"72c6ad93119a316d9f4d5520d93111e3d8d7445614299f01558df9afaccf36e6","first":5,"flow":"f","from":"ready","kind":"attribute","last":5,"remark":"","rows":1,"to":"refused"}]}','5784be256fcbf25c3beabe729bc0bb1f4feae7e054b0b813fd0a4514edd75abb','3fae87fb552362de6e6a55fb1ebd1dfacbe514f051a611559e1b202536e2be7e');
INSERT INTO "history" VALUES(8,'2026-03-10T09:00:00.000000Z','stage','{"change":1,"plans":{"f":"be22dc8094f053cf59fc1dc769ca7bb335a4d3a171bcd7e85ef13c733e5c0675"}}','3fae87fb552362de6e6a55fb1ebd1dfacbe514f051a611559e1b202536e2be7e','c8e3daeb7c4f2e716fec79f4bd826c4a16ee1e3383f874cded05369a352cd902');
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "identity" VALUES('created_at','2026-03-10T09:00:00.000000Z');
INSERT INTO "identity" VALUES('key','1eb77ed94865a46b');
INSERT INTO "identity" VALUES('salt','f9886dfcf3267920d44b3cdb9cde787600e9778c187881bbd5ed55cbc6b9d2a2');
CREATE TABLE initial_load (
    flow TEXT PRIMARY KEY, hash TEXT NOT NULL, estimate TEXT NOT NULL, made_at TEXT NOT NULL, confirmed_at TEXT,
    ended_at TEXT, people INTEGER NOT NULL, last TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE looked (
    what TEXT NOT NULL, stream TEXT NOT NULL, at TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (what, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, 
    key TEXT NOT NULL, flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, occurrence TEXT NOT NULL,
    kind TEXT NOT NULL, delivery TEXT NOT NULL, phase INTEGER NOT NULL,
    recipient TEXT NOT NULL, name TEXT NOT NULL,
    target TEXT NOT NULL, payload TEXT, consent TEXT, create_profile INTEGER NOT NULL, expires_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready', why TEXT NOT NULL DEFAULT '', attempt TEXT NOT NULL DEFAULT '',
    planned_at TEXT NOT NULL, changed_at TEXT NOT NULL, looks INTEGER NOT NULL DEFAULT 0,
    series TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "outbox" VALUES(1,'f/ws:1/ecm_product/0/attribute/C-1','f','ws:1','ecm_product','0','attribute','latest',2,'C-1','ecm_product','C-1/attribute/ecm_product',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-1','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(2,'f/ws:1/ecm_stage/0/attribute/C-1','f','ws:1','ecm_stage','0','attribute','latest',2,'C-1','ecm_stage','C-1/attribute/ecm_stage',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-1','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(3,'f/ws:2/ecm_product/0/attribute/C-2','f','ws:2','ecm_product','0','attribute','latest',2,'C-2','ecm_product','C-2/attribute/ecm_product','"ecm_product of C-2"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','waiting','not in Braze yet','','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(4,'f/ws:2/ecm_stage/0/attribute/C-2','f','ws:2','ecm_stage','0','attribute','latest',2,'C-2','ecm_stage','C-2/attribute/ecm_stage','"ecm_stage of C-2"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','waiting','not in Braze yet','','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(5,'f/ws:3/ecm_stage/0/attribute/C-3','f','ws:3','ecm_stage','0','attribute','latest',2,'C-3','ecm_stage','C-3/attribute/ecm_stage','"too bad"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','refused','invalid','attempt-2','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(6,'f/ws:4/ecm_product/0/attribute/C-4','f','ws:4','ecm_product','0','attribute','latest',2,'C-4','ecm_product','C-4/attribute/ecm_product','"ecm_product of C-4"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','ready','','','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(7,'f/ws:4/ecm_stage/0/attribute/C-4','f','ws:4','ecm_stage','0','attribute','latest',2,'C-4','ecm_stage','C-4/attribute/ecm_stage','"ecm_stage of C-4"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','ready','','','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
CREATE TABLE pair (old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (old, new)) STRICT, WITHOUT ROWID;
INSERT INTO "pair" VALUES('held','dropped');
INSERT INTO "pair" VALUES('held','ready');
INSERT INTO "pair" VALUES('held','sent');
INSERT INTO "pair" VALUES('in doubt','held');
INSERT INTO "pair" VALUES('in doubt','ready');
INSERT INTO "pair" VALUES('in doubt','sent');
INSERT INTO "pair" VALUES('in flight','in doubt');
INSERT INTO "pair" VALUES('in flight','ready');
INSERT INTO "pair" VALUES('in flight','refused');
INSERT INTO "pair" VALUES('in flight','sent');
INSERT INTO "pair" VALUES('ready','expired');
INSERT INTO "pair" VALUES('ready','held');
INSERT INTO "pair" VALUES('ready','in flight');
INSERT INTO "pair" VALUES('ready','superseded');
INSERT INTO "pair" VALUES('ready','suppressed');
INSERT INTO "pair" VALUES('ready','waiting');
INSERT INTO "pair" VALUES('refused','dropped');
INSERT INTO "pair" VALUES('refused','held');
INSERT INTO "pair" VALUES('refused','ready');
INSERT INTO "pair" VALUES('waiting','expired');
INSERT INTO "pair" VALUES('waiting','held');
INSERT INTO "pair" VALUES('waiting','ready');
INSERT INTO "pair" VALUES('waiting','superseded');
INSERT INTO "pair" VALUES('waiting','suppressed');
CREATE TABLE pause (
    flow TEXT PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE position (
    flow TEXT NOT NULL, stream TEXT NOT NULL, change INTEGER NOT NULL, at TEXT, PRIMARY KEY (flow, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    flow TEXT NOT NULL, record TEXT NOT NULL, rule TEXT NOT NULL, customer TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (flow, record, rule, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE rate_limit (path TEXT PRIMARY KEY, opens_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE recipient (
    mapping TEXT NOT NULL, record TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY (mapping, record, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE record (
    key TEXT PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL, facts TEXT NOT NULL, missed INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0, documents TEXT NOT NULL DEFAULT '[]'
, change INTEGER NOT NULL DEFAULT 0, read_at TEXT NOT NULL DEFAULT '', gone_at TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE remark (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "remark" VALUES('8abc53dcde7b865b307f0cbdaf7dfc6a2559ea55e6ac1c91446e63f945851652','accepted');
CREATE TABLE run (
    id TEXT PRIMARY KEY, flow TEXT NOT NULL, mode TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
    exit_code INTEGER NOT NULL, report TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE segment (
    last INTEGER PRIMARY KEY, digest TEXT NOT NULL, file TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE TABLE waiting_plan (
    flow TEXT NOT NULL, mode TEXT NOT NULL, hash TEXT NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
    made_at TEXT NOT NULL, PRIMARY KEY (flow, mode)
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    flow TEXT NOT NULL, stream TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (flow, stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_customer ON recipient (mapping, customer);
CREATE INDEX address_record ON address (record);
CREATE INDEX record_change ON record (change);
CREATE INDEX record_stream ON record (stream, read_at, key);
CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE delivery <> 'latest';
CREATE UNIQUE INDEX outbox_target ON outbox (target)
    WHERE delivery = 'latest' AND state IN ('ready', 'waiting', 'in flight');
CREATE INDEX outbox_state ON outbox (state, flow, phase);
CREATE INDEX outbox_recipient ON outbox (recipient, state);
CREATE INDEX outbox_ended ON outbox (changed_at) WHERE delivery = 'latest' AND state IN ('sent', 'suppressed', 'expired', 'superseded', 'dropped');
CREATE TRIGGER outbox_born_ready BEFORE INSERT ON outbox WHEN NEW.state <> 'ready'
    BEGIN SELECT RAISE(ABORT, 'an outbox row is born ready'); END;
CREATE TRIGGER outbox_pairs BEFORE UPDATE OF state ON outbox
    WHEN NOT EXISTS (SELECT 1 FROM pair WHERE old = OLD.state AND new = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'no such step for an outbox row'); END;
CREATE INDEX run_started ON run (started_at);
CREATE TRIGGER history_is_final BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
CREATE TRIGGER history_stays BEFORE DELETE ON history WHEN NOT EXISTS (SELECT 1 FROM segment WHERE last >= OLD.seq)
    BEGIN SELECT RAISE(ABORT, 'history only grows'); END;
PRAGMA application_id = 1162038594;
PRAGMA user_version = 12;
COMMIT;
