"""What people say of a flow: which plan waits for them, what is paused, which peak they expect; reads no plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlite_utils import Database

from ecmbraze.ledger.codec import instant, moment
from ecmbraze.ledger.history import Deed, History
from ecmbraze.planning.guards import Expected

# A peak that an outage delayed is still the one that was confirmed; reminders go no later than this by default.
_LATE = timedelta(days=3)
# After this the world that a waiting plan was made for is another one.
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPlan:
    """A guarded plan; ``file`` is the name of its plan file beside the state file."""

    flow: str
    mode: str
    hash: str
    file: str
    reason: str
    made_at: datetime


class Waiting:
    """One waiting plan per (flow, mode)."""

    def __init__(self, database: Database, history: History) -> None:
        self._database, self._history = database, history

    def get(self, flow: str, mode: str) -> WaitingPlan | None:
        """Return the waiting plan; ``None`` when none waits."""
        row = self._database.execute(
            "SELECT hash, file, reason, made_at FROM waiting_plan WHERE flow = ? AND mode = ?", (flow, mode)
        ).fetchone()
        if row is None:
            return None
        return WaitingPlan(flow=flow, mode=mode, hash=row[0], file=row[1], reason=row[2], made_at=moment(row[3]))

    def put(self, plan: WaitingPlan) -> None:
        """Keep a plan in place of an older one of the same flow and mode."""
        with self._database.atomic():
            self._database.conn.execute(
                "INSERT OR REPLACE INTO waiting_plan VALUES (?, ?, ?, ?, ?, ?)",
                (plan.flow, plan.mode, plan.hash, plan.file, plan.reason, instant(plan.made_at)),
            )
            said = {"flow": plan.flow, "plan": plan.hash, "remark": self._history.remark(plan.reason)}
            self._history.append(plan.made_at, "guard", said)

    def drop(self, plan: WaitingPlan, now: datetime, why: str, deed: Deed | None = None) -> None:
        """Forget a plan: confirmed, dropped by a person, or too old. Its file is garbage from then on."""
        with self._database.atomic():
            self._database.conn.execute("DELETE FROM waiting_plan WHERE flow = ? AND mode = ?", (plan.flow, plan.mode))
            self._history.decide(now, "plan", deed, {"flow": plan.flow, "plan": plan.hash, "end": why})

    def pause(self, flow: str, now: datetime, by: str, reason: str, *, host: str = "") -> None:
        """Stop a flow's sending, or every flow's with ``*``."""
        with self._database.atomic():
            self._database.conn.execute(
                "INSERT OR REPLACE INTO pause VALUES (?, ?, ?, ?)", (flow, instant(now), by, reason)
            )
            self._history.decide(now, "pause", Deed(by=by, host=host, reason=reason), {"flow": flow})

    def resume(self, flow: str, now: datetime, deed: Deed | None = None) -> datetime | None:
        """Let it send again; return since when it was paused, ``None`` if it was not."""
        row = self._database.execute("SELECT at FROM pause WHERE flow = ?", (flow,)).fetchone()
        if row is None:
            return None
        with self._database.atomic():
            self._database.conn.execute("DELETE FROM pause WHERE flow = ?", (flow,))
            self._history.decide(now, "resume", deed, {"flow": flow})
        return moment(row[0])

    def paused(self, flow: str) -> str | None:
        """Return since when, by whom and why a flow is paused; ``None`` when it is not."""
        row = self._database.execute(
            "SELECT at, by, reason FROM pause WHERE flow IN (?, '*') ORDER BY flow LIMIT 1", (flow,)
        ).fetchone()
        return f"paused since {row[0][:19]}Z by {row[1]}: {row[2]}" if row else None

    def expect(self, flow: str, day: date, figures: Expected, now: datetime, deed: Deed) -> None:
        """Note that a person confirmed a peak ahead, in place of what they confirmed of that day before."""
        with self._database.atomic():
            self._database.conn.execute(
                "INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?)",
                (flow, day.isoformat(), figures.messages, figures.people),
            )
            told = {"flow": flow, "day": day.isoformat(), **asdict(figures)}
            self._history.decide(now, "expect", deed, told)

    def expected(self, flow: str, now: datetime, zone: tzinfo) -> Expected:
        """Return what was confirmed for today and the days before that still count, less what was planned since."""
        today = now.astimezone(zone).date()
        first = today - _LATE
        row = self._database.execute(
            "SELECT ifnull(sum(messages), 0), ifnull(sum(people), 0), min(day) FROM expected "
            "WHERE flow = ? AND day BETWEEN ? AND ?",
            (flow, first.isoformat(), today.isoformat()),
        ).fetchone()
        if not row[2]:
            return Expected(messages=0, people=0)
        since = datetime.combine(date.fromisoformat(row[2]), time(), zone)
        planned = self._database.execute(
            "SELECT count(*), count(DISTINCT recipient) FROM outbox "
            "WHERE flow = ? AND delivery = 'once' AND planned_at >= ?",
            (flow, instant(since)),
        ).fetchone()
        return Expected(messages=max(row[0] - planned[0], 0), people=max(row[1] - planned[1], 0))
