"""The outbox: what is intended, what became of it; every change of state is one committed step."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action
from ecmbraze.ledger.codec import dump, instant, load_json, moment
from ecmbraze.ledger.history import History
from ecmbraze.model import Action, Delivery, Json, Kind, Phase, State

TERMINAL = (State.SENT, State.SUPPRESSED, State.EXPIRED, State.SUPERSEDED, State.DROPPED)

# The columns that a row sent once more has from the one before it.
_COPIED = (
    "key, flow, record, rule, occurrence, series, kind, delivery, phase, recipient, name, target, consent, "
    "create_profile"
)
_OPEN = "'ready', 'waiting', 'in flight'"
# An attribute is sent until Braze takes it.
_LASTING = timedelta(days=3650)
# A value that somebody else writes too is not fought over: it is restated once in so long.
_RESTATED, _RESTATED_EACH = "sent again: the profile no longer shows it", timedelta(days=1)
# What keeps a message back: any of the person's in doubt; of those held, an earlier one of the same series. Only
# messages keep messages back: a document in doubt is looked for, and says nothing of its neighbours.
# The states stand in one list so that the index is used for them too: a person may have thousands of rows sent.
_BLOCKER = """outbox o WHERE outbox.delivery = 'once' AND o.recipient = outbox.recipient AND o.delivery = 'once'
    AND o.state IN ('in doubt', 'in flight', 'held') AND (o.state <> 'held' OR (o.flow = outbox.flow
         AND o.record = outbox.record AND o.rule = outbox.rule AND o.series = outbox.series
         AND o.occurrence <> outbox.occurrence AND o.id < outbox.id))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One outbox row with its number and its fate so far."""

    id: int
    action: Action
    state: State
    why: str
    attempt: str
    planned_at: datetime
    changed_at: datetime
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row's next state and the reason for it."""

    row: Row
    state: State
    why: str = ""
    untouched: bool = False
    """Whether the answer proves that the attempt changed nothing at the sink."""


class Outbox:
    """Read rows in the order they may leave, and move them."""

    def __init__(self, database: Database, history: History) -> None:
        self._database, self._history = database, history

    def rows(
        self, where: str, parameters: Sequence[object] = (), *, limit: int = -1, order: str = "id"
    ) -> list[Row]:  # fmt: skip
        """Return the rows matching a condition over the outbox columns, oldest first."""
        query = (
            f"SELECT id, state, why, attempt, planned_at, changed_at, looks, {ACTION_COLUMNS} FROM outbox "
            f"WHERE {where} ORDER BY {order} LIMIT ?"
        )
        return [
            Row(
                id=row[0], state=State(row[1]), why=row[2], attempt=row[3], planned_at=moment(row[4]),
                changed_at=moment(row[5]), looks=row[6], action=read_action(row[7:]),
            )
            for row in self._database.execute(query, (*parameters, limit))
        ]  # fmt: skip

    def doubtful(self) -> list[Row]:
        """Return the rows in doubt: sent, answered by nothing that proves anything, and not yet given to a person."""
        return self.rows("state = 'in doubt'")

    def unsettled(self, flow: str | None = None) -> list[Row]:
        """Return the rows of unknown outcome, in doubt or held, of a flow or of all."""
        return self.rows("state IN ('in doubt', 'held') AND flow = ifnull(?, flow)", (flow,))

    def refused(self, flow: str | None = None) -> list[Row]:
        """Return the rows in quarantine, of a flow or of all."""
        return self.rows("state = 'refused' AND flow = ifnull(?, flow)", (flow,))

    def refuse(self, rows: Sequence[tuple[Row, str]], now: datetime) -> None:
        """Put rows in doubt into quarantine, each with its reason: something else was found in their place.

        In one transaction and by the steps that the database knows, so that nothing of it is seen half done.
        """
        with self._database.atomic():
            for state in (State.READY, State.IN_FLIGHT, State.REFUSED):
                self.move([Step(row=row, state=state, why=why) for row, why in rows], now)

    def twins(self, action: Action) -> list[str]:
        """Return the other people to whom the same message of the same occasion went, or may have gone."""
        query = """SELECT recipient FROM outbox WHERE delivery = 'once' AND key >= ? AND key < ? AND recipient <> ?
                   AND state IN ('in flight', 'in doubt', 'held', 'sent')"""
        occasion = action.key.removesuffix(action.recipient)  # "…/": the next character in the order is "0"
        told = (occasion, f"{occasion[:-1]}0", action.recipient)
        return [row[0] for row in self._database.execute(query, told)]

    def reached(self, action: Action, occurrence: str) -> bool:
        """Say whether a message of the same rule and record reached its person, or may have.

        ``occurrence`` is how that message's own begins.
        """
        query = """SELECT 1 FROM outbox WHERE delivery = 'once' AND key >= ? AND key < ? AND recipient = ?
                   AND state IN ('in flight', 'in doubt', 'held', 'sent') LIMIT 1"""
        first = f"{action.flow}/{action.record}/{action.rule}/{occurrence}"
        after = f"{first[:-1]}{chr(ord(first[-1]) + 1)}"
        return self._database.execute(query, (first, after, action.recipient)).fetchone() is not None

    def knows(self, key: str) -> bool:
        """Say whether what happens once was ever staged under this business key: it is never staged again."""
        query = "SELECT 1 FROM outbox WHERE key = ? AND delivery <> 'latest'"
        return self._database.execute(query, (key,)).fetchone() is not None

    def looked(self, rows: Sequence[tuple[Row, int]]) -> None:
        """Note how many looks for evidence each row has had."""
        with self._database.atomic():
            for row, looks in rows:
                self._database.conn.execute("UPDATE outbox SET looks = ? WHERE id = ?", (looks, row.id))

    def unverified(self, since: datetime, until: datetime) -> list[Row]:
        """Return the rows sent in the span that nobody has looked for yet, among the newest 20,000."""
        return self.rows(
            "id > (SELECT max(id) - 20000 FROM outbox) AND state = 'sent' AND looks = 0 "
            "AND changed_at >= ? AND changed_at <= ?",
            (instant(since), instant(until)),
        )

    def accepted(self, target: str) -> Json:
        """Return the value the sink last took for a target; ``None`` when it took none."""
        row = self._database.execute("SELECT value FROM accepted WHERE target = ?", (target,)).fetchone()
        return load_json(row[0]) if row else None

    def attempted(self, target: str) -> list[Json]:
        """Return the values sent to a target since it last took one, of which nobody knows whether they arrived."""
        query = "SELECT value FROM attempted WHERE target = ? ORDER BY value"
        return [load_json(row[0]) for row in self._database.execute(query, (target,))]

    def note_accepted(self, target: str, value: Json, now: datetime) -> None:
        """Keep the value the sink took for a target that no row stands for."""
        with self._database.atomic():
            self._accept(target, value, now)

    def restate(self, recipient: str, kind: Kind, written: Container[tuple[str, str]], now: datetime) -> list[str]:
        """Queue every value of a kind that Braze took of a person and should still have once more; return their flows.

        Of that kind alone: an old withdrawal sent again would undo what the person chose since. Only what is
        ``written`` today, as (flow, name), and each target once a day at most.
        """
        query = f"""SELECT max(o.id), a.value, o.flow, o.name FROM accepted a JOIN outbox o ON o.target = a.target
                    WHERE o.recipient = ? AND o.kind = ? AND o.delivery = 'latest' AND a.value <> 'null'
                    AND NOT EXISTS (SELECT 1 FROM outbox n WHERE n.target = a.target AND n.delivery = 'latest'
                                    AND n.state IN ({_OPEN}))
                    AND NOT EXISTS (SELECT 1 FROM outbox n WHERE n.recipient = o.recipient AND n.target = a.target
                                    AND n.reason = ? AND n.planned_at > ?)
                    GROUP BY a.target"""
        lately = (recipient, kind, _RESTATED, instant(now - _RESTATED_EACH))
        found = [row for row in self._database.execute(query, lately).fetchall() if (row[2], row[3]) in written]
        if not found:
            return []
        with self._database.atomic():
            for number, value, *_ in found:
                self._database.conn.execute(
                    f"""INSERT INTO outbox ({_COPIED}, reason, payload, expires_at, planned_at, changed_at)
                        SELECT {_COPIED}, ?, ?, ?, ?, ? FROM outbox WHERE id = ?""",
                    (_RESTATED, value, instant(now + _LASTING), instant(now), instant(now), number),
                )
            body = {"subject": self._history.subject(recipient), "copies of rows": [row[0] for row in found]}
            self._history.append(now, "restate", body)
        return [flow for _, _, flow, _ in found]

    def sendable(self, flow: str, phase: Phase, limit: int, *, without: Collection[tuple[Kind, str]] = ()) -> list[Row]:
        """Return ready rows of one phase that nothing of unknown outcome keeps back; see :meth:`kept_back`.

        ``without`` are (kind, name) of messages that Braze would not send. What goes to Extended ECM goes alone: there
        what was tried in vain comes last, in the order of ids that are drawn anew for each attempt, so that a few
        poisoned records do not use up the patience of every run before the others have had their turn.
        """
        order = "attempt, id" if phase is Phase.RECORDS else "id"
        left_out = [f"{kind}/{name}" for kind, name in without]
        return self.rows(
            f"flow = ? AND phase = ? AND state = 'ready' AND NOT EXISTS (SELECT 1 FROM {_BLOCKER}) "
            f"AND kind || '/' || name NOT IN ({', '.join('?' * len(left_out))})",
            (flow, phase, *left_out), limit=limit, order=order,
        )  # fmt: skip

    def count_sendable(self, flow: str, phase: Phase) -> int:
        """Return how many rows of a phase :meth:`sendable` may return."""
        query = f"""SELECT count(*) FROM outbox WHERE flow = ? AND phase = ? AND state = 'ready'
                    AND NOT EXISTS (SELECT 1 FROM {_BLOCKER})"""
        return int(self._database.execute(query, (flow, phase)).fetchone()[0])

    def kept_back(self, flow: str | None = None) -> list[tuple[Row, int]]:
        """Return the ready messages that wait for another's outcome, each with the number of that row.

        In doubt blocks all of a person's messages; held only what follows it in its series for the same person.
        """
        blocker = f"(SELECT min(o.id) FROM {_BLOCKER})"
        rows = self.rows(f"state = 'ready' AND flow = ifnull(?, flow) AND {blocker} IS NOT NULL", (flow,))
        query = f"SELECT {blocker} FROM outbox WHERE id = ?"
        return [(row, int(self._database.execute(query, (row.id,)).fetchone()[0])) for row in rows]

    def move(self, steps: Iterable[Step], now: datetime, *, attempt: str = "") -> None:
        """Move rows and log it, in one transaction; payloads are blanked once a row is terminal.

        Raises sqlite3.IntegrityError for a pair that delivery.md does not know: a bug.
        """
        moved = tuple(steps)
        if not moved:
            return
        with self._database.atomic():
            for step in moved:
                self._database.conn.execute(
                    "UPDATE outbox SET state = ?, why = ?, changed_at = ?, attempt = coalesce(nullif(?, ''), attempt), "
                    # A new attempt has not been looked for yet, whatever was found of an earlier one.
                    "looks = CASE WHEN ? THEN 0 ELSE looks END, payload = CASE WHEN ? THEN NULL ELSE payload END "
                    "WHERE id = ?",
                    (
                        step.state,
                        step.why,
                        instant(now),
                        attempt,
                        step.state is State.IN_FLIGHT,
                        step.state in TERMINAL,
                        step.row.id,
                    ),
                )
                self._note_attempt(step, attempt)
                if step.state is State.SENT and step.row.action.kind.delivery is Delivery.LATEST:
                    self._accept(step.row.action.target, step.row.action.payload, now)
            self._history.append(now, "outbox", {"attempt": attempt, "steps": [self._told(step) for step in moved]})

    def _accept(self, target: str, value: Json, now: datetime) -> None:
        self._database.conn.execute(
            "INSERT OR REPLACE INTO accepted VALUES (?, ?, ?)", (target, dump(value), instant(now))
        )
        self._database.conn.execute("DELETE FROM attempted WHERE target = ?", (target,))

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

    def _told(self, step: Step) -> dict[str, object]:
        action = step.row.action
        return {
            "row": step.row.id, "record": action.record, "flow": action.flow, "rule": action.rule,
            "occurrence": action.occurrence, "kind": action.kind, "subject": self._history.subject(action.recipient),
            "from": step.row.state, "to": step.state,
            # What Braze says of a refused row may name the person; the row itself keeps it.
            "why": "" if step.state is State.REFUSED else step.why,
        }  # fmt: skip

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
        late = self.rows("flow = ? AND state IN ('ready', 'waiting') AND expires_at <= ? AND delivery = 'once'",
                         (flow, instant(now)))  # fmt: skip
        held_by = {row.id: number for row, number in self.kept_back(flow)}
        steps = [Step(row=row, state=State.EXPIRED, why=_cause(row, held_by.get(row.id), paused)) for row in late]
        self.move(steps, now)
        return steps

    def expired_since(self, since: datetime, now: datetime, flow: str | None) -> int:
        """Return how many messages of a flow, or of all, passed their time unsent since then."""
        query = """SELECT count(*) FROM outbox WHERE delivery = 'once' AND flow = ifnull(?, flow)
                   AND ((state = 'expired' AND changed_at >= ?)
                        OR (state IN ('ready', 'waiting') AND expires_at <= ?))"""
        return int(self._database.execute(query, (flow, instant(since), instant(now))).fetchone()[0])

    def wake(self, flow: str, now: datetime) -> None:
        """Make waiting rows ready again: they are looked up once more in each run."""
        waiting = self.rows("flow = ? AND state = 'waiting'", (flow,))
        self.move([Step(row=row, state=State.READY) for row in waiting], now)

    def pending(self, flow: str) -> int:
        """Return how many rows of a flow still wait to go."""
        query = "SELECT count(*) FROM outbox WHERE flow = ? AND state IN ('ready', 'waiting', 'in flight')"
        return int(self._database.execute(query, (flow,)).fetchone()[0])

    def messages_today(self, recipient: str, now: datetime) -> int:
        """Return how many campaigns and Canvases a person got, or may have got, in the last 24 hours."""
        query = """SELECT count(*) FROM outbox WHERE recipient = ? AND delivery = 'once' AND phase = ?
                   AND changed_at > ? AND state IN ('in flight', 'in doubt', 'held', 'sent')"""
        since = instant(now - timedelta(hours=24))
        return int(self._database.execute(query, (recipient, Phase.TRIGGER, since)).fetchone()[0])


def _cause(row: Row, held_by: int | None, paused: str) -> str:
    """Return why a message expired before it could leave."""
    if row.state is State.WAITING and row.why:
        return f"expired unsent: {row.why}"
    if held_by is not None:
        return f"expired unsent: kept back by message {held_by}, whose outcome is unknown"
    return f"expired unsent: {paused or 'no run could send it in time'}"
