"""What goes into one request, and what its judged answer makes of each row; sends nothing, touches no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TypeVar

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch
from ecmbraze.engine.setting import BatchLimits
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Answer, Delivery, State, System, Verdict

Entry = TypeVar("Entry")


def batched(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield the entries in lists of at most ``size``."""
    source = iter(entries)
    while part := list(islice(source, size)):
        yield part


def build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    """Return the one request of rows that belong together; see :func:`divide`."""
    return channel_of(rows[0].action.kind).build(rows, attempt)


def divide(rows: Iterable[Row], limits: BatchLimits) -> Iterator[tuple[Row, ...]]:
    """Yield rows that go out together: what their channel lets share a request, whole recipients, within its size.

    No recipient stands in two of the groups, so that all of them may be in flight at once; what does not fit is left
    for the next call.
    """
    taken: set[str] = set()
    for _, group in groupby(sorted(rows, key=_together), key=_together):  # within each, as they came
        mine = list(group)
        packing = channel_of(mine[0].action.kind).packing
        bundle: list[Row] = []
        size = 0
        for recipient, entries in _by_recipient(row for row in mine if row.action.recipient not in taken).items():
            fitting = packing.fitting(entries, limits)
            cost = packing.objects(fitting, limits)
            if bundle and size + cost > packing.most(limits):
                yield tuple(bundle)
                bundle, size = [], 0
            bundle.extend(fitting)
            size += cost
            taken.add(recipient)
        if bundle:
            yield tuple(bundle)


def wave_of(
    groups: Sequence[tuple[Row, ...]], free: Mapping[System, int]
) -> tuple[list[tuple[Row, ...]], list[tuple[Row, ...]]]:
    """Return the groups that may be in flight at once, and the rest: a recipient is in one request at a time.

    ``free`` says how many each system takes.
    """
    wave, later, taken, left = list[tuple[Row, ...]](), list[tuple[Row, ...]](), set[str](), dict(free)
    for rows in groups:
        mine, system = {row.action.recipient for row in rows}, rows[0].action.kind.system
        if left[system] and not taken & mine:
            wave.append(rows)
            taken |= mine
            left[system] -= 1
        else:
            later.append(rows)
    return wave, later


def _together(row: Row) -> str:
    return channel_of(row.action.kind).packing.together(row.action)


def _by_recipient(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.action.recipient, []).append(row)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The steps to commit, and the rows to send again in smaller requests (they were proven not processed)."""

    steps: tuple[Step, ...]
    again: tuple[tuple[Row, ...], ...] = ()
    aside: tuple[Step, ...] = ()
    """Steps after those: rows that are ready again and wait for the next run, so that the others go on."""
    apart: tuple[Row, ...] = ()
    """Rows that are ready again and hold several writes, one of which is bad: each is sent by itself to find it."""


def settle(batch: Batch, answer: Answer) -> Settled:
    """Return each row's fate by the verdict (delivery.md, "Judging one attempt")."""
    match answer.verdict:
        case Verdict.ACCEPTED:
            return _accepted(batch, answer)
        case Verdict.NOT_PROCESSED if answer.limited and not channel_of(batch.rows[0].action.kind).alone:
            # They go on once the window of their endpoint opens.
            return Settled(steps=_all(batch, State.READY, answer.reason), again=(batch.rows,))
        case Verdict.NOT_PROCESSED:
            return _set_aside(_all(batch, State.READY, answer.reason))
        case Verdict.REFUSED:
            return _refused(batch, answer)
        case Verdict.UNKNOWN:
            return _set_aside(tuple(_unknown(row, answer.reason) for row in batch.rows))


def _accepted(batch: Batch, answer: Answer) -> Settled:
    steps: list[Step] = []
    again: list[tuple[Row, ...]] = []
    apart: list[Row] = []
    named: dict[int, str] = {}
    for slot, reason in answer.refused.items():
        rows = batch.slots.get(slot, ())
        named |= {row.id: reason for row in rows}
        if sum(len(row.action.names) for row in rows) > 1:
            # several attributes of one person in one object: one of them is bad, find out which
            again.extend((row,) for row in rows if not row.action.kind.holds)
            apart.extend(row for row in rows if row.action.kind.holds)
    alone = {row.id for rows in (*again, apart) for row in rows}
    for row in batch.rows:
        if row.id in alone:
            steps.append(Step(row=row, state=State.READY, why=named[row.id]))
        elif row.id in named:
            steps.append(Step(row=row, state=State.REFUSED, why=named[row.id]))
        else:
            steps.append(Step(row=row, state=State.SENT, why=answer.reason))
    return Settled(steps=tuple(steps), again=tuple(again), apart=tuple(apart))


def _refused(batch: Batch, answer: Answer) -> Settled:
    """Halve a refused request until the bad record stands alone; nothing of it was processed."""
    if len(batch.rows) == 1 and batch.rows[0].action.kind.holds:
        return Settled(steps=_all(batch, State.READY, answer.reason), apart=batch.rows)
    if len(batch.rows) == 1:
        return Settled(steps=_all(batch, State.REFUSED, answer.reason))
    middle = len(batch.rows) // 2
    return Settled(steps=_all(batch, State.READY, answer.reason), again=(batch.rows[:middle], batch.rows[middle:]))


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
