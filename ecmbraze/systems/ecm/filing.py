"""File documents in a folder and read them back, found by listing the folder; searches and replaces nothing."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, DocumentBytes, Json, Verdict
from ecmbraze.systems.ecm.attempts import Attempt, Attempts, Right, not_written
from ecmbraze.systems.ecm.folders import children
from ecmbraze.systems.ecm.learning import only
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange, FileDigest
from ecmbraze.systems.shapes import ShapeError, inner, text, whole

_NODES = "/api/v2/nodes"
_FOLDER, _DOCUMENT = 0, 144  # api/ecm.md 4.5
_LONGEST_NAME = 248  # api/ecm.md 4.4, as the forbidden colon and the blanks around a name
_TRIED_ON = 100  # children of a folder: one page of a list
ADD = Right(flag="perm_create", doing="add anything to")
# A hidden child takes its name too (api/ecm.md 4.2).
HIDDEN_TOO = [("show_hidden", "true")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One direct child of a folder."""

    id: int
    name: str
    is_folder: bool
    is_document: bool
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a document goes: a folder's id, or the answer that says why there is none."""

    id: int = 0
    answer: Answer | None = None


class Filing:
    """The document writes of one client, and what they are held against. Thread-safe."""

    def __init__(self, session: Session, attempts: Attempts) -> None:
        self._session, self._attempts = session, attempts
        self._proven: dict[int, bool] = {}

    def put(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        """File a document; see the port.

        Nothing is looked up first but its folder: names are unique there, so ECM refuses the second of a name.
        """
        if wrong := name_fault(name):
            return Answer(verdict=Verdict.REFUSED, reason=f"no document can be named so: {wrong}")
        try:
            place = self.place(parent_id, folder)
        except EcmbrazeError as error:
            return not_written(error)
        return place.answer or self.upload(parent_id, place.id, name, DocumentBytes.of(content), mime_type)

    def content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        """Return the content of a document; see the port."""
        where = parent_id
        if folder:
            found = named(self.children(parent_id), folder)
            if found is None or not found.is_folder:
                return None
            where = found.id
        document = named(self.children(where), name)
        return self.download(document) if document is not None and document.is_document else None

    def marked(self, parent_id: int, folder: str, marker: str) -> tuple[int, Child | None]:
        """Return the folder and the one document there whose name ends in a marker; (0, ``None``) without the folder.

        Asked for by name first. How ECM compares is not certain, so what that does not show is looked for in the whole
        list, unless ECM was seen to find a document of this folder so. Raises what a listing raises, and
        RecordUnreadable where two documents bear the marker.
        """
        found = named(self.children(parent_id), folder)
        if found is None or not found.is_folder:
            return 0, None
        mine = _ending(self.children(found.id, marker), marker)
        if not mine and not self._finds_by_name(found.id):
            mine = _ending(self.children(found.id), marker)
        if len(mine) > 1:
            raise RecordUnreadable(f"{len(mine)} documents of {folder!r} end in {marker!r}")
        return found.id, mine[0] if mine else None

    def _finds_by_name(self, folder_id: int) -> bool:
        """Say whether ECM finds a document of a folder by how its name ends, tried once on one that is there.

        Else each new document of thousands would cost a list of all of them.
        """
        if folder_id not in self._proven:
            first = map(_child, islice(children(self._session, folder_id, HIDDEN_TOO), _TRIED_ON))
            known = next((one for one in first if one.is_document and "[" in one.name), None)
            if known is None:
                return False
            end = known.name[known.name.rindex("[") :]
            self._proven[folder_id] = known.id in {one.id for one in self.children(folder_id, end)}
        return self._proven[folder_id]

    def place(self, parent_id: int, folder: str) -> Place:
        """Return the folder to file in, made when missing. Raises what a listing raises: then nothing was written."""
        if not folder:
            return Place(id=parent_id)
        if wrong := name_fault(folder):
            raise ConfigurationError(
                f"No folder of ECM can be named {folder!r}: {wrong}.",
                undone="Nothing was written; the row waits.",
                advice="Correct the folder in the configuration, then run `ecmbraze check`.",
            )
        if found := named(self.children(parent_id), folder):
            return _taken(found)
        body: Json = {"type": _FOLDER, "parent_id": int(parent_id), "name": folder}
        attempt = self._attempts.send("POST", _NODES, data={"body": json.dumps(body)})
        if made := created(attempt):
            return Place(id=made)
        # Whatever the answer was: a folder that is there now is the one, whoever made it.
        arrived = attempt.exchange is not None or attempt.answer.verdict is Verdict.UNKNOWN
        if arrived and (found := _alike(self.children(parent_id), folder)):
            return _taken(found)
        why = self._attempts.explained(attempt, ADD, parent_id)
        reason = f"{why.reason}; the folder {folder!r} was not made, so the document was not sent"
        return Place(answer=replace(why, verdict=Verdict.NOT_PROCESSED, reason=reason))

    def upload(self, parent_id: int, where: int, name: str, content: DocumentBytes, mime_type: str) -> Answer:
        body: Json = {"type": _DOCUMENT, "parent_id": int(where), "name": name}
        attempt = self._attempts.upload(_NODES, {"body": json.dumps(body)}, name, content, mime_type)
        if attempt.answer.verdict is Verdict.ACCEPTED:
            return _stored(attempt, content.size)
        # A collision is a 500, or a 400, with a text in the server's language (api/ecm.md 1.5).
        if attempt.refused_with not in (400, 409, 500):
            return self._attempts.explained(attempt, ADD, where, parent_id)
        try:
            found = _alike(self.children(where), name)
            if found is not None:
                return self._collision(found, content)
        except EcmbrazeError as error:  # a 500 leaves it unknown, the others prove that nothing was stored
            return attempt.answer if attempt.answer.verdict is Verdict.UNKNOWN else not_written(error)
        if attempt.refused_with == 409:  # a conflict over nothing that is there: of the moment, not of the document
            return replace(attempt.answer, verdict=Verdict.NOT_PROCESSED)
        return self._attempts.explained(attempt, ADD, where, parent_id)

    def _collision(self, found: Child, content: DocumentBytes) -> Answer:
        """Judge a refusal by what has the name already. Raises what a download raises."""
        if not found.is_document:
            return Answer(verdict=Verdict.REFUSED, reason=f"{found.name!r} is there already, and no document")
        if found.size in (None, content.size) and self._digest(found) == content.sha256:
            return Answer(verdict=Verdict.ACCEPTED, reason="already there, with the same content")
        return Answer(verdict=Verdict.REFUSED, reason=f"a different document named {found.name!r} is there already")

    def children(self, number: int, name: str = "") -> Sequence[Child]:
        """Return the direct children; with a ``name`` those that ECM says have it in theirs (api/ecm.md 4.2)."""
        asked = [*HIDDEN_TOO, ("where_name", name)] if name else HIDDEN_TOO
        return [_child(data) for data in children(self._session, number, asked)]

    def download(self, document: Child) -> bytes:
        """Return the bytes, by v1: v2 is said to have problems (api/ecm.md 7)."""
        answer = self._session.download(_content_of(document.id))
        self.check(answer, f"document {document.id}", document.size, len(answer.body))
        return answer.body

    def _digest(self, document: Child) -> str:
        answer = self._session.digest(_content_of(document.id))
        return self.check(answer, f"document {document.id}", document.size).sha256

    def check(self, answer: Exchange, what: str, size: int | None, came: int | None = None) -> FileDigest:
        """Return what a file was that was downloaded.

        Raises RecordUnreadable when ECM gives none, TemporaryError when it is not as long as ECM says.
        """
        if answer.status != 200:
            said = self._session.http.redactor.excerpt(answer.json().get("error", ""))
            raise RecordUnreadable(f"{what}: ECM answers {answer.status}: {said or 'no reason given'}")
        file = answer.file or FileDigest(sha256="", size=came or 0)
        if size not in (None, file.size):
            raise TemporaryError(
                f"Of {what} came {file.size} bytes, ECM says {size}.",
                undone="Nothing was concluded from it.",
                advice="The next run tries again.",
            )
        return file


def _child(data: Mapping[str, Any]) -> Child:
    try:
        row = inner(data, "properties")
        kind, size = row.get("type"), row.get("size")
        return Child(
            id=whole(row.get("id"), "node id"),
            name=text(row.get("name"), "name"),
            is_document=kind == _DOCUMENT,
            is_folder=kind == _FOLDER,
            size=size if isinstance(size, int) and kind == _DOCUMENT else None,
        )
    except ShapeError as error:
        raise RecordUnreadable(str(error)) from None


def named(rows: Sequence[Child], name: str) -> Child | None:
    return next((row for row in rows if row.name == name), None)


def _ending(rows: Sequence[Child], marker: str) -> list[Child]:
    return [row for row in rows if row.is_document and row.name.endswith(marker)]


def _alike(rows: Sequence[Child], name: str) -> Child | None:
    """Return the child that takes a name: with some databases also one of other case or composition."""
    return named(rows, name) or next((row for row in rows if _folded(row.name) == _folded(name)), None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _taken(found: Child) -> Place:
    """Return a child as the folder to file in, if it is one."""
    if found.is_folder:
        return Place(id=found.id)
    reason = f"{found.name!r} is there already, and no folder"
    return Place(answer=Answer(verdict=Verdict.REFUSED, reason=reason))


def _stored(attempt: Attempt, length: int) -> Answer:
    """Judge an upload that was accepted: without the id of a node, or with other bytes, its outcome is unknown."""
    if not (number := created(attempt)):
        return Answer(verdict=Verdict.UNKNOWN, reason="accepted, but without the id of a document")
    size = _properties(attempt.exchange).get("size")
    if isinstance(size, int) and size != length:
        return Answer(verdict=Verdict.UNKNOWN, reason=f"of {length} bytes {size} were stored as node {number}")
    return replace(attempt.answer, reason=f"stored as node {number}")


def created(attempt: Attempt) -> int:
    """Return the id of what a create made; 0 when it made nothing for certain."""
    try:
        accepted = attempt.answer.verdict is Verdict.ACCEPTED
        return whole(_properties(attempt.exchange).get("id"), "node id") if accepted else 0
    except ShapeError:
        return 0


def _properties(exchange: Exchange | None) -> Mapping[str, Any]:
    """Return the properties of a created node (api/ecm.md, appendix A); empty in any other shape."""
    try:
        return inner(only(exchange), "data", "properties") if exchange is not None else {}
    except ShapeError:
        return {}


def name_fault(name: str) -> str:
    """Return why ECM takes no such name; its own text for that is not known (api/ecm.md 4.4)."""
    if not name.strip() or name != name.strip():
        return "it is empty, or has blanks around it"
    if ":" in name:
        return "it holds a colon"
    return f"it has more than {_LONGEST_NAME} characters" if len(name) > _LONGEST_NAME else ""


def _content_of(number: int) -> str:
    return f"/api/v1/nodes/{number}/content"
