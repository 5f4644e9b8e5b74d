"""One execution of one flow: plans, is judged by the guards, sends its phases; the round gives it scan and ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ecmbraze.engine.deliver.push import Push
from ecmbraze.engine.deliver.screen import Screen
from ecmbraze.engine.plan.guarding import figures, refuse
from ecmbraze.engine.plan.planner import Planner
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.scan.inventory import Scan
from ecmbraze.engine.setting import Options
from ecmbraze.errors import EcmbrazeError, GuardTripped, TemporaryError
from ecmbraze.flow import Flow
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.needs import Needs
from ecmbraze.planning.guards import Expected, Limits, Measure, capped, first_plan, measures, messaging

# Before any workspace.
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Run:
    """What one flow does in a round. Its first error ends it, and only it."""

    flow: Flow[Any]
    section: Any
    needs: Needs
    options: Options
    plan: PlanFile
    planner: Planner
    screen: Screen
    push: Push
    report: RunReport
    asked_types: tuple[str, ...]
    """The workspace types of what its rules ask of customers; no message of theirs leaves unless they were listed."""
    before: Mapping[str, datetime]
    """Stream → watermark before this run."""
    error: EcmbrazeError | None = None
    waits: bool = False
    """Whether an earlier plan waits for a person: then nothing new is planned."""
    complete: bool = False
    """Whether everything that changed was planned, so that the position may move."""
    concerned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Whom its workspaces concern in this round, where it plans people because of them; see ``Flow.candidates``."""
    untold: str = ""
    """Why of some of them it could not be asked whether they are silent; empty where it could."""
    untimely: str = ""
    """What is wrong with our clock, in words: then nothing but withdrawals is planned and staged."""
    stopped: GuardTripped | None = None
    loaded: tuple[str, int] | None = None
    """Of a slice of an initial load, the record of its last person and how many there were."""

    @property
    def name(self) -> str:
        return self.flow.name

    @property
    def goes_on(self) -> bool:
        return self.error is None

    @property
    def plans(self) -> bool:
        """Whether it is planned in this round: not while a plan waits, unless it may withdraw."""
        return not self.waits or self.flow.withdraws

    @property
    def listed_types(self) -> tuple[str, ...]:
        """The workspace types it needs a listing of in this round; one that is not planned may still send."""
        return (*self.needs.types, *self.asked_types) if self.plans else self.asked_types

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Keep the first error that ends this run, so that the other flows of the round go on."""
        try:
            yield
        except EcmbrazeError as error:
            self.error = self.error or error

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the span of a backfill: from the beginning and up to now, where nothing else is asked."""
        return self.options.since or _EARLIEST, self.options.until or now

    def make_plan(self, scans: Mapping[str, Scan], now: datetime) -> None:
        """Plan what changed, or the span of a backfill, and take the hash of the decisions; all is read by ``now``."""
        self.planner = replace(self.planner, context=replace(self.planner.context, read_by=now))
        self.plan.put_read_by(self.name, now)
        if self.options.backfill:
            self.planner.plan_span(*self.span(now), self.options.limit)
        elif self.options.load is not None:
            self.loaded = self.planner.plan_load(self.options.load)
        elif self.options.as_if_new:
            self.report.notes.append("as if today's records were news: nothing of this plan can be confirmed or sent")
            self.planner.plan_as_new(self.options.limit)
        else:
            new = all(self.planner.view.baseline(stream) is None for stream in self.needs.streams)
            if new and not self.flow.confirmed_first:
                self.report.mode = "baseline"
                self.report.notes.append("baseline: the facts are stored, nothing is written to either system")
            mine = {stream: scan for stream, scan in scans.items() if stream in self.needs.streams}
            self.complete = self.planner.plan_changes(mine, self.options.limit, self.concerned)
        self.report.plan_hash = self.plan.hash(self.name)

    def judge(self, mirror: Mirror, limits: Limits, expected: Expected) -> None:
        """Let the guards look at the plan; ``stopped`` says what they found.

        Where the number of messages is unusual, what counts is what is left once consent is asked for.
        """
        counted = figures(self.plan, self.planner, mirror, expected, limits.max_gap)
        if messaging(counted, limits):
            counted = counted.after_consent(*self.screen.consents.counted(self.plan.messages_of(self.name)))
        self.report.guards = measures(counted, limits)
        self.report.guards += self._caps()
        stopped = refuse(self.report.guards, counted.messages, self.options, self.report.plan_hash or "")
        if stopped is not None and self.options.as_if_new:
            self.report.notes.append(f"As a real plan it would be stopped: {stopped.happened}")
        elif stopped is not None:
            self.stopped = stopped

    def _caps(self) -> list[Measure]:
        """Compare what the flow would write with what it may without a person, and its first plan with nothing."""
        caps = self.flow.caps(self.section)
        kinds = frozenset().union(*(cap.kinds for cap in caps))
        first = self.flow.confirmed_first and not self.planner.view.planned_before()
        return [
            *(capped(cap.name, cap.what, self.plan.of_kinds(self.name, cap.kinds), cap.most) for cap in caps),
            *([first_plan(self.plan.of_kinds(self.name, kinds))] if first else []),
        ]

    def may_withdraw(self) -> bool:
        """Say whether withdrawals may be planned where nothing else may; raises where a person asked for a plan."""
        if self.options.confirming or self.options.backfill or self.options.load is not None:
            self.refuse_untimely()
        return self.flow.withdraws

    def refuse_untimely(self) -> None:
        """Raise when our clock is wrong: by it reminders would come due, and messages expire, at other times."""
        if self.untimely:
            raise TemporaryError(
                f"Nothing is planned by a clock that is wrong: {self.untimely}.",
                undone="Nothing but withdrawals was planned, nothing expired; what changed is planned by a later run.",
                advice="Set the clock right (NTP), then run again.",
            )

    def refuse_unread(self) -> None:
        """Raise when something could not be read on which it depends what leaves."""
        if self.untold:
            raise TemporaryError(
                f"Not everything is known: {self.untold}",
                undone="Of these customers no follow-up was opened, and none closed because they are not silent.",
                advice="The next run asks again.",
            )
        if self.screen.unread:
            raise TemporaryError(
                f"{self.screen.unread} records could not be read again before sending.",
                undone="Their messages wait.",
                advice="The next run goes on.",
            )


def going(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that no error has ended."""
    return [run for run in runs if run.goes_on]
