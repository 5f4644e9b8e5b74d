"""Find the workspaces whose documents may have changed since they were last read; reads no document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from ecmbraze.engine.deliver.requests import batched
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Document, DocumentHit, DocumentRow, keys
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader

# The index may lag and knows only the day of a change (api/ecm.md 6.1); what it learns later, the sweep finds.
OVERLAP = timedelta(hours=24)
# Two clocks: a workspace that was read this long after the change has it, whatever the clocks say.
_SKEW = timedelta(minutes=10)
_BULK = 250  # api/ecm.md 4.3
# The look under which the ledger notes how far the search for changed documents has come.
SEARCHED = "documents"


@dataclass(slots=True, kw_only=True)
class DocumentLooks:
    """Queues detail reads of workspaces that are listed as unchanged. ``zone`` is ECM's."""

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    zone: tzinfo
    tick: Callable[[], None]
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, for the report: then the sweep finds changes later."""

    def queue(self, needs: Sequence[TypeNeeds], began: Mapping[str, datetime]) -> None:
        """Search for changed documents and look at watched ones, for the types whose rules name documents.

        ``began`` is when the listing of each type began, by the server's clock.
        """
        asked = [need for need in needs if need.documents]
        try:
            for need in asked:
                self._queue(need.stream, self._moved(need))
            self._search({need.stream for need in asked})
        except (TemporaryError, RecordUnreadable) as error:
            self.notes.append(f"changed documents are found by the sweep only: {error.happened}")
            return
        for need in asked:
            self.plan.put_looked(SEARCHED, need.stream, began[need.name])

    def _search(self, streams: set[str]) -> None:
        """Queue the workspaces that hold a document the index knows as changed; a type new to us is read whole."""
        looked = [moment for stream in streams if (moment := self.mirror.looked(SEARCHED, stream))]
        if not looked:
            return
        day = (min(looked) - OVERLAP).astimezone(self.zone).date()
        for hits in batched(self.reader.documents_changed_since(day), _BULK):
            self.tick()
            containers = {keys.workspace(number) for hit in hits for path in hit.paths for number in path}
            known = self.mirror.read_at(sorted(containers))
            for hit in hits:
                for inner in {_innermost(path, known) for path in hit.paths} - {""}:
                    stream, read_at = known[inner]
                    if stream in streams and _is_news(hit, read_at):
                        self._queue(stream, [inner])

    def _moved(self, need: TypeNeeds) -> Iterator[str]:
        """Yield the workspaces with a watched document that is gone, renamed or modified: 250 documents a request."""
        kept = (
            (record, document)
            for record, document in self.mirror.documents(need.stream)
            if any(kind.may_be(document.row) for kind in need.watched)
        )
        for entries in batched(kept, _BULK):
            self.tick()
            rows = self.reader.document_rows([document.row.id for _, document in entries])
            yield from (record for record, document in entries if _differs(document, rows.get(document.row.id)))

    def _queue(self, stream: str, records: Iterable[str]) -> None:
        self.plan.add_todo(stream, records, "documents")


def _innermost(path: Sequence[int], known: Mapping[str, tuple[str, datetime]]) -> str:
    """Return the workspace a document belongs to: workspaces nest, the innermost has it; empty for none of ours."""
    return next((record for number in reversed(path) if (record := keys.workspace(number)) in known), "")


def _is_news(hit: DocumentHit, read_at: datetime) -> bool:
    return hit.modified_at is None or read_at <= hit.modified_at + _SKEW


def _differs(document: Document, row: DocumentRow | None) -> bool:
    return row is None or (row.name, row.modified_at) != (document.row.name, document.row.modified_at)
