"""Read people back: the user export, subscription states, unsubscribes and bounces; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecmbraze.sandbox.braze import track
from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore, User

_MOST = 50
_OMITTED: tuple[object, ...] = (None, "", [], {})


def export(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/users/export/ids`: unknown ids are named, absent fields are left out. Raises Refused."""
    wanted = body.get("fields_to_export")
    if store.switches.require_fields and not wanted:
        raise Refused(400, "fields_to_export is required")
    ids, aliases = body.get("external_ids") or [], body.get("user_aliases") or []
    single = [name for name in ("device_id", "email_address", "phone", "braze_id") if body.get(name)]
    if len(ids) + len(aliases) > _MOST:
        raise Refused(400, "The max number of ids per request was exceeded")
    if not ids and not aliases and len(single) != 1:
        raise Refused(400, "external_ids, user_aliases, or exactly one of device_id, email_address, phone is required")
    found: list[User] = []
    unknown: list[Any] = []
    for value, identifier in [(i, {"external_id": i}) for i in ids] + [(a, {"user_alias": a}) for a in aliases]:
        user = track.find(store, identifier)
        found.append(user) if user else unknown.append(value)
    if body.get("email_address"):
        found += store.by_email.get(str(body["email_address"]).lower(), [])
    if body.get("phone"):
        found += [user for user in store.users if user.fields.get("phone") == body["phone"]]
    if body.get("braze_id"):
        found += [user for user in store.users if user.braze_id == body["braze_id"]]
    users = [_exported(user, frozenset(wanted or ())) for user in dict.fromkeys(map(_Once, found))]
    return {"users": users, **({"invalid_user_ids": unknown} if unknown else {}), "message": "success"}


class _Once:
    """A profile compared by identity, so that it appears once."""

    def __init__(self, user: User) -> None:
        self.user = user

    def __hash__(self) -> int:
        return id(self.user)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other.user is self.user


def _exported(entry: _Once, wanted: frozenset[str]) -> dict[str, Any]:
    user = entry.user
    events = [
        {"name": name, "first": _stamp(first), "last": _stamp(last), "count": count}
        for name, (first, last, count) in user.events.items()
    ]
    whole = {
        "created_at": f"{user.created_at:%Y-%m-%d %H:%M:%S}.000 UTC", "external_id": user.external_id,
        "user_aliases": [{"alias_name": name, "alias_label": label} for label, name in user.aliases.items()],
        "braze_id": user.braze_id, "custom_attributes": user.custom, "custom_events": events, **user.fields,
    }  # fmt: skip
    return {n: value for n, value in whole.items() if value not in _OMITTED and (not wanted or n in wanted)}


def group_status(store: BrazeStore, group: str, ids: list[str], emails: list[str]) -> dict[str, Any]:
    """Answer `/subscription/status/get`, which knows nothing of the global state. Raises Refused."""
    if group not in store.groups:
        raise Refused(400, "Invalid subscription group ID")
    if (not ids and not emails) or len(ids) > _MOST or len(emails) > _MOST:
        raise Refused(400, "external_id, email or phone is required, at most 50")
    status = {}
    for value in ids or emails:
        user = track.find(store, {"external_id": value} if ids else {"email": value})
        state = user.groups.get(group) if user else None
        status[value] = state.capitalize() if state else store.switches.unknown_group_state
    return {"status": status, "message": "success"}


def email_list(entries: Mapping[str, datetime], query: Mapping[str, str], stamp: str) -> dict[str, Any]:
    """Answer `/email/unsubscribes` and `/email/hard_bounces`: dates are midnights UTC, the end is exclusive."""
    if not query.get("end_date") or not (query.get("start_date") or query.get("email")):
        raise Refused(400, "end_date and either start_date or email are required")
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    if not 1 <= limit <= 500:
        raise Refused(400, "limit must be between 1 and 500")
    end = datetime.fromisoformat(query["end_date"]).replace(tzinfo=UTC)
    start = datetime.fromisoformat(query.get("start_date") or "2000-01-01").replace(tzinfo=UTC)
    rows = sorted(
        ((at, email) for email, at in entries.items() if start <= at < end and query.get("email", email) == email),
        reverse=query.get("sort_direction", "desc") != "asc",
    )
    emails = [{"email": email, stamp: f"{at:%Y-%m-%d %H:%M:%S} +0000"} for at, email in rows[offset : offset + limit]]
    return {"emails": emails, "message": "success"}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
