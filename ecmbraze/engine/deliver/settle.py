"""Say what one judged answer makes of each row of its request; touches no database and no network."""

from __future__ import annotations

from dataclasses import dataclass

from ecmbraze.engine.deliver.batches import Batch
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Answer, Delivery, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The steps to commit, and the rows to send again in smaller requests (they were proven not processed)."""

    steps: tuple[Step, ...]
    again: tuple[tuple[Row, ...], ...] = ()


def settle(batch: Batch, answer: Answer) -> Settled:
    """Return each row's fate by the verdict (delivery.md, "Judging one attempt")."""
    match answer.verdict:
        case Verdict.ACCEPTED:
            return _accepted(batch, answer)
        case Verdict.NOT_PROCESSED:
            return Settled(steps=_all(batch, State.READY, answer.reason))
        case Verdict.REFUSED:
            return _refused(batch, answer)
        case Verdict.UNKNOWN:
            return Settled(steps=tuple(_unknown(row, answer.reason) for row in batch.rows))


def _accepted(batch: Batch, answer: Answer) -> Settled:
    steps: list[Step] = []
    again: list[tuple[Row, ...]] = []
    named: dict[int, str] = {}
    for slot, reason in answer.refused.items():
        rows = batch.slots.get(slot, ())
        named |= {row.id: reason for row in rows}
        if len(rows) > 1:  # several attributes of one person in one object: one of them is bad, find out which
            again.extend((row,) for row in rows)
    alone = {row.id for rows in again for row in rows}
    for row in batch.rows:
        if row.id in alone:
            steps.append(Step(row=row, state=State.READY, why=named[row.id]))
        elif row.id in named:
            steps.append(Step(row=row, state=State.REFUSED, why=named[row.id]))
        else:
            steps.append(Step(row=row, state=State.SENT, why=answer.reason))
    return Settled(steps=tuple(steps), again=tuple(again))


def _refused(batch: Batch, answer: Answer) -> Settled:
    """Halve a refused request until the bad record stands alone; nothing of it was processed."""
    if len(batch.rows) == 1:
        return Settled(steps=_all(batch, State.REFUSED, answer.reason))
    middle = len(batch.rows) // 2
    return Settled(
        steps=_all(batch, State.READY, answer.reason), again=(batch.rows[:middle], batch.rows[middle:])
    )  # fmt: skip


def _unknown(row: Row, reason: str) -> Step:
    once = row.action.kind.delivery is not Delivery.LATEST
    return Step(row=row, state=State.IN_DOUBT if once else State.READY, why=reason)


def _all(batch: Batch, state: State, why: str) -> tuple[Step, ...]:
    return tuple(Step(row=row, state=state, why=why) for row in batch.rows)
