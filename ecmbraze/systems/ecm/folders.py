"""Walk the folders of a workspace to its documents, each level by itself: ECM lists children only; reads no details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import DocumentRow
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, text, whole

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
            row = inner(data, "properties")
            child, kind, name = whole(row.get("id"), "node id"), row.get("type"), text(row.get("name"), "name")
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
            id=whole(row.get("id"), "document id"), name=text(row.get("name"), "document name"), folder=folder,
            mime_type=str(row.get("mime_type") or ""),
            created_at=times.plausible(row.get("create_date"), "create date", zone, None),
            modified_at=times.plausible(row.get("modify_date"), "modify date", zone, None),
        )  # fmt: skip
    except ShapeError as error:
        raise RecordUnreadable(str(error)) from None


def children(session: Session, number: int, asked: Sequence[tuple[str, str]] = ()) -> Iterator[Mapping[str, Any]]:
    """Yield the data of the direct children, page by page until the server offers no next one or repeats itself.

    Raises RecordUnreadable when the container cannot be listed.
    """
    page, met = 1, set[int]()
    while True:
        params = [("page", str(page)), ("limit", str(_LIMIT)), ("sort", "asc_name"), ("fields", "properties"), *asked]
        answer = ask(session, f"/api/v2/nodes/{int(number)}/nodes", params)
        try:
            rows = [inner(row, "data") for row in listing(answer.json().get("results"), "result list")]
            new = {whole(inner(row, "properties").get("id"), "node id") for row in rows} - met
            yield from rows
            paging = inner(answer.json(), "collection", "paging")
            links = paging.get("links")
            told_more = _below_total(paging, page)
            more = bool(mapping(links, "links").get("next")) if links is not None else told_more
        except ShapeError as error:
            raise RecordUnreadable(f"folder {number}: {error}") from None
        met |= new
        # A page may be empty since the account sees none of its rows, while others follow (api/ecm.md 4.2).
        if not more or (not new and (rows or not told_more)):
            return
        page += 1


def _below_total(paging: Mapping[str, Any], page: int) -> bool:
    return page < whole(paging.get("page_total") or 0, "page_total")
