"""Several flows in one scan and one plan: recover, list, plan, guard, stage, push by phases; knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ecmbraze.engine import parts, reporting
from ecmbraze.engine.plan import confirming
from ecmbraze.engine.recover import recovering
from ecmbraze.engine.run import Run
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.scan.inventory import Inventory, Scan
from ecmbraze.engine.scan.records import together
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
from ecmbraze.flow import Flow, Needs
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Kind, MessageInfo, Phase
from ecmbraze.ports import Clock


@dataclass(slots=True, kw_only=True)
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
    id: str = field(init=False)
    plan: PlanFile = field(init=False)
    runs: tuple[Run, ...] = ()
    confirmed: confirming.Confirmed | None = None
    """The plan that a person looked at, where one is sent."""
    _refused: EcmbrazeError | None = None
    fresh: dict[int, Any] = field(default_factory=dict)
    """Records read in this round and when: the screen need not read them again within a minute."""
    entered: dict[tuple[str, str], float] = field(default_factory=dict)
    """(person, Canvas) → when one of the flows last had them enter it."""
    launched: dict[tuple[Kind, str], MessageInfo] = field(default_factory=dict)
    """(kind, id) of a campaign or Canvas → what Braze says of it; asked once a round."""
    started: int = 0

    def execute(self) -> list[RunReport]:
        """Run the flows and return their reports. An ending that has an exit code stands in the report."""
        self.id = self.new_id()
        self.started = self.ledger.last_change()
        self.plan = self.ledger.new_plan(self.id)
        try:
            self._load_confirmed()
            self.runs = tuple(parts.run(self, flow, section) for flow, section in self.flows)
            with self._ending():
                if self._refused is not None:
                    raise self._refused
                self._steps()
            for run in self.runs:
                reporting.finish(self, run)
                self._keep_plan(run)
        finally:
            self.plan.discard()
            if self.confirmed is not None:
                self.confirmed.plan.close()
        return [run.report for run in self.runs]

    def _load_confirmed(self) -> None:
        """Open the plan that a person confirmed, and take its circumstances for ours."""
        if self.options.confirming:
            try:
                self.confirmed = confirming.load(self)
            except (GuardTripped, ConfigurationError) as error:
                self._refused = error
            else:
                self.options = confirming.as_planned(self.confirmed, self.options)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End every run that still goes on with what ended the round."""
        try:
            yield
        except UsageError:
            raise
        except EcmbrazeError as error:
            told = (self._signalled() or error) if isinstance(error, TimeBudgetUsed) else error
            for run in self._going():
                run.error = told

    def _signalled(self) -> Interrupted | None:
        """Return the signal behind a wait that was given up; ``None`` when time itself ran out."""
        try:
            self.tick()
        except Interrupted as signal:
            return signal
        except TimeBudgetUsed:
            return None
        return None

    def _going(self) -> list[Run]:
        return [run for run in self.runs if run.goes_on]

    def _steps(self) -> None:
        if self.options.dry_run:
            self._plan()
            for run in self._going():
                with run.ending():
                    reporting.dry_run(self, run)
        else:
            recovering.recover(self)
            self._plan()
            self._stage()
            self._push()
        for run in self._going():
            run.error = run.stopped

    def _plan(self) -> None:
        """Scan once for all flows that plan, then plan and judge each of them."""
        planning = [run for run in self.runs if not run.waits]
        scans = self._inventory(planning) if planning else {}
        for run in planning:
            if run.goes_on:
                with run.ending():
                    run.make_plan(scans, self.clock.now())
                    if self.confirmed is not None:
                        confirming.cut(self, run, self.confirmed)
                        continue
                    expected = self.ledger.waiting.expected(run.name, self.clock.now(), self.setting.zone)
                    run.judge(self.ledger.mirror, self.setting.guards, expected)

    def _inventory(self, planning: Sequence[Run]) -> dict[str, Scan]:
        inventory = parts.inventory(self, self._save)
        try:
            mine = [run.needs for run in planning]
            types = {name for needs in mine for name in needs.types}
            scans = inventory.take([need for need in together([*mine, *self.reading]) if need.name in types])
        except (TemporaryError, TimeBudgetUsed, Interrupted):
            if inventory.listed:  # the listing stands: the details read so far are kept, the rest is read next time
                self._save()
            raise
        for run in planning:
            run.error = _failure(inventory, run)
            run.report.notes += inventory.looks.notes if run.needs.documents else []
            run.report.notes += [inventory.notes[name] for name in run.needs.types if name in inventory.notes]
        return scans

    def _save(self) -> None:
        if not self.options.dry_run:
            self.ledger.stage(self.plan).slice(self.clock.now())
            self.plan.forget_workspaces()

    def _stage(self) -> None:
        """Merge the scan and every plan that no guard stopped, in one transaction."""
        planned = [run for run in self._going() if not run.waits]
        if not planned:
            return
        merged = [
            Part(flow=run.name, facts=not self.options.backfill, move=run.complete)
            for run in planned
            if run.stopped is None
        ]
        self.ledger.stage(self.plan).everything(merged, self.clock.now())
        if self.confirmed is not None:
            confirming.forget(self, self.confirmed)
        for run in planned:
            if run.stopped is not None:
                confirming.keep(self, run, str(run.stopped))

    def _push(self) -> None:
        """Send phase by phase, each a barrier over all flows; within a phase by the priority of the flows."""
        now = self.clock.now()
        for run in self._going():
            self.ledger.outbox.wake(run.name, now)
            if told := self.ledger.waiting.paused(run.name):
                run.report.notes.append(f"{run.name} is {told}; nothing was sent")
        for phase in Phase:
            for run in self._going():
                with run.ending():
                    run.push.send(phase)
        # A baseline writes to neither system.
        if not self.ledger.waiting.paused("*") and any(run.report.mode != "baseline" for run in self.runs):
            parts.canary(self).sing(self.clock.now())
        for run in self._going():
            with run.ending():
                run.refuse_unread()
                confirming.refuse_again(self, run)

    def _keep_plan(self, run: Run) -> None:
        if self.options.dry_run and self.options.keep:
            self.plan.extract(self.options.keep, run.name, confirming.meta(self, run))


def _failure(inventory: Inventory, run: Run) -> EcmbrazeError | None:
    """Return why a listing that this run needs failed."""
    return next((inventory.failed[name] for name in run.needs.types if name in inventory.failed), None)
