"""The state file as one value: opens it, names its parts, keeps run reports; the only door to the database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ecmbraze.errors import RUN_AGAIN, ConfigurationError, EcmbrazeError
from ecmbraze.ledger import counting, file, historykey, seal, storedreports
from ecmbraze.ledger.claims import Claims
from ecmbraze.ledger.codec import instant, moment
from ecmbraze.ledger.connection import Connection, Explained, unusable
from ecmbraze.ledger.contents import Contents
from ecmbraze.ledger.history import History
from ecmbraze.ledger.keeping import Keep, tidy
from ecmbraze.ledger.loading import Loads
from ecmbraze.ledger.lock import held
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.outbox import Outbox
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.planfolder import remove_garbage
from ecmbraze.ledger.rate_limits import RateLimits
from ecmbraze.ledger.seal import Look
from ecmbraze.ledger.stage import Stage
from ecmbraze.ledger.storedreports import ENDED, Ended, ended
from ecmbraze.ledger.tombstones import Tombstones
from ecmbraze.ledger.values import check_values
from ecmbraze.ledger.verifying import check_head, check_history
from ecmbraze.ledger.view import View
from ecmbraze.ledger.waiting import Waiting
from ecmbraze.needs import Needs


@contextmanager
def _no_key_left(path: Path) -> Iterator[None]:
    """Take the key away again when the block that makes a state file fails; one that was there before stays."""
    there = os.path.lexists(historykey.beside(path))
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):
                historykey.beside(path).unlink()
        raise


class Ledger:
    """What we remember. One thread owns it."""

    def __init__(self, path: Path, database: Database, *, read_only: bool = False) -> None:
        self.path, self.database, self._read_only = path, database, read_only
        self.history = History.of(database.conn, path)
        self.claims = Claims(database, self.history)
        self.outbox = Outbox(database, self.history, self.claims)
        self.waiting = Waiting(database, self.history)
        self.loads = Loads(database, self.history)
        self.rate_limits = RateLimits(database)
        self.contents = Contents(database)

    @classmethod
    def create(cls, path: Path, identity: Mapping[str, str], now: datetime) -> Ledger:
        """Make the state file of one ECM and one Braze; raises when something stands there."""
        with _no_key_left(path), file.making(path) as database:
            for name, value in {**identity, "salt": secrets.token_hex(32), "created_at": instant(now)}.items():
                database.conn.execute("INSERT INTO identity VALUES (?, ?)", (name, value))
            ledger = cls(path, database)
            ledger.history.begin(historykey.make(path, since=1))
            ledger.history.append(now, "init", dict(identity))
        return ledger

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Ledger:
        """Open an existing state file; see :func:`ecmbraze.ledger.file.open_existing` for what is refused."""
        file.check(path)
        moving = read_only and held(path)  # a live run is writing: what the seal says would mean nothing
        with Explained(path, unusable):
            sealed = Look.SILENT if moving else seal.look(path)
        if sealed is Look.BROKEN:
            raise unusable(path, f"is not as its last run left it (unless you put it there: then remove {path}.seal)")
        # A large file is read as a whole once a day, and never beside a run, whose commits would wait.
        pages = sealed is not Look.LIGHT and not (moving and path.stat().st_size >= seal.LARGE)
        ledger = cls(path, file.open_existing(path, read_only=read_only, pages=pages), read_only=read_only)
        try:
            if not read_only:
                ledger._key()
            ledger.check_head()
            if sealed is Look.SILENT and not read_only:
                ledger.verify()
        except BaseException:
            ledger.database.close()
            raise
        return ledger

    def _key(self) -> None:
        """Begin to key the history of an older file; a start that was killed while it did so is taken up."""
        if self.history.key is not None:
            return
        with self.database.atomic():
            since = self.history.head().length + 1
            key = historykey.read(self.path) or historykey.make(self.path, since)
            if key.since != since:
                place = historykey.beside(self.path)
                raise unusable(
                    self.path,
                    f"has a history without a key, but {place} keys one from row {key.since}: its history "
                    "was exchanged, or it is a copy from before (then move the key away, with the newer state file)",
                )
            self.history.begin(key)
            self.history.append_untimed("keyed", {"since": since, "why": "from here on the history is keyed"})

    def check_head(self) -> None:
        """Raise StateUnusable when the history is shorter than it was, or another, when the file was last sealed."""
        check_head(self.history, self.path, seal.read(self.path))

    def close(self) -> None:
        """Close the file; a writer seals it, so that damage done meanwhile is told from its own writing."""
        head, key = None, self.history.key
        with suppress(EcmbrazeError):  # damage is told by whoever met it; such a file is not sealed
            head = None if self._read_only else self.history.head()
        self.database.close()
        if head is not None:
            with suppress(OSError):  # a full disk: the old seal no longer speaks of this file, so it does no harm
                seal.put(self.path, head=(head.length, head.digest), sign=key.sign if key else None)

    def verify(self) -> None:
        """Raise StateUnusable when the history does not follow from itself, or a value is no longer readable."""
        check_history(self.history, self.path)
        check_values(self.database.conn, self.path)

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Turn a bug that only an edit by hand explains into StateUnusable, with its place; any other stays a bug."""
        try:
            yield
        except EcmbrazeError:
            raise
        except Exception:
            assert isinstance(self.database.conn, Connection)
            counting.check(self.database.conn, self.path)
            self.verify()
            raise

    def check_identity(self, identity: Mapping[str, str]) -> None:
        """Raise ConfigurationError when the state file belongs to another ECM or Braze."""
        for name, value in identity.items():
            row = self.database.execute("SELECT value FROM identity WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] != value:
                raise ConfigurationError(
                    f"The state file {self.path} belongs to {name} {row[0] if row else 'unknown'}, "
                    f"the configuration names {value}.",
                    advice="One state file is one ECM and one Braze: name another `state:`, or the right system.",
                )

    def identity(self) -> dict[str, str]:
        """Return the ECM and the Braze this state file belongs to."""
        query = "SELECT name, value FROM identity WHERE name IN ('ecm', 'braze')"
        return dict(self.database.execute(query).fetchall())

    def plan_path(self, run_id: str) -> Path:
        """Return where the plan file of a run stands: beside the state, so that a merge never crosses a disk."""
        return self.path.with_name(f"{self.path.name}.plan-{run_id}")

    def new_plan(self, run_id: str, *, second: bool = False) -> PlanFile:
        """Begin the plan file of a run; a writer first removes those of dead runs, which may hold the room it needs.

        A ``second`` one stands beside that of the run, which is in use.
        """
        if not self._read_only and not second:
            self.clear_garbage()
        return PlanFile(
            self.plan_path(run_id),
            named=not self._read_only,
            digest=self.history.address,
            tombstones=Tombstones(self.database, self.history),
        )

    def clear_garbage(self) -> None:
        """Remove plan files that no waiting plan owns; the run lock is held."""
        owned = {row[0] for row in self.database.execute("SELECT file FROM waiting_plan")}
        for left in self.path.parent.glob(f"{self.path.name}.plan-*"):
            if left.name not in owned:
                remove_garbage(left)

    @property
    def mirror(self) -> Mirror:
        return Mirror(self.database, self.history.address)

    def view(self, plan: PlanFile, flow: str, needs: Needs) -> View:
        """Return the ledger overlaid with the plan as one flow sees it."""
        return View(self.database, plan, flow=flow, needs=needs)

    def stage(self, plan: PlanFile) -> Stage:
        return Stage(self.database, self.history, self.contents, plan)

    def watermarks(self, flow: str) -> Mapping[str, datetime]:
        """Return stream → watermark of a flow."""
        query = "SELECT stream, value FROM watermark WHERE flow = ?"
        return {row[0]: moment(row[1]) for row in self.database.execute(query, (flow,))}

    def store_run(self, report: Mapping[str, object], now: datetime) -> None:
        """Keep a run report and log that the run ended."""
        with self.database.atomic():
            storedreports.store(self.database, report, now)
            told = {name: report[name] for name in ("run_id", "flow", "mode", "exit_code", "counts", "plan_hash")}
            self.history.append(now, "run", told)

    def tidy(self, now: datetime, keep: Keep) -> list[str]:
        """Take out once a day what is over; return what a person should know of it."""
        return tidy(self.database, self.history, self.path, now, keep)

    def runs(self, limit: int) -> list[Ended]:
        """Return how the last runs ended, the newest first."""
        query = f"SELECT {ENDED} FROM run ORDER BY started_at DESC, id DESC LIMIT ?"
        return [ended(row) for row in self.database.execute(query, (limit,))]

    def reports(self, limit: int) -> Iterator[Mapping[str, Any]]:
        """Yield the stored reports of the last runs, the newest first, with iterators for their lines."""
        query = "SELECT id, report FROM run WHERE id = ?"
        for run in self.runs(limit):  # whoever reads may take hours: what a run tidies away meanwhile is left out
            for row in self.database.execute(query, (run.run_id,)).fetchall():
                yield storedreports.whole(self.database, *row)

    def latest_run(self, flow: str, until: datetime, codes: Collection[int] = ()) -> Ended | None:
        """Return how the newest run of a flow ended, or the newest that ended with one of ``codes``.

        One that began after ``until`` did so by a clock that was ahead: it would hide what came later.
        """
        among = f"AND exit_code IN ({', '.join(map(str, codes))})" if codes else ""
        query = f"""SELECT {ENDED} FROM run WHERE flow = ? AND started_at <= ? {among}
                    ORDER BY started_at DESC, id DESC LIMIT 1"""
        row = self.database.execute(query, (flow, instant(until))).fetchone()
        return ended(row) if row else None

    def last_look(self, flow: str, until: datetime) -> datetime | None:
        """Return when the last run of a flow began that came to its end; a temporary failure does not count.

        Nor does one that began after ``until``: by a clock that was ahead.
        """
        query = f"""SELECT max(started_at) FROM run WHERE flow = ? AND mode IN ('live', 'baseline')
                    AND started_at <= ? AND exit_code NOT IN ({", ".join(map(str, RUN_AGAIN))})"""
        text = self.database.execute(query, (flow, instant(until))).fetchone()[0]
        return datetime.fromisoformat(text) if text else None

    def last_end(self) -> datetime | None:
        """Return when the newest stored run ended, by our clock then."""
        latest = "SELECT finished_at FROM run ORDER BY started_at DESC LIMIT 100"  # of all: that reads every report
        text = self.database.execute(f"SELECT max(finished_at) FROM ({latest})").fetchone()[0]
        return moment(text) if text else None

    def last_change(self) -> int:
        """Return a number that moves with every committed change, to tell whether the ledger moved meanwhile."""
        return int(self.database.execute("SELECT n FROM commits").fetchone()[0])

    def plan_again(self, record: str, now: datetime) -> bool:
        """Let every flow plan a quarantined record again in its next run; return whether there is one.

        It stays in quarantine until that run has judged it: what is unmended is put aside again, and nothing is
        forgotten that was never sent.
        """
        flows = [
            row[0] for row in self.database.execute("SELECT DISTINCT flow FROM quarantine WHERE record = ?", [record])
        ]
        with self.database.atomic():
            for flow in flows:
                if flow:
                    self.database.conn.execute(
                        "INSERT OR REPLACE INTO due VALUES (?, ?, ?)", (flow, record, instant(now))
                    )
            if flows:
                self.database.conn.execute(
                    "UPDATE record SET change = (SELECT max(change) + 1 FROM record) WHERE key = ?", (record,)
                )
                self.history.append(now, "replay", {"record": self.history.record(record)})
        return bool(flows)

    def forget_quarantined(self, record: str, now: datetime) -> bool:
        """Drop a quarantined record: its facts stay as they are; return whether it was there."""
        with self.database.atomic():
            gone = self.database.conn.execute("DELETE FROM quarantine WHERE record = ?", (record,)).rowcount
            if gone:
                self.history.append(now, "drop", {"record": self.history.record(record)})
        return bool(gone)

    def quarantined(self, flow: str | None = None) -> list[tuple[str, str, str, str, str, str]]:
        """Return (flow, record, rule, customer, reason, at) of records put aside, oldest first."""
        where, values = ("WHERE flow = ?", (flow,)) if flow else ("", ())
        query = f"SELECT flow, record, rule, customer, reason, at FROM quarantine {where} ORDER BY at, record"
        return [tuple(row) for row in self.database.execute(query, values)]
