"""One page of a workspace listing, read into typed rows; follows no link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import Fact, WorkspacePage, WorkspaceRow
from ecmbraze.systems.ecm import times

_COLUMN = "wnf_att_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page with what its paging says: ``last`` page number as promised, and whether more follows."""

    page: WorkspacePage
    more: bool
    pages: int


def read_page(answer: Mapping[str, Any], type_id: int, zone: tzinfo | None, now: datetime) -> Page:
    """Return a page of `/v2/businessworkspaces`; raises TemporaryError when it has no result list (E06)."""
    results, paging = answer.get("results"), answer.get("paging")
    if not isinstance(results, list) or not isinstance(paging, Mapping):
        raise TemporaryError(
            "ECM answered a workspace listing without a result list.", undone="The scan is incomplete; nothing was sent.",
            advice="The next run tries again.",
        )  # fmt: skip
    rows: list[WorkspaceRow] = []
    unreadable: list[tuple[int, str]] = []
    foreign = 0
    for result in results:
        properties = _properties(result)
        if properties.get("wnf_wksp_type_id", type_id) != type_id:
            foreign += 1
            continue
        try:
            rows.append(read_row(properties, type_id, zone, now))
        except RecordUnreadable as error:
            unreadable.append((_id(properties), error.happened))
    page = WorkspacePage(
        rows=tuple(rows), total=_int(paging.get("total_count")), foreign=foreign, unreadable=tuple(unreadable)
    )  # fmt: skip
    return Page(page=page, more=_more(paging), pages=_int(paging.get("page_total")) or 0)


def read_row(properties: Mapping[str, Any], type_id: int, zone: tzinfo | None, now: datetime) -> WorkspaceRow:
    """Return one workspace's own properties; raises RecordUnreadable for an implausible date (E16)."""
    columns: dict[str, Fact] = {
        name: value
        for name, value in properties.items()
        if name.startswith(_COLUMN)
        and not name.endswith("_formatted")
        and isinstance(value, str | int | float | bool | None)
    }
    return WorkspaceRow(
        id=_id(properties), type_id=type_id, name=str(properties.get("name", "")),
        created_at=times.plausible(properties.get("create_date"), zone, now),
        modified_at=times.plausible(properties.get("modify_date"), zone, now), columns=columns,
    )  # fmt: skip


def _more(paging: Mapping[str, Any]) -> bool:
    """Say whether the server offers another page: its `next` link is the authority (api/ecm.md 3.2)."""
    actions = paging.get("actions")
    if isinstance(actions, Mapping):
        following = actions.get("next")
        return isinstance(following, Mapping) and bool(following.get("href"))
    return (_int(paging.get("page")) or 0) < (_int(paging.get("page_total")) or 0)


def _properties(result: object) -> Mapping[str, Any]:
    data = result.get("data") if isinstance(result, Mapping) else None
    properties = data.get("properties") if isinstance(data, Mapping) else None
    if not isinstance(properties, Mapping):
        raise TemporaryError(
            "ECM answered a workspace listing with a row that has no properties.",
            undone="The scan is incomplete; nothing was sent.", advice="The next run tries again.",
        )  # fmt: skip
    return properties


def _id(properties: Mapping[str, Any]) -> int:
    number = _int(properties.get("id"))
    if number is None:
        raise TemporaryError("ECM answered with a workspace without an id.", undone="The scan is incomplete.")
    return number


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
