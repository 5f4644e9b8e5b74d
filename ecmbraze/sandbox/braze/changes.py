"""What can happen to profiles outside of the API, now, dated back or later; whether Braze shows it is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ecmbraze.sandbox.braze.records import STANDARD
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.fields import (
    FLAG,
    INSTANT,
    NAME,
    NAMES,
    NUMBER,
    OBJECT,
    OBJECTS,
    Kind,
    checked,
    one_of,
    unknown,
)

_WORDS = frozenset({"opened_email", "opened_push", "clicked_email", "clicked_triggered_in_app_message"})
_STATE = one_of("opted_in", "subscribed", "unsubscribed")
_REASON = one_of("provider_error", "deactivated")
_SIMPLE = Kind("a text, a number, true, false or null", lambda value: not isinstance(value, list | dict), null=True)
_ADDRESS = Kind("a text, or null for none", lambda value: value is None or isinstance(value, str), null=True)
_PLACE = Kind(
    "longitude and latitude",
    lambda value: isinstance(value, dict) and {"longitude", "latitude"} == {n for n in value if NUMBER.fits(value[n])},
)
_GROUPS = Kind(
    "group id → subscribed or unsubscribed",
    lambda value: isinstance(value, dict) and all(state in ("subscribed", "unsubscribed") for state in value.values()),
)
_ALIASES = Kind(
    "a list of alias_name and alias_label",
    lambda value: OBJECTS.fits(value) and all({"alias_name", "alias_label"} == set(one) for one in value),
)
_FLAGS = Kind(
    "a list of opened_email, opened_push, clicked_email, clicked_triggered_in_app_message",
    lambda value: NAMES.fits(value) and set(value) <= _WORDS,
)
_ENGAGED = Kind("message id → flags", lambda value: isinstance(value, dict) and all(map(_FLAGS.fits, value.values())))
_RECEIVED: Mapping[str, Kind] = {"id": NAME, "engaged": _FLAGS, "converted": FLAG, "steps": NAMES}
_PERSON: Mapping[str, Kind] = {
    **dict.fromkeys(STANDARD, _SIMPLE),
    "current_location": _PLACE,
    "email": _ADDRESS,
    "phone": _ADDRESS,
    "email_subscribe": Kind(_STATE.name, lambda value: value is None or _STATE.fits(value), null=True),
    "push_subscribe": _STATE,
    "groups": _GROUPS,
    "custom_attributes": OBJECT,
    "user_aliases": _ALIASES,
    "hard_bounced": FLAG,
    "invalid_phone": Kind(_REASON.name, lambda value: value is None or _REASON.fits(value), null=True),
    "at": INSTANT,
    "engaged": _ENGAGED,
    "received": OBJECTS,
}
_CHANGE: Mapping[str, Kind] = {**_PERSON, "external_id": NAME}


def profile(raw: Any) -> dict[str, Any]:
    """Return the given fields of a profile. Raises ValueError for one that does not exist."""
    return _told(checked(raw, _PERSON, "a profile"))


def changes(raw: Any) -> list[dict[str, Any]]:
    """Return changes of several people, each with its "external_id". Raises ValueError as ``profile`` does."""
    if not OBJECTS.fits(raw):
        raise ValueError('changes are a list such as [{"external_id": "C-1", "email_subscribe": "unsubscribed"}]')
    return [_told(checked(one, _CHANGE, "a change", ("external_id",))) for one in raw]


def _told(given: dict[str, Any]) -> dict[str, Any]:
    received = [checked(one, _RECEIVED, "a received message", ("id",)) for one in given.get("received", ())]
    return {**given, **({"received": received} if received else {})}


def make(store: BrazeStore, wanted: Iterable[Mapping[str, Any]]) -> int:
    """Make changes in the order given, and return how many of them wait for their time.

    One with an ``at`` behind us is made now and dated back, as news that comes late. Raises ValueError for a group
    or a message that does not exist, before anything is changed.
    """
    ordered, known = [dict(one) for one in wanted], {message_id for _, message_id in store.messages}
    for one in ordered:
        for group in one.get("groups", ()):
            if group not in store.groups:
                raise unknown("no subscription group", group, store.groups)
        for told in one.get("received", ()):
            if told["id"] not in known:
                raise unknown("no campaign or Canvas", told["id"], known)
    waiting = 0
    for one in ordered:
        external_id, at = one.pop("external_id"), parse_instant(one.pop("at")) if "at" in one else None
        if at is not None and at > store.clock.now():
            store.planned.append((at, partial(store.put_user, external_id, one, at)))
            waiting += 1
        else:
            store.put_user(external_id, one, at)
    return waiting
