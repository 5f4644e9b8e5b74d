"""List each workspace type once, read what changed, and write it into the plan file; plans nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from ecmbraze.engine import columns
from ecmbraze.engine.document_looks import DocumentLooks
from ecmbraze.engine.listed import Listed, count, quarantine
from ecmbraze.engine.names import check_attributes, check_types
from ecmbraze.engine.reading import read_whole
from ecmbraze.engine.records import TypeNeeds, as_record, refuse_vanished, with_missed
from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable, TemporaryError
from ecmbraze.ledger.codec import dump, dump_documents, load_documents
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import BY_US, Record, Skip, WorkspaceDetail, WorkspaceRow
from ecmbraze.ports import WorkspaceReader

# A type that was never read whole (a baseline, a new attribute) is saved in slices of this many details.
SLICE = 2000
_WINDOW = 60
# Where the listing carries all facts, so many of its rows a run are held against their details.
_PROOFS = 10
# Why a workspace is read although its listing says it is as it was.
_UNASKED = ("sweep", "again", "documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one complete listing showed: when it began by the server's clock, and the newest modify date in it."""

    began: datetime
    newest: datetime


@dataclass(slots=True, kw_only=True)
class Inventory:
    """The scan of one run. ``save`` keeps the details read so far; ``tick`` raises when the run must end."""

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    looks: DocumentLooks
    now: datetime
    connections: int
    sweep_requests: int
    sweep_every: timedelta
    tick: Callable[[], None]
    save: Callable[[], None]
    monotonic: Callable[[], float]
    fresh: dict[int, tuple[float, Record]] = field(default_factory=dict)
    """Records read in this run and when: the screen need not read them again within a minute."""
    related: dict[int, WorkspaceDetail] = field(default_factory=dict)
    """Related workspaces read so far: many records lead to one."""
    began: dict[str, datetime] = field(default_factory=dict)
    """When the listing of each type began, by the server's clock: no detail was read earlier."""
    told: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Workspace type → fact → the listing column that carries it; empty where details are read."""
    notes: dict[str, str] = field(default_factory=dict)
    """Workspace type → what the operator should know of its listing."""
    failed: dict[str, EcmbrazeError] = field(default_factory=dict)
    """Workspace types whose listing failed, and why: nothing of their scan is kept, the flows that use them end."""
    listed: bool = False
    """Whether every listing was complete: then a detail that fails does not undo the scan."""

    def take(self, needs: Sequence[TypeNeeds]) -> dict[str, Scan]:
        """List every type completely, then read the details; return the scan of each type that could be listed.

        A type or attribute that does not exist, and a listing that fails, end up in ``failed``.
        """
        ids = self.reader.workspace_types()
        scans: dict[str, Scan] = {}
        for need in needs:
            try:
                scans[need.name] = self._list(need, ids)
            except (ConfigurationError, TemporaryError) as error:
                self.failed[need.name] = error
                self.plan.forget_type(need.name)
        self.listed = True
        self.looks.queue([need for need in needs if need.name in scans], self.began)
        for need in needs:
            if need.name in scans:
                self._read(need)
        return scans

    def _list(self, need: TypeNeeds, ids: Mapping[str, int]) -> Scan:
        check_types(need, ids)
        began = self.reader.server_now()
        newest, armed = None, need.names <= self.mirror.armed(need.name)
        listed: Listed | None = None
        for page in self.reader.list_workspaces(ids[need.name]):
            self.tick()
            if listed is None:
                if not armed:
                    check_attributes(self.reader, need, page)
                held = self.mirror.columns(need.name)
                listed = self._listed(need, columns.in_force(self.reader, need, page, held), armed=armed)
            newest = max([date for date in (newest, listed.take(page)) if date], default=None)
        if listed:
            self._note(listed)
        self.began[need.name] = began
        self.plan.put_watermark("listing", need.name, began)
        self._sweep(need)
        return Scan(began=began, newest=min(newest or began, began))

    def _listed(self, need: TypeNeeds, found: Mapping[str, str], *, armed: bool) -> Listed:
        self.plan.put_columns(need.name, found)
        return Listed(
            need=need, mirror=self.mirror, plan=self.plan, now=self.now, armed=armed, columns=found,
            by_us=partial(self._by_us, need),
        )  # fmt: skip

    def _by_us(self, need: TypeNeeds, row: WorkspaceRow) -> bool | None:
        return row.modified_by == self.reader.account_id() if BY_US in need.facts else None

    def _note(self, listed: Listed) -> None:
        self.told[listed.need.name] = listed.columns if columns.trusted(listed.columns) else {}
        if listed.contradiction:
            self.notes[listed.need.name] = listed.contradiction

    def _sweep(self, need: TypeNeeds) -> None:
        """Queue the details read longest ago: a category edit need not move the modify date (api/ecm.md 6)."""
        most = min(self.sweep_requests, _PROOFS) if self.told.get(need.name) else self.sweep_requests
        oldest = self.mirror.oldest_reads(need.name, self.now - self.sweep_every, most)
        fresh = (entry for entry in oldest if not self.plan.holds(entry[0]))
        self.plan.add_todo(need.name, ((number, modified, "sweep") for number, modified in fresh))

    def _read(self, need: TypeNeeds) -> None:
        whole = not need.names <= self.mirror.armed(need.name)
        after, since_save = 0, 0
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            while window := self.plan.todo(need.name, after, _WINDOW):
                self.tick()
                for (number, why), detail in zip(
                    window, pool.map(partial(self._detail, need), (n for n, _ in window)), strict=True
                ):
                    self._keep(need, number, why, detail)
                after = window[-1][0]
                since_save += len(window)
                if whole and since_save >= SLICE:
                    self.save()
                    since_save = 0
        self.plan.arm(need.name, need.names, self.now)

    def _detail(self, need: TypeNeeds, number: int) -> WorkspaceDetail | RecordUnreadable:
        try:
            return read_whole(self.reader, number, need, self.related)
        except RecordUnreadable as error:
            return error

    def _keep(self, need: TypeNeeds, number: int, why: str, detail: WorkspaceDetail | RecordUnreadable) -> None:
        if isinstance(detail, RecordUnreadable):
            self._leave_out(need, number, why, detail)
            return
        before = self.mirror.held(number)
        try:
            record, people = as_record(detail, need)
            refuse_vanished(record, detail, before[0] if before else "{}")
        except RecordUnreadable as error:
            if why not in _UNASKED:
                quarantine(self.plan, need, number, error.happened, self.now)
            return
        kept = with_missed(record, load_documents(before[1])) if before else record
        moved = before is not None and before != (dump(kept.facts), dump_documents(kept.documents))
        match why:
            case "sweep" | "again" | "documents":
                # Counted as unchanged by the listing; reading it all the same is what found it.
                self.plan.count(f"{need.name}\x1fswept")
                if moved:
                    count(self.plan, need, "changed")
                    self.plan.count(f"{need.name}\x1funchanged", -1)
            case "unarmed":
                count(self.plan, need, "unchanged")
            case _:
                count(self.plan, need, why)
        # Times are whole seconds: what was edited in the second of its reading may be edited again in that second,
        # and the listing would not show it (fault E13).
        again = record.modified_at >= self.began[need.name].replace(microsecond=0)
        if self.told.get(need.name):  # then a sweep that finds other facts speaks against the columns, or came later
            again = moved and why == "sweep"
        again = again or any(document.missed for document in kept.documents)
        self.plan.put_workspace(kept, people, again=again)
        if len(self.fresh) < SLICE:
            self.fresh[number] = (self.monotonic(), record)

    def _leave_out(self, need: TypeNeeds, number: int, why: str, error: RecordUnreadable) -> None:
        """Note a workspace that was listed and cannot be read: it went meanwhile, or we may not see it (E23)."""
        if why not in _UNASKED:
            count(self.plan, need, "filtered")
        skip = Skip(record=f"ws:{number}", customer="", rule="", reason=f"gone or not readable: {error.happened}")
        self.plan.put_skip("", skip, self.now)
