"""Adopt an older copy of the state file: what the file that it replaces may have sent is held; asks no system."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ecmbraze.ledger import file, historykey
from ecmbraze.ledger.codec import dump, instant, moment
from ecmbraze.ledger.connection import Connection
from ecmbraze.ledger.history import Head, History
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A backup: how its history ends, and when that was."""

    head: Head
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What an adoption did: from when on others may have sent, and how many messages are held."""

    copied_at: datetime
    held: int


def look_at(path: Path, state: Path) -> Copy:
    """Return how the history of a backup ends; keyed with the key beside it, else with that of the state file.

    Raises StateMissing (10), StateUnusable (12) or StateNewer (14) for what is none.
    """
    with closing(file.open_existing(path, read_only=True, pages=False).conn) as opened:
        assert isinstance(opened, Connection)
        keyed = path if historykey.beside(path).exists() else state
        head = History.of(opened, keyed).head()
        row = opened.execute("SELECT max(at) FROM history").fetchone()
    return Copy(head=head, at=moment(row[0]))


def adopt(ledger: Ledger, copy: Copy, now: datetime, *, by: str, host: str, reason: str) -> Adopted:
    """Hold every message that waits, and note since when others may have sent, in one transaction.

    That is since the claim was last ours, where there was one: a run that was fenced meanwhile sent nothing, but wrote.
    """
    copied_at = min(copy.at, ledger.claims.taken_at() or copy.at)
    why = f"a copy of {_told(copied_at)} was adopted: another state file may have sent this since"
    with ledger.database.atomic():
        rows = ledger.outbox.rows("delivery = 'once' AND state IN ('ready', 'waiting', 'refused')")
        ledger.outbox.move([Step(row=row, state=State.HELD, why=why) for row in rows], now)
        ledger.database.conn.execute(
            "INSERT OR REPLACE INTO adoption VALUES (?, ?)", (instant(now), instant(copied_at))
        )
        ledger.claims.next_epoch()
        remark = ledger.history.remark(dump({"by": by, "host": host, "reason": reason}))
        told = {"copied_at": instant(copied_at), "epoch": ledger.claims.epoch, "held": len(rows), "remark": remark}
        ledger.history.append(now, "adopt", told)
    return Adopted(copied_at=copied_at, held=len(rows))


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
