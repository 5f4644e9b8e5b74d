"""One run of one flow: inventory, plan, guard, stage, screen, push, settle; knows no flow and no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from ecmbraze.engine import evidence, telling
from ecmbraze.engine.batches import Limits as BatchLimits
from ecmbraze.engine.guarding import figures, refuse
from ecmbraze.engine.inventory import Inventory, Scan
from ecmbraze.engine.planner import Planner
from ecmbraze.engine.push import Push
from ecmbraze.engine.records import together
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.screen import Screen
from ecmbraze.errors import EcmbrazeError, Interrupted, TemporaryError, TimeBudgetUsed
from ecmbraze.flow import Context, Flow
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.planning.guards import Limits as GuardLimits
from ecmbraze.ports import Clock, MessageSink, PeopleReader, WorkspaceReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks of one run. A backfill names ``since`` and ``until``."""

    dry_run: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    include_messages: bool = False
    limit_listing: int = 200

    @property
    def backfill(self) -> bool:
        return self.since is not None or self.until is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the configuration says of every run."""

    zone: tzinfo
    prefix: str
    guards: GuardLimits
    max_per_person: int | None
    connections: int
    sweep_requests: int
    sweep_every: timedelta
    batches: BatchLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """The two sides. ``requests`` returns the counts of the run report so far."""

    workspaces: WorkspaceReader
    people: PeopleReader
    sink: MessageSink
    requests: Callable[[], dict[str, int]]


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

    def __post_init__(self) -> None:
        mode = "backfill" if self.options.backfill else "live"
        now = self.clock.now()
        self.report = RunReport(
            run_id=self.run_id, flow=self.flow.name, mode=mode, dry_run=self.options.dry_run, started_at=now,
            finished_at=now,
        )  # fmt: skip

    def execute(self) -> RunReport:
        """Run and return the report. Never raises for an ending that has an exit code: the report carries it."""
        self.started = self.ledger.last_change()
        before = self.ledger.watermarks(self.flow.name)
        self.plan = PlanFile(self.ledger.plan_path(self.run_id))
        error: EcmbrazeError | None = None
        try:
            self._steps()
        except EcmbrazeError as raised:
            error = raised
        finally:
            telling.finish(self, before, error)
            self.plan.discard()
        return self.report

    def _steps(self) -> None:
        live = not self.options.dry_run
        if live:
            self._recover()
        planner = self._planner()
        scans = self._inventory()
        complete = self._make_plan(planner, scans)
        self.report.plan_hash = self.plan.hash()
        counted = figures(self.plan, planner, self.ledger.mirror)
        stopped = refuse(counted, self.setting.guards, self.options, self.report.plan_hash)
        if live:
            self._stage(planner, complete=complete, guarded=stopped is not None)
            self._push(planner)
        else:
            telling.dry_run(self, self._screen(planner))
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

    def _planner(self) -> Planner:
        needs = self.flow.needs(self.section)
        view = self.ledger.view(self.plan, self.flow.name, needs.customer.fact, needs.facts)
        context = Context(
            now=self.clock.now(), zone=self.setting.zone, prefix=self.setting.prefix,
            backfill=self.options.backfill, include_messages=self.options.include_messages,
        )  # fmt: skip
        return Planner(
            flow=self.flow, options=self.section, needs=needs, view=view, plan=self.plan, context=context,
            tick=self.tick,
        )  # fmt: skip

    def _inventory(self) -> dict[str, Scan]:
        inventory = Inventory(
            reader=self.systems.workspaces, mirror=self.ledger.mirror, plan=self.plan, now=self.clock.now(),
            connections=self.setting.connections, sweep_requests=self.setting.sweep_requests,
            sweep_every=self.setting.sweep_every, tick=self.tick, save=self._save, monotonic=self.clock.monotonic,
            fresh=self.fresh,
        )  # fmt: skip
        try:
            return inventory.take(together([self.flow.needs(self.section)]))
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

    def _stage(self, planner: Planner, *, complete: bool, guarded: bool) -> None:
        stage, now = self.ledger.stage(self.plan), self.clock.now()
        if guarded:
            stage.mirror(now)
        elif self.options.backfill:
            stage.actions_only(now)
        else:
            stage.everything(self.flow.name, now, move=complete)

    def _screen(self, planner: Planner) -> Screen:
        bounced: list[frozenset[str]] = []

        def bounces() -> frozenset[str]:
            if not bounced:
                bounced.append(self.systems.people.hard_bounces(datetime(2010, 1, 1, tzinfo=self.setting.zone)))
            return bounced[0]

        return Screen(
            people=self.systems.people, workspaces=self.systems.workspaces, flow=self.flow, options=self.section,
            needs=planner.needs, bounced=bounces,
            today=lambda person: self.ledger.outbox.messages_today(person, self.clock.now()),
            max_per_person=self.setting.max_per_person, fresh=self.fresh, clock=self.clock,
        )  # fmt: skip

    def _push(self, planner: Planner) -> None:
        outbox, now = self.ledger.outbox, self.clock.now()
        outbox.expire(self.flow.name, now)
        outbox.wake(self.flow.name, now)
        screen = self._screen(planner)
        push = Push(
            flow=self.flow.name, outbox=outbox, sink=self.systems.sink, screen=screen, clock=self.clock,
            limits=self.setting.batches, connections=self.setting.connections, new_id=self.new_id, tick=self.tick,
        )  # fmt: skip
        try:
            push.send_all()
        finally:
            telling.pushed(self, push)
        if screen.unread:
            raise TemporaryError(
                f"{screen.unread} records could not be read again before sending.", undone="Their messages wait.",
                advice="The next run goes on.",
            )  # fmt: skip
