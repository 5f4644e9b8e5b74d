"""Read one document whole, or many rows in bulk; finds none and walks no folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import Document, DocumentRow, Version
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.categories import flatten
from ecmbraze.systems.ecm.folders import document_row
from ecmbraze.systems.ecm.learning import Learning, ask, only
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole

_FIELDS = ("properties", "categories", "versions.element(0)")  # the newest version (api/ecm.md 4.1)
_BULK = "/api/v2/nodes/list"


class Documents:
    """The document reads of one client. Thread-safe."""

    def __init__(self, session: Session, zone: tzinfo | None, learning: Learning) -> None:
        self._session, self._zone, self._learning = session, zone, learning

    def whole(self, row: DocumentRow, *, classified: bool) -> Document:
        """Return the document of a row, with its row as it is now; raises RecordUnreadable."""
        try:
            data, values = self._read(row.id)
            now = document_row(inner(data, "properties"), self._zone, row.folder)
            version = self._version(row.id, data.get("versions"))
        except ShapeError as error:
            raise RecordUnreadable(f"document {row.id}: {error}") from None
        names = self._classifications(row.id) if classified else ()
        return Document(row=now, version=version, facts=self._learning.facts(values)[0], classifications=names)

    def rows(self, ids: Sequence[int]) -> Mapping[int, DocumentRow]:
        """Return id → row of the documents this account sees; raises TemporaryError when the request fails.

        Rows come in no promised order and invisible ids are dropped silently (api/ecm.md 4.3).
        """
        form = [("ids", str(number)) for number in ids]
        answer = self._session.read("POST", _BULK, data=form, json_errors_final=False)
        try:
            if answer.status != 200:
                raise ShapeError(f"status {answer.status}")
            found = [inner(row, "data", "properties") for row in listing(answer.json().get("results"), "result list")]
            rows = [document_row(properties, self._zone) for properties in found]
        except (ShapeError, RecordUnreadable) as error:
            raise TemporaryError(
                f"ECM does not tell the rows of {len(ids)} documents: {error}.",
                undone="None of them was looked at.",
                advice="The next run tries again.",
            ) from None
        return {row.id: row for row in rows if row.id in ids}

    def _read(self, number: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Return the node and its category values, all of whose keys have a definition if ECM gives one."""
        params = [("fields", name) for name in _FIELDS]
        answer = ask(self._session, f"/api/v2/nodes/{int(number)}", [*params, ("metadata", "")])
        data = inner(only(answer), "data")
        values = flatten(data.get("categories") or {})
        self._learning.take(answer)
        if not self._learning.knows(values):
            self._learning.ask_node(number)
        return data, values

    def _version(self, number: int, told: object) -> Version:
        """Return the newest version, from the node's own answer or else from the list of versions."""
        versions = _versions(told)
        if not versions:
            params = [("page", "1"), ("limit", "1"), ("order", "desc")]
            answer = ask(self._session, f"/api/v2/nodes/{int(number)}/versions", params)
            versions = _listed_versions(answer)
        if not versions:
            raise ShapeError("no version is told")
        newest = max(versions, key=lambda version: whole(version.get("version_number"), "version number"))
        told = newest.get("version_number_name") or newest["version_number"]
        return Version(
            number=whole(newest["version_number"], "version number"),
            told=text(str(told), "version name"),
            major=whole(newest.get("version_number_major") or 0, "major version"),
            minor=whole(newest.get("version_number_minor") or 0, "minor version"),
            created_at=times.plausible(newest.get("create_date"), "create date of the version", self._zone, None),
        )

    def _classifications(self, number: int) -> tuple[str, ...]:
        """Return the names of its classifications, sorted (api/ecm.md 10)."""
        answer = ask(self._session, f"/api/v1/nodes/{int(number)}/classifications", [])
        entries = answer.json().get("data")
        if not isinstance(entries, list):
            raise RecordUnreadable(f"document {number}: the answer has no classifications")
        names = (entry.get("name") for entry in entries if isinstance(entry, Mapping))
        return tuple(sorted({name for name in names if isinstance(name, str)}))


def _listed_versions(answer: Exchange) -> list[Mapping[str, Any]]:
    """Return the versions of either shape (api/ecm.md 7): a list of results, or one result with a list."""
    results = answer.json().get("results")
    entries = results if isinstance(results, list) else [results]
    return [version for entry in entries for version in _versions(inner(entry, "data").get("versions"))]


def _versions(told: object) -> list[Mapping[str, Any]]:
    found = told if isinstance(told, list) else [told]
    return [version for version in found if isinstance(version, Mapping) and version]
