"""Which rate limits are used up until when, so that a restart does not ask too early; waits for none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.codec import instant, moment


class RateLimits:
    """Path → the instant before which it takes no request."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: Mapping[str, datetime] = {}

    def known(self) -> Mapping[str, datetime]:
        """Return what was kept last, also what has passed meanwhile."""
        query = "SELECT path, opens_at FROM rate_limit"
        self._kept = {path: moment(text) for path, text in self._database.execute(query)}
        return self._kept

    def keep(self, closed: Mapping[str, datetime]) -> None:
        """Replace what is kept, when there is anything new to keep."""
        if closed.items() <= self._kept.items():
            return
        with self._database.atomic():
            self._database.conn.execute("DELETE FROM rate_limit")
            for path, opens_at in closed.items():
                self._database.conn.execute("INSERT INTO rate_limit VALUES (?, ?)", (path, instant(opens_at)))
        self._kept = dict(closed)
