"""Settle what earlier rounds left, before anything new is looked at: doubts, evidence, expiry, waiting plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from ecmbraze.engine import parts, timing
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.plan import confirming
from ecmbraze.engine.recover import evidence, verifying
from ecmbraze.engine.run import Run
from ecmbraze.errors import TemporaryError
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Delivery, State, WorkspaceKey, keys

# What becomes of what nobody knows the outcome of.
_NEXT = {
    State.IN_DOUBT: "they stay in doubt until a run has looked for them",
    State.HELD: "no look can tell, so they are held: `ecmbraze holds list`",
}


def recover(of: RoundContext, runs: Sequence[Run]) -> None:
    """Take up what a crash left in flight, look for evidence of what is in doubt, give up what is past its time."""
    now = of.clock.now()
    cut_off = {row.id for row in of.ledger.outbox.recover(now)}
    of.ledger.contents.prune()
    # Evidence is given up, and messages are, by the time: where anything hangs on that, both servers are asked first.
    timed = timing.something_is_over(of) or of.ledger.outbox.doubtful()
    wrong = timing.fault(of, asking=True) if timed else ""
    found = (
        evidence.Found()
        if wrong
        else evidence.look(
            of.ledger.outbox, of.systems, now, marked=of.setting.batches.marker, gone=partial(_is_gone, of)
        )
    )
    _note_interrupted(runs, [row for row in of.ledger.outbox.unsettled() if row.id in cut_off])
    for run in runs:
        for (flow, told), n in found.proven.items():
            if flow == run.name:
                run.report.counts["seen"] += n
                run.report.notes.append(f"{n} {told}")
        _note_unread(run, found)
        run.push.note_held([row for row in found.lost if row.action.flow == run.name])
        confirming.find_waiting(of.ledger, run, now)
        if not wrong:
            run.push.expire(now)
    _verify(of, runs, now)


def _note_interrupted(runs: Sequence[Run], rows: Sequence[Row]) -> None:
    """Report what an interrupted run left on its way: no other report says that its outcome is unknown."""
    by_name = {run.name: run for run in runs}
    flows = Counter((row.action.flow, row.state) for row in rows)
    for (flow, state), n in flows.items():
        told = f"a run of {flow} was interrupted while {n} writes were on their way: nobody knows whether they arrived"
        by_name.get(flow, runs[0]).report.notes.append(f"{told}; {_NEXT[state]}")
    for row in rows:
        if row.action.flow in by_name and row.action.kind.delivery is Delivery.ONCE:
            by_name[row.action.flow].push.touched.note([Step(row=row, state=row.state, why=row.why)])


def _is_gone(of: RoundContext, record: str) -> bool:
    """Say whether what is written to is gone: a workspace. The document of an asset stays when the asset goes."""
    return isinstance(keys.read(record), WorkspaceKey) and of.ledger.mirror.is_gone(record)


def _note_unread(run: Run, found: evidence.Found) -> None:
    """Note what could not be looked for: it stays in doubt, and the run ends with 5 once everything else is done."""
    for row, why in found.unread.values():
        if row.action.flow == run.name:
            told = f"whether {row.action.kind} {row.action.name!r} is in {row.action.kind.system} cannot be read: {why}"
            run.report.notes.append(f"{told}; it stays in doubt, the next run looks again (exit 5)")
            run.push.unwritten[row.id, row.action.name] = told


def _verify(of: RoundContext, runs: Sequence[Run], now: datetime) -> None:
    """Read a sample of earlier writes back; that Braze cannot be asked stops nothing here."""
    try:
        found = verifying.look(of.ledger.outbox, of.systems, of.setting.sample, of.setting.attributes, now)
        silence = parts.canary(of).look(now)
    except TemporaryError:
        return
    for run in runs:
        run.report.counts["seen"] += found.seen[run.name]
        run.report.notes.extend([silence] if silence else ())
        if n := found.unseen[run.name]:
            run.report.notes.append(f"{n} sampled writes that Braze accepted do not show in their profiles (`verify:`)")
        if n := found.restated[run.name]:
            run.report.notes.append(f"{n} attributes of people whose profile lost them are sent again")
