"""The chained log: it only grows, is keyed with a secret outside the file, and holds no personal data.

People stand in it as keyed digests, and what somebody wrote as a digest of the text, which is kept beside the chain: to
erase either breaks nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger import historykey
from ecmbraze.ledger.codec import dump, instant
from ecmbraze.ledger.connection import unusable
from ecmbraze.ledger.historykey import HistoryKey
from ecmbraze.model import PersonKey, keys

GENESIS = "0" * 64
_NO_TIME = "1970-01-01T00:00:00.000000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How long the chain is, and the digest of its last row."""

    length: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A decision at the command line: whose, on which machine, and why."""

    by: str
    host: str
    reason: str = ""


class History:
    """Append rows to the chain and verify it."""

    def __init__(self, database: Database, salt: bytes, key: HistoryKey | None = None, unkeyed: int = 0) -> None:
        """``unkeyed`` is the last row whose key was lost: up to there only the order of the rows can be judged."""
        self._database, self._salt, self.key, self.unkeyed = database, salt, key, unkeyed

    @classmethod
    def of(cls, connection: sqlite3.Connection, state: Path) -> History:
        """Return the history of an open state file, with the key that stands beside ``state``.

        Raises StateUnusable where its key is missing or another.
        """
        found = dict(
            connection.execute("SELECT name, value FROM identity WHERE name IN ('salt', 'key', 'unkeyed')").fetchall()
        )
        key = historykey.read(state) if "key" in found else None
        if "key" in found and key is None:
            why = f"needs its key {historykey.beside(state)}, which is not there: put it back from a backup (lost for "
            why += "good: `ecmbraze state rekey --reason TEXT`)"
            raise unusable(state, why)
        if key is not None and key.fingerprint != found["key"]:
            raise unusable(state, f"belongs to another key than {historykey.beside(state)}: put its own back")
        return cls(
            Database(connection, execute_plugins=False),
            bytes.fromhex(found.get("salt", "")),
            key,
            int(found.get("unkeyed", 0)),
        )

    def begin(self, key: HistoryKey) -> None:
        """Key what follows, in the caller's transaction; the first row says so."""
        self.key = key
        self._database.execute("INSERT INTO identity VALUES ('key', ?)", (key.fingerprint,))

    def subject(self, recipient: str) -> str:
        """Return the keyed digest that stands for a person in the chain."""
        return hmac.new(self._salt, recipient.encode(), hashlib.sha256).hexdigest()[:32]

    def address(self, address: str) -> str:
        """Return the keyed digest that stands for an e-mail address or a phone number, however it was written."""
        return self.subject(f"address {address.strip().casefold()}")

    def token(self, key: str) -> str:
        """Return the keyed digest that stands for a business key where outsiders see it: nobody can guess it."""
        return self.subject(f"token {key}")

    def record(self, text: str) -> str:
        """Return how a record is named in the chain: a workspace as ever, a person by their digest."""
        if keys.names_a_record(text) and isinstance(key := keys.read(text), PersonKey):
            return PersonKey(recipient=self.subject(key.recipient)).text
        return text

    def remark(self, text: str) -> str:
        """Keep what somebody wrote, or a system said, beside the chain; return the digest that stands for it there."""
        if not text:
            return ""
        digest = self._digest(text)
        self._database.execute("INSERT OR IGNORE INTO remark VALUES (?, ?)", (digest, text))
        return digest

    def payload(self, text: str) -> str:
        """Return the keyed digest that stands for what was sent: whoever has the text can show that it was this."""
        return hmac.new(self._salt, f"payload {text}".encode(), hashlib.sha256).hexdigest()

    def _digest(self, text: str) -> str:
        return hmac.new(self._salt, f"remark {text}".encode(), hashlib.sha256).hexdigest()

    def append(self, at: datetime, kind: str, body: object) -> None:
        """Add one row inside the caller's transaction, so that it stands or falls with what it tells."""
        self._append(instant(at), kind, body)

    def decide(self, at: datetime, kind: str, deed: Deed | None, body: Mapping[str, object]) -> None:
        """Add what a person decided, or a run by itself; who it was, where and why stands beside the chain."""
        said = {"remark": self.remark(dump(asdict(deed)))} if deed else {}
        self.append(at, kind, {**body, **said})

    def append_untimed(self, kind: str, body: object) -> None:
        """Add a row where no clock is at hand: with the time of the row before."""
        last = self._database.execute("SELECT at FROM history ORDER BY seq DESC LIMIT 1").fetchone()
        self._append(last[0] if last else _NO_TIME, kind, body)

    def _append(self, stamp: str, kind: str, body: object) -> None:
        head, text = self.head(), dump(body)
        seq = head.length + 1
        digest = self._link(seq, head.digest, stamp, kind, text)
        self._database.execute(
            "INSERT INTO history (seq, at, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?)",
            (seq, stamp, kind, text, head.digest, digest),
        )

    def head(self) -> Head:
        """Return the end of the chain."""
        last = self._database.execute("SELECT seq, hash FROM history ORDER BY seq DESC LIMIT 1").fetchone()
        return Head(length=last[0], digest=last[1]) if last else Head(length=0, digest=GENESIS)

    @property
    def anchor(self) -> Head:
        """The row that the first one kept here follows from: the last of the newest segment."""
        last = self._database.execute("SELECT last, digest FROM segment ORDER BY last DESC LIMIT 1").fetchone()
        return Head(length=last[0], digest=last[1]) if last else Head(length=0, digest=GENESIS)

    def follows(self, previous: str, row: tuple[int, str, str, str, str, str]) -> bool:
        """Say whether a row (seq, at, kind, body, previous, hash) follows from the digest before it."""
        seq, at, kind, body, before, digest = row
        if seq <= self.unkeyed:
            return before == previous
        return before == previous and hmac.compare_digest(self._link(seq, previous, at, kind, body), digest)

    def holds(self, head: Head) -> bool:
        """Say whether the chain was once as long as that, with that end."""
        known = self.digest_at(head.length)
        # In a segment only the digests of their ends are still here.
        return known == head.digest if known else head.length < self.anchor.length

    def digest_at(self, length: int) -> str | None:
        """Return the end of the chain when it was as long as that; ``None`` when nothing here says so."""
        if length == 0:
            return GENESIS
        query = """SELECT hash FROM history WHERE seq = :length UNION ALL
                   SELECT digest FROM segment WHERE last = :length"""
        row = self._database.execute(query, {"length": length}).fetchone()
        return str(row[0]) if row else None

    def first_break(self) -> int | None:
        """Return the number of the first row that does not follow from its predecessor; ``None`` when all do."""
        previous, first = self.anchor.digest, self.anchor.length + 1
        rows = self._database.execute("SELECT seq, at, kind, body, previous, hash FROM history ORDER BY seq")
        for number, row in enumerate(rows, first):
            if row[0] != number or not self.follows(previous, row):
                return int(row[0])
            previous = row[5]
        return None

    def changed_remark(self) -> int | None:
        """Return the number, in their order, of the first remark that is not what was written; ``None`` if all are."""
        rows = self._database.execute("SELECT digest, text FROM remark ORDER BY digest")
        return next((number for number, (digest, text) in enumerate(rows, 1) if self._digest(text) != digest), None)

    def _link(self, seq: int, previous: str, at: str, kind: str, body: str) -> str:
        text = f"{previous}\n{at}\n{kind}\n{body}"
        if self.key is not None and seq >= self.key.since:
            return self.key.sign(f"{seq}\n{text}")
        return hashlib.sha256(text.encode()).hexdigest()
