"""Which workspaces of a type one workspace is related with, from either end of the relation; reads no details."""

from __future__ import annotations

from ecmbraze.errors import RecordUnreadable
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

_LIMIT = 500  # api/ecm.md 3.6


def related(session: Session, workspace_id: int, type_id: int) -> tuple[int, ...]:
    """Return the ids, each once, in the server's order.

    The type is checked again here, since ECM ignores a filter it does not know. Raises RecordUnreadable when ECM says
    no, or says it in no known shape.
    """
    found: dict[int, None] = {}
    met: set[int] = set()
    page = 1
    while True:
        params = {"where_workspace_type_ids": f"{{{type_id}}}", "page": str(page), "limit": str(_LIMIT)}
        answer = session.get(f"/api/v2/businessworkspaces/{int(workspace_id)}/relateditems", params=params)
        if answer.status != 200:
            said = session.http.redactor.excerpt(answer.json().get("error", ""))
            raise RecordUnreadable(f"related workspaces cannot be read: {said or answer.status}")
        try:
            rows = [inner(row, "data", "properties") for row in listing(answer.json().get("results"), "result list")]
            ids = {whole(row.get("id"), "workspace id"): row.get("wnf_wksp_type_id") for row in rows}
            actions = mapping(answer.json().get("paging"), "paging").get("actions")
        except ShapeError as error:
            raise RecordUnreadable(f"related workspaces cannot be read: {error}") from None
        found |= {number: None for number, kind in ids.items() if kind in (None, type_id)}
        # A page may hold foreign types only, while others follow; past the end rows come again (api/ecm.md 0.2, 6).
        if not (isinstance(actions, dict) and actions.get("next")) or not ids.keys() - met:
            return tuple(found)
        met |= ids.keys()
        page += 1
