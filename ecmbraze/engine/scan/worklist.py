"""Work off the list of details to read, with so many requests at once, into the plan file; lists nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from ecmbraze.engine.scan.folder_looks import SILENT
from ecmbraze.engine.scan.listed import count, quarantine
from ecmbraze.engine.scan.reading import read_whole
from ecmbraze.engine.scan.records import TypeNeeds, as_record, refuse_vanished, with_missed
from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.codec import dump, dump_documents, load_documents, load_facts
from ecmbraze.ledger.mirror import Held, Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Record, Skip, WorkspaceDetail, keys
from ecmbraze.ports import Progress, Work, WorkspaceReader

# A type that was never read whole (a baseline, a new attribute) is saved in slices of this many details.
SLICE = 2000
_WINDOW = 60
# Why a workspace is read although its listing says it is as it was, or does not show it.
_UNASKED = ("sweep", "again", "documents", "folder")


@dataclass(slots=True, kw_only=True)
class WorkList:
    """The detail reads of one run. ``save`` keeps those done so far; ``tick`` raises when the run must end."""

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    now: datetime
    connections: int
    tick: Callable[[], None]
    save: Callable[[], None]
    monotonic: Callable[[], float]
    progress: Progress
    fresh: dict[int, tuple[float, Record]] = field(default_factory=dict)
    """Records read in this run and when: the screen need not read them again within a minute."""
    related: dict[int, WorkspaceDetail] = field(default_factory=dict)
    """Related workspaces read so far: many records lead to one."""

    def expect(self, need: TypeNeeds) -> None:
        """Say how many details of a type will be read."""
        self.progress.expect(Work.READ, self.plan.todos(need.stream))

    def read(self, need: TypeNeeds, began: datetime, *, told: bool) -> None:
        """Read what is queued of one type, and note that the mirror then holds all that rules name of it.

        ``began`` is when its listing began, by the server's clock; ``told`` says that the listing carries every fact.
        """
        whole = not need.names <= self.mirror.armed(need.stream)
        after, since_save = 0, 0
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            while window := self.plan.todo(need.stream, after, _WINDOW):
                self.tick()
                for (_, record, why), detail in zip(
                    window, pool.map(partial(self._detail, need), (one for _, one, _ in window)), strict=True
                ):
                    self._keep(need, record, why, detail, began, told=told)
                    self.progress.step(Work.READ, 1)
                after = window[-1][0]
                since_save += len(window)
                if whole and since_save >= SLICE:
                    self.save()
                    since_save = 0
        self.plan.arm(need.stream, need.names, self.now)

    def _detail(self, need: TypeNeeds, record: str) -> WorkspaceDetail | RecordUnreadable:
        try:
            return read_whole(self.reader, keys.number_of(record), need, self.related)
        except RecordUnreadable as error:
            return error

    def _keep(
        self, need: TypeNeeds, key: str, why: str, detail: WorkspaceDetail | RecordUnreadable, began: datetime, *,
        told: bool,
    ) -> None:  # fmt: skip
        if isinstance(detail, RecordUnreadable):
            self._leave_out(need, key, why, detail)
            return
        held = self.mirror.held([key]).get(key)
        try:
            record, people = as_record(detail, need)
            refuse_vanished(record, detail, held.facts if held else "{}")
        except RecordUnreadable as error:
            if why not in _UNASKED:
                quarantine(self.plan, need, key, error.happened, self.now)
            return
        kept = with_missed(record, load_documents(held.documents)) if held else record
        moved = held is not None and (held.facts, held.documents) != (dump(kept.facts), dump_documents(kept.documents))
        self._tally(need, key, why, moved=moved)
        if why == "sweep" and not told and held and _silently(need, held, record):
            self.plan.put_looked(SILENT, need.stream, self.now)
        # What details say otherwise than the columns did is held against the next listing. Without columns: times are
        # whole seconds, what was edited in the second of its reading may be edited again in that second, and the
        # listing would not show it (fault E13).
        again = moved or why == "changed" if told else record.modified_at >= began.replace(microsecond=0)
        again = again or any(document.missed for document in kept.documents)
        self.plan.put_record(kept, people, again=again)
        if len(self.fresh) < SLICE:
            self.fresh[record.number] = (self.monotonic(), record)

    def _tally(self, need: TypeNeeds, key: str, why: str, *, moved: bool) -> None:
        """Count a record that was read. What the listing called unchanged may have moved all the same."""
        if why == "unarmed":
            count(self.plan, need, "unchanged")
        elif why not in _UNASKED:
            count(self.plan, need, why)
        else:
            count(self.plan, need, "swept")
            if moved and self.plan.listed(need.stream, key):
                count(self.plan, need, "unchanged", -1)
            elif moved:
                count(self.plan, need, "read")
            count(self.plan, need, "changed", int(moved))

    def _leave_out(self, need: TypeNeeds, key: str, why: str, error: RecordUnreadable) -> None:
        """Note a workspace that was listed and cannot be read: it went meanwhile, or we may not see it (E23)."""
        if why not in _UNASKED:
            count(self.plan, need, "filtered")
        skip = Skip(record=key, customer="", rule="", reason=f"gone or not readable: {error.happened}")
        self.plan.put_skip("", skip, self.now)


def _silently(need: TypeNeeds, held: Held, record: Record) -> bool:
    """Say whether an attribute of its own moved and the modify date did not."""
    known = load_facts(held.facts)
    moved = any(known[name] != record.facts[name] for name in need.facts & known.keys())
    return moved and held.modified_at == record.modified_at
