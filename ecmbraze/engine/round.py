"""Several flows in one scan and one plan: recover, list, plan, guard, stage, push by phases; knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ecmbraze.engine import parts, reporting, scans, second_plan, sending, timing
from ecmbraze.engine.context import RoundContext, Shared
from ecmbraze.engine.plan import confirming
from ecmbraze.engine.plan.confirming import Confirmed
from ecmbraze.engine.recover import recovering
from ecmbraze.engine.run import Run, going
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.scan.inventory import Inventory, Scan
from ecmbraze.engine.setting import Options, Setting, Systems
from ecmbraze.errors import (
    ConfigurationError,
    EcmbrazeError,
    GuardTripped,
    Interrupted,
    TemporaryError,
    TimeBudgetUsed,
    UsageError,
)
from ecmbraze.flow import Flow
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import keys
from ecmbraze.needs import ContentNeeds, Needs, of_people, together
from ecmbraze.ports import Clock

if TYPE_CHECKING:
    from ecmbraze.engine.scan.silences import Silences


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One start of the program over one or more flows, in the order of their priority.

    A confirmation, an applied plan and a backfill are of one flow. ``tick`` raises when all must end (a signal, the
    time budget).
    """

    flows: Sequence[tuple[Flow[Any], Any]]
    """(flow, its section)."""
    reading: Sequence[Needs]
    """What every configured flow reads: a workspace is read for all, or one flow's look loses another's facts."""
    options: Options
    setting: Setting
    systems: Systems
    ledger: Ledger
    clock: Clock
    new_id: Callable[[], str]
    tick: Callable[[], None]

    def execute(self) -> list[RunReport]:
        """Run the flows and return their reports. An ending that has an exit code stands in the report."""
        started = self.ledger.last_change()
        plan = self.ledger.new_plan(self.new_id())
        confirmed: Confirmed | None = None
        refused: EcmbrazeError | None = None
        try:
            context = self._context(plan, started)
            if self.options.confirming:
                try:
                    confirmed = confirming.load(self.ledger, self.flows[0][0].name, self.options, self.clock.now())
                except (GuardTripped, ConfigurationError) as error:
                    refused = error
                else:
                    context = replace(context, options=confirming.as_planned(confirmed, self.options))
            runs = tuple(parts.run(context, flow, section) for flow, section in self.flows)
            with _ending(context, runs):
                if refused is not None:
                    raise refused
                self._steps(context, runs, confirmed)
            for run in runs:
                reporting.finish(context, run)
                if context.options.dry_run and context.options.keep:
                    meta = confirming.meta(self.ledger, run, self.clock.now())
                    plan.extract(context.options.keep, run.name, meta)
        finally:
            plan.discard()
            if confirmed is not None:
                confirmed.plan.close()
        return [run.report for run in runs]

    def _context(self, plan: PlanFile, started: int) -> RoundContext:
        return RoundContext(
            options=self.options,
            setting=self.setting,
            systems=self.systems,
            ledger=self.ledger,
            plan=plan,
            clock=self.clock,
            new_id=self.new_id,
            tick=self.tick,
            shared=Shared(),
            started=started,
            fence=parts.fence(self.setting, self.systems, self.ledger, self.clock),
            screened=scans.screened(self.systems, self.clock, self.reading),
        )

    def _steps(self, context: RoundContext, runs: Sequence[Run], confirmed: Confirmed | None) -> None:
        if context.options.dry_run:
            _plan(context, self.reading, runs, confirmed)
            warning = context.fence.warning()
            for run in going(runs):
                run.report.notes.extend([warning] if warning else ())
                with run.ending():
                    reporting.dry_run(context, run)
                    run.refuse_untimely()
        else:
            self.ledger.outbox.never_left(context.fence.begin(), self.clock.now())
            recovering.recover(context, runs)
            _plan(context, self.reading, runs, confirmed)
            sending.stage(context, runs, confirmed)
            sending.push(context, runs)
            timely = not any(run.untimely for run in runs)
            if timely:
                screened = sending.keep_screened(context, runs, self.reading)
                second_plan.record_withdrawals(context, runs, screened)
            sending.conclude(context, runs)
            if timely:
                sending.tidy(context, runs)
        for run in going(runs):
            run.error = run.stopped


@contextmanager
def _ending(context: RoundContext, runs: Sequence[Run]) -> Iterator[None]:
    """End every run that still goes on with what ended the round."""
    try:
        yield
    except UsageError:
        raise
    except EcmbrazeError as error:
        ending = (_signalled(context) or error) if isinstance(error, TimeBudgetUsed) else error
        for run in going(runs):
            run.error = ending


def _signalled(context: RoundContext) -> Interrupted | None:
    """Return the signal behind a wait that was given up; ``None`` when time itself ran out."""
    try:
        context.tick()
    except Interrupted as signal:
        return signal
    except TimeBudgetUsed:
        return None
    return None


def _plan(context: RoundContext, reading: Sequence[Needs], runs: Sequence[Run], confirmed: Confirmed | None) -> None:
    """Scan once for all flows, then plan and judge each that plans."""
    listing = [run for run in runs if run.listed_types or run.plans]
    scans = _scan(context, reading, listing) if listing and context.options.load is None else {}
    wrong = timing.fault(context)
    for run in runs:
        run.untimely = wrong
    for run in (run for run in runs if run.plans):
        if run.goes_on:
            with run.ending():
                if wrong and not run.may_withdraw():
                    continue
                run.make_plan(scans, context.clock.now())
                if wrong or run.waits or run.loaded is not None:  # what a person confirmed, no guard stops
                    continue
                if confirmed is not None:
                    confirming.cut(context.ledger, run, confirmed)
                    continue
                expected = context.ledger.waiting.expected(run.name, context.clock.now(), context.setting.zone)
                run.judge(context.ledger.mirror, context.setting.guards, expected)
    if listing and not going(runs) and any(isinstance(run.error, TimeBudgetUsed | Interrupted) for run in runs):
        _save(context)  # nothing is staged that would keep it, and the next run would have to read it again


def _scan(context: RoundContext, reading: Sequence[Needs], listing: Sequence[Run]) -> dict[str, Scan]:
    """List and read what these flows need, each workspace for every flow that reads it."""
    save = partial(_save, context)
    inventory = scans.inventory(context, save)
    try:
        types = {name for run in listing for name in run.listed_types}
        mine = [run.needs for run in listing]
        found = inventory.take([need for need in together([*mine, *reading]) if need.name in types])
    except (TemporaryError, TimeBudgetUsed, Interrupted):
        if inventory.listed:  # the listing stands: the details read so far are kept, the rest is read next time
            save()
        raise
    for run in listing:
        run.error = run.error or _failure(inventory, run)
        run.report.notes += inventory.looks.notes if run.needs.documents else []
        run.report.notes += [inventory.notes[name] for name in run.needs.types if name in inventory.notes]
    planning = [run for run in listing if run.plans]
    silences = _silences(context, [run for run in planning if run.goes_on and run.flow.candidates])
    looking = [run for run in planning if run.goes_on and run.needs.people]
    found = dict(found) | _look_at_people(context, looking, reading, silences)
    for run in planning:
        if run.goes_on and run.needs.content:
            found |= _look_at_content(context, run, run.needs.content, save)
    return found


def _look_at_content(context: RoundContext, run: Run, needs: ContentNeeds, save: Callable[[], None]) -> dict[str, Scan]:
    """Look at the content that a flow archives; that Braze cannot be asked ends this flow and no other."""
    from ecmbraze.engine import further_scans  # where a flow archives content

    try:
        scan = further_scans.content_scan(context, needs, save)
        found = scan.take()
        run.report.notes += scan.notes
        return found
    except EcmbrazeError as error:
        save()  # what was read so far is kept, the rest is read next time
        if isinstance(error, TimeBudgetUsed | Interrupted):
            context.tick()  # as for people: it raises where no time is left
        run.error = error
        return {}


def _save(context: RoundContext) -> None:
    """Keep what was read so far, whatever becomes of the round, but for the one thing: when, by a wrong clock."""
    if not context.options.dry_run and not timing.fault(context):
        context.ledger.stage(context.plan).slice(context.clock.now())
        context.plan.forget_records()


def _silences(context: RoundContext, planning: Sequence[Run]) -> Silences | None:
    """Ask whether those who wait are silent; that nobody can say ends the flow that asks, and no other.

    There is one such flow: were there two, each would have to take the other's people along.
    """
    silences = None
    for run in planning:
        from ecmbraze.engine import further_scans  # where a flow asks for silence

        with run.ending():
            run.concerned = {} if context.options.backfill else run.planner.concerned()
            silences = further_scans.silences(context, run.concerned, [run.needs])
    return silences


def _look_at_people(
    context: RoundContext, planning: Sequence[Run], reading: Sequence[Needs], silences: Silences | None
) -> dict[str, Scan]:
    """Look at the people of whom flows keep facts; that Braze cannot be asked ends these flows and no other."""
    needs = of_people([*(run.needs for run in planning), *reading]) if planning else None
    if needs is None:
        return {}
    from ecmbraze.engine import further_scans  # where a flow keeps facts of people

    looks = further_scans.people_scan(context, silences=silences)
    segment = further_scans.segment_look(context, looks)
    try:
        looks.currents.read(needs.rotation, needs.mappings, needs.facts)
        if exported := segment.take(needs):
            _save(context)
        scan = looks.take(needs, exported=exported)
    except EcmbrazeError as error:
        if isinstance(error, TimeBudgetUsed | Interrupted):
            _save(context)
            context.tick()  # where there is time left, a rate limit opens too late, and others need not wait for it
        for run in planning:
            run.error = error
        return {}
    for run in planning:
        run.report.notes += segment.notes + looks.lists.notes + looks.currents.notes
        if run.needs.silence and silences:
            run.report.notes += silences.notes
            run.untold = silences.failed
    return {keys.PEOPLE: scan} if scan else {}


def _failure(inventory: Inventory, run: Run) -> EcmbrazeError | None:
    """Return why a listing that this run needs failed."""
    return next((inventory.failed[name] for name in run.listed_types if name in inventory.failed), None)
