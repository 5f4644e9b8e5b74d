"""Tell of campaigns and Canvases: details and listings, without any trace of an approval (api/braze.md 7.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ecmbraze.sandbox.braze import moments, parts
from ecmbraze.sandbox.braze.answers import Refused, whole
from ecmbraze.sandbox.braze.records import Message
from ecmbraze.sandbox.braze.store import BrazeStore

_PAGE = 100


def details(store: BrazeStore, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/campaigns/details` or `/canvas/details`. Raises Refused: an unknown id is a 400."""
    message = store.messages.get((kind, query.get(f"{kind}_id", "")))
    if message is None:
        raise Refused(400, f"{kind}_id must be a string of the {kind.capitalize()} api identifier")
    shown = message
    if query.get("post_launch_draft_version") == "true" and message.launched_draft is not None:
        shown = message.changed(message.edited, **message.launched_draft)
    first, last = (moments.whole_stamp(at) if at else None for at in (message.first_sent, message.last_sent))
    own: dict[str, Any] = {"first_entry": first, "last_entry": last}
    if kind == "campaign":
        own = {"first_sent": first, "last_sent": last, "conversion_behaviors": []}
    return {
        "message": "success",
        "created_at": moments.whole_stamp(message.created),
        "updated_at": moments.whole_stamp(message.edited),
        "name": shown.name,
        "description": shown.description,
        "archived": message.archived,
        "draft": message.draft,
        "enabled": not (message.paused or message.draft),
        "has_post_launch_draft": message.launched_draft is not None,
        "schedule_type": shown.schedule_type,
        "channels": list(shown.channels),
        "tags": list(shown.tags),
        "teams": list(shown.teams),
        **own,
        **_parts(shown),
    }


def _parts(message: Message) -> dict[str, Any]:
    if message.kind == "campaign":
        return {"messages": parts.served_messages(message.messages)}
    return {
        "variants": [parts.served_variant(variant) for variant in message.variants],
        "steps": [parts.served_step(step) for step in message.steps],
    }


def listing(store: BrazeStore, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/campaigns/list` or `/canvas/list`; a page beyond the end is empty. Raises Refused."""
    start = whole(query, "page", 0) * _PAGE
    archived, after = query.get("include_archived") == "true", _after(query)
    found = [
        message
        for message in store.messages.values()
        if message.kind == kind and (archived or not message.archived) and (not after or message.edited > after)
    ]
    found.sort(key=lambda message: message.created, reverse=query.get("sort_direction") == "desc")
    items = [_item(message) for message in found[start : start + _PAGE]]
    return {("campaigns" if kind == "campaign" else "canvases"): items, "message": "success"}


def _item(message: Message) -> dict[str, Any]:
    own = {"is_api_campaign": message.is_api_campaign} if message.kind == "campaign" else {}
    return {
        "id": message.id,
        "last_edited": moments.whole_stamp(message.edited),
        "name": message.name,
        **own,
        "tags": list(message.tags),
    }


def _after(query: Mapping[str, str]) -> datetime | None:
    text = query.get("last_edit.time[gt]")
    after = moments.parse(text)
    if text and after is None:
        raise Refused(400, "last_edit.time must be a datetime")
    return after
