"""One page of a workspace listing, read into typed rows; asks nothing and follows no link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Fact, WorkspacePage, WorkspaceRow
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.paging import Paging, read_paging
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole

_COLUMN, _TWIN = "wnf_att_", "_formatted"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, and what its paging says."""

    page: WorkspacePage
    ids: frozenset[int]
    """Every workspace on it, also the foreign and the unreadable ones."""
    paging: Paging


def read_page(answer: Mapping[str, Any], type_id: int, zone: tzinfo | None, server: times.ServerNow) -> Page:
    """Return a page of `/v2/businessworkspaces`; raises ShapeError when it has no result list (E06)."""
    paging = read_paging(answer)
    rows: list[WorkspaceRow] = []
    unreadable: list[tuple[int, str]] = []
    foreign: list[int] = []
    for result in listing(answer.get("results"), "result list"):
        properties = inner(result, "data", "properties")
        number = whole(properties.get("id"), "workspace id")
        if whole(properties.get("wnf_wksp_type_id", type_id), "workspace type id") != type_id:
            foreign.append(number)
            continue
        try:
            rows.append(read_row(properties, type_id, zone, server))
        except RecordUnreadable as error:
            unreadable.append((number, error.happened))
    ids = frozenset([*(row.id for row in rows), *(number for number, _ in unreadable), *foreign])
    page = WorkspacePage(
        rows=tuple(rows), total=paging.total, foreign=len(foreign), unreadable=tuple(unreadable),
        columns=_display_names(answer.get("meta_data")),
    )  # fmt: skip
    return Page(page=page, ids=ids, paging=paging)


def read_row(
    properties: Mapping[str, Any], type_id: int, zone: tzinfo | None, server: times.ServerNow | None
) -> WorkspaceRow:
    """Return one workspace's own properties; raises RecordUnreadable for a bad name or an implausible date (E16)."""
    try:
        number, name = whole(properties.get("id"), "workspace id"), text(properties.get("name"), "workspace name")
    except ShapeError as error:
        raise RecordUnreadable(str(error)) from None
    columns = {
        column: _column(value, zone)
        for column, value in properties.items()
        if column.startswith(_COLUMN) and not column.endswith(_TWIN)
    }
    return WorkspaceRow(
        id=number, type_id=type_id, name=name, columns=columns, modified_by=_node(properties.get("modify_user_id")),
        parent=_node(properties.get("parent_id")),
        created_at=times.plausible(properties.get("create_date"), "create date", zone, server),
        modified_at=times.plausible(properties.get("modify_date"), "modify date", zone, server),
    )  # fmt: skip


def _node(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _display_names(meta_data: object) -> dict[str, str]:
    """Return attribute column → display name from the column schema, where the server sends one (api/ecm.md 3.2)."""
    schema = meta_data.get("properties") if isinstance(meta_data, Mapping) else None
    told = schema.items() if isinstance(schema, Mapping) else ()
    return {
        str(column): str(entry["name"])
        for column, entry in told
        if str(column).startswith(_COLUMN) and isinstance(entry, Mapping) and isinstance(entry.get("name"), str)
    }


def _column(value: object, zone: tzinfo | None) -> Fact:
    """Return a column's value as a fact: empty spellings are ``None`` (api/ecm.md 5.2), what looks like a date is one.

    Whether that is what the attribute says is proven elsewhere, by comparing.
    """
    if isinstance(value, list):
        members = tuple(one for one in value if isinstance(one, str | int | float) and one != "")
        return members or None
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return times.fact(value, zone)
        except RecordUnreadable:
            return value
    return value if isinstance(value, str | int | float) and value != "" else None
