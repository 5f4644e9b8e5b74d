"""Apply attributes, events and purchases to profiles; refuses nothing, for that is done when a request is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from ecmbraze.sandbox.braze import moments, people, values
from ecmbraze.sandbox.braze.countries import COUNTRIES
from ecmbraze.sandbox.braze.objects import PRIMARY
from ecmbraze.sandbox.braze.records import STANDARD, User
from ecmbraze.sandbox.braze.store import BrazeStore

_CONTROL = frozenset(
    (*PRIMARY, "_update_existing_only", "_merge_objects", "push_token_import", "subscription_groups", "push_tokens")
)
_FREE = frozenset({"email_subscribe", "push_subscribe"})  # subscription changes cost no data point (api/braze.md 1.9)


def apply(store: BrazeStore, array: str, value: Mapping[str, Any], spoiled: frozenset[str]) -> None:
    """Apply one object of a track request; ``spoiled`` attributes had a bad nested value somewhere in it."""
    if array == "attributes":
        apply_attributes(store, value, spoiled)
    elif array == "events":
        _apply_event(store, value)
    else:
        _apply_purchase(store, value)


def apply_attributes(store: BrazeStore, value: Mapping[str, Any], spoiled: frozenset[str] = frozenset()) -> None:
    """Apply one attributes object; a person it may not create is passed over in silence."""
    user = people.find_or_make(store, value, default_existing_only="user_alias" in value)
    if user is None:
        return
    store.touch(user)
    primary = any(value.get(name) is not None for name in PRIMARY)
    # The address first: a state in the same object is meant for the new one.
    for name, raw in sorted(value.items(), key=lambda entry: entry[0] != "email"):
        if name in _CONTROL or (name in ("email", "phone") and not primary):
            continue
        if name in STANDARD:
            store.data_points += name not in _FREE
            _standard(store, user, name, raw)
        else:
            _custom(store, user, name, raw, merge=bool(value.get("_merge_objects")), spoiled=name in spoiled)
    for entry in value.get("subscription_groups", []):
        group = entry["subscription_group_id"]
        store.set_group_state(store.sharing(user, group), group, entry["subscription_state"])


def _apply_event(store: BrazeStore, value: Mapping[str, Any]) -> None:
    """Record one event; identical ones are two. A time ahead becomes now, a blocked name vanishes."""
    user = _person_of(store, value)
    if user is None:
        return
    who = people.recipient(user)
    if value["name"] in store.switches.blocklist:
        store.note("dropped", recipient=who, name=value["name"], reason="blocklisted")
        return
    store.data_points += 1
    at = store.count(user.events, value["name"], moments.parse(value["time"]))
    store.note(
        "events",
        recipient=who,
        name=value["name"],
        time=at.isoformat().replace("+00:00", "Z"),
        properties=dict(value.get("properties", {})),
    )


def _apply_purchase(store: BrazeStore, value: Mapping[str, Any]) -> None:
    user = _person_of(store, value)
    for _ in range(value.get("quantity", 1) if user else 0):
        store.data_points += 1
        store.count(user.purchases if user else {}, str(value["product_id"]), moments.parse(value["time"]))


def _person_of(store: BrazeStore, value: Mapping[str, Any]) -> User | None:
    """Return whom an event or purchase means; by alias it never makes anybody (api/braze.md 1.6)."""
    existing = "user_alias" in value or bool(value.get("_update_existing_only"))
    named = {**value, "_update_existing_only": existing}
    return people.find_or_make(store, named, default_existing_only=existing)


def _standard(store: BrazeStore, user: User, name: str, raw: Any) -> None:
    if name == "time_zone" and raw is not None and str(raw) not in available_timezones():
        store.note("dropped", recipient=people.recipient(user), name=name, reason="no time zone")
        return
    if name == "country" and str(raw) not in COUNTRIES:
        raw = None
    if name == "email_subscribe":
        store.set_email_state(store.sharing(user), raw)
    else:
        store.set_field(user, name, raw)


def _custom(store: BrazeStore, user: User, name: str, raw: Any, *, merge: bool, spoiled: bool) -> None:
    who, before = people.recipient(user), user.custom.get(name)
    if name in store.switches.blocklist:
        store.note("dropped", recipient=who, name=name, reason="blocklisted")
        return
    store.data_points += 1
    try:
        if spoiled:
            raise values.Dropped("a bad value of it in the same request")
        if raw is None:
            user.custom.pop(name, None)
        else:
            user.custom[name] = values.stored(store.switches, store.types, name, raw, before, merge=merge)
    except values.Dropped as dropped:
        store.note("dropped", recipient=who, name=name, reason=str(dropped))
        return
    after = user.custom.get(name)
    store.note("attributes", recipient=who, name=name, value=after, changed=after != before)
