"""Read states and lists of addresses: groups, unsubscribes, hard bounces, invalid numbers; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.answers import Refused, whole
from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 50
_MOST_ROWS = 500
_MOST_PEOPLE = 100
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_Row = tuple[datetime, str]


def group_status(store: BrazeStore, group: str, asked: Mapping[str, list[str]]) -> dict[str, Any]:
    """Answer `/subscription/status/get`, which knows nothing of the global state. Raises Refused."""
    if group not in store.groups:
        raise Refused(400, "Invalid subscription group ID")
    kind = _kind(asked)
    status = {}
    for value in asked[kind]:
        user = people.find(store, {kind: value})
        state = user.groups.get(group) if user else None
        status[value] = state.capitalize() if state else store.switches.unknown_group_state
    return {"status": status, "message": "success"}


def groups_of(store: BrazeStore, query: Mapping[str, str], asked: Mapping[str, list[str]]) -> dict[str, Any]:
    """Answer `/subscription/user/status`: of each person the groups that were ever set. Raises Refused.

    An address that several people have is several people; whom nobody knows is left out.
    """
    kind = _kind(asked)
    limit = _limit(store, query, _MOST_PEOPLE, default=_MOST_PEOPLE)
    offset = whole(query, "offset", 0)
    found = [user for value in asked[kind] for user in _meant(store, kind, value)]
    people_once = list({user.braze_id: user for user in found}.values())
    users = [_with_groups(store, user) for user in people_once[offset : offset + limit]]
    return {"users": users, "total_count": len(people_once), "message": "success"}


def unsubscribes(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/email/unsubscribes`. Raises Refused."""
    return _emails(store, store.addresses.unsubscribed, query, "unsubscribed_at", _span(query))


def hard_bounces(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/email/hard_bounces`: with an address the dates count for nothing, and paging finds nothing (5.7)."""
    span = _span(query)
    if query.get("email"):
        span = _ALWAYS
        if "limit" in query or "offset" in query:
            return {"emails": [], "message": "success"}
    return _emails(store, store.addresses.bounced, query, "hard_bounced_at", span)


def invalid_phones(store: BrazeStore, query: Mapping[str, str], phones: list[str]) -> dict[str, Any]:
    """Answer `/sms/invalid_phone_numbers`: by days or by numbers, and by reason. Raises Refused."""
    if len(phones) > _MOST:
        raise Refused(400, "phone_numbers: at most 50")
    if not phones and not (query.get("start_date") and query.get("end_date")):
        raise Refused(400, "start_date and end_date, or phone_numbers, are required")
    span = _ALWAYS if phones else _span(query)
    known, reason = store.addresses.invalid_phones, query.get("reason")
    if reason not in (None, "provider_error", "deactivated"):
        raise Refused(400, "reason must be provider_error or deactivated")
    rows = [
        (at, phone)
        for phone, (at, why) in known.items()
        if (not phones or phone in phones) and reason in (None, why) and span[0] <= at < span[1]
    ]
    page = _page(store, rows, query, newest_first=True)
    told = [{"phone": phone, "invalid_detected_at": _told(at), "reason": known[phone][1]} for at, phone in page]
    return {"sms": told, "message": "success"}


def _kind(asked: Mapping[str, list[str]]) -> str:
    """Return which identifier counts: an external id goes before an address. Raises Refused."""
    if not asked["external_id"] and asked["email"] and asked["phone"]:
        raise Refused(400, "Either an email address or a phone number should be provided, but not both.")
    kind = next((name for name in ("external_id", "email", "phone") if asked[name]), "")
    if not kind or len(asked[kind]) > _MOST:
        raise Refused(400, "external_id, email or phone is required, at most 50")
    return kind


def _meant(store: BrazeStore, kind: str, value: str) -> list[User]:
    if kind == "external_id":
        user = people.find(store, {kind: value})
        return [user] if user else []
    return store.addresses.holders(kind, value)


def _with_groups(store: BrazeStore, user: User) -> dict[str, Any]:
    groups = [
        {"id": key, "name": store.groups[key].name, "channel": store.groups[key].channel, "status": state.capitalize()}
        for key, state in user.groups.items()
    ]
    address = {name: user.fields.get(name) for name in ("email", "phone")}
    return {**address, "external_id": user.external_id, "subscription_groups": groups}


def _emails(
    store: BrazeStore,
    entries: Mapping[str, datetime],
    query: Mapping[str, str],
    stamp: str,
    span: tuple[datetime, datetime],
) -> dict[str, Any]:
    email = query.get("email", "").lower()
    rows = [(at, who) for who, at in entries.items() if span[0] <= at < span[1] and email in ("", who)]
    page = _page(store, rows, query, newest_first=query.get("sort_direction", "desc") != "asc")
    return {"emails": [{"email": who, stamp: _told(at)} for at, who in page], "message": "success"}


def _page(store: BrazeStore, rows: Iterable[_Row], query: Mapping[str, str], *, newest_first: bool) -> list[_Row]:
    """Return one page of what the lists show by now; what comes in between two pages shifts the second."""
    limit, offset = _limit(store, query, _MOST_ROWS, default=100), whole(query, "offset", 0)
    shown = store.clock.now() - timedelta(seconds=store.switches.lists_lag_s)
    return sorted((row for row in rows if row[0] <= shown), reverse=newest_first)[offset : offset + limit]


def _limit(store: BrazeStore, query: Mapping[str, str], most: int, *, default: int) -> int:
    limit = whole(query, "limit", default)
    if limit > most and store.switches.limit_too_high == "error400":
        raise Refused(400, f"limit must be between 1 and {most}")
    return min(limit, most)


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} +0000"


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
