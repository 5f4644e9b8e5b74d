"""The hash-chained log: it only grows, and holds no personal data, only keyed digests."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant

GENESIS = "0" * 64


class History:
    """Append rows to the chain and verify it."""

    def __init__(self, database: Database, salt: bytes) -> None:
        self._database, self._salt = database, salt

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> History:
        """Return the history of an open state file."""
        salt = connection.execute("SELECT value FROM identity WHERE name = 'salt'").fetchone()
        return cls(Database(connection, execute_plugins=False), bytes.fromhex(salt[0]) if salt else b"")

    def subject(self, recipient: str) -> str:
        """Return the keyed digest that stands for a person in the chain."""
        return hmac.new(self._salt, recipient.encode(), hashlib.sha256).hexdigest()[:32]

    def address(self, address: str) -> str:
        """Return the keyed digest that stands for an e-mail address or a phone number, however it was written."""
        return self.subject(f"address {address.strip().casefold()}")

    def append(self, at: datetime, kind: str, body: object) -> None:
        """Add one row inside the caller's transaction, so that it stands or falls with what it tells."""
        last = self._database.execute("SELECT hash FROM history ORDER BY seq DESC LIMIT 1").fetchone()
        previous = last[0] if last else GENESIS
        text, stamp = dump(body), instant(at)
        self._database.execute(
            "INSERT INTO history (at, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?)",
            (stamp, kind, text, previous, _link(previous, stamp, kind, text)),
        )

    def length(self) -> int:
        """Return how many rows there are."""
        return int(self._database.execute("SELECT count(*) FROM history").fetchone()[0])

    def first_break(self) -> int | None:
        """Return the number of the first row that does not follow from its predecessor; ``None`` when all do."""
        previous = GENESIS
        for seq, at, kind, body, before, digest in self._database.execute(
            "SELECT seq, at, kind, body, previous, hash FROM history ORDER BY seq"
        ):
            if before != previous or _link(previous, at, kind, body) != digest:
                return int(seq)
            previous = digest
        return None


def _link(previous: str, at: str, kind: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{at}\n{kind}\n{body}".encode()).hexdigest()
