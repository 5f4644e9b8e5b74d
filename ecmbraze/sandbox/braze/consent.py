"""Writes of consent, and deletion: group states, e-mail states; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.answers import Refused, listed
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 50


def set_group(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/subscription/status/set` (V1): one group; external ids, e-mails or phones. Raises Refused.

    A state for an address that nobody has waits 30 days for somebody to have it.
    """
    group, state = body.get("subscription_group_id"), body.get("subscription_state")
    if not isinstance(group, str) or group not in store.groups:
        raise Refused(400, "Invalid subscription group ID")
    if state not in ("subscribed", "unsubscribed"):
        raise Refused(400, "Invalid subscription state")
    if body.get("email") and body.get("phone"):
        raise Refused(400, "Either an email address or a phone number should be provided, but not both.")
    kind = next((name for name in ("external_id", "email", "phone") if body.get(name)), None)
    if kind is None:
        raise Refused(400, "external_id, email or phone is required")
    for value in _several(body[kind]):
        user = people.find(store, {kind: value})
        for other in people.sharing(store, user, group) if user else ():
            other.groups[group] = state
        if user is None and kind != "external_id":
            store.keep_group_state(str(value), group, state)
    return {"message": "success"}


def set_email(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/email/status`: the state of an unknown address waits for somebody to have it. Raises Refused."""
    state = body.get("subscription_state")
    if state not in ("subscribed", "unsubscribed", "opted_in"):
        raise Refused(400, "Invalid subscription state")
    for email in _several(body.get("email")):
        known = people.with_email(store, email)
        for user in known:
            store.set_state(user, state, through_api=True)
        if not known:
            store.address_states[str(email).lower()] = state
    return {"message": "success"}


def delete(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/users/delete`: exactly one list; the number is what was submitted. Raises Refused."""
    lists = [name for name in ("external_ids", "user_aliases", "braze_ids") if body.get(name)]
    if len(lists) != 1:
        raise Refused(400, "Exactly one of external_ids, user_aliases, braze_ids is required")
    field = {"external_ids": "external_id", "user_aliases": "user_alias", "braze_ids": "braze_id"}[lists[0]]
    submitted = _several(listed(body, lists[0]))
    for value in submitted:
        if user := people.find(store, {field: value}):
            store.drop_user(user)
    return {"deleted": len(submitted), "message": "success"}


def _several(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value] if value else []
    if len(found) > _MOST:
        raise Refused(400, "The max number of ids per request was exceeded")
    return found
