"""The outbox: what is intended, what became of it; every change of state is one committed step."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from ecmbraze.ledger import accepting, attributerows
from ecmbraze.ledger.claims import Claims
from ecmbraze.ledger.codec import dump, instant
from ecmbraze.ledger.history import History
from ecmbraze.ledger.outboxreading import OutboxReading, Row
from ecmbraze.model import UNMET, Delivery, Json, Kind, Phase, State

# A row is read there and moved here.
__all__ = ["TERMINAL", "Outbox", "Row", "Step"]

TERMINAL = (State.SENT, State.SUPPRESSED, State.EXPIRED, State.SUPERSEDED, State.DROPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The consent that a message rests on: channel or ``group:<id>`` → what Braze said, and when it was asked."""

    states: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row's next state and the reason for it."""

    row: Row
    state: State
    why: str = ""
    untouched: bool = False
    """Whether the answer proves that the attempt changed nothing at the sink."""
    seen: Seen | None = None
    """Of what leaves for a person: the consent it leaves on."""


class Outbox(OutboxReading):
    """Move rows, each change of state in one transaction with its line in the history."""

    def __init__(self, database: Database, history: History, claims: Claims) -> None:
        super().__init__(database)
        self._history, self._claims = history, claims

    def refuse(self, rows: Sequence[tuple[Row, str]], now: datetime) -> None:
        """Put rows in doubt into quarantine, each with its reason: something else was found in their place.

        In one transaction and by the steps that the database knows, so that nothing of it is seen half done.
        """
        with self._database.atomic():
            for state in (State.READY, State.IN_FLIGHT, State.REFUSED):
                self.move([Step(row=row, state=state, why=why) for row, why in rows], now)

    def looked(self, rows: Sequence[tuple[Row, int]]) -> None:
        """Note how many looks for evidence each row has had."""
        with self._database.atomic():
            for row, looks in rows:
                self._database.conn.execute("UPDATE outbox SET looks = ? WHERE id = ?", (looks, row.id))

    def note_accepted(self, person: str, name: str, value: Json, now: datetime) -> None:
        """Keep the attribute of a person that Braze took and no row stands for."""
        with self._database.atomic():
            accepting.note(self._database.conn, person, name, value, now)

    def restate(self, recipient: str, kind: Kind, written: Container[tuple[str, str]], now: datetime) -> list[str]:
        """Queue every value of a kind that Braze took of a person and should still have once more; return their flows.

        Of that kind alone: an old withdrawal sent again would undo what the person chose since. Only what is
        ``written`` today, as (flow, name), and each target once a day at most.
        """
        found = attributerows.lost(self._database, recipient, kind, written, now)
        if not found:
            return []
        with self._database.atomic():
            attributerows.restate(self._database, kind, found, now)
            body = {"subject": self._history.subject(recipient), "copies of rows": [row[0] for row in found]}
            self._history.append(now, "restate", body)
        return [flow for _, _, flow, _ in found]

    def take_apart(self, rows: Sequence[Row], now: datetime) -> dict[int, list[Row]]:
        """Put each attribute of rows that hold several into a row of its own; return row number → its parts."""
        with self._database.atomic():
            parts = attributerows.take_apart(self._database, [row.id for row in rows])
            self._history.append(now, "apart", {"rows": {str(number): made for number, made in parts.items()}})
        made = self.rows(
            "id IN (SELECT value FROM json_each(?))", (dump([one for some in parts.values() for one in some]),)
        )
        return {number: [row for row in made if row.id in some] for number, some in parts.items()}

    def move(self, steps: Iterable[Step], now: datetime, *, attempt: str = "", token: str = "") -> None:
        """Move rows and log it, in one transaction; payloads are blanked once a row is terminal.

        ``token`` is what the claim will say when they leave; see :meth:`Claims.write_ahead`. To wait, and to be looked
        at once more, is no outcome: each run would log it of everybody whom Braze does not know. Raises
        sqlite3.IntegrityError for a pair that delivery.md does not know: a bug.
        """
        moved = tuple(steps)
        if not moved:
            return
        with self._database.atomic():
            if token:
                self._claims.write_ahead(token, now, attempt)
            alike: dict[tuple[State, str], list[Step]] = {}
            for step in moved:
                alike.setdefault((step.state, step.why), []).append(step)
            for (state, why), some in alike.items():
                self._move_alike(state, why, [step.row.id for step in some], now, attempt)
            for step in moved:
                self._note_attempt(step, attempt)
            if told := self._told_of([step for step in moved if not _waits(step)]):
                self._history.append(now, "outbox", {"attempt": attempt, "steps": told})

    def _move_alike(self, state: State, why: str, rows: Sequence[int], now: datetime, attempt: str) -> None:
        """Move rows to one state for one reason: a statement for all of them, whoever they are."""
        those = "id IN (SELECT value FROM json_each(:rows))"
        values = {"state": state, "why": why, "now": instant(now), "attempt": attempt, "rows": dump(rows)}
        execute = self._database.conn.execute
        if state is State.SENT:  # before their payloads are blanked
            accepting.settle(self._database.conn, values["rows"], now)
        # A new attempt has not been looked for yet, whatever was found of an earlier one.
        anew = ", looks = 0" if state is State.IN_FLIGHT else ""
        blank = ", payload = NULL" if state in TERMINAL else ""
        execute(
            "UPDATE outbox SET state = :state, why = :why, changed_at = :now, "
            f"attempt = coalesce(nullif(:attempt, ''), attempt){anew}{blank} WHERE {those}",
            values,
        )

    def _note_attempt(self, step: Step, attempt: str) -> None:
        """Keep what is on its way to where people edit too, until an answer proves that it did not arrive.

        Without it a write whose answer was lost would later be taken for somebody's edit. Of equal values the first
        attempt counts: that a later one changed nothing says nothing of it.
        """
        action = step.row.action
        if not action.kind.compared:
            return
        if step.state is State.IN_FLIGHT:
            self._database.conn.execute(
                "INSERT OR IGNORE INTO attempted VALUES (?, ?, ?)", (action.target, dump(action.payload), attempt)
            )
        elif step.untouched:
            self._database.conn.execute(
                "DELETE FROM attempted WHERE target = ? AND attempt = (SELECT attempt FROM outbox WHERE id = ?)",
                (action.target, step.row.id),
            )

    def _told_of(self, steps: Sequence[Step]) -> list[dict[str, object]]:
        """Return what the history says of some steps, each by itself; values of profiles that share a fate once.

        Of those: how many, the first and the last of their rows, and a digest of which rows with which values.
        """
        values: dict[tuple[str, Kind, State, State, str], list[Step]] = {}
        told = [self._told(step) for step in steps if not step.row.action.kind.is_profile_value]
        for step in steps:
            if step.row.action.kind.is_profile_value:
                alike = (step.row.action.flow, step.row.action.kind, step.row.state, step.state, step.why)
                values.setdefault(alike, []).append(step)
        for (flow, kind, old, new, why), some in values.items():
            rows = [step.row.id for step in some]
            leaving = new is State.IN_FLIGHT
            which = [
                [step.row.id, step.row.action.target, step.row.action.payload if leaving else None] for step in some
            ]
            told.append(
                {
                    "rows": len(rows),
                    "first": min(rows),
                    "last": max(rows),
                    "digest": self._history.payload(dump(which)),
                    "flow": flow,
                    "kind": kind,
                    "from": old,
                    "to": new,
                    "remark": "" if new is State.REFUSED else self._history.remark(why),
                }
            )
        return told

    def _told(self, step: Step) -> dict[str, object]:
        action = step.row.action
        left: dict[str, object] = {}
        if step.state is State.IN_FLIGHT:
            left = {"payload": self._history.payload(dump(action.payload))}
            if step.seen is not None and action.kind.is_message:
                left |= {"consent": dict(step.seen.states), "consent_read_at": instant(step.seen.at)}
        return left | {
            "row": step.row.id,
            "record": self._history.record(action.record),
            "flow": action.flow,
            "rule": action.rule,
            "occurrence": action.occurrence,
            "kind": action.kind,
            "subject": self._history.subject(action.recipient),
            "from": step.row.state,
            "to": step.state,
            # What an operator writes or a system answers may name a person. Of a refused row it stands in the row.
            "remark": "" if step.state is State.REFUSED else self._history.remark(step.why),
        }

    def never_left(self, attempts: Sequence[str], now: datetime) -> None:
        """Make ready again what was in flight in attempts of which the claim proves that they never left."""
        for attempt in attempts:
            rows = self.rows("state = 'in flight' AND attempt = ?", (attempt,))
            why = "the run was interrupted before this left"
            self.move([Step(row=row, state=State.READY, why=why, untouched=True) for row in rows], now)

    def recover(self, now: datetime) -> list[Row]:
        """Take up what a crash left in flight: class S may go again, N and U are in doubt. Return the doubtful."""
        left = self.rows("state = 'in flight'")
        crash = "the run was interrupted while this was on its way"
        doubtful = [row for row in left if row.action.kind.delivery is not Delivery.LATEST]
        self.move([Step(row=r, state=State.IN_DOUBT, why=crash) for r in doubtful], now)
        latest = [row for row in left if row.action.kind.delivery is Delivery.LATEST]
        self.move([Step(row=r, state=State.READY, why=crash) for r in latest], now)
        return doubtful

    def expire(self, flow: str, now: datetime, *, paused: str = "") -> list[Step]:
        """Give up the messages past their time; return the steps, each with what kept its message from leaving."""
        late = self.rows(
            "flow = ? AND state IN ('ready', 'waiting') AND expires_at <= ? AND delivery = 'once'", (flow, instant(now))
        )
        held_by = {row.id: number for row, number in self.kept_back(flow)}
        steps = [Step(row=row, state=State.EXPIRED, why=_cause(row, held_by.get(row.id), paused)) for row in late]
        self.move(steps, now)
        return steps

    def end_unknown(self, flow: str, now: datetime, after: timedelta) -> list[Step]:
        """End the attributes of people whom Braze never knew in that time; return the steps.

        Nothing else ends so: a withdrawal waits for its person for ever. Who appears later gets what changes then.
        """
        old = self.rows(
            "flow = ? AND state = 'waiting' AND why = ? AND delivery = ? AND phase = ? AND planned_at <= ?",
            (flow, UNMET, Delivery.LATEST, Phase.PROFILE, instant(now - after)),
        )
        why = f"Braze did not know this person in {after.days} days"
        steps = [Step(row=row, state=State.SUPPRESSED, why=why) for row in old]
        self.move(steps, now)
        return steps

    def wake(self, flow: str, now: datetime) -> None:
        """Make waiting rows ready again: they are looked up once more in each run."""
        waiting = self.rows("flow = ? AND state = 'waiting'", (flow,))
        self.move([Step(row=row, state=State.READY) for row in waiting], now)


def _waits(step: Step) -> bool:
    return step.state is State.WAITING or (step.row.state, step.state) == (State.WAITING, State.READY)


def _cause(row: Row, held_by: int | None, paused: str) -> str:
    """Return why a message expired before it could leave."""
    if row.state is State.WAITING and row.why:
        return f"expired unsent: {row.why}"
    if held_by is not None:
        return f"expired unsent: kept back by message {held_by}, whose outcome is unknown"
    return f"expired unsent: {paused or 'no run could send it in time'}"
