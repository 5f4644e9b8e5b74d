"""Give the history of a state file another key where its own is lost; what stands in it already no key judges."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

from ecmbraze.errors import UsageError
from ecmbraze.ledger import file, historykey, seal
from ecmbraze.ledger.connection import unusable
from ecmbraze.ledger.history import Deed, History
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.seal import Look


def rekey(path: Path, now: datetime, deed: Deed) -> int:
    """Key the history anew from its next row on; return the last row that no key vouches for. The lock is held.

    Raises UsageError while the key is there, StateUnusable for a file that is not as it was left, or beside which
    another key stands.
    """
    file.check(path)
    if seal.look(path) is Look.BROKEN:
        raise unusable(path, f"is not as its last run left it, says {path}.seal")
    with closing(file.open_existing(path, read_only=False)) as database:
        known = database.execute("SELECT value FROM identity WHERE name = 'key'").fetchone()
        key = historykey.read(path)
        if known is None or (key is not None and key.fingerprint == known[0]):
            raise UsageError(
                f"{path} has its key.", undone="Nothing was changed.", advice="Only a lost key is replaced."
            )
        last = database.execute("SELECT ifnull(max(seq), 0) FROM history").fetchone()[0]
        key = historykey.make(path, since=last + 1)
        try:
            seal.beside(path).unlink(missing_ok=True)  # signed with the lost one; without it everything is checked
            with database.atomic():
                database.conn.execute("UPDATE identity SET value = ? WHERE name = 'key'", (key.fingerprint,))
                database.conn.execute("INSERT OR REPLACE INTO identity VALUES ('unkeyed', ?)", (str(last),))
                History.of(database.conn, path).decide(now, "rekey", deed, {"unkeyed": last})
        except BaseException:
            historykey.beside(path).unlink()
            raise
    Ledger.open(path).close()
    return int(last)
