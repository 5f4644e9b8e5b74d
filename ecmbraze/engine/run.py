"""One run of one flow: inventory, plan, guard, stage, screen, push, settle; knows no flow and no HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecmbraze.engine import confirming, evidence, parts, telling
from ecmbraze.engine.guarding import figures, refuse
from ecmbraze.engine.inventory import Scan
from ecmbraze.engine.planner import Planner
from ecmbraze.engine.records import together
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Options, Setting, Systems
from ecmbraze.errors import EcmbrazeError, Interrupted, TemporaryError, TimeBudgetUsed
from ecmbraze.flow import Flow
from ecmbraze.ledger.file import guarded
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ports import Clock


@dataclass(slots=True, kw_only=True)
class Run:
    """One execution of one flow. ``tick`` raises when the run must end (a signal, the time budget)."""

    flow: Flow[Any]
    section: Any
    options: Options
    setting: Setting
    systems: Systems
    ledger: Ledger
    clock: Clock
    run_id: str
    new_id: Callable[[], str]
    tick: Callable[[], None]
    report: RunReport = field(init=False)
    plan: PlanFile = field(init=False)
    fresh: dict[int, Any] = field(default_factory=dict)
    started: int = 0
    confirmed: int = 0
    kept: bool = False
    """Whether the plan file stays, as the waiting plan."""

    def __post_init__(self) -> None:
        mode = "backfill" if self.options.backfill else "live"
        now = self.clock.now()
        self.report = RunReport(
            run_id=self.run_id, flow=self.flow.name, mode=mode, dry_run=self.options.dry_run, started_at=now,
            finished_at=now,
        )  # fmt: skip

    def execute(self) -> RunReport:
        """Run and return the report. Never raises for an ending that has an exit code: the report carries it."""
        with guarded(self.ledger.path):
            self.started = self.ledger.last_change()
            before = self.ledger.watermarks(self.flow.name)
            self.plan = PlanFile(self.ledger.plan_path(self.run_id))
            self.plan.put_meta(self.report.mode, self.meta())
            try:
                self._finish(before, self._ending())
            finally:
                if not self.kept:
                    self.plan.discard()
        return self.report

    def meta(self) -> dict[str, str]:
        """Return what a plan of this run belongs to."""
        return {**self.ledger.identity(), "flow": self.flow.name}

    def _ending(self) -> EcmbrazeError | None:
        """Take the steps; return what ended them early. A bug is reported as one and then raised on."""
        try:
            with guarded(self.ledger.path):
                self._steps()
        except TimeBudgetUsed as error:
            return self._signalled() or error
        except EcmbrazeError as error:
            return error
        except Exception as error:
            self.report.exit_code, self.report.exit_reason = 1, f"bug: {type(error).__name__}"
            raise
        return None

    def _signalled(self) -> Interrupted | None:
        """Return the signal behind a wait that was given up; ``None`` when time itself ran out."""
        try:
            self.tick()
        except Interrupted as signal:
            return signal
        except TimeBudgetUsed:
            return None
        return None

    def _finish(self, before: Mapping[str, datetime], error: EcmbrazeError | None) -> None:
        telling.finish(self, before, error)
        if self.options.dry_run and self.options.keep:
            shutil.copyfile(self.plan.path, self.options.keep)
            self.options.keep.chmod(0o600)

    def _steps(self) -> None:
        live = not self.options.dry_run
        if live:
            self._recover()
        if live and confirming.waits(self):
            self._push(parts.planner(self))
            confirming.refuse_again(self)
        planner = parts.planner(self)
        scans = self._inventory()
        if self.options.confirm or self.options.apply:
            confirming.confirm(self, planner)
            self._push(planner)
            return
        complete = self._make_plan(planner, scans)
        self.report.plan_hash = self.plan.hash()
        counted = figures(self.plan, planner, self.ledger.mirror)
        stopped = refuse(counted, self.setting.guards, self.options, self.report.plan_hash)
        if live:
            self._stage(complete=complete, stopped=stopped)
            self._push(planner)
        else:
            telling.dry_run(self, parts.screen(self, planner))
        if stopped is not None:
            raise stopped

    def _recover(self) -> None:
        """Settle what an earlier run left before anything new is looked at."""
        now = self.clock.now()
        self.ledger.clear_garbage(self.plan.path)
        self.ledger.outbox.recover(now)
        proven = evidence.look(self.ledger.outbox, self.systems.people, self.setting.batches.marker, now)
        if proven:
            self.report.notes.append(f"{proven} messages in doubt were found in Braze by their marker")

    def _inventory(self) -> dict[str, Scan]:
        inventory = parts.inventory(self, self._save)
        try:
            scans = inventory.take(together([self.flow.needs(self.section)]))
            for error in inventory.failed.values():
                raise error
            return scans
        except (TemporaryError, TimeBudgetUsed, Interrupted):
            if inventory.listed:  # the listing stands: the details read so far are kept, the rest is read next time
                self._save()
            raise

    def _save(self) -> None:
        if not self.options.dry_run:
            self.ledger.stage(self.plan).slice(self.clock.now())
            self.plan.forget_workspaces()

    def _make_plan(self, planner: Planner, scans: dict[str, Scan]) -> bool:
        if not self.options.backfill:
            if all(planner.view.baseline(name) is None for name in planner.needs.types):
                self.report.mode = "baseline"
                self.report.notes.append("baseline: the facts are stored, nothing is written to either system")
            return planner.plan_changes(scans, self.options.limit)
        since = self.options.since or datetime.min.replace(tzinfo=self.setting.zone, year=2)
        planner.plan_span(since, self.options.until or self.clock.now(), self.options.limit)
        return False

    def _stage(self, *, complete: bool, stopped: EcmbrazeError | None) -> None:
        stage, now = self.ledger.stage(self.plan), self.clock.now()
        if stopped is not None:
            stage.mirror(now)
            confirming.keep(self, str(stopped))
        elif self.options.backfill:
            stage.actions_only(now)
        else:
            stage.everything(self.flow.name, now, move=complete)

    def _push(self, planner: Planner) -> None:
        outbox, now = self.ledger.outbox, self.clock.now()
        self.report.counts["expired"] += outbox.expire(self.flow.name, now)
        outbox.wake(self.flow.name, now)
        if told := self.ledger.waiting.paused(self.flow.name):
            self.report.notes.append(f"{self.flow.name} is {told}; nothing was sent")
        screen = parts.screen(self, planner)
        push = parts.push(self, screen)
        try:
            push.send_all()
        finally:
            telling.pushed(self, push)
        if screen.unread:
            raise TemporaryError(
                f"{screen.unread} records could not be read again before sending.", undone="Their messages wait.",
                advice="The next run goes on.",
            )  # fmt: skip
