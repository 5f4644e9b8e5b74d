"""Check the recipients of a trigger and find whom each of them means; sends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import objects, people, track
from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 50
_MAX_PROPERTIES = 50 * 1024
_NAMES = ("external_user_id", "user_alias", "braze_id", "email")
_PROPERTIES = {"campaign": ("trigger_properties",), "canvas": ("context", "canvas_entry_properties")}


def check(store: BrazeStore, recipients: Any, kind: str, body: Mapping[str, Any]) -> None:
    """Refuse recipients as Braze does. Raises Refused with 400."""
    _check_properties(kind, body)
    if not isinstance(recipients, list) or not recipients:
        raise Refused(400, "No Recipients")
    if len(recipients) > _MOST:
        raise Refused(400, "The max number of external_ids and aliases per request was exceeded")
    for entry in recipients:
        if not isinstance(entry, Mapping):
            raise Refused(400, "recipients must be an array of objects")
        _check_identifier(entry)
        if not isinstance(entry.get("attributes") or {}, Mapping):
            raise Refused(400, "attributes must be an object")
        _check_properties(kind, entry)
        if entry.get("send_to_existing_only") is False and not entry.get("attributes"):
            status = store.switches.missing_attributes_status
            raise Refused(status, "attributes is required when send_to_existing_only is false")
        told = properties(kind, body, entry)
        if len(json.dumps(told, ensure_ascii=False).encode()) > _MAX_PROPERTIES:
            raise Refused(400, f"{_PROPERTIES[kind][0]} must not be larger than 50 KB")


def _check_properties(kind: str, entry: Mapping[str, Any]) -> None:
    for name in _PROPERTIES[kind]:
        if entry.get(name) is not None and not isinstance(entry[name], Mapping):
            raise Refused(400, f"{name} must be an object")


def _check_identifier(entry: Mapping[str, Any]) -> None:
    named = [name for name in _NAMES if entry.get(name) is not None]
    if len(named) != 1:
        raise Refused(400, "Each recipient must have exactly one of external_user_id, user_alias, braze_id or email")
    if not isinstance(entry[named[0]], Mapping if named == ["user_alias"] else str | int):
        raise Refused(400, f"{named[0]} is not of the right type")
    order = entry.get("prioritization")
    if named == ["email"] and (not isinstance(order, list) or not all(rule in people.PRIORITIES for rule in order)):
        raise Refused(400, "prioritization is required for email recipients")
    if named == ["user_alias"] and "send_to_existing_only" in entry:
        raise Refused(400, "send_to_existing_only cannot be used with user aliases")


def properties(kind: str, body: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Liquid sees: the recipient's own properties over those of the request."""
    found: dict[str, Any] = {}
    for told in (body, entry):
        for name in reversed(_PROPERTIES[kind]):
            found |= told.get(name) or {}
    return found


def person(store: BrazeStore, kind: str, entry: Mapping[str, Any]) -> User | str:
    """Return whom a recipient means, its attributes applied; or why nobody is messaged."""
    user: User | None
    if entry.get("email"):
        found = people.preferred(people.with_email(store, entry["email"]), entry["prioritization"])
        if len(found) > 1:
            return "several profiles have this address"
        user = found[0] if found else None
    else:
        user = people.find(store, _identifier(entry))
    if user is None and entry.get("send_to_existing_only") is False:
        user = people.find_or_make(store, _identifier(entry), default_existing_only=False)
    if user is None:
        return "unknown to Braze"
    _apply(store, kind, user, entry.get("attributes") or {})
    return user


def told(entry: Mapping[str, Any]) -> str:
    """Return how the journal names a recipient that means nobody."""
    return str(next(entry[name] for name in _NAMES if entry.get(name) is not None))


def _identifier(entry: Mapping[str, Any]) -> dict[str, Any]:
    named = {"external_id" if name == "external_user_id" else name: entry.get(name) for name in _NAMES}
    return {name: value for name, value in named.items() if value is not None}


def _apply(store: BrazeStore, kind: str, user: User, attributes: Mapping[str, Any]) -> None:
    """Apply attributes before the send; a Canvas changes no subscription groups by default (api/braze.md 3.3)."""
    if objects.attributes(store, attributes) is not None:
        return
    own = {name: value for name, value in attributes.items() if kind == "campaign" or name != "subscription_groups"}
    if own:
        track.apply_attributes(store, {**own, "braze_id": user.braze_id, "_update_existing_only": True})
