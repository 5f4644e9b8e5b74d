"""List each workspace type once, tell what is new or changed, and have it read, into the plan file; plans nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from ecmbraze.engine.scan import columns
from ecmbraze.engine.scan.columns import CONTRADICTED, as_detail, trusted
from ecmbraze.engine.scan.dated import Dated
from ecmbraze.engine.scan.details import WorkList, as_record, count, quarantine
from ecmbraze.engine.scan.document_looks import DocumentLooks
from ecmbraze.engine.scan.folder_looks import FolderLooks
from ecmbraze.engine.scan.names import check_attributes, check_types
from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable, TemporaryError
from ecmbraze.ledger.codec import dump, load_facts
from ecmbraze.ledger.mirror import Held, Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.tombstones import ERASED
from ecmbraze.model import BY_US, Record, WorkspacePage, WorkspaceRow, keys
from ecmbraze.needs import TypeNeeds
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
        # Whether what we sent there arrived is judged by what stands there now, so that is read before planning.
        unsettled = self.mirror.unsettled(need.stream).items()
        there = [one for one, missed in unsettled if not missed or self.plan.listed(need.stream, one)]
        self.plan.add_todo(need.stream, there, "unsettled")
        self._sweep(need)
        return scan

    def _listed(self, need: TypeNeeds, found: Mapping[str, str], *, armed: bool) -> Listed:
        return Listed(
            need=need,
            mirror=self.mirror,
            plan=self.plan,
            now=self.now,
            armed=armed,
            columns=found,
            by_us=partial(self._by_us, need),
        )

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


@dataclass(slots=True, kw_only=True)
class Listed:
    """One listing of one type. What changed goes into the plan file, or into its work list of details to read."""

    need: TypeNeeds
    mirror: Mirror
    plan: PlanFile
    now: datetime
    armed: bool
    """Whether the mirror holds every fact the rules name, of each workspace of the type."""
    columns: Mapping[str, str]
    """Fact → the column that carries it, where each listing row says all that a detail read would."""
    by_us: Callable[[WorkspaceRow], bool | None]
    parents: set[int] = field(default_factory=set)
    """The containers in which the workspaces lie."""
    contradiction: str = ""
    """Why the columns are trusted no longer, found out in this listing."""

    def take(self, page: WorkspacePage) -> datetime | None:
        """Judge the rows of a page, each workspace once; return the newest modify date among them."""
        unseen = self.plan.mark_seen(self.need.stream, (keys.workspace(row.id) for row in page.rows))
        new = [row for row in _once(page.rows) if keys.workspace(row.id) in unseen]
        count(self.plan, self.need, "read", len(new))
        self.parents |= {row.parent for row in new if row.parent is not None}
        kept = self._without_erased(new)
        if trusted(self.columns):
            self._by_columns(kept)
        else:
            self._by_dates(kept)
        for number, reason in page.unreadable:
            if self.plan.mark_seen(self.need.stream, [keys.workspace(number)]):
                count(self.plan, self.need, "read")
                quarantine(self.plan, self.need, keys.workspace(number), reason, self.now)
        return max((row.modified_at for row in page.rows), default=None)

    def _without_erased(self, rows: Sequence[WorkspaceRow]) -> Sequence[WorkspaceRow]:
        """Return the rows of workspaces that are kept: an erased one is read again when its date moves."""
        if not self.plan.tombstones:
            return rows
        erased = {number: held for number, held in self._held(rows).items() if held.name == ERASED}
        for row in (row for row in rows if row.id in erased):
            if erased[row.id].modified_at == row.modified_at:
                count(self.plan, self.need, "unchanged")
            else:
                self._todo(row, "changed")
        return [row for row in rows if row.id not in erased]

    def _by_dates(self, rows: Sequence[WorkspaceRow]) -> None:
        known = self._held(rows)
        for row in rows:
            held = known.get(row.id)
            if held is None:
                self._todo(row, "new")
            elif not _listed_as(row, held):
                self._todo(row, "changed")
            elif not self.armed and not self.need.names <= load_facts(held.facts).keys():
                self._todo(row, "unarmed")
            else:
                if held.again:
                    self._todo(row, "again")
                count(self.plan, self.need, "unchanged")

    def _by_columns(self, rows: Sequence[WorkspaceRow]) -> None:
        listed, kept = len(rows), []
        rows = self._changed(rows, self.need.names)
        if unchanged := listed - len(rows):
            count(self.plan, self.need, "unchanged", unchanged)
        if not rows:
            return
        known = self._held(rows)
        proven = self.mirror.columns(self.need.stream) == self.columns
        for number, row in enumerate(rows):
            held = known.get(row.id)
            try:
                detail = as_detail(row, self.columns, self.by_us(row))
                if detail is None:  # without one of the columns its date tells, as everywhere else
                    self._by_dates([row])
                    continue
                record, people = as_record(detail, self.need)
            except RecordUnreadable as error:
                quarantine(self.plan, self.need, keys.workspace(row.id), error.happened, self.now)
                continue
            moved = columns.moved(held.facts, record.facts) if held else {}
            silent = bool(moved) and held is not None and held.modified_at == row.modified_at
            if silent and proven and held and held.again:
                self._contradicted(row)
                self._by_dates(rows[number:])
                break
            # Where details were read until now, a difference that no date explains is looked at once more, and always
            # what lost a value: a column shows an empty attribute and one that is gone alike (fault E20).
            if (silent and not proven) or any(moved.values()):
                self._todo(row, "changed")
                continue
            if self._differs(row, held, record, changed=bool(moved)):
                kept.append((record, people))
        self.plan.put_records(kept)

    def _changed(self, rows: Sequence[WorkspaceRow], names: frozenset[str]) -> Sequence[WorkspaceRow]:
        """Return the rows but for those that show what the mirror holds, before a record is made of any.

        Most rows of most runs do. ``names`` is what the mirror must hold of each workspace, no more and no less.
        """
        listed = {keys.workspace(row.id): row for row in rows}
        for record, name, modified, facts in self.mirror.settled(listed):
            row = listed[record]
            if (name, modified) != (row.name, row.modified_at) or facts.keys() != names:
                continue
            if BY_US in facts and facts[BY_US] is not self.by_us(row):
                continue
            if columns.shows(row, self.columns, facts):
                del listed[record]
        return list(listed.values())

    def _held(self, rows: Sequence[WorkspaceRow]) -> Mapping[int, Held]:
        """Return what the mirror holds of the workspaces of some rows, by their node id."""
        names = {keys.workspace(row.id): row.id for row in rows}
        return {names[record]: held for record, held in self.mirror.held(names).items()}

    def _differs(self, row: WorkspaceRow, held: Held | None, record: Record, *, changed: bool) -> bool:
        """Count a record and say whether the mirror holds it otherwise, or not yet."""
        same = held is not None and _listed_as(row, held)
        word = "new" if held is None else "unchanged" if same and not changed else "changed"
        count(self.plan, self.need, word)
        return held is None or not same or held.facts != dump(record.facts) or held.again

    def _contradicted(self, row: WorkspaceRow) -> None:
        """Trust the columns no longer: a detail read said otherwise last time, and the listing still disagrees."""
        self.columns = dict.fromkeys(self.columns, CONTRADICTED)
        self.contradiction = (
            f"the listing columns of {self.need.name!r} do not show what {keys.workspace(row.id)} holds: details are "
            "read instead"
        )

    def _todo(self, row: WorkspaceRow, why: str) -> None:
        self.plan.add_todo(self.need.stream, [keys.workspace(row.id)], why)


def _once(rows: Sequence[WorkspaceRow]) -> Iterable[WorkspaceRow]:
    """Return the first row of each workspace: a page may hold one twice."""
    found: dict[int, WorkspaceRow] = {}
    for row in rows:
        found.setdefault(row.id, row)
    return found.values()


def _listed_as(row: WorkspaceRow, held: Held) -> bool:
    return (held.name, held.modified_at) == (row.name, row.modified_at)
