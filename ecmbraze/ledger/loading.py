"""The initial load of a flow: its estimate, who confirmed it, and how far it has come; plans nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant, load, moment
from ecmbraze.ledger.history import Deed, History
from ecmbraze.planning.estimate import Estimate, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One initial load, offered, under way or ended."""

    flow: str
    hash: str
    estimate: Estimate
    made_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    people: int
    """How many people it has come by."""
    last: str
    """The record of the last of them, in the order of the ledger."""

    @property
    def is_under_way(self) -> bool:
        return self.confirmed_at is not None and self.ended_at is None


class Loads:
    """One initial load per flow: an ended one stays until another is offered."""

    def __init__(self, database: Database, history: History) -> None:
        self._database, self._history = database, history

    def get(self, flow: str) -> Load | None:
        """Return the load of a flow; ``None`` when none was ever asked for."""
        query = "SELECT hash, estimate, made_at, confirmed_at, ended_at, people, last FROM initial_load WHERE flow = ?"
        row = self._database.execute(query, (flow,)).fetchone()
        if row is None:
            return None
        return Load(
            flow=flow,
            hash=row[0],
            estimate=_estimate(load(row[1])),
            made_at=moment(row[2]),
            confirmed_at=moment(row[3]) if row[3] else None,
            ended_at=moment(row[4]) if row[4] else None,
            people=row[5],
            last=row[6],
        )

    def offer(self, estimate: Estimate, now: datetime) -> None:
        """Keep an estimate for a person to confirm, in place of one that was not confirmed, or of a load that ended."""
        with self._database.atomic():
            self._database.conn.execute(
                "INSERT OR REPLACE INTO initial_load VALUES (?, ?, ?, ?, NULL, NULL, 0, '')",
                (estimate.flow, estimate.hash, dump(asdict(estimate)), instant(now)),
            )
            self._log(estimate.flow, estimate.hash, "estimated", now)

    def confirm(self, load: Load, now: datetime, deed: Deed) -> None:
        """Let an offered load begin; the history says that it was confirmed, beside it who did and on which machine."""
        with self._database.atomic():
            self._database.conn.execute(
                "UPDATE initial_load SET confirmed_at = ? WHERE flow = ?", (instant(now), load.flow)
            )
            self._log(load.flow, load.hash, "confirmed", now, deed)

    def end(self, load: Load, now: datetime) -> None:
        """Note that a load came by everybody."""
        with self._database.atomic():
            self._database.conn.execute(
                "UPDATE initial_load SET ended_at = ? WHERE flow = ?", (instant(now), load.flow)
            )
            self._log(load.flow, load.hash, "ended", now)

    def _log(self, flow: str, digest: str, what: str, now: datetime, deed: Deed | None = None) -> None:
        self._history.decide(now, "initial load", deed, {"flow": flow, "plan": digest, "step": what})


def _estimate(told: Mapping[str, object]) -> Estimate:
    return Estimate(**{**told, "volume": Volume(**told["volume"])})  # type: ignore[arg-type]  # written by `offer`
