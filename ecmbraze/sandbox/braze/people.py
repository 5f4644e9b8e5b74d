"""Whom an identifier means, and whom it makes; changes no value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.store import BrazeStore

PRIORITIES = ("identified", "unidentified", "most_recently_updated", "least_recently_updated")  # api/braze.md 2.3


def find_or_make(store: BrazeStore, value: Mapping[str, Any], *, default_existing_only: bool) -> User | None:
    """Return the profile an object means (api/braze.md 1.3), made when it may be; ``None`` when it may not."""
    user = find(store, value)
    if user is not None or value.get("_update_existing_only", default_existing_only):
        return user
    if value.get("external_id") is not None:
        return store.new_user(str(value["external_id"]))
    if value.get("braze_id") is not None:  # Braze gives these ids itself: an unknown one means nobody
        return None
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
        if not isinstance(alias, Mapping):
            return None
        return store.by_alias.get((str(alias.get("alias_label")), str(alias.get("alias_name"))))
    if value.get("braze_id") is not None:
        return next((user for user in store.users if user.braze_id == value["braze_id"]), None)
    found = with_email(store, value["email"]) if value.get("email") else with_phone(store, value.get("phone"))
    return max(found, key=lambda user: (user.external_id is not None, user.updated), default=None)


def with_email(store: BrazeStore, email: object) -> list[User]:
    """Return everybody with this address."""
    return store.addresses.holders("email", email)


def with_phone(store: BrazeStore, phone: object) -> list[User]:
    """Return everybody with this number."""
    return store.addresses.holders("phone", phone)


def preferred(found: list[User], order: Iterable[str]) -> list[User]:
    """Return who is left of several by a ``prioritization``; more than one is a tie, and nothing is sent."""
    for rule in order:
        if rule in ("identified", "unidentified"):
            wanted = [user for user in found if (user.external_id is not None) is (rule == "identified")]
        else:
            pick = max if rule == "most_recently_updated" else min
            wanted = [user for user in found if user.updated == pick(other.updated for other in found)]
        found = wanted or found
    return found


def recipient(user: User) -> str:
    """Return how the journal names a person."""
    if user.external_id is not None:
        return user.external_id
    for label, name in user.aliases.items():
        return f"alias:{label}:{name}"
    return f"email:{user.fields.get('email', '')}"
