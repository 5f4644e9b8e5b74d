"""Ask a workspace listing only for what changed since a moment, and find out whether this tenant answers rightly."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from ecmbraze.systems.ecm.listing import PATH
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, listing, mapping, whole

# Further apart than any two time zones: in which one the query reads a date is not documented (api/ecm.md 3.2).
_APART = timedelta(days=2)


def modified_since(since: datetime, zone: tzinfo | None) -> dict[str, str]:
    """Return the query parameter, the time as the server writes its own: local and without a zone."""
    local = since.astimezone(zone) if zone is not None else since
    return {"where_column_query": f"modify_date >= {local:%Y-%m-%dT%H:%M:%S}"}


def lists_by_date(session: Session, type_id: int, newest: datetime, zone: tzinfo | None) -> bool:
    """Return whether the query finds a change that is there, and none in the future.

    A server that does not know the column refuses it; one that ignores the query answers with everything. Raises
    TemporaryError when there is no answer.
    """
    ahead = _count(session, type_id, newest + timedelta(days=3660), zone)
    return ahead == 0 and (_count(session, type_id, newest - _APART, zone) or 0) > 0


def _count(session: Session, type_id: int, since: datetime, zone: tzinfo | None) -> int | None:
    """Return how many rows the server finds; ``None`` when it refuses the query or does not say."""
    params = {"where_workspace_type_id": str(type_id), "expanded_view": "true", "page": "1", "limit": "1"}
    answer = session.get(PATH, params={**params, **modified_since(since, zone)}, about=f"dates of {type_id}")
    try:
        rows = listing(answer.json().get("results"), "result list") if answer.status == 200 else None
        told = mapping(answer.json().get("paging"), "paging").get("total_count") if rows is not None else None
        return None if rows is None else max(len(rows), whole(told or 0, "total_count"))
    except ShapeError:
        return None
