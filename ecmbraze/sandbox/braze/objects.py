"""Check the objects of a track request one by one, with the sentences Braze uses; changes nothing."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ecmbraze.sandbox.braze import moments
from ecmbraze.sandbox.braze.store import BrazeStore

PRIMARY = ("external_id", "user_alias", "braze_id")
# Syntax only (api/braze.md 1.6): no blank, no quote, no dot at an end of the local part, host of two labels or more.
_EMAIL = re.compile(r"(?!\.)[^\s@\"]{0,63}[^\s@\".]@([a-z0-9-]{1,63}\.)+[a-z]{2,63}", re.IGNORECASE)
_MAX_PROPERTIES = 100 * 1024
_STATES = ("subscribed", "unsubscribed", "opted_in")
Refusal = tuple[str, str]


def refusal(store: BrazeStore, array: str, value: object) -> Refusal | None:
    """Return (code, sentence) of why an object is refused; ``None`` when it is taken."""
    if not isinstance(value, Mapping):
        return ("INVALID_OBJECT", f"'{array}' must be an array of objects")
    rest: Mapping[str, Callable[[], Refusal | None]] = {
        "attributes": lambda: attributes(store, value),
        "events": lambda: _event(value),
        "purchases": lambda: _purchase(value),
    }
    return _identifier(store, value) or rest[array]()


def _identifier(store: BrazeStore, value: Mapping[str, Any]) -> Refusal | None:
    named = [name for name in PRIMARY if value.get(name) is not None]
    if len(named) > 1:
        return ("IDENTIFIER", "You must specify only one of 'external_id', 'user_alias' or 'braze_id'")
    if not named and not value.get("email") and not value.get("phone"):
        return ("IDENTIFIER", "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required")
    external = value.get("external_id")
    for name in ("external_id", "braze_id", "email", "phone"):
        if value.get(name) is not None and not _is_id(value[name]):
            return ("IDENTIFIER", f"'{name}' must be a string")
    if external is not None and len(str(external).encode()) > 987:
        return ("EXTERNAL_USER_ID_TOO_LARGE", "'external_id' must be fewer than 988 bytes")
    if external is not None and str(external) in store.switches.blocked_ids:
        return ("BLACKLISTED_EXTERNAL_USER_ID", "provided external_id is blacklisted and disallowed")
    alias = value.get("user_alias")
    if alias is not None and not (isinstance(alias, Mapping) and alias.get("alias_name") and alias.get("alias_label")):
        return ("USER_ALIAS", "'user_alias' must be an object with 'alias_name' and 'alias_label'")
    return None


def attributes(store: BrazeStore, value: Mapping[str, Any]) -> Refusal | None:
    """Return why the values of an attributes object are refused, its identifier left aside."""
    for name, code in (("email_subscribe", "BAD_EMAIL"), ("push_subscribe", "BAD_PUSH")):
        if name in value and value[name] not in _STATES:
            return (f"{code}_SUBSCRIPTION_STATE", f"'{name}' must be 'subscribed', 'unsubscribed', or 'opted_in'")
    email = value.get("email")
    if email is not None and not (isinstance(email, str) and _EMAIL.fullmatch(email)):
        return ("EMAIL_BAD_FORMAT", "The value provided for the 'email' field is not a valid email.")
    if "email_subscription_info" in value:
        return ("INVALID_ATTRIBUTE_EMAIL_SUBSCRIPTION_INFO", "'email_subscription_info' is not an attribute")
    location = value.get("current_location")
    if location is not None and not (isinstance(location, Mapping) and {"longitude", "latitude"} <= location.keys()):
        return ("BAD_LOCATION_UPDATE", "'current_location' must have 'longitude' and 'latitude'")
    return _groups(store, value["subscription_groups"]) if "subscription_groups" in value else None


def _groups(store: BrazeStore, groups: object) -> Refusal | None:
    if not isinstance(groups, list):
        return ("BAD_SUBSCRIPTION_GROUP_ARRAY", "'subscription_groups' must be an array of objects")
    for entry in groups:
        if not isinstance(entry, Mapping):
            return ("BAD_SUBSCRIPTION_GROUP_HASH", "'subscription_groups' must be an array of objects")
        if not _is_uuid(entry.get("subscription_group_id")) or entry["subscription_group_id"] not in store.groups:
            return ("BAD_SUBSCRIPTION_GROUP_ID", "'subscription_group_id' must be a valid subscription group id")
        if entry.get("subscription_state") not in ("subscribed", "unsubscribed"):
            return ("BAD_SUBSCRIPTION_GROUP_STATE", "'subscription_state' must be 'subscribed' or 'unsubscribed'")
    return None


def _event(value: Mapping[str, Any]) -> Refusal | None:
    if not isinstance(value.get("name"), str) or not value["name"]:
        return ("EVENT_NAME", "'name' is required")
    return _time(value) or _properties(value.get("properties", {}))


def _purchase(value: Mapping[str, Any]) -> Refusal | None:
    product, quantity = value.get("product_id"), value.get("quantity", 1)
    # Numbers are taken and stored as text, like every id (api/braze.md 1.3, recorded).
    if not _is_id(product) or not 0 < len(str(product)) <= 255:
        return ("PRODUCT_ID", "'product_id' must be a string of at most 255 characters")
    if not re.fullmatch(r"[A-Z]{3}", str(value.get("currency"))):
        return ("CURRENCY", "'currency' must be an ISO 4217 code")
    if isinstance(value.get("price"), bool) or not isinstance(value.get("price"), int | float):
        return ("PRICE", "'price' must be a number")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= 100:
        return ("QUANTITY", "'quantity' must be between 1 and 100")
    return _time(value) or _properties(value.get("properties", {}))


def _time(value: Mapping[str, Any]) -> Refusal | None:
    if not value.get("time"):
        return ("TIME", "'time' is required")
    return None if moments.parse(value["time"]) else ("TIME", "'time' must be a datetime in ISO 8601 format")


def _properties(properties: object) -> Refusal | None:
    if not isinstance(properties, Mapping):
        return ("PROPERTIES", "'properties' must be an object")
    nested = {name: value for name, value in properties.items() if isinstance(value, list | dict)}
    if nested and len(json.dumps(properties, ensure_ascii=False).encode()) > _MAX_PROPERTIES:
        return ("PROPERTIES", "'properties' must not be larger than 100 KB")
    rules: tuple[Callable[[str], bool], ...] = (
        lambda name: name in ("time", "event_name"),
        lambda name: not name or len(name) > 255 or name.startswith("$"),
    )
    for name in properties:
        if any(rule(name) for rule in rules):
            return ("PROPERTIES", f"'{name}' is not a valid property name")
    return None


def _is_id(value: object) -> bool:
    return isinstance(value, str) or type(value) is int


def _is_uuid(value: object) -> bool:
    try:
        return str(uuid.UUID(str(value))) == str(value)
    except ValueError:
        return False
