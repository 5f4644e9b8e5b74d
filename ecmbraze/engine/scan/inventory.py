"""List each workspace type once, read what changed, and write it into the plan file; plans nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from ecmbraze.engine.scan import columns
from ecmbraze.engine.scan.dated import Dated
from ecmbraze.engine.scan.document_looks import DocumentLooks
from ecmbraze.engine.scan.folder_looks import FolderLooks
from ecmbraze.engine.scan.listed import Listed
from ecmbraze.engine.scan.names import check_attributes, check_types
from ecmbraze.engine.scan.records import TypeNeeds
from ecmbraze.engine.scan.worklist import WorkList
from ecmbraze.errors import ConfigurationError, EcmbrazeError, TemporaryError
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import BY_US, WorkspaceRow
from ecmbraze.ports import WorkspaceReader

# Where the listing carries all facts, so many of its rows a run are held against their details.
_PROOFS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one complete listing showed: when it began by the server's clock, and the newest modify date in it."""

    began: datetime
    newest: datetime


@dataclass(slots=True, kw_only=True)
class Inventory:
    """The scan of one run. ``tick`` raises when the run must end."""

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    looks: DocumentLooks
    now: datetime
    dated: Dated
    folders: FolderLooks
    details: WorkList
    sweep_requests: int
    sweep_every: timedelta
    tick: Callable[[], None]
    began: dict[str, datetime] = field(default_factory=dict)
    """When the listing of each type began, by the server's clock: no detail was read earlier."""
    told: set[str] = field(default_factory=set)
    """The workspace types whose listing carries every fact, so that no detail is read."""
    notes: dict[str, str] = field(default_factory=dict)
    """Workspace type → what the operator should know of its listing."""
    failed: dict[str, EcmbrazeError] = field(default_factory=dict)
    """Workspace types whose listing failed, and why: nothing of their scan is kept, the flows that use them end."""
    listed: bool = False
    """Whether every listing was complete: then a detail that fails does not undo the scan."""

    def take(self, needs: Sequence[TypeNeeds]) -> dict[str, Scan]:
        """List every type, then read the details; return stream → scan of each type that could be listed.

        A type or attribute that does not exist, and a listing that fails, end up in ``failed``.
        """
        ids = self.reader.workspace_types()
        scans: dict[str, Scan] = {}
        for need in needs:
            try:
                scans[need.stream] = self._list(need, ids)
            except (ConfigurationError, TemporaryError) as error:
                self.failed[need.name] = error
                self.plan.forget_stream(need.stream)
        self.listed = True
        listed = [need for need in needs if need.stream in scans]
        self.looks.queue(listed, self.began)
        for need in listed:
            self.details.expect(need)
        for need in listed:
            self.details.read(need, self.began[need.name], told=need.name in self.told)
        return scans

    def _list(self, need: TypeNeeds, ids: Mapping[str, int]) -> Scan:
        check_types(need, ids)
        began = self.reader.server_now()
        self.plan.begin_scan(need.stream, began)
        newest, armed = None, need.names <= self.mirror.armed(need.stream)
        held = self.mirror.columns(need.stream)
        since = self.dated.since(need, began, whole=not armed or columns.trusted(held))
        listed: Listed | None = None
        for page in self.reader.list_workspaces(ids[need.name], since):
            self.tick()
            if listed is None:
                if not armed:
                    check_attributes(self.reader, need, page)
                found = held if since else columns.in_force(self.reader, need, page, held)
                listed = self._listed(need, found, armed=armed)
            newest = max([date for date in (newest, listed.take(page)) if date], default=None)
        if since:
            self.dated.asked(need, began, newest)
        else:
            self._complete(need, ids[need.name], listed, began, newest)
        scan = Scan(began=began, newest=min(newest or began, began))
        self.plan.end_scan(need.stream, scan.newest, complete=since is None)
        self.began[need.name] = began
        self._sweep(need)
        return scan

    def _listed(self, need: TypeNeeds, found: Mapping[str, str], *, armed: bool) -> Listed:
        return Listed(
            need=need, mirror=self.mirror, plan=self.plan, now=self.now, armed=armed, columns=found,
            by_us=partial(self._by_us, need),
        )  # fmt: skip

    def _by_us(self, need: TypeNeeds, row: WorkspaceRow) -> bool | None:
        return row.modified_by == self.reader.account_id() if BY_US in need.facts else None

    def _complete(
        self, need: TypeNeeds, type_id: int, listed: Listed | None, began: datetime, newest: datetime | None
    ) -> None:
        """Note what a complete listing taught of its type: the columns it may be told by, else dates to ask by."""
        found = listed.columns if listed else {}
        self.plan.put_columns(need.stream, found)
        if listed and listed.contradiction:
            self.notes[need.name] = listed.contradiction
        if columns.trusted(found):
            self.told.add(need.name)
            return
        self.dated.listed(need, type_id, began, newest)
        if listed and (told := self.folders.queue(need, listed.parents)):
            self.notes[need.name] = told

    def _sweep(self, need: TypeNeeds) -> None:
        """Queue the details read longest ago: a category edit need not move the modify date (api/ecm.md 6)."""
        most = min(self.sweep_requests, _PROOFS) if need.name in self.told else self.sweep_requests
        oldest = self.mirror.oldest_reads(need.stream, self.now - self.sweep_every, most)
        self.plan.add_todo(need.stream, (record for record in oldest if not self.plan.holds(record)), "sweep")
