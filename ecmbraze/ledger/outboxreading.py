"""What the outbox holds, as it is asked for: who may leave, who is kept back and by what; moves nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from ecmbraze.ledger import accepting
from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action
from ecmbraze.ledger.attributerows import WRITES
from ecmbraze.ledger.codec import instant, load_json, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.model import Action, Json, Kind, Phase, State

# What keeps a message back: any of the person's in doubt; of those held, an earlier one of the same series. Only
# messages keep messages back: a document in doubt is looked for, and says nothing of its neighbours.
# The states stand in one list so that the index is used for them too: a person may have thousands of rows sent.
_BLOCKER = """outbox o WHERE outbox.delivery = 'once' AND o.recipient = outbox.recipient AND o.delivery = 'once'
    AND o.state IN ('in doubt', 'in flight', 'held') AND (o.state <> 'held' OR (o.flow = outbox.flow
         AND o.record = outbox.record AND o.rule = outbox.rule AND o.series = outbox.series
         AND o.occurrence <> outbox.occurrence AND o.id < outbox.id))"""

# People in one round of screens and requests: 24 exports of 50 and 16 requests of 75 (api/braze.md 1.2, 4.3), so that
# eight connections have something to do three and two times over.
PEOPLE = 1200


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


class OutboxReading:
    """Read rows in the order they may leave."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, where: str, parameters: Sequence[object] = (), *, limit: int = -1, order: str = "id") -> list[Row]:
        """Return the rows matching a condition over the outbox columns, oldest first."""
        return list(self._each(where, parameters, limit=limit, order=order))

    def _each(self, where: str, parameters: Sequence[object], *, limit: int = -1, order: str = "id") -> Iterator[Row]:
        """Yield them one by one: who stops early does not read the rest."""
        query = (
            f"SELECT id, state, why, attempt, planned_at, changed_at, looks, {ACTION_COLUMNS} FROM outbox "
            f"WHERE {where} ORDER BY {order} LIMIT ?"
        )
        for row in self._database.execute(query, (*parameters, limit)):
            yield Row(
                id=row[0],
                state=State(row[1]),
                why=row[2],
                attempt=row[3],
                planned_at=moment(row[4]),
                changed_at=moment(row[5]),
                looks=row[6],
                action=read_action(row[7:]),
            )

    def doubtful(self) -> list[Row]:
        """Return the rows in doubt: sent, answered by nothing that proves anything, and not yet given to a person."""
        return self.rows("state = 'in doubt'")

    def unsettled(self, flow: str | None = None) -> list[Row]:
        """Return the rows of unknown outcome, in doubt or held, of a flow or of all."""
        return self.rows("state IN ('in doubt', 'held') AND flow = ifnull(?, flow)", (flow,))

    def numbered(self, number: int) -> Row | None:
        """Return the row with this number, whatever became of it; ``None`` when there is none."""
        return next(iter(self.rows("id = ?", (number,))), None)

    def held_at(self, flow: str, planned_at: datetime) -> list[Row]:
        """Return the rows of a flow that are held since they were staged at this instant."""
        return self.rows(
            "state = 'held' AND flow = ? AND planned_at = ? AND changed_at = planned_at", (flow, instant(planned_at))
        )

    def refused(self, flow: str | None = None) -> list[Row]:
        """Return the rows in quarantine, of a flow or of all."""
        return self.rows("state = 'refused' AND flow = ifnull(?, flow)", (flow,))

    def withdrawn_alone(self, flow: str) -> list[Row]:
        """Return the withdrawals that were sent after their record was planned last.

        Those that left while the rest of their plan waited are among them.
        """
        where = """state = 'sent' AND flow = ? AND phase = ? AND NOT EXISTS (SELECT 1 FROM fact f
                   WHERE f.flow = outbox.flow AND f.record = outbox.record AND f.at >= outbox.changed_at)"""
        return self.rows(where, (flow, int(Phase.CONSENT)))

    def twins(self, action: Action) -> list[str]:
        """Return the other people to whom the same message of the same occasion went, or may have gone."""
        # By the key, which few share: by the state every message that was ever sent would be looked through.
        query = """SELECT recipient FROM outbox INDEXED BY outbox_key WHERE delivery <> 'latest' AND delivery = 'once'
                   AND key >= ? AND key < ? AND recipient <> ? AND state IN ('in flight', 'in doubt', 'held', 'sent')"""
        occasion = action.key.removesuffix(action.recipient)  # "…/": the next character in the order is "0"
        told = (occasion, f"{occasion[:-1]}0", action.recipient)
        return [row[0] for row in self._database.execute(query, told)]

    def reached(self, action: Action, occurrence: str) -> bool:
        """Say whether a message of the same rule and record reached its person, or may have.

        ``occurrence`` is how that message's own begins.
        """
        states = "state IN ('in flight', 'in doubt', 'held', 'sent')"
        return self._has(action, occurrence, states)

    def renewed(self, action: Action, occurrence: str) -> bool:
        """Say whether the same message was staged for its person under an occurrence that begins so."""
        return self._has(action, occurrence, "kind = ? AND name = ?", action.kind, action.name)

    def _has(self, action: Action, occurrence: str, where: str, *values: str) -> bool:
        """Say whether there is such a message of the same rule, record and person, by how its occurrence begins."""
        query = f"""SELECT 1 FROM outbox INDEXED BY outbox_key WHERE delivery <> 'latest' AND delivery = 'once'
                    AND key >= ? AND key < ? AND recipient = ? AND {where} LIMIT 1"""
        first = f"{action.flow}/{action.record}/{action.rule}/{occurrence}"
        after = f"{first[:-1]}{chr(ord(first[-1]) + 1)}"
        return self._database.execute(query, (first, after, action.recipient, *values)).fetchone() is not None

    def knows(self, key: str) -> bool:
        """Say whether what happens once was ever staged under this business key: it is never staged again."""
        query = "SELECT 1 FROM outbox WHERE key = ? AND delivery <> 'latest'"
        return self._database.execute(query, (key,)).fetchone() is not None

    def state_of(self, key: str) -> State | None:
        """Return how what happens once stands under a business key; ``None`` where it was never staged."""
        query = "SELECT state FROM outbox WHERE key = ? AND delivery <> 'latest'"
        row = self._database.execute(query, (key,)).fetchone()
        return State(row[0]) if row else None

    def unverified(self, since: datetime, until: datetime) -> list[Row]:
        """Return the rows sent in the span that nobody has looked for yet, among the newest 20,000."""
        return self.rows(
            "id > (SELECT max(id) - 20000 FROM outbox) AND state = 'sent' AND looks = 0 "
            "AND changed_at >= ? AND changed_at <= ?",
            (instant(since), instant(until)),
        )

    def accepted(self, target: str) -> Json:
        """Return the value the sink last took for a target; ``None`` when it took none."""
        return accepting.accepted(self._database, target)

    def attempted(self, target: str) -> list[Json]:
        """Return the values sent to a target since it last took one, of which nobody knows whether they arrived."""
        query = "SELECT value FROM attempted WHERE target = ? ORDER BY value"
        return [load_json(row[0]) for row in self._database.execute(query, (target,))]

    def accepted_of(self, rows: Sequence[Row]) -> Mapping[int, Json]:
        """Return row number → the value the sink last took for its target; ``None`` when it took none.

        Of a row that holds several it is name → value.
        """
        return accepting.accepted_of(self._database, {row.id: row.action for row in rows})

    def sendable(
        self,
        flow: str,
        phase: Phase,
        limit: int,
        *,
        people: int = PEOPLE,
        without: Collection[tuple[Kind, str]] = (),
        but: str = "",
    ) -> list[Row]:
        """Return ready rows of one phase that nothing of unknown outcome keeps back; see :meth:`kept_back`.

        At most of so many ``people``, and ``limit`` beside values of profiles: those cost nothing but their place in a
        request. Where messages are among them no more people than ``limit``: to look at them must not take long.
        ``without`` are (kind, name) of messages that Braze would not send, ``but`` is a rule whose rows stay. What goes
        to Extended ECM goes alone: there what was tried in vain comes last, in the order of ids that are drawn anew
        for each attempt, so that a few poisoned records do not use up the patience of every run before the others
        have had their turn.
        """
        # An asset has one document: what is to become of it goes in the order in which it was planned.
        chain = """recipient LIKE 'content:%' AND EXISTS (SELECT 1 FROM outbox e WHERE e.recipient = outbox.recipient
                   AND e.state IN ('ready', 'waiting', 'in flight', 'in doubt', 'held') AND e.id < outbox.id)"""
        # Were a completion first, a follow-up whose answer was lost could appear after it, and nobody would close it.
        # Its delivery is named for the index of the keys: else each completion reads every row that is ready.
        begun = """kind = 'completion' AND EXISTS (SELECT 1 FROM outbox e WHERE e.key = outbox.flow || '/' ||
                   outbox.record || '/' || outbox.rule || '/' || outbox.occurrence || '/follow-up/' || outbox.recipient
                   AND e.delivery <> 'latest' AND e.state IN ('ready', 'waiting', 'in flight', 'in doubt', 'held'))"""
        order = "attempt, id" if phase is Phase.RECORDS else "id"
        left_out = [f"{kind}/{name}" for kind, name in without]
        found: list[Row] = []
        whose, counted = set[str](), 0
        for row in self._each(
            f"flow = ? AND phase = ? AND state = 'ready' AND NOT EXISTS (SELECT 1 FROM {_BLOCKER}) "
            f"AND NOT ({chain}) AND NOT ({begun}) AND rule IS NOT nullif(?, '') "
            f"AND kind || '/' || name NOT IN ({marks(left_out)})",
            (flow, phase, but, *left_out),
            order=order,
        ):
            whose.add(row.action.recipient)
            counted += not row.action.kind.is_profile_value
            if counted > limit or len(whose) > (limit if counted else people):
                # What one person gets goes together, as far as it fits.
                return [one for one in found if one.action.recipient != row.action.recipient] or found
            found.append(row)
        return found

    def count_sendable(self, flow: str, phase: Phase, *, but: str = "") -> int:
        """Return how many writes of a phase :meth:`sendable` may return."""
        query = f"""SELECT {WRITES} FROM outbox WHERE flow = ? AND phase = ? AND state = 'ready'
                    AND rule IS NOT nullif(?, '') AND NOT EXISTS (SELECT 1 FROM {_BLOCKER})"""
        return int(self._database.execute(query, (flow, phase, but)).fetchone()[0])

    def ready_of(self, flow: str, rule: str) -> int:
        """Return how many rows of one rule are ready."""
        query = "SELECT count(*) FROM outbox WHERE state = 'ready' AND flow = ? AND rule = ?"
        return int(self._database.execute(query, (flow, rule)).fetchone()[0])

    def kept_back(self, flow: str | None = None) -> list[tuple[Row, int]]:
        """Return the ready messages that wait for another's outcome, each with the number of that row.

        In doubt blocks all of a person's messages; held only what follows it in its series for the same person.
        """
        blocker = f"(SELECT min(o.id) FROM {_BLOCKER})"
        rows = self.rows(f"state = 'ready' AND flow = ifnull(?, flow) AND {blocker} IS NOT NULL", (flow,))
        query = f"SELECT {blocker} FROM outbox WHERE id = ?"
        return [(row, int(self._database.execute(query, (row.id,)).fetchone()[0])) for row in rows]

    def expired_since(self, since: datetime, now: datetime, flow: str | None) -> int:
        """Return how many messages of a flow, or of all, passed their time unsent since then."""
        query = """SELECT count(*) FROM outbox WHERE delivery = 'once' AND flow = ifnull(?, flow)
                   AND ((state = 'expired' AND changed_at >= ?)
                        OR (state IN ('ready', 'waiting') AND expires_at <= ?))"""
        return int(self._database.execute(query, (flow, instant(since), instant(now))).fetchone()[0])

    def pending(self, flow: str) -> int:
        """Return how many writes of a flow still wait to go."""
        query = f"SELECT {WRITES} FROM outbox WHERE flow = ? AND state IN ('ready', 'waiting', 'in flight')"
        return int(self._database.execute(query, (flow,)).fetchone()[0])

    def messages_today(self, recipient: str, now: datetime) -> int:
        """Return how many campaigns and Canvases a person got, or may have got, in the last 24 hours."""
        query = """SELECT count(*) FROM outbox WHERE recipient = ? AND delivery = 'once' AND phase = ?
                   AND changed_at > ? AND state IN ('in flight', 'in doubt', 'held', 'sent')"""
        since = instant(now - timedelta(hours=24))
        return int(self._database.execute(query, (recipient, Phase.TRIGGER, since)).fetchone()[0])
