"""Extended ECM in memory, as the ports have it: reads of workspaces and documents, and the two writes.

Implements WorkspaceReader, RecordSink and RecordReader. `test_conformance.py` holds it against the sandbox.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo

from ecmbraze.errors import ConfigurationError, RecordUnreadable
from ecmbraze.model import (
    Answer,
    AttributeInfo,
    Document,
    DocumentHit,
    DocumentRow,
    Fact,
    Facts,
    FollowUp,
    FollowUpState,
    Json,
    Verdict,
    Version,
    WorkspaceDetail,
    WorkspacePage,
    WorkspaceRow,
)
from tests.twins.archive import Archive
from tests.twins.attributes import infos
from tests.twins.claims import TwinClaims
from tests.twins.ecm_world import ACCOUNT, Paper, Space, Written
from tests.twins.office import Office
from tests.twins.wire import Wire

_ROOT, _PARENT = 2000, 70_000
_COLUMN = "wnf_att_"


class TwinEcm(Archive):
    """One tenant. ``columns`` shows every plain attribute of a type in its listing, as an administrator may set up."""

    def __init__(self, wire: Wire, *, zone: tzinfo, page: int = 500, columns: bool = False) -> None:
        super().__init__(wire.clock.true)
        self.wire, self.zone, self.page, self.columns = wire, zone, page, columns
        self.claims = TwinClaims(wire)
        self.by_date = True
        """Whether listings may be asked by modify date."""
        self.lag = timedelta()
        """How far the search index is behind."""
        self.shown: set[int] = set()
        """Workspaces whose values a read has shown; whoever asks empties it."""
        self.office = Office()

    # WorkspaceReader

    def server_now(self) -> datetime:
        self.wire.read("ecm clock")
        return self.now()

    def account_id(self) -> int:
        self.wire.read("ecm account")
        return ACCOUNT

    def workspace_types(self) -> Mapping[str, int]:
        self.wire.read("ecm types")
        return {name: number for name, (number, _) in self.types.items()}

    def list_workspaces(self, type_id: int, since: datetime | None = None) -> Iterator[WorkspacePage]:
        found = [
            space
            for space in sorted(self.spaces.values(), key=lambda one: (one.name, one.id))
            if self.types[space.type][0] == type_id and not space.hidden and (since is None or space.modified >= since)
        ]
        for first in range(0, max(len(found), 1), self.page):
            self.wire.read("ecm listing")
            yield WorkspacePage(
                rows=tuple(self._row(space, listed=True) for space in found[first : first + self.page]),
                total=len(found),
                columns=self._columns(type_id) if not first else {},
            )

    def lists_by_date(self, type_id: int, newest: datetime) -> bool:
        self.wire.read("ecm dates")
        return self.by_date

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        self.wire.read("ecm workspace")
        space = self._space(workspace_id)
        if space.unreadable:
            raise RecordUnreadable(space.unreadable)
        facts = self.carried(self.types[space.type][1], space.values, space.rows)
        self.shown.add(workspace_id)
        return WorkspaceDetail(
            row=self._row(space, listed=False), facts=facts, sets=self.sets(space), references=space.references
        )

    def related(self, workspace_id: int, type_name: str) -> tuple[int, ...]:
        self.wire.read("ecm related")
        if type_name not in self.types:
            raise ConfigurationError(f"The related workspace type {type_name!r} is not there.")
        there = (self.spaces[one] for one in sorted(self._space(workspace_id).related) if one in self.spaces)
        return tuple(one.id for one in there if one.type == type_name and not one.hidden)

    def attributes(self, node_id: int) -> Mapping[str, AttributeInfo]:
        self.wire.read("ecm attributes")
        paper = self.papers.get(node_id)
        on = paper.categories if paper else self.types[self._space(node_id).type][1]
        return dict(infos((category, self.categories[category]) for category in on))

    def documents(self, workspace_id: int) -> Iterator[DocumentRow]:
        self.wire.read("ecm folder")
        self._space(workspace_id)
        for paper in list(self.papers.values()):
            if paper.parent == workspace_id:
                yield _document_row(paper, paper.folder)

    def document(self, row: DocumentRow, *, classified: bool) -> Document:
        self.wire.read("ecm document")
        paper = self.papers.get(row.id)
        if paper is None:
            raise RecordUnreadable("ECM answers 404: not there")
        number, made, _ = paper.versions[-1]
        return Document(
            row=_document_row(paper, row.folder),
            facts=self.carried(paper.categories, paper.values),
            version=Version(number=number, major=0, minor=number, created_at=made, told=str(number)),
            classifications=tuple(sorted(paper.classifications)) if classified else (),
        )

    def categories_below(self, parent_id: int) -> Iterator[tuple[int, Facts]]:
        self.wire.read("ecm folder")
        for space in list(self.spaces.values()):
            if self._parent(space) == parent_id and not space.hidden and not space.unreadable:
                self.shown.add(space.id)
                yield space.id, self.carried(self.types[space.type][1], space.values)

    def document_rows(self, ids: Sequence[int]) -> Mapping[int, DocumentRow]:
        self.wire.read("ecm documents")
        return {one: _document_row(self.papers[one], "") for one in ids if one in self.papers and self._seen(one)}

    def documents_changed_since(self, day: date) -> Iterator[DocumentHit]:
        self.wire.read("ecm search")
        known = self.now() - self.lag
        for paper in list(self.papers.values()):
            if day <= paper.modified.astimezone(self.zone).date() and paper.modified <= known and self._seen(paper.id):
                yield DocumentHit(id=paper.id, paths=((_ROOT, paper.parent),), modified_at=paper.modified)

    # RecordSink

    def set_values(
        self,
        node_id: int,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write attributes of one category over what we last wrote there, or may have written since."""
        return self.wire.write("ecm values", lambda: self._set_values(node_id, values, (expected, *attempted)))

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        """File a document below a workspace, making its folder."""
        return self.wire.write("ecm file", lambda: self._put_document(parent_id, folder, name, content, mime_type))

    def add_follow_up(self, node_id: int, follow_up: FollowUp) -> Answer:
        there = node_id in self.spaces and not self.spaces[node_id].hidden
        return self.wire.write("ecm reminder", lambda: self._booked(self.office.add(node_id, follow_up, there=there)))

    def complete_follow_up(self, node_id: int, mark: str, task_list: str = "") -> Answer:
        return self.wire.write("ecm completion", lambda: self._booked(self.office.complete(node_id, mark, task_list)))

    def _booked(self, answer: Answer) -> Answer:
        """Take over what our account newly made and completed, whatever becomes of the answer."""
        done, self.office.done = self.office.done, []
        for kind, one in done:
            where = one.made.task_list or one.made.type
            self._book.append(Written(kind=kind, node=one.node, name=one.made.mark, value=None, folder=where))
        return answer

    # RecordReader

    def follow_ups(self, node_id: int, task_list: str = "") -> Sequence[FollowUpState]:
        self.wire.read("ecm reminders")
        self._space(node_id)
        return self.office.of(node_id, task_list)

    def document_content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        """Return the newest content; ``None`` for what is certainly not there."""
        self.wire.read("ecm content")
        self._space(parent_id)
        paper = self._named(parent_id, folder, name)
        return paper.versions[-1][2] if paper else None

    def _set_values(self, node_id: int, values: Mapping[str, Json], ours: Sequence[Mapping[str, Json]]) -> Answer:
        space = self.spaces.get(node_id)
        if space is None or space.hidden:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason="the workspace is not there, or hidden from us")
        categories = self.types[space.type][1]
        there = self.carried(categories, space.values, space.rows)
        wanted = self.weighed(node_id, categories, there, values, ours)
        if isinstance(wanted, Answer):
            return wanted
        if space.held:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason=f"locked_in_ecm: {space.held}")
        self.edit(node_id, wanted, by=ACCOUNT)
        self._book += [
            Written(kind="attribute", node=node_id, name=name, value=value) for name, value in wanted.items()
        ]
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted")

    def _put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        if parent_id not in self.spaces or self.spaces[parent_id].hidden:
            if folder:  # it is looked for first, so that nothing was sent
                return Answer(verdict=Verdict.NOT_PROCESSED, reason="ECM answers 500: could not get a node")
            return Answer(verdict=Verdict.UNKNOWN, reason="status 500: could not get a node")  # as if it were stored
        if paper := self._named(parent_id, folder, name):
            same = hashlib.sha256(paper.versions[-1][2]).digest() == hashlib.sha256(content).digest()
            verdict = Verdict.ACCEPTED if same else Verdict.REFUSED
            return Answer(verdict=verdict, reason="already there" if same else f"another {name!r} is there")
        if held := self.spaces[parent_id].held:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason=f"locked_in_ecm: {held}")
        self.file(parent_id, name, folder=folder, mime=mime_type, content=content)
        told = content.decode("utf-8", "replace")
        self._book.append(Written(kind="document", node=parent_id, name=name, value=told, folder=folder))
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted")

    def _named(self, parent: int, folder: str, name: str) -> Paper | None:
        """Return the document of a name in a folder: names ignore case (api/ecm.md 7)."""
        found = (one for one in self.papers.values() if (one.parent, one.folder) == (parent, folder))
        return next((one for one in found if one.name.casefold() == name.casefold()), None)

    def _space(self, number: int) -> Space:
        space = self.spaces.get(number)
        if space is None or space.hidden:  # missing and forbidden look alike
            raise RecordUnreadable("ECM answers 400: could not access the item")
        return space

    def _seen(self, paper: int) -> bool:
        parent = self.spaces.get(self.papers[paper].parent)
        return parent is not None and not parent.hidden

    def _row(self, space: Space, *, listed: bool) -> WorkspaceRow:
        columns: dict[str, Fact] = {}
        if listed and self.columns:
            number, on = self.types[space.type]
            held = self.carried(on, space.values)
            columns = {column: held[fact] for column, fact in self._shown(number).items()}
        return WorkspaceRow(
            id=space.id,
            type_id=self.types[space.type][0],
            name=space.name,
            created_at=space.created,
            modified_at=space.modified,
            columns=columns,
            parent=self._parent(space),
            modified_by=space.modified_by,
        )

    def _parent(self, space: Space) -> int:
        return _PARENT + self.types[space.type][0]

    def _columns(self, type_id: int) -> dict[str, str]:
        return {column: fact.rpartition(".")[2] for column, fact in self._shown(type_id).items() if self.columns}

    def _shown(self, type_id: int) -> dict[str, str]:
        on = next((categories for number, categories in self.types.values() if number == type_id), ())
        return {f"{_COLUMN}{place:x}": fact for place, fact in enumerate(sorted(self.carried(on, {})), start=16)}


def _document_row(paper: Paper, folder: str) -> DocumentRow:
    row = DocumentRow(
        id=paper.id, name=paper.name, mime_type=paper.mime, created_at=paper.created, modified_at=paper.modified
    )
    return replace(row, folder=folder)
