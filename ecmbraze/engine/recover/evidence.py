"""Look whether an attempt in doubt arrived, as its channel says; for a message, absence never leads to a resend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Doubt, Finding, Sight
from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.setting import Systems
from ecmbraze.ledger.outbox import Outbox, Row, Step
from ecmbraze.model import State

_TOGETHER = 50  # people per export (api/braze.md 4.3)


@dataclass(slots=True, kw_only=True)
class Found:
    """What the looks of one round found. ``proven`` counts by (flow, what the report says of them)."""

    proven: Counter[tuple[str, str]] = field(default_factory=Counter)
    unread: dict[int, tuple[Row, str]] = field(default_factory=dict)
    """Row number → (row, why it could not be looked for): it stays in doubt, and is looked for in the next run."""
    lost: list[Row] = field(default_factory=list)
    """What is held because its workspace is gone, each with the reason: until now each run looked for it."""


def look(
    outbox: Outbox, systems: Systems, now: datetime, *, marked: bool, gone: Callable[[str], bool] = lambda record: False
) -> Found:
    """Settle what a look proves, and hold or send again what was looked for in vain as often as its channel says.

    Unless messages are ``marked`` there is nothing to look for: such rows are held at once. What cannot be read because
    its workspace is ``gone`` is held too, unless it waits for it (`Channel.outlasts`): no later look will tell.
    """
    found = Found()
    blind: list[Row] = []
    ripe: dict[Doubt, list[Row]] = {}
    for row in outbox.doubtful():
        doubt = channel_of(row.action.kind).doubt
        if doubt is None:  # may be sent again, and so was never in doubt
            continue
        if doubt.by_marker and not marked:
            blind.append(row)
        elif _looks_due(doubt, row, now) > row.looks or row.looks >= len(doubt.looks):
            # Also one whose last look was noted, and a kill kept its end from it.
            ripe.setdefault(doubt, []).append(row)
    outbox.move([Step(row=row, state=State.HELD, why=row.why) for row in blind], now)
    for doubt, rows in ripe.items():
        for part in batched(rows, _TOGETHER):
            _settle(outbox, doubt, part, doubt.look(part, systems), found, now, gone)
    return found


def _settle(
    outbox: Outbox,
    doubt: Doubt,
    rows: Sequence[Row],
    sights: Mapping[int, Sight],
    found: Found,
    now: datetime,
    gone: Callable[[str], bool],
) -> None:
    by: dict[Finding, list[Row]] = {finding: [] for finding in Finding}
    for row in rows:
        by[sights[row.id].finding].append(row)

    def steps(mine: Sequence[Row], state: State) -> list[Step]:
        return [Step(row=row, state=state, why=sights[row.id].why) for row in mine]

    outbox.move(steps(by[Finding.PRESENT], State.SENT), now)
    found.proven.update((row.action.flow, doubt.found) for row in by[Finding.PRESENT])
    outbox.looked([(row, _looks_due(doubt, row, now)) for row in by[Finding.ABSENT]])
    last = [row for row in by[Finding.ABSENT] if _looks_due(doubt, row, now) >= len(doubt.looks)]
    outbox.move(steps(last, doubt.absent), now)
    outbox.refuse([(row, sights[row.id].why) for row in by[Finding.OTHER]], now)
    lost = [row for row in by[Finding.UNREADABLE] if gone(row.action.recipient)]
    placeless = [_without_place(row) for row in lost]
    outbox.move(placeless, now)
    found.lost += [replace(step.row, why=step.why) for step in placeless if step.state is State.HELD]
    found.unread |= {row.id: (row, sights[row.id].why) for row in by[Finding.UNREADABLE] if row not in lost}


def _without_place(row: Row) -> Step:
    """Return the step of what cannot be looked for as long as its workspace is gone.

    What outlasts that waits for it, and goes once more as if it had been looked for in vain: ECM takes no second of it.
    """
    channel, why = channel_of(row.action.kind), f"{row.why}; its workspace is gone"
    again = channel.outlasts and channel.doubt is not None and channel.doubt.absent is State.READY
    return Step(row=row, state=State.READY if again else State.HELD, why=why)


def _looks_due(doubt: Doubt, row: Row, now: datetime) -> int:
    """Return how many looks should have happened by now."""
    return sum(now >= row.changed_at + wait for wait in doubt.looks)
