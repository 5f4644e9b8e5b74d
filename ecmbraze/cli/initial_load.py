"""`--initial-load` of a flow: estimate, confirmation, slices with the lock free between two; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ecmbraze.cli import composition, opening, rounds
from ecmbraze.cli.clock import WallClock, new_id
from ecmbraze.cli.logs import by_line, tell
from ecmbraze.cli.progress import observing
from ecmbraze.cli.signals import Budget, listening
from ecmbraze.config import Settings
from ecmbraze.engine.loading import PAUSE_S, Loading, Patience
from ecmbraze.engine.report_lines import ActionLines, SkipLines
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Options, Slice
from ecmbraze.errors import EcmbrazeError, GuardTripped
from ecmbraze.flow import Flow
from ecmbraze.ledger.file import check
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.model import State
from ecmbraze.ports import Progress, Work
from ecmbraze.report.initial_load import standing

# Of all slices together the report lists so many writes that went; what did not is listed whole.
_LISTED = 1000
# So many ordinary rounds may take the baseline that a load rests on; of a large tenant it takes more of them.
_LOOKS = 2


def start(
    flow: Flow[Any], config: Settings, *, dry_run: bool, confirm: str | None, deed: Deed, seconds: float | None
) -> RunReport:
    """Estimate an initial load, or do what of a confirmed one is left; return one report of all its slices.

    Raises Locked when another run holds the lock.
    """
    wall = opening.wall_clock(config)
    budget = Budget(wall.monotonic, seconds)
    session = _Session(flow=flow, config=config, wall=wall, budget=budget)
    if dry_run:
        return session.rehearse()
    with listening(budget), observing(wall.monotonic, plain=by_line()) as progress:
        check(config.state)
        report = session.begin(confirm, deed)
        return report or session.go_on(progress)


class _Session:
    """One start of the program for one load."""

    def __init__(self, *, flow: Flow[Any], config: Settings, wall: WallClock, budget: Budget) -> None:
        self.flow, self.config, self.wall, self.budget = flow, config, wall, budget
        self.section = opening.section(config, flow)

    def rehearse(self) -> RunReport:
        """Return the estimate, with what the first slice would write."""
        with self._opened(read_only=True) as (ledger, loading):
            loading.refuse_without_baseline()
            estimate = loading.estimate(composition.clients(self.config, self.wall, self.budget).ecm)
            first = Slice(after="", people=min(estimate.slice, estimate.volume.people))
            report = self._round(ledger, Options(dry_run=True, load=first))
        report.notes += [*estimate.lines(), f"listed is what the first {first.people} people would get"]
        return report

    def begin(self, confirm: str | None, deed: Deed) -> RunReport | None:
        """Let a load begin; return the report that ends this start where a person must confirm first."""
        with self.budget.under(run_lock(self.config.state)), self._opened() as (ledger, loading):
            for _ in range(_LOOKS):  # the first names the people, the next looks at them
                if not loading.has_baseline():
                    looked = self._round(ledger, Options())
                    if looked.exit_code not in (0, 3):
                        return looked
            loading.refuse_without_baseline()
            load = loading.load
            if confirm is not None:
                loading.confirm(confirm, deed)
            elif load is None or not load.is_under_way:
                estimate = loading.estimate(composition.clients(self.config, self.wall, self.budget).ecm)
                return self._refused(loading.offer(estimate), estimate.hash)
        return None

    def go_on(self, progress: Progress) -> RunReport:
        """Do slice after slice, the lock free between two, until all are done or something ends it."""
        patience, reports, listing, more = Patience(), list[RunReport](), _Listing(), True
        lock = partial(run_lock, self.config.state, load=True, wait=rounds.waiting(self.wall, self.budget))
        while more:
            with self.budget.under(lock()), self._opened() as (ledger, loading):
                before = loading.load
                assert before is not None, "it was confirmed"
                if not reports:
                    progress.expect(Work.LOADED, max(before.estimate.volume.people - before.people, 0))
                try:
                    part = loading.next()
                except EcmbrazeError as error:
                    reports.append(self._refused(error, before.hash))
                    break
                if part is None:
                    break
                reports.append(listing.take_over(self._round(ledger, Options(load=part), progress)))
                more = patience.allows(reports[-1]) and loading.has_more()
                after = loading.load or before
                progress.step(Work.LOADED, after.people - before.people)
                stands = standing(after, self.wall.now())
                tell("load.slice", flow=self.flow.name, stands=stands, exit_code=reports[-1].exit_code)
                reports[-1].notes.append(stands)
            if more and patience.stuck:
                self.wall.sleep(PAUSE_S)
        return _together(reports, listing)

    def _round(self, ledger: Ledger, options: Options, progress: Progress | None = None) -> RunReport:
        per_minute = self.flow.load.per_minute(self.section) if options.load else None
        (report,) = rounds.play(
            ledger,
            [(self.flow, self.section)],
            self.config,
            options,
            self.wall,
            self.budget,
            progress,
            ecm_per_minute=per_minute,
        )
        return report

    def _refused(self, error: EcmbrazeError, digest: str) -> RunReport:
        """Return the report of a start that wrote nothing because a person must act first; it is no run."""
        now = self.wall.now()
        report = RunReport(
            run_id=new_id(),
            flow=self.flow.name,
            mode="backfill",
            dry_run=False,
            started_at=now,
            finished_at=now,
            configuration=self.config.fingerprint(),
            exit_code=error.exit_code,
            exit_reason=str(error),
            plan_hash=digest,
        )
        report.notes.append(str(error) if isinstance(error, GuardTripped) else error.happened)
        return report

    @contextmanager
    def _opened(self, *, read_only: bool = False) -> Iterator[tuple[Ledger, Loading]]:
        ledger = opening.ledger(self.config, read_only=read_only)
        try:
            yield (
                ledger,
                Loading(
                    flow=self.flow,
                    section=self.section,
                    ledger=ledger,
                    setting=composition.setting(self.config),
                    clock=self.wall,
                ),
            )
        finally:
            ledger.close()


@dataclass(slots=True)
class _Listing:
    """The lines of all slices of one start: of what went the first, of everything else all."""

    went: ActionLines = field(default_factory=ActionLines)
    others: ActionLines = field(default_factory=ActionLines)
    skipped: SkipLines = field(default_factory=SkipLines)
    unlisted: int = 0

    def take_over(self, report: RunReport) -> RunReport:
        """Take the lines out of the report of a slice: each of thousands would keep a file of its own open."""
        for line in report.actions:
            if line.state != State.SENT:
                self.others.append(line)
            elif len(self.went) < _LISTED:
                self.went.append(line)
            else:
                self.unlisted += 1
        for skip in report.skipped:
            self.skipped.append(skip)
        return replace(report, actions=ActionLines(), skipped=SkipLines())


def _together(reports: Sequence[RunReport], listing: _Listing) -> RunReport:
    """Return the slices of one start as one report: it ended as the last one did."""
    last = reports[-1]
    counts = {name: sum(one.counts[name] for one in reports) for name in last.counts}
    unlisted = f"{listing.unlisted} more writes went; they are not listed" if listing.unlisted else ""
    for line in listing.went:
        listing.others.append(line)
    return replace(
        last,
        started_at=reports[0].started_at,
        actions=listing.others,
        counts={**counts, "pending": last.counts["pending"]},
        by_action={name: sum(one.by_action[name] for one in reports) for name in last.by_action},
        requests={name: sum(one.requests.get(name, 0) for one in reports) for name in last.requests},
        skipped=listing.skipped,
        notes=[
            *dict.fromkeys(
                [*(note for one in reports[:-1] for note in one.notes if "initial load:" not in note), *last.notes]
            ),
            *([unlisted] if unlisted else []),
        ],
    )
