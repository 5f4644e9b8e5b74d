"""Take in attributes and events: whom an object means, what is stored, what is dropped without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from ecmbraze.sandbox.braze.objects import PRIMARY
from ecmbraze.sandbox.braze.store import STANDARD, BrazeStore, User

_CONTROL = frozenset(
    (*PRIMARY, "_update_existing_only", "_merge_objects", "push_token_import", "subscription_groups", "push_tokens")
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?")
_MAX_NESTED = 100 * 1024


def apply_attributes(store: BrazeStore, value: Mapping[str, Any]) -> None:
    """Apply one attributes object; a person it may not create is passed over in silence."""
    user = find_or_make(store, value, default_existing_only="user_alias" in value)
    if user is None:
        return
    store.updates += 1
    user.updated = store.updates
    primary = any(value.get(name) is not None for name in PRIMARY)
    for name, raw in value.items():
        if name in _CONTROL or (name in ("email", "phone") and not primary):
            continue
        store.data_points += name not in ("email_subscribe", "push_subscribe")
        if name in STANDARD:
            _standard(store, user, name, raw)
        else:
            _custom(store, user, name, raw, merge=bool(value.get("_merge_objects")))
    for entry in value.get("subscription_groups", []):
        for other in sharing(store, user):
            other.groups[entry["subscription_group_id"]] = entry["subscription_state"]


def apply_event(store: BrazeStore, value: Mapping[str, Any]) -> None:
    """Record one event; identical ones are two. A time ahead becomes now, a blocked name vanishes."""
    existing = "user_alias" in value or bool(value.get("_update_existing_only"))
    user = find_or_make(store, {**value, "_update_existing_only": existing}, default_existing_only=existing)
    if user is None or value["name"] in store.switches.blocklist:
        return
    store.data_points += 1
    at = min(_time(value["time"]), store.clock.now())
    entry = user.events.setdefault(value["name"], [at, at, 0])
    entry[:] = [min(entry[0], at), max(entry[1], at), entry[2] + 1]
    store.note(
        "events", recipient=recipient(user), name=value["name"], time=at.isoformat().replace("+00:00", "Z"),
        properties=dict(value.get("properties", {})),
    )  # fmt: skip


def find_or_make(store: BrazeStore, value: Mapping[str, Any], *, default_existing_only: bool) -> User | None:
    """Return the profile an object means (api/braze.md 1.3), made when it may be; ``None`` when it may not."""
    user = find(store, value)
    if user is not None or value.get("_update_existing_only", default_existing_only):
        return user
    if value.get("external_id") is not None:
        return store.new_user(str(value["external_id"]))
    made = store.new_user(None)
    if alias := value.get("user_alias"):
        store.add_alias(made, alias["alias_label"], alias["alias_name"])
    elif value.get("email"):
        store.set_field(made, "email", value["email"])
    elif value.get("phone"):
        store.set_field(made, "phone", value["phone"])
    return made


def find(store: BrazeStore, value: Mapping[str, Any]) -> User | None:
    """Return the profile an identifier resolves to; of several sharing an e-mail the freshest identified one."""
    if value.get("external_id") is not None:
        return store.by_external.get(str(value["external_id"]))
    if alias := value.get("user_alias"):
        return store.by_alias.get((alias["alias_label"], alias["alias_name"]))
    if value.get("braze_id") is not None:
        return next((user for user in store.users if user.braze_id == value["braze_id"]), None)
    if value.get("email"):
        found = store.by_email.get(str(value["email"]).lower(), [])
    else:
        found = [user for user in store.users if user.fields.get("phone") == value.get("phone")]
    return max(found, key=lambda user: (user.external_id is not None, user.updated), default=None)


def sharing(store: BrazeStore, user: User) -> list[User]:
    """Return everybody with the same e-mail address: subscription writes fan out to them."""
    email = user.fields.get("email")
    return list(store.by_email.get(str(email).lower(), [user])) if email else [user]


def recipient(user: User) -> str:
    """Return how the journal names a person."""
    if user.external_id is not None:
        return user.external_id
    for label, name in user.aliases.items():
        return f"alias:{label}:{name}"
    return f"email:{user.fields.get('email', '')}"


def _standard(store: BrazeStore, user: User, name: str, raw: Any) -> None:
    if name == "time_zone" and raw not in available_timezones():
        return
    if name == "country" and raw is not None and not re.fullmatch(r"[A-Z]{2}", str(raw)):
        raw = None
    if name == "email" and raw and str(raw).lower() != str(user.fields.get("email", "")).lower():
        elsewhere = store.by_email.get(str(raw).lower())
        store.set_field(
            user,
            "email_subscribe",
            elsewhere[0].fields.get("email_subscribe", "subscribed") if elsewhere else "subscribed",
        )
    if name == "email_subscribe":
        for other in sharing(store, user):
            store.set_field(other, name, raw)
        return
    store.set_field(user, name, raw)


def _custom(store: BrazeStore, user: User, name: str, raw: Any, *, merge: bool) -> None:
    before = user.custom.get(name)
    if name in store.switches.blocklist:
        return
    if raw is None:
        user.custom.pop(name, None)
    else:
        value = _stored(store, name, raw, before, merge=merge)
        if value is None:
            return
        user.custom[name] = value
    after = user.custom.get(name)
    store.note("attributes", recipient=recipient(user), name=name, value=after, changed=after != before)


def _stored(store: BrazeStore, name: str, raw: Any, before: Any, *, merge: bool) -> Any:
    """Return what is kept of a value; ``None`` when it is dropped in silence (api/braze.md 1.6)."""
    if isinstance(raw, str) and len(raw) > 255:
        return raw[:255] if store.switches.string_too_long == "truncate" else None
    if isinstance(raw, dict | list):
        return _structured(raw, before, merge=merge)
    kind = _kind(raw)
    if store.types.setdefault(name, kind) != kind:
        return None
    if kind == "time":
        return _time(raw).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return raw


def _structured(raw: Any, before: Any, *, merge: bool) -> Any:
    if isinstance(raw, dict):
        kept = list(before) if isinstance(before, list) else []
        if raw.keys() & {"add", "remove"} == raw.keys():
            kept = [item for item in kept if item not in [*raw.get("add", []), *raw.get("remove", [])]]
            return [*kept, *raw.get("add", [])][-500:]
        if raw.keys() == {"inc"}:
            return (before if isinstance(before, int) else 0) + raw["inc"]
        if None in raw.values() or len(json.dumps(raw)) > _MAX_NESTED:
            return None
        return {**before, **raw} if merge and isinstance(before, dict) else raw
    plain = list(dict.fromkeys(raw)) if all(isinstance(item, str | int | float) for item in raw) else raw
    return None if len(json.dumps(plain)) > _MAX_NESTED else plain[-500:]


def _kind(raw: Any) -> str:
    if isinstance(raw, bool):
        return "boolean"
    if isinstance(raw, int | float):
        return "number"
    return "time" if _DATE.fullmatch(raw) else "string"


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
