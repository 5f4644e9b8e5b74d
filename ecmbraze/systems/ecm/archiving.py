"""Keep one document per asset in a folder: made once, versions in order, its name, its attributes; deletes nothing.

The document is found by how its name ends, among the children of its folder; never by search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ecmbraze.errors import EcmbrazeError, RecordUnreadable
from ecmbraze.model import Answer, DocumentBytes, Json, Verdict
from ecmbraze.systems.ecm import paging
from ecmbraze.systems.ecm.attempts import Attempts, Right, not_written
from ecmbraze.systems.ecm.filing import Child, Filing, Place, name_fault
from ecmbraze.systems.ecm.learning import Learning, ask
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.writing import EDIT, CategoryWrites
from ecmbraze.systems.shapes import ShapeError, inner, listing, whole

ADD_VERSION = Right(flag="perm_add_major_version", doing="add a version to")
RENAME = Right(flag="perm_modify", doing="rename")
_VERSIONS = 100  # versions per page; the cap is not documented (api/ecm.md 7)
_DESCRIPTION = "sha256 {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    number: int
    size: int | None


class Archiving:
    """The archive writes of one client. Thread-safe."""

    def __init__(
        self, session: Session, attempts: Attempts, filing: Filing, categories: CategoryWrites, learning: Learning
    ) -> None:
        self._session, self._attempts, self._filing = session, attempts, filing
        self._categories, self._learning = categories, learning

    def put(
        self, parent_id: int, folder: str, marker: str, name: str, content: DocumentBytes, mime_type: str
    ) -> Answer:
        """Make the document hold a content; see the port.

        What is there is looked at first: a new name would not collide with the document of the old one.
        """
        if wrong := name_fault(name):
            return Answer(verdict=Verdict.REFUSED, reason=f"no document can be named so: {wrong}")
        try:
            where, there = self._filing.marked(parent_id, folder, marker)
            if there is None:
                place = Place(id=where) if where else self._filing.place(parent_id, folder)
                return place.answer or self._filing.upload(parent_id, place.id, name, content, mime_type)
            newest = next(self._versions(there.id), None)
            if newest and newest.size in (None, content.size) and self._digest(there.id, newest) == content.sha256:
                return Answer(verdict=Verdict.ACCEPTED, reason=f"already the newest version of node {there.id}")
        except EcmbrazeError as error:
            return not_written(error)
        return self._add(there, content, mime_type)

    def digests(self, parent_id: int, folder: str, marker: str) -> Iterator[str]:
        """Yield the sha256 of each version, newest first, read back; nothing where there is no document."""
        _, there = self._filing.marked(parent_id, folder, marker)
        if there is not None:
            yield from (self._digest(there.id, one) for one in self._versions(there.id))

    def rename(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Give the document its name; see the port."""
        if wrong := name_fault(name):
            return Answer(verdict=Verdict.REFUSED, reason=f"no document can be named so: {wrong}")
        try:
            there = self._found(parent_id, folder, marker)
        except EcmbrazeError as error:
            return not_written(error)
        if there is None:
            return _absent(folder, marker)
        if there.name == name:
            return Answer(verdict=Verdict.ACCEPTED, reason="already named so")
        body = {"body": json.dumps({"name": name})}
        attempt = self._attempts.send("PUT", f"/api/v2/nodes/{there.id}", data=body)
        return self._attempts.explained(attempt, RENAME, there.id)

    def describe(
        self,
        parent_id: int,
        folder: str,
        marker: str,
        values: Mapping[str, Json],
        ours: Sequence[Mapping[str, Json]],
    ) -> Answer:
        """Write the attributes of one category on the document; see the port."""
        try:
            there = self._found(parent_id, folder, marker)
            if there is None:
                return _absent(folder, marker)
            if refused := self._applied(parent_id, there.id, values):
                return refused
        except EcmbrazeError as error:
            return not_written(error)
        return self._categories.set_values(there.id, values, ours, remade=True)

    def _found(self, parent_id: int, folder: str, marker: str) -> Child | None:
        return self._filing.marked(parent_id, folder, marker)[1]

    def _applied(self, workspace_id: int, node_id: int, values: Mapping[str, Json]) -> Answer | None:
        """Put the category of the workspace on the document where it lacks it (api/ecm.md 5.3)."""
        names = {name.partition(".")[0] for name in values}
        if names <= set(self._learning.ask_node(node_id).values()):
            return None
        of_workspace = self._learning.ask_node(workspace_id)
        for number in (number for number, name in of_workspace.items() if name in names):
            path = f"/api/v2/nodes/{node_id}/categories"
            attempt = self._attempts.send("POST", path, data={"category_id": str(number)})
            if attempt.answer.verdict is not Verdict.ACCEPTED:
                return self._attempts.explained(attempt, EDIT, node_id)
        return None

    def _add(self, there: Child, content: DocumentBytes, mime_type: str) -> Answer:
        path, told = f"/api/v2/nodes/{there.id}/versions", {"description": _DESCRIPTION.format(content.sha256)}
        attempt = self._attempts.upload(path, told, there.name, content, mime_type)
        if attempt.answer.verdict is not Verdict.ACCEPTED:
            return self._attempts.explained(attempt, ADD_VERSION, there.id)
        size = _size_of(attempt.exchange.json() if attempt.exchange else {})
        if size not in (None, content.size):
            reason = f"of {content.size} bytes {size} were stored as a version of node {there.id}"
            return Answer(verdict=Verdict.UNKNOWN, reason=reason)
        return replace(attempt.answer, reason=f"a version of node {there.id}")

    def _versions(self, node_id: int) -> Iterator[_Version]:
        """Yield the versions, newest first, whether the list heeds the order that is asked for or not."""
        try:
            pages = (list(map(_version, rows)) for rows in self._version_pages(node_id))
            found = next(pages, [])
            if found and found[0].number < found[-1].number:
                found += [one for page in pages for one in page]
            last = None
            for page in chain([found], pages):
                for one in sorted(page, key=lambda one: -one.number):
                    if last is None or one.number < last:  # one that is made meanwhile moves the others
                        last = one.number
                        yield one
        except ShapeError as error:
            raise RecordUnreadable(f"versions of document {node_id}: {error}") from None

    def _version_pages(self, node_id: int) -> Iterator[list[Mapping[str, Any]]]:
        def one(page: int) -> Mapping[str, Any]:
            params = [("page", str(page)), ("limit", str(_VERSIONS)), ("order", "desc")]
            body = ask(self._session, f"/api/v2/nodes/{node_id}/versions", params).json()
            return {**body, "results": _rows(body)}

        return paging.walk(one, _number, _VERSIONS, f"The list of versions of document {node_id}")

    def _digest(self, node_id: int, version: _Version) -> str:
        answer = self._session.digest(f"/api/v1/nodes/{node_id}/versions/{version.number}/content")
        return self._filing.check(answer, f"version {version.number} of document {node_id}", version.size).sha256


def _rows(body: Mapping[str, Any]) -> list[Any]:
    """Return the versions from either shape of their list (api/ecm.md 7)."""
    results = body.get("results")
    if isinstance(results, list):
        return [inner(row, "data", "versions") for row in results]
    return listing(inner(results, "data").get("versions"), "versions")


def _number(row: Mapping[str, Any]) -> int:
    return whole(row.get("version_number"), "version number")


def _version(row: Mapping[str, Any]) -> _Version:
    size = row.get("file_size")
    return _Version(number=_number(row), size=size if isinstance(size, int) else None)


def _size_of(body: Mapping[str, Any]) -> int | None:
    try:
        size = inner(body, "results", "data", "versions").get("file_size")
    except ShapeError:
        return None
    return size if isinstance(size, int) else None


def _absent(folder: str, marker: str) -> Answer:
    reason = f"no document of {folder!r} ends in {marker!r}: it was moved or deleted in Extended ECM"
    return Answer(verdict=Verdict.REFUSED, reason=reason)
