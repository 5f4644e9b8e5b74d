"""Read states and lists of addresses: subscription groups, unsubscribes, hard bounces; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.answers import Refused, whole
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 50
_MOST_ROWS = 500


def group_status(store: BrazeStore, group: str, asked: Mapping[str, list[str]]) -> dict[str, Any]:
    """Answer `/subscription/status/get`, which knows nothing of the global state. Raises Refused."""
    if group not in store.groups:
        raise Refused(400, "Invalid subscription group ID")
    if not asked["external_id"] and asked["email"] and asked["phone"]:
        raise Refused(400, "Either an email address or a phone number should be provided, but not both.")
    kind = next((name for name in ("external_id", "email", "phone") if asked[name]), "")
    if not kind or len(asked[kind]) > _MOST:
        raise Refused(400, "external_id, email or phone is required, at most 50")
    status = {}
    for value in asked[kind]:
        user = people.find(store, {kind: value})
        state = user.groups.get(group) if user else None
        status[value] = state.capitalize() if state else store.switches.unknown_group_state
    return {"status": status, "message": "success"}


def unsubscribes(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/email/unsubscribes`. Raises Refused."""
    return _page(store, store.unsubscribed, query, "unsubscribed_at", _span(query))


def hard_bounces(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/email/hard_bounces`: with an address the dates count for nothing, and paging finds nothing (5.7)."""
    span = _span(query)
    if query.get("email"):
        span = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        if "limit" in query or "offset" in query:
            return {"emails": [], "message": "success"}
    return _page(store, store.bounced, query, "hard_bounced_at", span)


def _page(
    store: BrazeStore, entries: Mapping[str, datetime], query: Mapping[str, str], stamp: str,
    span: tuple[datetime, datetime],
) -> dict[str, Any]:  # fmt: skip
    limit, offset = whole(query, "limit", 100), whole(query, "offset", 0)
    if limit > _MOST_ROWS and store.switches.limit_too_high == "error400":
        raise Refused(400, "limit must be between 1 and 500")
    email = query.get("email", "").lower()
    rows = sorted(
        ((at, address) for address, at in entries.items() if span[0] <= at < span[1] and email in ("", address)),
        reverse=query.get("sort_direction", "desc") != "asc",
    )
    rows = rows[offset : offset + min(limit, _MOST_ROWS)]
    return {
        "emails": [{"email": address, stamp: f"{at:%Y-%m-%d %H:%M:%S} +0000"} for at, address in rows],
        "message": "success",
    }


def _span(query: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Return the span asked for: days are midnights UTC, the end is exclusive."""
    if not query.get("end_date") or not (query.get("start_date") or query.get("email")):
        raise Refused(400, "end_date and either start_date or email are required")
    return _day(query.get("start_date") or "2000-01-01"), _day(query["end_date"])


def _day(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise Refused(400, "dates must be given as YYYY-MM-DD")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "dates must be given as YYYY-MM-DD") from None
