"""Segments as the dashboard built them: listing and details; who is in one stands in its record (api/braze.md 7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import moments
from ecmbraze.sandbox.braze.answers import Refused, whole
from ecmbraze.sandbox.braze.records import Segment, User
from ecmbraze.sandbox.braze.store import BrazeStore

_PAGE = 100


def listing(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/segments/list`: the archived are left out, a page beyond the end is empty. Raises Refused."""
    start = whole(query, "page", 0) * _PAGE
    found = [segment for segment in store.segments.values() if not segment.archived]
    found.sort(key=lambda segment: segment.created, reverse=query.get("sort_direction") == "desc")
    rows = [
        {"id": s.id, "name": s.name, "analytics_tracking_enabled": s.tracked, "tags": list(s.tags)}
        for s in found[start : start + _PAGE]
    ]
    return {"segments": rows, "message": "success"}


def details(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/segments/details`. Raises Refused: an unknown id is a 400."""
    segment = known(store, query.get("segment_id"))
    return {
        "message": "success",
        "created_at": moments.whole_stamp(segment.created),
        "updated_at": moments.whole_stamp(segment.edited),
        "name": segment.name,
        "description": segment.description,
        "text_description": segment.text_description,
        "tags": list(segment.tags),
        "teams": [],
    }


def known(store: BrazeStore, segment_id: object) -> Segment:
    """Return a segment. Raises Refused with 400."""
    segment = store.segments.get(segment_id) if isinstance(segment_id, str) else None
    if segment is None:
        raise Refused(400, "segment_id must be a string of the Segment api identifier")
    return segment


def members(store: BrazeStore, segment: Segment) -> list[User]:
    """Return who is in a segment now, in no order anybody knows."""
    if segment.members is None:
        found = list(store.users)
    else:
        found = [store.by_external[key] for key in segment.members if key in store.by_external]
    return sorted(found, key=lambda user: user.braze_id)
