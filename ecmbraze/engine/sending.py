"""The second half of a round, once everything is planned: stage, push by phases, keep what was seen; plans nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ecmbraze.engine import parts
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.plan import confirming
from ecmbraze.engine.plan.confirming import Confirmed
from ecmbraze.engine.run import Run, going
from ecmbraze.errors import (
    ConfigurationError,
    CredentialRefused,
    TemporaryError,
)
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Phase, keys
from ecmbraze.needs import Needs, of_people


def stage(context: RoundContext, runs: Sequence[Run], confirmed: Confirmed | None) -> None:
    """Merge the scan and every plan that no guard stopped, in one transaction; of the others the withdrawals."""
    planned = [run for run in going(runs) if run.plans]
    for run in planned:
        if run.loaded is not None:
            context.ledger.stage(context.plan).load(run.name, *run.loaded, context.clock.now())
    planned = [run for run in planned if run.loaded is None]
    if not planned:
        return
    if any(run.untimely for run in planned):  # one clock for all of them
        context.ledger.stage(context.plan).withdrawals(list(map(_withdrawals, planned)), context.clock.now())
        return
    merged = [
        Part(flow=run.name, facts=not context.options.backfill, move=run.complete)
        if run.stopped is None and not run.waits
        else _withdrawals(run)
        for run in planned
    ]
    now = context.clock.now()
    context.ledger.stage(context.plan).everything(merged, now)
    for run in planned:
        run.push.note_held(context.ledger.outbox.held_at(run.name, now))
    if confirmed is not None:
        confirming.note(context.ledger, confirmed, context.options, context.clock.now())
    for run in planned:
        if run.stopped is not None:
            confirming.keep(context.ledger, run, str(run.stopped), context.clock.now())


def _withdrawals(run: Run) -> Part:
    """Return of a plan the withdrawals alone."""
    return Part(flow=run.name, facts=False, move=False, last=Phase.CONSENT)


def push(context: RoundContext, runs: Sequence[Run]) -> None:
    """Send phase by phase, each a barrier over all flows; within a phase by the priority of the flows."""
    ledger, now = context.ledger, context.clock.now()
    for run in going(runs):
        ledger.outbox.wake(run.name, now)
        if paused := ledger.waiting.paused(run.name):
            run.report.notes.append(f"{run.name} is {paused}; nothing was sent")
        if run.push.leaves and (left := ledger.outbox.ready_of(run.name, run.push.leaves)):
            command = f"`ecmbraze {run.name} --initial-load`"
            run.report.notes.append(f"{left} writes of the initial load wait for its next slice: {command} goes on")
    for phase in Phase:
        for run in going(runs):
            if run.untimely and phase is not Phase.CONSENT:
                continue  # by its time a message would be taken back, put off or given up
            with run.ending():
                run.push.send(phase)
    # A baseline writes to neither system, an initial load only to Extended ECM, nothing does once another state
    # file has taken our place.
    writes = context.options.load is None and any(run.report.mode != "baseline" for run in runs)
    if writes and context.fence.lost is None and not ledger.waiting.paused("*"):
        parts.canary(context).sing(context.clock.now())


def conclude(context: RoundContext, runs: Sequence[Run]) -> None:
    """End with its error each run of which something waits, after everything that could go went."""
    for run in going(runs):
        with run.ending():
            run.refuse_unread()
            confirming.refuse_again(context.ledger, run)
            run.refuse_untimely()
            run.push.refuse_unwritten()


def tidy(context: RoundContext, runs: Sequence[Run]) -> None:
    """Once a day take what is over out of the state file; the messages of this round are sent by then."""
    runs[0].report.notes += context.ledger.tidy(context.clock.now(), context.setting.keep)


def keep_screened(context: RoundContext, runs: Sequence[Run], reading: Sequence[Needs]) -> Collection[str]:
    """Merge what the screens read of people into the mirror, and return of whom; a failing Braze loses nothing."""
    needs, screened = of_people(reading), context.screened
    if needs is None or screened is None or screened.first is None or screened.last is None:
        return ()
    for person in (person for run in runs for person in run.push.touched.withdrawn):
        screened.seen.pop(person, None)  # what was read before our own withdrawal is no news
    from ecmbraze.engine import further_scans  # where a screen read somebody

    context.plan.forget_records()  # they are merged
    context.plan.begin_scan(keys.PEOPLE, screened.first)
    try:
        further_scans.people_scan(context, screened.last).take_over(screened, needs)
    except (TemporaryError, ConfigurationError, CredentialRefused):
        return ()  # whoever could not be read again has their turn in the rotation
    finally:
        context.ledger.stage(context.plan).slice(context.clock.now())
    return screened.seen
