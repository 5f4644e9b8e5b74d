"""What `check --probe` asks and writes beside what runs do: small nodes made, moved, deleted; decides on none of it.

A create that was not answered may have made something: whoever asked for it looks for the name (api/ecm.md 4.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, tzinfo
from itertools import islice

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, DocumentBytes, DocumentHit, DocumentRow, Json, Verdict, WorkspacePage, WorkspaceRow
from ecmbraze.systems.ecm.archiving import ADD_VERSION
from ecmbraze.systems.ecm.attempts import Attempt, Attempts, Right
from ecmbraze.systems.ecm.filing import ADD, Child, Filing, created
from ecmbraze.systems.ecm.folders import document_row
from ecmbraze.systems.ecm.forms import Field, Sort
from ecmbraze.systems.ecm.learning import Learning, ask, only
from ecmbraze.systems.ecm.listing import PATH, read_page
from ecmbraze.systems.ecm.search import search
from ecmbraze.systems.ecm.serverclock import ServerClock
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.writing import CategoryWrites
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole

_NODES = "/api/v2/nodes"
_FOLDER, _DOCUMENT = 0, 144  # api/ecm.md 4.5
_MOVE = Right(flag="perm_modify", doing="move")
_DELETE = Right(flag="perm_delete", doing="delete")
_TWIN = "_multilingual"  # api/ecm.md 5.1
_GONE = (400, 404)  # of a node that is missing or forbidden (api/ecm.md 1.5)
_NEWEST = 500  # hits, at some 100 a request
_EMPTY: tuple[object, ...] = (None, "", [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An attribute that may hold ``value`` for a while and then exactly what it held before."""

    name: str
    """``Category.Attribute``"""
    former: Json
    value: Json

    @property
    def was_empty(self) -> bool:
        return self.former in _EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A workspace of a name, of whatever type."""

    id: int
    name: str
    type_id: int


class Probing:
    """The probing requests of one client. Thread-safe."""

    def __init__(
        self,
        session: Session,
        attempts: Attempts,
        filing: Filing,
        categories: CategoryWrites,
        learning: Learning,
        clock: ServerClock,
        zone: tzinfo | None,
    ) -> None:
        self._session, self._attempts, self._filing = session, attempts, filing
        self._categories, self._learning, self._clock, self._zone = categories, learning, clock, zone

    @property
    def header_skew(self) -> float:
        """Seconds by which our clock is ahead of the `Date` header, which knows no zone; 0 where there is none."""
        return self._session.http.skew or 0.0

    def named(self, asked: str) -> list[Named]:
        """Return the first workspaces that ECM finds by a name; one that ignores the filter finds any."""
        params = [("expanded_view", "true"), ("where_name", asked), ("page", "1"), ("limit", "500")]
        answer = self._session.good(PATH, "the workspaces of a name", params=params)
        try:
            rows = [inner(row, "data", "properties") for row in listing(answer.json().get("results"), "result list")]
            return [
                Named(
                    id=whole(row.get("id"), "node id"),
                    name=text(row.get("name"), "name"),
                    type_id=whole(row.get("wnf_wksp_type_id") or 0, "workspace type id"),
                )
                for row in rows
            ]
        except ShapeError as error:
            raise RecordUnreadable(f"the workspaces named {asked!r}: {error}") from None

    def listed(self, row: WorkspaceRow, type_id: int) -> tuple[WorkspacePage, WorkspaceRow | None]:
        """Return the page on which the listing shows a workspace, asked for by its name, and its row there."""
        params = [("where_workspace_type_id", str(type_id)), ("where_name", row.name), ("expanded_view", "true")]
        params += [("metadata", ""), ("page", "1"), ("limit", "500")]
        answer = self._session.good(PATH, "the listing of one workspace", params=params)
        try:
            page = read_page(answer.json(), type_id, self._zone, self._clock.known()).page
        except ShapeError as error:
            raise RecordUnreadable(f"the listing of workspace {row.id}: {error}") from None
        return page, next((one for one in page.rows if one.id == row.id), None)

    def trials(self, node_id: int, marks: Sequence[str]) -> Iterator[Trial]:
        """Yield the attributes of a node that can be written and put back; a text gets the first of ``marks`` to fit.

        Left out are those that would not come back as they were: in several languages, required and empty, popups,
        dates, sets.
        """
        twins = self._in_several_languages(node_id)
        for number, category in self._learning.ask_node(node_id).items():
            with _readable(node_id):
                form = self._categories.form(node_id, number)
            if form is None:
                continue
            for name, field in form.fields.items():
                if name in form.twice or field.read_only or field.offered or field.key in twins:
                    continue
                former = form.values.get(field.key)
                value = _other(field, former, marks)
                if value is not None:
                    yield Trial(name=f"{category}.{name}", former=former, value=value)

    def make_folder(self, parent_id: int, name: str) -> tuple[int, Answer]:
        """Make a folder; return its id, 0 where it is not certain that there is one."""
        body: Json = {"type": _FOLDER, "parent_id": int(parent_id), "name": name}
        return self._made(self._attempts.send("POST", _NODES, data={"body": json.dumps(body)}), parent_id)

    def make_document(self, parent_id: int, name: str, content: bytes) -> tuple[int, Answer]:
        """Make a document of plain text; return its id, 0 where it is not certain that there is one."""
        body: Json = {"type": _DOCUMENT, "parent_id": int(parent_id), "name": name}
        fields = {"body": json.dumps(body)}
        attempt = self._attempts.upload(_NODES, fields, name, DocumentBytes.of(content), "text/plain")
        return self._made(attempt, parent_id)

    def add_version(self, node_id: int, name: str, content: bytes) -> Answer:
        """Add a version to a document."""
        path = f"{_NODES}/{int(node_id)}/versions"
        attempt = self._attempts.upload(path, {"description": name}, name, DocumentBytes.of(content), "text/plain")
        return self._attempts.explained(attempt, ADD_VERSION, node_id)

    def move(self, node_id: int, parent_id: int) -> Answer:
        """Put a node below another parent (api/ecm.md 4.4)."""
        body = {"body": json.dumps({"parent_id": int(parent_id)})}
        return self._attempts.explained(
            self._attempts.send("PUT", f"{_NODES}/{int(node_id)}", data=body), _MOVE, node_id
        )

    def delete(self, node_id: int) -> Answer:
        """Move a node, and all below it, to the recycle bin (api/ecm.md 4.4)."""
        return self._attempts.explained(self._attempts.send("DELETE", f"{_NODES}/{int(node_id)}"), _DELETE, node_id)

    def below(self, node_id: int, name: str = "") -> Sequence[Child]:
        """Return the direct children, hidden ones too; with a ``name`` those that have it in theirs."""
        return self._filing.children(node_id, name)

    def is_there(self, node_id: int) -> bool:
        """Say whether a node is there and may be seen. Raises TemporaryError where ECM says neither."""
        answer = self._session.get(f"{_NODES}/{int(node_id)}", params=[("fields", "properties")])
        if answer.status not in (200, *_GONE):
            raise TemporaryError(f"ECM does not tell whether node {node_id} is there: status {answer.status}.")
        return answer.status == 200

    def document(self, node_id: int) -> DocumentRow:
        """Return the row of a document as the node itself tells it."""
        found = ask(self._session, f"{_NODES}/{int(node_id)}", [("fields", "properties")])
        with _readable(node_id):
            return document_row(inner(only(found), "data", "properties"), self._zone)

    def indexed(self, node_id: int, workspace_id: int, day: date) -> bool:
        """Say whether the search that runs make finds a document, and that it lies below its workspace."""
        return _shows(search(self._session, day, self._zone, within=workspace_id), node_id, workspace_id)

    def among_newest(self, node_id: int, workspace_id: int, day: date) -> bool:
        """Say the same of the newest hits anywhere, without asking for what lies below the workspace."""
        return _shows(islice(search(self._session, day, self._zone), _NEWEST), node_id, workspace_id)

    def may_delete(self, node_id: int) -> bool:
        """Say whether the account may delete a node, as far as ECM tells."""
        with _readable(node_id):
            return not self._attempts.lacks(_DELETE, node_id)

    def _made(self, attempt: Attempt, parent_id: int) -> tuple[int, Answer]:
        number = created(attempt)
        if number or attempt.answer.verdict is not Verdict.ACCEPTED:
            return number, attempt.answer if number else self._attempts.explained(attempt, ADD, parent_id)
        return 0, Answer(verdict=Verdict.UNKNOWN, reason="accepted, but without the id of a node")

    def _in_several_languages(self, node_id: int) -> frozenset[str]:
        """Return the keys whose languages must all be sent together (api/ecm.md 5.2)."""
        answer = ask(self._session, f"{_NODES}/{int(node_id)}/categories", [("metadata", "")])
        return frozenset(_twins(answer.json()))


@contextmanager
def _readable(node_id: int) -> Iterator[None]:
    """Raise RecordUnreadable for an answer of another shape."""
    try:
        yield
    except ShapeError as error:
        raise RecordUnreadable(f"node {node_id}: {error}") from None


def _shows(hits: Iterable[DocumentHit], node_id: int, workspace_id: int) -> bool:
    return any(hit.id == node_id and any(workspace_id in path for path in hit.paths) for hit in hits)


def _twins(found: object) -> Iterator[str]:
    """Yield the keys that have a twin with languages, or whose definition says so, wherever this version puts them."""
    if isinstance(found, list):
        for one in found:
            yield from _twins(one)
    elif isinstance(found, Mapping):
        for key, value in found.items():
            if str(key).endswith(_TWIN):
                yield str(key).removesuffix(_TWIN)
            if isinstance(value, Mapping) and value.get("multilingual") is True:
                yield str(key)
            yield from _twins(value)


def _other(field: Field, former: object, marks: Sequence[str]) -> Json:
    """Return another value for an attribute; ``None`` where the former one could not be put back exactly."""
    if former in _EMPTY and field.required:
        return None
    match field.sort:
        case Sort.TEXT:
            exact = former in _EMPTY or (isinstance(former, str) and former == field.plain(former, None))
            return next((mark for mark in marks if len(mark) <= (field.longest or len(mark))), None) if exact else None
        case Sort.NUMBER:
            whole_number = isinstance(former, int) and not isinstance(former, bool)
            return former + 1 if isinstance(former, int) and whole_number else 1 if former in _EMPTY else None
        case Sort.CHECKBOX:
            return not former if isinstance(former, bool) and not field.required else None
        case Sort.DAY | Sort.INSTANT | Sort.SEVERAL | Sort.ROWS:
            return None
