"""Writes of subscription groups, and deletion; a wrong body changes nothing of anybody (api/braze.md 5.5, 5.6, 2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.answers import Refused, listed, several
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import later

_MOST = 50
_BOTH = "Either an email address or a phone number should be provided, but not both."
_ONE = frozenset({"subscription_group_id", "subscription_state", "use_double_opt_in_logic"})
_SINGULAR = {"external_id": "external_id", "email": "email", "phone": "phone"}
_PLURAL = {"external_ids": "external_id", "emails": "email", "phones": "phone"}
_E164 = re.compile(r"\+[1-9]\d{1,14}")


@dataclass(frozen=True, slots=True)
class _Change:
    """One state of one group for people named in one way."""

    group: str
    state: str
    kind: str
    values: list[Any]


def set_group(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/subscription/status/set` (V1): one group; external ids, e-mails or phones. Raises Refused.

    A state for an address that nobody has waits 30 days for somebody to have it.
    """
    if body.get("email") and body.get("phone"):
        raise Refused(400, _BOTH)
    change = _change(store, body, _SINGULAR)
    later(store, lambda: _apply(store, change))
    return {"message": "success"}


def set_groups(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/v2/subscription/status/set`: several groups, with plural names and E.164 numbers. Raises Refused."""
    entries = listed(body, "subscription_groups")
    _check_names(body, {"subscription_groups"})
    if not entries:
        raise Refused(400, "'subscription_groups' must be an array of objects")
    changes = [_plural(store, entry) for entry in entries]
    if {"email", "phone"} <= {change.kind for change in changes}:
        raise Refused(400, _BOTH)
    if store.switches.v2_most_per == "request" and sum(len(change.values) for change in changes) > _MOST:
        raise Refused(400, "The max number of ids per request was exceeded")
    later(store, lambda: _apply(store, *changes))
    return {"message": "success"}


def delete(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/users/delete`: exactly one list; the number is what was submitted. Raises Refused."""
    lists = [name for name in ("external_ids", "user_aliases", "braze_ids") if body.get(name)]
    if len(lists) != 1:
        raise Refused(400, "Exactly one of external_ids, user_aliases, braze_ids is required")
    field = {"external_ids": "external_id", "user_aliases": "user_alias", "braze_ids": "braze_id"}[lists[0]]
    submitted = listed(body, lists[0])
    if len(submitted) > _MOST:
        raise Refused(400, "The max number of ids per request was exceeded")

    def work() -> None:
        for value in submitted:
            if user := people.find(store, {field: value}):
                store.drop_user(user)

    later(store, work)
    return {"deleted": len(submitted), "message": "success"}


def _plural(store: BrazeStore, entry: Any) -> _Change:
    if not isinstance(entry, Mapping):
        raise Refused(400, "'subscription_groups' must be an array of objects")
    for name in _PLURAL.keys() & entry.keys():
        if not isinstance(entry[name], list):
            raise Refused(400, f"'{name}' must be an array")
    change = _change(store, entry, _PLURAL)
    if change.kind == "phone" and not all(_E164.fullmatch(str(phone)) for phone in change.values):
        raise Refused(400, "phone numbers must be in E.164 format")
    return change


def _change(store: BrazeStore, entry: Mapping[str, Any], names: Mapping[str, str]) -> _Change:
    """Read one entry; of several identifiers the external id counts. Raises Refused."""
    _check_names(entry, _ONE | names.keys())
    group, state = entry.get("subscription_group_id"), entry.get("subscription_state")
    if not isinstance(group, str) or group not in store.groups:
        raise Refused(400, "Invalid subscription group ID")
    if state not in ("subscribed", "unsubscribed"):
        raise Refused(400, "Invalid subscription state")
    named = next((name for name in names if entry.get(name)), None)
    if named is None:
        raise Refused(400, f"{', '.join(names)}: one of them is required")
    return _Change(group, str(state), names[named], several(entry, named, _MOST))


def _check_names(body: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse a name the endpoint does not take: V1 says ``email``, V2 ``emails`` (api/braze.md 13.6)."""
    wrong = sorted(body.keys() - set(known))
    if wrong:
        raise Refused(400, f"Unknown parameter: {wrong[0]}")


def _apply(store: BrazeStore, *changes: _Change) -> None:
    for change in changes:
        for value in change.values:
            if change.kind == "external_id":
                user = people.find(store, {"external_id": value})
                found = store.sharing(user, change.group) if user else []
            else:
                found = store.addresses.holders(change.kind, value)
                if not found and not store.groups[change.group].archived:
                    store.addresses.keep_group_state(str(value), change.group, change.state)
            store.set_group_state(found, change.group, change.state)
