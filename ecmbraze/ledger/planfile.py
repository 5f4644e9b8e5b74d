"""The plan as a file: everything one run wants to merge, written page by page beside the state; sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger import contents, schema
from ecmbraze.ledger.codec import dump, dump_documents, instant
from ecmbraze.ledger.connection import Connection, check_pages, connect, unusable_plan
from ecmbraze.ledger.planactions import PlanActions
from ecmbraze.ledger.planfolder import empty_plan, new_file, new_nameless_file
from ecmbraze.ledger.planreading import CONFIRMED, READ_BY
from ecmbraze.ledger.tombstones import ERASED, Tombstones
from ecmbraze.model import Action, Change, Decision, DocumentBytes, Record, Skip, WorkspaceKey


class PlanFile(PlanActions):
    """One scratch SQLite file, 0600. What goes wrong with it is never damage of the state file.

    Writes go together in transactions; see :meth:`commit`.
    """

    def __init__(
        self,
        path: Path,
        *,
        named: bool = True,
        digest: Callable[[str], str] | None = None,
        tombstones: Tombstones | None = None,
    ) -> None:
        """Open the plan at ``path``, or begin one there. ``digest`` is what addresses are kept as.

        What ``tombstones`` bar is neither kept nor planned, whoever asks for it.

        One that is not ``named`` loses its name at once, so that not even a kill leaves it behind; where ``path``
        cannot be written it stands among the temporary files.
        """
        self.path, self._named, self._digest = path, named, digest
        self.tombstones = tombstones
        super().__init__()
        if path.exists():
            self._use(connect(path, unusable_plan))
            self.check()
            return
        self._use(new_file(path) if named else new_nameless_file(path))
        try:
            empty_plan(self.database.conn)
        except BaseException:
            self.discard()
            raise

    def _use(self, connection: Connection) -> None:
        connection.execute("PRAGMA journal_mode = MEMORY")  # a full disk leaves it readable, for the report
        connection.execute("PRAGMA synchronous = OFF")
        # The file goes as a whole. Where SQLite overwrites what is deleted (Debian's does), that is in memory first.
        connection.execute("PRAGMA secure_delete = OFF").fetchall()
        self.database = Database(connection, execute_plugins=False)

    def check(self) -> None:
        """Raise StorageError when the file is damaged."""
        check_pages(self.database.conn, self.path, unusable_plan)

    def extract(self, path: Path, flow: str, meta: Mapping[str, str]) -> None:
        """Write the decisions of one flow as a plan file of its own, 0600 and on disk.

        ``meta`` says what it belongs to: its ECM, its Braze, the mode it was made in.
        """
        self.commit()
        with closing(new_file(path)) as copy:
            try:
                copy.execute("PRAGMA journal_mode = OFF")  # what fails is removed, and a journal would be in memory
                with copy.explained:
                    self.database.conn.backup(copy)
                for table in schema.OF_A_FLOW:
                    copy.execute(f"DELETE FROM {table} WHERE flow <> ?", (flow,))
                copy.execute("DELETE FROM content")  # what is confirmed is planned anew, with what is read then
                found = {**meta, "flow": flow, "version": str(schema.VERSION)}
                copy.executemany("INSERT INTO meta VALUES (?, ?)", found.items())
            except BaseException:
                path.unlink()
                raise

    def close(self) -> None:
        """Let go of the file; it stays on disk."""
        self.commit()
        self.database.close()

    def discard(self) -> None:
        """Close and remove: nothing of this plan happened."""
        self.database.close()
        if self._named:
            self.path.unlink(missing_ok=True)

    def put_read_by(self, flow: str, at: datetime) -> None:
        """Note when all was read of what is planned of a flow."""
        self.database.conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (READ_BY + flow, instant(at)))

    def begin_scan(self, stream: str, at: datetime) -> None:
        """Note that a stream is looked at from now on; ``at`` is by the clock of its server."""
        self.database.conn.execute("INSERT OR REPLACE INTO scan VALUES (?, ?, NULL, 0)", (stream, instant(at)))

    def end_scan(self, stream: str, newest: datetime, *, complete: bool) -> None:
        """Note how far a stream was seen; ``complete`` says that what it did not show is missing."""
        self.write_seen()
        self.database.conn.execute(
            "UPDATE scan SET newest = ?, complete = ? WHERE stream = ?", (instant(newest), complete, stream)
        )

    def add_todo(self, stream: str, records: Iterable[str], why: str) -> None:
        """Queue detail reads; what is queued already stays for the reason it had."""
        rows = [(stream, one, why) for one in records]
        self._write_all("INSERT OR IGNORE INTO todo VALUES (NULL, ?, ?, ?)", rows)

    def put_record(
        self,
        record: Record,
        customers: Mapping[str, tuple[str, ...]],
        *,
        again: bool = False,
        addresses: Iterable[str] = (),
    ) -> None:
        """Write one mirror row and the people it leads to, by customer mapping.

        ``again`` has it read once more in the next run: an edit may still carry the same modify date. ``addresses``
        are the e-mail addresses and phone numbers of a person, in place of those known; only their digests are kept.
        A row whose modify date lies before that of the mirror changes nothing there.
        """
        key = record.key.text
        if self.tombstones and not record.number and self.tombstones.bars_record(key):
            return
        self.put_records([(record, customers)], again=again)
        if addresses or not record.number:
            self._write("DELETE FROM address WHERE record = ?", (key,))
        for address in addresses:
            assert self._digest is not None, "a plan file that no ledger made keeps no addresses"
            self._write("INSERT OR IGNORE INTO address VALUES (?, ?)", (self._digest(address), key))

    def put_records(self, read: Iterable[tuple[Record, Mapping[str, tuple[str, ...]]]], *, again: bool = False) -> None:
        """Write the mirror rows of some records and the people they lead to; see :meth:`put_record`."""
        kept = [self.stripped(record, customers) for record, customers in read]
        self._write_soon(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            [
                (
                    record.key.text,
                    record.stream,
                    record.name,
                    instant(record.created_at),
                    instant(record.modified_at),
                    dump(record.facts),
                    again,
                    dump_documents(record.documents),
                )
                for record, _ in kept
            ],
        )
        self._write_soon(
            "INSERT OR IGNORE INTO recipient VALUES (?, ?, ?)",
            [
                (mapping, record.key.text, customer)
                for record, customers in kept
                for mapping, people in customers.items()
                for customer in people
            ],
        )

    def stripped(
        self, record: Record, customers: Mapping[str, tuple[str, ...]]
    ) -> tuple[Record, Mapping[str, tuple[str, ...]]]:
        """Return a workspace as it may be kept, without whom was erased; the report says that somebody was."""
        if not self.tombstones:
            return record, customers
        kept, left = self.tombstones.strip(record, customers)
        if kept.name != ERASED and kept != record:
            why = "erased: nothing is kept of them or goes to them"
            self.put_skip("", Skip(record=record.key.text, customer=ERASED, rule="", reason=why), record.modified_at)
        return kept, left

    def put_content(self, document: DocumentBytes) -> None:
        """Write the bytes of a document that may have to be filed, under their sha256."""
        self._write_waiting()  # it may begin a transaction, and so may rows that wait
        contents.put(self.database, document)

    def put_decision(
        self,
        flow: str,
        change: Change,
        decision: Decision,
        now: datetime,
        doubtful: Callable[[Action], bool] = lambda action: False,
    ) -> None:
        """Write what a flow made of one change: its new facts, its actions, its skips.

        Of a workspace that is gone it saw nothing new: what it shows once it is back is compared with what it last did.
        """
        record, at = change.record, now
        seen = record
        if record.gone and change.before and change.since and isinstance(record.key, WorkspaceKey):
            seen, at = change.before, change.since
        fact = (
            flow,
            record.key.text,
            dump(seen.facts),
            instant(seen.modified_at),
            record.gone,
            dump(decision.memory),
            instant(at),
            dump_documents(seen.documents),
        )
        self._write_soon("INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [fact])
        if decision.due:
            self.put_due(flow, record.key.text, decision.due)
        self.put_actions(decision.actions, doubtful)
        for skip in decision.skips:
            self.put_skip(flow, skip, now)

    def put_due(self, flow: str, record: str, at: datetime) -> None:
        """Write when a record is planned again though nothing changed, also one that was not decided."""
        self._write("INSERT OR REPLACE INTO due VALUES (?, ?, ?)", (flow, record, instant(at)))

    def put_skip(self, flow: str, skip: Skip, now: datetime) -> None:
        said = (flow, skip.record, skip.customer, skip.rule, skip.reason)
        self.database.conn.execute("INSERT INTO skip VALUES (NULL, ?, ?, ?, ?, ?)", said)
        if skip.quarantined:
            place = (flow, skip.record, skip.rule, skip.customer, skip.reason, instant(now))
            self.database.conn.execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", place)

    def put_watermark(self, flow: str, stream: str, value: datetime) -> None:
        """Note how far a flow has planned a stream; where that stands once, the position of the flow moves with it."""
        self.database.conn.execute("INSERT OR REPLACE INTO watermark VALUES (?, ?, ?)", (flow, stream, instant(value)))

    def put_looked(self, what: str, stream: str, at: datetime, *, size: int = 0) -> None:
        """Note how far a look that all flows share has come with a stream, and how much it showed."""
        row = (what, stream, instant(at), size)
        self.database.conn.execute("INSERT OR REPLACE INTO looked VALUES (?, ?, ?, ?)", row)

    def arm(self, stream: str, names: Iterable[str], now: datetime) -> None:
        """Note that every record of the stream was read for these facts."""
        self.database.conn.executemany(
            "INSERT OR REPLACE INTO armed VALUES (?, ?, ?)", ((stream, name, instant(now)) for name in names)
        )

    def put_columns(self, stream: str, columns: Mapping[str, str]) -> None:
        """Write fact → listing column of a stream, in place of what was there."""
        self.database.conn.execute("DELETE FROM column_of WHERE stream = ?", (stream,))
        self.database.conn.executemany(
            "INSERT INTO column_of VALUES (?, ?, ?)", ((stream, fact, name) for fact, name in columns.items())
        )

    def put_baseline(self, flow: str, stream: str, mapping: str, at: datetime) -> None:
        """Note that a flow took the records of a stream as they are, under a customer mapping (empty for people)."""
        self.database.conn.execute(
            "INSERT OR REPLACE INTO baseline VALUES (?, ?, ?, ?)", (flow, stream, mapping, instant(at))
        )

    def put_rules(self, flow: str, digest: str, at: datetime) -> None:
        """Note under which rules about time everything was planned."""
        self.put_baseline(flow, schema.RULES, digest, at)

    def forget_records(self) -> None:
        """Drop the mirror rows that were merged already, so that a long first scan keeps the file small."""
        for table in ("record", "recipient", "address"):
            self.database.conn.execute(f"DELETE FROM {table}")
        self.commit()  # its journal is in memory: what is dropped at once would be, too
        few = "DELETE FROM content WHERE rowid IN (SELECT rowid FROM content LIMIT 10)"
        while self.database.conn.execute(few).rowcount:
            pass

    def forget_stream(self, stream: str) -> None:
        """Take the scan of a stream out again: its listing failed, so it showed nothing."""
        self.commit()
        execute = self.database.conn.execute
        shown = "SELECT record FROM seen WHERE stream = ? UNION SELECT key FROM record WHERE stream = ?"
        for table in ("quarantine", "skip"):
            execute(f"DELETE FROM {table} WHERE flow = '' AND record IN ({shown})", (stream, stream))
        for table in ("recipient", "address"):
            execute(f"DELETE FROM {table} WHERE record IN ({shown})", (stream, stream))
        execute("DELETE FROM counter WHERE scope = ?", (stream,))
        for table in ("seen", "todo", "record", "column_of", "scan"):
            execute(f"DELETE FROM {table} WHERE stream = ?", (stream,))

    def leave_out(self, records: Iterable[str]) -> None:
        """Take records out of the plan: neither their facts nor their actions are merged, but for withdrawals."""
        self._theirs.clear()
        for record in records:
            self.database.conn.execute(f"DELETE FROM action WHERE record = ? AND {CONFIRMED}", (record,))
            for table in ("fact", "due", "quarantine"):
                self.database.conn.execute(f"DELETE FROM {table} WHERE record = ?", (record,))
