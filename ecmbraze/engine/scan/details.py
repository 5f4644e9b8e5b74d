"""Read the details of the workspaces that are queued and make them records: only what rules name; lists nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.codec import dump, dump_documents, load_documents, load_facts
from ecmbraze.ledger.mirror import Held, Mirror
from ecmbraze.ledger.mirror import people as led_to
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import BY_US, Document, Fact, Record, Skip, WorkspaceDetail, WorkspaceKey, keys
from ecmbraze.needs import Needs, TypeNeeds
from ecmbraze.planning.document_kinds import relevant
from ecmbraze.ports import Progress, Work, WorkspaceReader

# A type that was never read whole (a baseline, a new attribute) is saved in slices of this many details.
SLICE = 2000
_WINDOW = 60
# The look under which the ledger notes that a type has edits which move no date.
SILENT = "silent"
# Why a workspace is read although its listing says it is as it was, or does not show it.
_UNASKED = ("sweep", "again", "documents", "folder", "unsettled")


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
    related_s: dict[int, float] = field(default_factory=dict)
    """When the record began to be read with which each of them was, monotonic."""

    def expect(self, need: TypeNeeds) -> None:
        """Say how many details of a type will be read."""
        self.progress.expect(Work.READ, self.plan.todos(need.stream))

    def read(self, need: TypeNeeds, began: datetime, *, told: bool) -> None:
        """Read what is queued of one type, and note that the mirror then holds all that rules name of it.

        ``began`` is when its listing began, by the server's clock; ``told`` says that the listing carries every fact.
        """
        whole = not need.names <= self.mirror.armed(need.stream)
        after, since_save, unsettled = 0, 0, frozenset(self.mirror.unsettled(need.stream))
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            while window := self.plan.todo(need.stream, after, _WINDOW):
                self.tick()
                known = self.mirror.held([record for _, record, _ in window])
                for (_, record, why), (read_s, detail) in zip(
                    window, pool.map(partial(self._detail, need), (one for _, one, _ in window)), strict=True
                ):
                    if (kept := self._keep(need, record, why, detail, known.get(record), began, told=told)) is not None:
                        self._remember(read_s, kept)
                    if record in unsettled and isinstance(detail, WorkspaceDetail):
                        self.plan.put_editor(record, by_us=detail.row.modified_by == self.reader.account_id())
                    self.progress.step(Work.READ, 1)
                after = window[-1][0]
                since_save += len(window)
                if whole and since_save >= SLICE:
                    self.save()
                    since_save = 0
        self.plan.arm(need.stream, need.names, self.now)

    def _detail(self, need: TypeNeeds, record: str) -> tuple[float, WorkspaceDetail | RecordUnreadable]:
        """Return a workspace, and when the oldest part of it was read, monotonic."""
        began = self.monotonic()
        try:
            found = read_whole(self.reader, keys.number_of(record), need, self.related)
        except RecordUnreadable as error:
            return began, error
        others = (other.row.id for group in found.related.values() for other in group)
        return min([began, *(self.related_s.setdefault(other, began) for other in others)]), found

    def _remember(self, read_s: float, record: Record) -> None:
        """Keep a record for the screens, which need not read it again while it is young."""
        if len(self.fresh) < SLICE:
            self.fresh[record.number] = (read_s, record)

    def _keep(
        self,
        need: TypeNeeds,
        key: str,
        why: str,
        detail: WorkspaceDetail | RecordUnreadable,
        held: Held | None,
        began: datetime,
        *,
        told: bool,
    ) -> Record | None:
        """Write a record into the plan file and return it; ``None`` where it is left out."""
        if isinstance(detail, RecordUnreadable):
            self._leave_out(need, key, why, detail)
            return None
        try:
            record, people = as_record(detail, need)
            refuse_vanished(record, detail, held.facts if held else "{}")
            record, people = self.plan.stripped(record, people)
        except RecordUnreadable as error:
            if why not in _UNASKED:
                quarantine(self.plan, need, key, error.happened, self.now)
            return None
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
        return record

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


def read_whole(
    reader: WorkspaceReader, number: int, needs: TypeNeeds, known: dict[int, WorkspaceDetail]
) -> WorkspaceDetail:
    """Return a workspace, with the related workspaces that a customer mapping names and the documents of the kinds.

    ``known`` holds related workspaces that were read already, many belong to one. Raises RecordUnreadable when the
    workspace, a related one, a folder or a document cannot be read: whom it belongs to and what is approved is never
    guessed.
    """
    detail = reader.workspace(number)
    if BY_US in needs.facts:
        facts = {**detail.facts, BY_US: detail.row.modified_by == reader.account_id()}
        detail = replace(detail, facts=facts)
    related: dict[str, tuple[WorkspaceDetail, ...]] = {}
    for type_name in dict.fromkeys(customer.related for customer in needs.customers if customer.related):
        others = reader.related(number, type_name)
        for other in others:
            if other not in known:
                known[other] = reader.workspace(other)
        related[type_name] = tuple(known[other] for other in others)
    return replace(detail, related=related, documents=_documents(reader, number, needs))


def _documents(reader: WorkspaceReader, number: int, needs: TypeNeeds) -> tuple[Document, ...]:
    """Read the documents that may be of one of the kinds, each with only the values that rules name.

    A document no rule names costs no request and is not kept.
    """
    if not needs.documents:
        return ()
    rows = [row for row in reader.documents(number) if any(kind.may_be(row) for kind in needs.documents)]
    classified = any(kind.classification for kind in needs.documents)
    names = needs.document_facts.union(*(kind.when or () for kind in needs.documents))
    documents = [reader.document(row, classified=classified) for row in sorted(rows, key=lambda row: row.id)]
    return tuple(
        replace(one, facts={name: value for name, value in one.facts.items() if name in names}) for one in documents
    )


def as_record(detail: WorkspaceDetail, needs: TypeNeeds) -> tuple[Record, Mapping[str, tuple[str, ...]]]:
    """Return the record and its people by mapping.

    An attribute the workspace does not carry is empty. Raises RecordUnreadable when the customer cannot be told.
    """
    people = {customer.fact: customer.people(detail) for customer in needs.customers}
    facts: dict[str, Fact] = {name: detail.facts.get(name) for name in needs.facts}
    facts.update(people)
    facts.update(dict.fromkeys(needs.markers, True))
    row = detail.row
    record = Record(
        key=WorkspaceKey(id=row.id),
        stream=needs.stream,
        name=row.name,
        created_at=row.created_at,
        modified_at=row.modified_at,
        facts=facts,
        customers=next(iter(people.values()), ()),
        documents=detail.documents,
    )
    return record, people


def for_flow(record: Record, needs: Needs) -> Record:
    """Return the record with the people and the documents of one flow."""
    people = led_to(record.key, record.facts, needs.mapping_of(record.stream))
    return replace(record, customers=people, documents=relevant(record.documents, needs.documents))


def with_missed(record: Record, before: Sequence[Document]) -> Record:
    """Return the record with the documents that were there before and are not found now, for one more look.

    Absence counts after two looks (delivery.md): what this look misses may be hidden or moving.
    """
    found = {document.row.id for document in record.documents}
    missed = [replace(old, missed=True) for old in before if not old.missed and old.row.id not in found]
    return replace(record, documents=tuple(sorted((*record.documents, *missed), key=lambda one: one.row.id)))


def refuse_vanished(record: Record, detail: WorkspaceDetail, before: str) -> None:
    """Quarantine a record that lost an attribute which held a value: a renamed attribute is not an empty one (E20)."""
    for name, value in load_facts(before).items():
        if value not in (None, ()) and name in record.facts and name not in detail.facts and "." in name:
            if name.startswith(("customer: ", "document")):
                continue
            raise RecordUnreadable(f"attribute {name!r} not found any more; template changed?")


def count(plan: PlanFile, need: TypeNeeds, name: str, n: int = 1) -> None:
    """Count workspaces of a type under a name of the run report."""
    plan.count(need.stream, name, n)


def quarantine(plan: PlanFile, need: TypeNeeds, record: str, reason: str, now: datetime) -> None:
    """Put a workspace aside that was listed and cannot be used; its neighbours go through."""
    count(plan, need, "quarantined")
    skip = Skip(record=record, customer="", rule="", reason=reason, quarantined=True)
    plan.put_skip("", skip, now)
