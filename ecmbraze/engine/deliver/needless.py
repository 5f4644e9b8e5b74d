"""Find what is not wanted any more, as the system that it goes to shows just before it leaves; writes nothing there."""

from __future__ import annotations

from collections.abc import Sequence

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import State


def needless(rows: Sequence[Row], systems: Systems) -> list[Step]:
    """Return a step for each row that is not wanted any more, and for each of which its system does not tell: it waits.

    A system is asked only for kinds of which it can tell; most leave without it.
    """
    return [step for row in rows if (step := _one(row, systems))]


def left(rows: Sequence[Row], steps: Sequence[Step]) -> list[Row]:
    """Return the rows for which there is no step."""
    stopped = {step.row.id for step in steps}
    return [row for row in rows if row.id not in stopped]


def _one(row: Row, systems: Systems) -> Step | None:
    ask = channel_of(row.action.kind).needless
    if ask is None:
        return None
    try:
        why = ask(row.action, systems)
    except (TemporaryError, RecordUnreadable) as error:
        return Step(row=row, state=State.WAITING, why=error.happened)
    return Step(row=row, state=State.SUPERSEDED, why=why) if why else None
