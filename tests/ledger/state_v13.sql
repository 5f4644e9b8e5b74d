BEGIN TRANSACTION;
CREATE TABLE accepted (target TEXT PRIMARY KEY, value TEXT, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_list','["a","b"]','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_product','null','2026-03-10T09:01:00.000000Z');
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_rate','123456789.12345679','2026-03-10T09:01:00.000000Z');
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_stage','"old"','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('C-1/attribute/ecm_vip','true','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('C-3/withdrawal/email','"unsubscribed"','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('EU/attribute/7/attribute/ecm_stage','"there"','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('canary/attribute/ecmbraze_canary','1773136800','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('ws:7/category/Consent','{"Consent.Email Status":"Withdrawn"}','2026-03-10T09:00:00.000000Z');
INSERT INTO "accepted" VALUES('ws:7/category/attribute/x','{"Consent.Email Status":"Withdrawn"}','2026-03-10T09:00:00.000000Z');
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
INSERT INTO "commits" VALUES(18);
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
INSERT INTO "history" VALUES(1,'2026-03-10T09:00:00.000000Z','init','{}','0000000000000000000000000000000000000000000000000000000000000000','a6cff836d6bff3b50ade121a79addfe9965a9e476ad52df0b701a11087ef7d8f');
INSERT INTO "history" VALUES(2,'2026-03-10T09:00:00.000000Z','stage','{"change":1,"plans":{"f":"b881130ad3eb4b2d7c11d999c70303e129a1d6c5c1753bed4b0dcc0d0a05786f"}}','a6cff836d6bff3b50ade121a79addfe9965a9e476ad52df0b701a11087ef7d8f','bf6aa634e7d2e7f1ae81b9b9e1aa7d716e8ce4f6c509280b5e9b50aa14bcd5e7');
INSERT INTO "history" VALUES(3,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-1","steps":[{"flow":"f","from":"ready","kind":"withdrawal","occurrence":"1","payload":"fec2d38d9bd14e059f3c90a758e7878fbed97d4fb392b54d6b7996dbd6da1611","record":"person:61e398c28907f76f4a0dd3c29560b87c","remark":"","row":3,"rule":"email","subject":"61e398c28907f76f4a0dd3c29560b87c","to":"in flight"}]}','bf6aa634e7d2e7f1ae81b9b9e1aa7d716e8ce4f6c509280b5e9b50aa14bcd5e7','bcfb77e45fded810bfbbf86eec581d08a714b9df700883b72cbf3bd50e8ff193');
INSERT INTO "history" VALUES(4,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"flow":"f","from":"ready","kind":"withdrawal","occurrence":"1","record":"person:61e398c28907f76f4a0dd3c29560b87c","remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","row":3,"rule":"email","subject":"61e398c28907f76f4a0dd3c29560b87c","to":"sent"}]}','bcfb77e45fded810bfbbf86eec581d08a714b9df700883b72cbf3bd50e8ff193','dff3ffdca0d3ac5baf5333b738dd8eba38bad2ae111b5a630f6e7571a5398d8e');
INSERT INTO "history" VALUES(5,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-2","steps":[{"digest":"32a54ac884682cb06e88b502be2f050cf45ccfccd23411499bd1df6531507198","first":1,"flow":"f","from":"ready","kind":"attributes","last":1,"remark":"","rows":1,"to":"in flight"},{"digest":"ede11749e7249ca3c93ddba8f7d94f549131422af58b2ee7f1c55556503bf573","first":2,"flow":"f","from":"ready","kind":"attribute","last":2,"remark":"","rows":1,"to":"in flight"}]}','dff3ffdca0d3ac5baf5333b738dd8eba38bad2ae111b5a630f6e7571a5398d8e','f8d88f732008148e0760daa550057dd5292b502b3d3358133bc793d97386586c');
INSERT INTO "history" VALUES(6,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"digest":"0470126db51dfea2625d1e183a5239415470fdee8b356a72fbc154ec5c6e2e9d","first":1,"flow":"f","from":"ready","kind":"attributes","last":1,"remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","rows":1,"to":"sent"},{"digest":"2489ab1463aa990d52a389758927ea0ce494fc9d94cb031717e6c39b4cc1c078","first":2,"flow":"f","from":"ready","kind":"attribute","last":2,"remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","rows":1,"to":"sent"}]}','f8d88f732008148e0760daa550057dd5292b502b3d3358133bc793d97386586c','536e885452421c56e3ac211f6cf8a7e456f9d354f9a4126f6aeb6c8efc81fd54');
INSERT INTO "history" VALUES(7,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-3","steps":[{"flow":"f","from":"ready","kind":"category","occurrence":"1","payload":"e9df29e2981b8a7efa80ad8534ae2e35a8f865f90bc57bbb31360c255128e1e0","record":"person:16d40941d3108961a4596483bd712766","remark":"","row":4,"rule":"email","subject":"78ebc6c4d855d1b3fa9cb1315220b3c9","to":"in flight"}]}','536e885452421c56e3ac211f6cf8a7e456f9d354f9a4126f6aeb6c8efc81fd54','79be80b407ee62d67de9dc5228bfd2dddbf9238f0cb7016b351649befaaf4f4c');
INSERT INTO "history" VALUES(8,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"flow":"f","from":"ready","kind":"category","occurrence":"1","record":"person:16d40941d3108961a4596483bd712766","remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","row":4,"rule":"email","subject":"78ebc6c4d855d1b3fa9cb1315220b3c9","to":"sent"}]}','79be80b407ee62d67de9dc5228bfd2dddbf9238f0cb7016b351649befaaf4f4c','8fa5db9c3a417e474cc29b194c70716d6741029e69976500ff0e60f9d82a953b');
INSERT INTO "history" VALUES(9,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"attempt-4","steps":[{"flow":"f","from":"ready","kind":"category","occurrence":"1","payload":"e9df29e2981b8a7efa80ad8534ae2e35a8f865f90bc57bbb31360c255128e1e0","record":"person:16d40941d3108961a4596483bd712766","remark":"","row":5,"rule":"x","subject":"78ebc6c4d855d1b3fa9cb1315220b3c9","to":"in flight"}]}','8fa5db9c3a417e474cc29b194c70716d6741029e69976500ff0e60f9d82a953b','467a448cf7d924c4aa94701841282db93127e32cbd0dd951421c85759d40748f');
INSERT INTO "history" VALUES(10,'2026-03-10T09:00:00.000000Z','outbox','{"attempt":"","steps":[{"flow":"f","from":"ready","kind":"category","occurrence":"1","record":"person:16d40941d3108961a4596483bd712766","remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","row":5,"rule":"x","subject":"78ebc6c4d855d1b3fa9cb1315220b3c9","to":"sent"}]}','467a448cf7d924c4aa94701841282db93127e32cbd0dd951421c85759d40748f','0783f345eb4a8f5243d1fcdca6bd6b80c3376a748f5868ff5af5deb73fcf9eda');
INSERT INTO "history" VALUES(11,'2026-03-10T09:01:00.000000Z','stage','{"change":1,"plans":{"f":"c4a1da38d365132511ea2797c5ec32b2678ec3016bb4b75f2d1fa45bc5b853c0"}}','0783f345eb4a8f5243d1fcdca6bd6b80c3376a748f5868ff5af5deb73fcf9eda','70c02243c27eb7c6a508136acc4dc816732e69f0a6dc83ab3d780b4f1a92f97b');
INSERT INTO "history" VALUES(12,'2026-03-10T09:01:00.000000Z','outbox','{"attempt":"attempt-5","steps":[{"digest":"4b81318cd1f4051350efbabe51aca30a4d23c8bf5a2a08b36491e682dbbebcb5","first":6,"flow":"f","from":"ready","kind":"attribute","last":7,"remark":"","rows":2,"to":"in flight"}]}','70c02243c27eb7c6a508136acc4dc816732e69f0a6dc83ab3d780b4f1a92f97b','a15a996a8c65c588ee3c75f495c786b3c23422afb83a0cbaa5fcb4997a62a14f');
INSERT INTO "history" VALUES(13,'2026-03-10T09:01:00.000000Z','outbox','{"attempt":"","steps":[{"digest":"cb22101a397a63ae271e1cc08c9c62a0022c920f827018eb6b42c6df67744e95","first":6,"flow":"f","from":"ready","kind":"attribute","last":7,"remark":"c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137","rows":2,"to":"sent"}]}','a15a996a8c65c588ee3c75f495c786b3c23422afb83a0cbaa5fcb4997a62a14f','94061e5f8cf8daa8d4394731bb9aaf3b9285411ce82874009b9b7ba374439bd3');
INSERT INTO "history" VALUES(14,'2026-03-10T09:02:00.000000Z','stage','{"change":1,"plans":{"f":"14b91a91119605f580bc12064cea517813203ffde90a233cf156d980aaccf3a5"}}','94061e5f8cf8daa8d4394731bb9aaf3b9285411ce82874009b9b7ba374439bd3','8bb73e552546398951c6c6778da6c89f1db496bebd53ee619039e41268b3e291');
INSERT INTO "history" VALUES(15,'2026-03-10T09:02:00.000000Z','outbox','{"attempt":"attempt-6","steps":[{"digest":"3642ab0d97c464d0bb49307c58d03a96dafbc83fb9aec8138db0eaa311761e57","first":8,"flow":"f","from":"ready","kind":"attribute","last":8,"remark":"","rows":1,"to":"in flight"}]}','8bb73e552546398951c6c6778da6c89f1db496bebd53ee619039e41268b3e291','66015ff9d46c60885dfc139ca18b34a623ed6be6f9a701af20e5eae3a45e067f');
INSERT INTO "history" VALUES(16,'2026-03-10T09:02:00.000000Z','outbox','{"attempt":"","steps":[{"digest":"dfcbd1044e11c5659f6543d73c93ab13e5651dc5db1843cd39ce44ed4a784e7b","first":8,"flow":"f","from":"ready","kind":"attribute","last":8,"remark":"","rows":1,"to":"refused"}]}','66015ff9d46c60885dfc139ca18b34a623ed6be6f9a701af20e5eae3a45e067f','bbc30c674f956521a5171d706a4218cdf1005c0fb1a249f67c467dffb283d230');
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "identity" VALUES('created_at','2026-03-10T09:00:00.000000Z');
INSERT INTO "identity" VALUES('key','082f7bb324aba5bb');
INSERT INTO "identity" VALUES('salt','a83b0ecca2821d35530396f455697ea6a5fa77f9d3d66c92c246329226c155cd');
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
INSERT INTO "outbox" VALUES(1,'f/ws:1/attributes/0/attributes/C-1','f','ws:1','attributes','0','attributes','latest',2,'C-1','["ecm_list","ecm_product","ecm_rate","ecm_stage","ecm_vip"]','C-1/attribute/@ecm_list',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-2','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(2,'f/ws:1/ecm_stage/0/attribute/EU/attribute/7','f','ws:1','ecm_stage','0','attribute','latest',2,'EU/attribute/7','ecm_stage','EU/attribute/7/attribute/ecm_stage',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-2','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(3,'f/person:C-3/email/1/withdrawal/C-3','f','person:C-3','email','1','withdrawal','latest',1,'C-3','email','C-3/withdrawal/email',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','because','sent','accepted','attempt-1','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(4,'f/person:C-1/email/1/category/ws:7','f','person:C-1','email','1','category','latest',3,'ws:7','Consent','ws:7/category/Consent',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','because','sent','accepted','attempt-3','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(5,'f/person:C-1/x/1/category/ws:7','f','person:C-1','x','1','category','latest',3,'ws:7','attribute/x','ws:7/category/attribute/x',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','because','sent','accepted','attempt-4','2026-03-10T09:00:00.000000Z','2026-03-10T09:00:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(6,'f/ws:1/ecm_product/0/attribute/C-1','f','ws:1','ecm_product','0','attribute','latest',2,'C-1','ecm_product','C-1/attribute/ecm_product',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-5','2026-03-10T09:01:00.000000Z','2026-03-10T09:01:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(7,'f/ws:1/ecm_rate/0/attribute/C-1','f','ws:1','ecm_rate','0','attribute','latest',2,'C-1','ecm_rate','C-1/attribute/ecm_rate',NULL,NULL,0,'2026-03-10T10:00:00.000000Z','value changed','sent','accepted','attempt-5','2026-03-10T09:01:00.000000Z','2026-03-10T09:01:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(8,'f/ws:1/ecm_stage/0/attribute/C-1','f','ws:1','ecm_stage','0','attribute','latest',2,'C-1','ecm_stage','C-1/attribute/ecm_stage','"refused"',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','refused','no','attempt-6','2026-03-10T09:02:00.000000Z','2026-03-10T09:02:00.000000Z',0,'');
INSERT INTO "outbox" VALUES(9,'f/ws:1/attributes/0/attributes/C-2','f','ws:1','attributes','0','attributes','latest',2,'C-2','["ecm_stage","ecm_vip"]','C-2/attribute/@ecm_stage','{"ecm_stage":"waits","ecm_vip":false}',NULL,0,'2026-03-10T10:00:00.000000Z','value changed','waiting','not in Braze yet','','2026-03-10T09:02:00.000000Z','2026-03-10T09:02:00.000000Z',0,'');
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
INSERT INTO "remark" VALUES('c1849b117d4020f2e93d636ed2ff2a32d680830c5134fef455e559ca967fd137','accepted');
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
CREATE INDEX outbox_several ON outbox (id) WHERE kind = 'attributes' AND state IN ('ready', 'waiting');
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
PRAGMA user_version = 13;
COMMIT;
