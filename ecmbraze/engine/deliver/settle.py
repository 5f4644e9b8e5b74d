"""Say what one judged answer makes of each row of its request; touches no database and no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Batch
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Answer, Delivery, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The steps to commit, and the rows to send again in smaller requests (they were proven not processed)."""

    steps: tuple[Step, ...]
    again: tuple[tuple[Row, ...], ...] = ()
    aside: tuple[Step, ...] = ()
    """Steps after those: rows that are ready again and wait for the next run, so that the others go on."""


def settle(batch: Batch, answer: Answer) -> Settled:
    """Return each row's fate by the verdict (delivery.md, "Judging one attempt")."""
    match answer.verdict:
        case Verdict.ACCEPTED:
            return _accepted(batch, answer)
        case Verdict.NOT_PROCESSED:
            return _set_aside(_all(batch, State.READY, answer.reason))
        case Verdict.REFUSED:
            return _refused(batch, answer)
        case Verdict.UNKNOWN:
            return _set_aside(tuple(_unknown(row, answer.reason) for row in batch.rows))


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


def _set_aside(steps: Sequence[Step]) -> Settled:
    """Let what stands in a request of its own wait, where it is ready again."""
    aside = [step for step in steps if step.state is State.READY and channel_of(step.row.action.kind).alone]
    waits = tuple(Step(row=step.row, state=State.WAITING, why=step.why) for step in aside)
    return Settled(steps=tuple(steps), aside=waits)


def _unknown(row: Row, reason: str) -> Step:
    repeatable = row.action.kind.delivery is Delivery.LATEST
    return Step(row=row, state=State.READY if repeatable else State.IN_DOUBT, why=reason)


def _all(batch: Batch, state: State, why: str) -> tuple[Step, ...]:
    """Return the same step for all rows of a request that proved to have changed nothing."""
    return tuple(Step(row=row, state=state, why=why, untouched=True) for row in batch.rows)
