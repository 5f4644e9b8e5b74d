"""Which workspaces of a type one workspace is related with, from either end of the relation; reads no details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.systems.ecm import paging
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, whole

_LIMIT = 500  # api/ecm.md 3.6


def related(session: Session, workspace_id: int, type_id: int) -> tuple[int, ...]:
    """Return the ids, each once, in the server's order.

    The type is checked again here, since ECM ignores a filter it does not know. Raises RecordUnreadable when ECM says
    no, or says it in no known shape; TemporaryError when the list ends early.
    """

    def one(page: int) -> Mapping[str, Any]:
        params = [("where_workspace_type_ids", f"{{{type_id}}}"), ("page", str(page)), ("limit", str(_LIMIT))]
        return ask(session, f"/api/v2/businessworkspaces/{int(workspace_id)}/relateditems", params).json()

    found: dict[int, None] = {}
    try:
        for rows in paging.walk(one, _number, _LIMIT, f"The list of what workspace {workspace_id} is related with"):
            for row in rows:
                if inner(row, "data", "properties").get("wnf_wksp_type_id") in (None, type_id):
                    found[_number(row)] = None
    except ShapeError as error:
        raise RecordUnreadable(f"related workspaces cannot be read: {error}") from None
    except RecordUnreadable as error:
        raise RecordUnreadable(f"related workspaces cannot be read: {error.happened}") from None
    return tuple(found)


def _number(row: Mapping[str, Any]) -> int:
    return whole(inner(row, "data", "properties").get("id"), "workspace id")
