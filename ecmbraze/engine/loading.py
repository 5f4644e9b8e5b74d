"""An initial load from slice to slice: estimated, confirmed by a person, resumed where it was; sends nothing itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ecmbraze.engine.plan.confirming import MODES, SHORTEST
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Setting, Slice
from ecmbraze.errors import EcmbrazeError, GuardTripped, TemporaryError
from ecmbraze.flow import Flow, InitialLoad
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.loading import Load
from ecmbraze.ledger.view import View
from ecmbraze.ledger.waiting import LIFETIME
from ecmbraze.model import WorkspaceKey, keys
from ecmbraze.planning.estimate import ASSUMED_S, Estimate
from ecmbraze.ports import Clock, WorkspaceReader

# So many workspaces are read to see how long a request takes.
_SAMPLE = 3
# After a slice of which something did not go through, so long is waited: a document is looked for after a minute.
PAUSE_S = 60.0
# So many such slices in a row, and it is not a few workspaces but Extended ECM.
PATIENCE = 3
_DONE, _WAITS = (0, 3), (4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """The initial load of one flow over an open ledger. Raises UsageError for a flow that has none."""

    flow: Flow[Any]
    section: Any
    ledger: Ledger
    setting: Setting
    clock: Clock

    @property
    def how(self) -> InitialLoad[Any]:
        return self.flow.load

    @property
    def load(self) -> Load | None:
        return self.ledger.loads.get(self.flow.name)

    def has_baseline(self) -> bool:
        """Say whether everybody was looked at once: before that nobody knows what is to be written."""
        with self._view() as view:
            return all(view.baseline(stream) is not None for stream in self.flow.needs(self.section).streams)

    def refuse_without_baseline(self) -> None:
        """Raise TemporaryError while people are left who were never looked at."""
        if not self.has_baseline():
            raise TemporaryError(
                f"Not everybody of {self.flow.name} has been looked at yet, so there is nothing to load from.",
                undone="Nothing was estimated or written.",
                advice=f"`ecmbraze {self.flow.name}` goes on looking; then start the initial load again.",
            )

    def estimate(self, reader: WorkspaceReader) -> Estimate:
        """Return what a load would take now, at the time a request takes now."""
        with self._view() as view:
            volume = view.volume()
        took = self._measured(reader)
        return Estimate(
            flow=self.flow.name,
            volume=volume,
            per_workspace=self.how.requests(self.section),
            slice=self.how.people(self.section),
            per_minute=self.how.per_minute(self.section),
            connections=self.setting.connections,
            request_s=took or ASSUMED_S,
            measured=bool(took),
            meaning=self._meaning(),
        )

    def offer(self, estimate: Estimate) -> GuardTripped:
        """Keep an estimate for a person to confirm; return what says so."""
        self.ledger.loads.offer(estimate, self.clock.now())
        command = f"ecmbraze {self.flow.name} --initial-load --confirm {estimate.hash[:12]} --by NAME"
        return GuardTripped(
            "; ".join(estimate.lines()) + ".",
            undone="Nothing was written: a person must confirm it.",
            advice=f"`{command}` within 24 hours.",
        )

    def confirm(self, asked: str, deed: Deed) -> None:
        """Let the offered load begin. Raises GuardTripped where what was offered is not what would be done now."""
        load, now = self.load, self.clock.now()
        if load is None or load.ended_at is not None:
            raise self._unconfirmed(f"No estimate of an initial load of {self.flow.name} waits.")
        if len(asked) < SHORTEST or not load.hash.startswith(asked):
            raise self._unconfirmed(f"The estimate that waits is {load.hash[:12]}, not {asked}.")
        if load.is_under_way:
            return
        if now - load.made_at >= LIFETIME:
            raise self._unconfirmed(f"Estimate {asked} is a day old.")
        with self._view() as view:
            volume = view.volume()
        if load.estimate.meaning != self._meaning():
            raise self._unconfirmed(f"The configuration of {self.flow.name} changed since estimate {asked} was made.")
        if volume.exceeds(load.estimate.volume):
            raise self._unconfirmed(f"There are {volume.workspaces} workspaces now, more than estimate {asked} says.")
        self.ledger.loads.confirm(load, now, deed)

    def next(self) -> Slice | None:
        """Return the slice that comes next, one without people where earlier ones wait; ``None`` once all are done.

        Raises GuardTripped while a plan of the flow waits for a person: until then only withdrawals leave.
        """
        load = self.load
        if load is None or not load.is_under_way:
            return None
        for mode in MODES:
            if plan := self.ledger.waiting.get(self.flow.name, mode):
                raise GuardTripped(
                    f"Plan {plan.hash[:12]} of {self.flow.name} waits for you: {plan.reason}",
                    undone="The initial load goes no further: until then only withdrawals leave.",
                    advice=f"`ecmbraze {self.flow.name} --confirm {plan.hash[:12]}`, or `ecmbraze plan --drop "
                    f"{self.flow.name}`; then start the load again, it goes on where it was.",
                )
        if paused := self.ledger.waiting.paused(self.flow.name):
            raise TemporaryError(
                f"{self.flow.name} is {paused}.",
                undone="The initial load goes no further.",
                advice=f"`ecmbraze resume {self.flow.name}`; then start the load again, it goes on where it was.",
            )
        people = self.how.people(self.section)
        # What could not be written waits in the outbox. It must not pile up there while Extended ECM takes nothing.
        behind = self.ledger.outbox.pending(self.flow.name) >= people
        return Slice(after=load.last, people=0 if behind else people)

    def has_more(self) -> bool:
        """Say whether anybody is left; end the load where nobody is."""
        load = self.load
        if load is None or not load.is_under_way:
            return False
        with self._view() as view:
            more = bool(view.noted_people(load.last, 1))
        if not more:
            self.ledger.loads.end(load, self.clock.now())
        return more

    def _measured(self, reader: WorkspaceReader) -> float:
        """Return how many seconds a request takes now; 0 where it cannot be measured."""
        took: list[float] = []
        for stream in self.flow.needs(self.section).streams:
            sample = self.ledger.mirror.oldest_reads(stream, self.clock.now(), _SAMPLE)
            for key in map(keys.read, sample):
                if isinstance(key, WorkspaceKey) and len(took) < _SAMPLE:
                    began = self.clock.monotonic()
                    try:
                        reader.workspace(key.id)
                    except EcmbrazeError:  # the load itself says what is wrong with it
                        continue
                    took.append(self.clock.monotonic() - began)
        return sorted(took)[len(took) // 2] if took else 0.0

    def _meaning(self) -> str:
        return hashlib.sha256(repr(self.section).encode()).hexdigest()[:16]

    def _unconfirmed(self, happened: str) -> GuardTripped:
        return GuardTripped(
            happened,
            undone="Nothing was written.",
            advice=f"`ecmbraze {self.flow.name} --initial-load` makes a new estimate.",
        )

    @contextmanager
    def _view(self) -> Iterator[View]:
        plan = self.ledger.new_plan("load")
        try:
            yield self.ledger.view(plan, self.flow.name, self.flow.needs(self.section))
        finally:
            plan.discard()


@dataclass(slots=True, kw_only=True)
class Patience:
    """Whether a load goes on after a slice: what went wrong with a few workspaces is no reason to end."""

    stuck: int = 0

    def allows(self, report: RunReport) -> bool:
        """Note how a slice ended; say whether the next may follow."""
        if report.exit_code in _DONE:
            self.stuck = 0
            return True
        self.stuck = self.stuck + 1 if report.exit_code in _WAITS else PATIENCE
        return self.stuck < PATIENCE
