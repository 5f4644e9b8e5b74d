"""Tell from listing rows which workspaces are new or changed, by date and name or by their columns; asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.engine.scan.columns import CONTRADICTED, as_detail, trusted
from ecmbraze.engine.scan.records import TypeNeeds, as_record
from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.codec import dump, load_facts
from ecmbraze.ledger.mirror import Held, Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Record, Skip, WorkspacePage, WorkspaceRow, keys


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
        new = [row for row in page.rows if self._first_seen(row.id)]
        count(self.plan, self.need, "read", len(new))
        self.parents |= {row.parent for row in new if row.parent is not None}
        if trusted(self.columns):
            self._by_columns(new)
        else:
            self._by_dates(new)
        for number, reason in page.unreadable:
            if self._first_seen(number):
                count(self.plan, self.need, "read")
                quarantine(self.plan, self.need, keys.workspace(number), reason, self.now)
        return max((row.modified_at for row in page.rows), default=None)

    def _first_seen(self, number: int) -> bool:
        return self.plan.mark_seen(self.need.stream, [keys.workspace(number)]) > 0

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
            moved = _moved(held, record) if held else {}
            silent = bool(moved) and held is not None and held.modified_at == row.modified_at
            if silent and proven and held and held.again:
                self._contradicted(row)
                self._by_dates(rows[number:])
                return
            # Where details were read until now, a difference that no date explains is looked at once more, and always
            # what lost a value: a column shows an empty attribute and one that is gone alike (fault E20).
            if (silent and not proven) or any(moved.values()):
                self._todo(row, "changed")
                continue
            self._keep(row, held, record, people, changed=bool(moved))

    def _held(self, rows: Sequence[WorkspaceRow]) -> Mapping[int, Held]:
        """Return what the mirror holds of the workspaces of some rows, by their node id."""
        names = {keys.workspace(row.id): row.id for row in rows}
        return {names[record]: held for record, held in self.mirror.held(names).items()}

    def _keep(
        self, row: WorkspaceRow, held: Held | None, record: Record, people: Mapping[str, tuple[str, ...]], *,
        changed: bool,
    ) -> None:  # fmt: skip
        same = held is not None and _listed_as(row, held)
        if held is None or not same or held.facts != dump(record.facts) or held.again:
            self.plan.put_record(record, people)
        word = "new" if held is None else "unchanged" if same and not changed else "changed"
        count(self.plan, self.need, word)

    def _contradicted(self, row: WorkspaceRow) -> None:
        """Trust the columns no longer: a detail read said otherwise last time, and the listing still disagrees."""
        self.columns = dict.fromkeys(self.columns, CONTRADICTED)
        self.contradiction = (
            f"the listing columns of {self.need.name!r} do not show what {keys.workspace(row.id)} holds: details are "
            "read instead"
        )

    def _todo(self, row: WorkspaceRow, why: str) -> None:
        self.plan.add_todo(self.need.stream, [keys.workspace(row.id)], why)


def _listed_as(row: WorkspaceRow, held: Held) -> bool:
    return (held.name, held.modified_at) == (row.name, row.modified_at)


def _moved(held: Held, record: Record) -> Mapping[str, bool]:
    """Return fact → whether it lost its value, of those that differ; what only the rules added is no change."""
    if held.facts == dump(record.facts):
        return {}
    known, now = load_facts(held.facts), record.facts
    differing = [name for name in known.keys() & now.keys() if dump(known[name]) != dump(now[name])]
    return {name: now[name] in (None, ()) for name in differing}


def count(plan: PlanFile, need: TypeNeeds, name: str, n: int = 1) -> None:
    """Count workspaces of a type under a name of the run report."""
    plan.count(need.stream, name, n)


def quarantine(plan: PlanFile, need: TypeNeeds, record: str, reason: str, now: datetime) -> None:
    """Put a workspace aside that was listed and cannot be used; its neighbours go through."""
    count(plan, need, "quarantined")
    skip = Skip(record=record, customer="", rule="", reason=reason, quarantined=True)
    plan.put_skip("", skip, now)
