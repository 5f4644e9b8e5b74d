"""Walk the folders of a workspace to its documents, each level by itself: ECM lists children only; reads no details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import DocumentRow
from ecmbraze.systems.ecm import paging, times
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, text, whole

_LIMIT = 100  # what clients use safely; the cap is not documented (api/ecm.md 4.2)
# api/ecm.md 4.5: documents and e-mails; a workspace inside a workspace is one of its own.
WORKSPACE = 848
_DOCUMENTS, _WORKSPACES = (144, 749), (WORKSPACE, 854)
# A path this deep is a cycle or no filing anybody reads.
_DEPTH = 32


def walk(session: Session, workspace_id: int, zone: tzinfo | None) -> Iterator[DocumentRow]:
    """Yield every document below, once; raises RecordUnreadable when a folder cannot be listed."""
    folders: list[tuple[int, tuple[str, ...]]] = [(workspace_id, ())]
    met: set[int] = {workspace_id}
    while folders:
        number, path = folders.pop()
        for data in children(session, number):
            try:
                row = inner(data, "properties")
                child, kind, name = whole(row.get("id"), "node id"), row.get("type"), text(row.get("name"), "name")
            except ShapeError as error:
                raise RecordUnreadable(f"folder {number}: {error}") from None
            if child in met:
                continue  # rows move between pages (E10)
            met.add(child)
            if kind in _DOCUMENTS:
                yield document_row(row, zone, "/".join(path))
            elif row.get("container") and kind not in _WORKSPACES:
                if len(path) >= _DEPTH:
                    raise RecordUnreadable(f"folders deeper than {_DEPTH}: {'/'.join(path[:3])}/…")
                folders.append((child, (*path, name)))


def document_row(row: Mapping[str, Any], zone: tzinfo | None, folder: str = "") -> DocumentRow:
    """Return a node's properties as a document row; raises RecordUnreadable for an implausible one."""
    try:
        return DocumentRow(
            id=whole(row.get("id"), "document id"),
            name=text(row.get("name"), "document name"),
            folder=folder,
            mime_type=str(row.get("mime_type") or ""),
            created_at=times.plausible(row.get("create_date"), "create date", zone, None),
            modified_at=times.plausible(row.get("modify_date"), "modify date", zone, None),
        )
    except ShapeError as error:
        raise RecordUnreadable(str(error)) from None


def children(session: Session, number: int, asked: Sequence[tuple[str, str]] = ()) -> Iterator[Mapping[str, Any]]:
    """Yield the data of the direct children, page by page.

    Raises RecordUnreadable when the container cannot be listed, TemporaryError when its list ends early.
    """

    def one(page: int) -> Mapping[str, Any]:
        params = [("page", str(page)), ("limit", str(_LIMIT)), ("sort", "asc_name"), ("fields", "properties"), *asked]
        return ask(session, f"/api/v2/nodes/{int(number)}/nodes", params).json()

    try:
        for rows in paging.walk(one, _node_id, _LIMIT, f"The list of folder {number}"):
            yield from (inner(row, "data") for row in rows)
    except ShapeError as error:
        raise RecordUnreadable(f"folder {number}: {error}") from None


def _node_id(row: Mapping[str, Any]) -> int:
    return whole(inner(row, "data", "properties").get("id"), "node id")
