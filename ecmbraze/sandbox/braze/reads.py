"""Answer the user export; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.sandbox.braze import moments, people
from ecmbraze.sandbox.braze.answers import Refused, listed
from ecmbraze.sandbox.braze.records import Message, Touch, User
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 50
_SINGLE = ("device_id", "email_address", "phone", "braze_id")
_OMITTED: tuple[object, ...] = (None, "", [], {})
_KEPT_EMPTY = frozenset({"user_aliases"})  # recorded as [] where a profile has none (api/braze.md 4.3, REC)
# When a global state came: on the current English pages only the first (api/braze.md 4.3).
_TIMES = {
    "push": ("push_opted_in_at",),
    "all": ("push_opted_in_at", "push_unsubscribed_at", "email_opted_in_at", "email_unsubscribed_at"),
    "none": (),
}
# Rows older than this are left out, and so is what stopped messages left behind (api/braze.md 4.3).
_KEPT = timedelta(days=90)
_PLAIN = (
    "country",
    "dob",
    "email",
    "email_subscribe",
    "first_name",
    "gender",
    "home_city",
    "language",
    "last_name",
    "phone",
    "push_subscribe",
    "time_zone",
)


def export(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/users/export/ids`: unknown ids are named, absent fields left out, no order kept. Raises Refused."""
    wanted = listed(body, "fields_to_export")
    if store.switches.require_fields and not wanted:
        raise Refused(400, "fields_to_export is required")
    found, unknown = _found(store, body)
    # By Braze's own id: the answer is not in the order in which was asked, and nobody is in it twice.
    users = {user.braze_id: user for user in found}
    rows = [exported(store, users[key], frozenset(map(str, wanted))) for key in sorted(users)]
    return {"users": rows, **({"invalid_user_ids": unknown} if unknown else {}), "message": "success"}


def _found(store: BrazeStore, body: Mapping[str, Any]) -> tuple[list[User], list[Any]]:
    ids, aliases = listed(body, "external_ids"), listed(body, "user_aliases")
    single = [name for name in _SINGLE if body.get(name)]
    if len(ids) + len(aliases) > _MOST:
        raise Refused(400, "The max number of ids per request was exceeded")
    if len(single) != (0 if ids or aliases else 1):
        raise Refused(400, "external_ids, user_aliases, or exactly one of device_id, email_address, phone is required")
    if single and not isinstance(body[single[0]], str):
        raise Refused(400, f"{single[0]} must be a string")
    found: list[User] = []
    unknown: list[Any] = []
    for value, identifier in [(i, {"external_id": i}) for i in ids] + [(a, {"user_alias": a}) for a in aliases]:
        user = people.find(store, identifier)
        found.append(user) if user else unknown.append(value)
    if body.get("email_address"):
        found = people.with_email(store, body["email_address"])
    if body.get("phone"):
        found = people.with_phone(store, body["phone"])
    if body.get("braze_id"):
        found = [user for user in store.users if user.braze_id == body["braze_id"]]
    return found, unknown


def exported(store: BrazeStore, user: User, wanted: frozenset[str], *, recent_only: bool = False) -> dict[str, Any]:
    """Return one user object with the fields named, or with all.

    ``recent_only`` leaves out messages received more than 90 days ago, as exports of segments do (api/braze.md 4.4).
    """
    since = store.clock.now() - _KEPT
    location = user.fields.get("current_location") or {}
    whole = {
        "created_at": _created(store, user.created_at),
        "external_id": user.external_id,
        "user_aliases": [{"alias_name": name, "alias_label": label} for label, name in user.aliases.items()],
        "braze_id": user.braze_id,
        "custom_attributes": user.custom,
        "custom_events": _counted(user.events, since),
        "purchases": _counted(user.purchases, since),
        "last_coordinates": [location["longitude"], location["latitude"]] if location else None,
        "campaigns_received": _received(store, user, "campaign", since, recent_only),
        "canvases_received": _received(store, user, "canvas", since, recent_only),
        **{name: user.fields.get(name) for name in _PLAIN},
        **{name: moments.stamp(at) for name, at in user.dates.items() if name in _TIMES[store.switches.state_times]},
    }
    return {
        name: value
        for name, value in whole.items()
        if _is_wanted(name, wanted) and (name in _KEPT_EMPTY or value not in _OMITTED)
    }


def _is_wanted(name: str, wanted: frozenset[str]) -> bool:
    """Say whether a field is exported; the time of a state is none to ask for (4.2), and comes with the state."""
    with_state = name in _TIMES["all"] and f"{name.partition('_')[0]}_subscribe" in wanted
    return not wanted or name in wanted or with_state


def _created(store: BrazeStore, moment: datetime) -> str:
    if store.switches.created_at == "iso":
        return moments.stamp(moment)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def _counted(book: Mapping[str, list[Any]], since: datetime) -> list[dict[str, Any]]:
    """Return the rows whose last occurrence is recent; first and count are of all time."""
    return [
        {"name": name, "first": moments.stamp(first), "last": moments.stamp(last), "count": count}
        for name, (first, last, count) in book.items()
        if last >= since
    ]


def _received(store: BrazeStore, user: User, kind: str, since: datetime, recent_only: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for (of, message_id), touch in user.touched.items():
        message = store.messages.get((of, message_id))
        if of != kind or message is None or (message.stopped and message.stopped < since):
            continue
        if recent_only and touch.last < since:
            continue
        rows.append(_of_campaign(message, touch) if kind == "campaign" else _of_canvas(message, touch))
    return rows


def _of_campaign(message: Message, touch: Touch) -> dict[str, Any]:
    """Return what is told of a campaign: flags without a time, left out when false."""
    row: dict[str, Any] = {
        "name": message.name,
        "api_campaign_id": message.id,
        "last_received": moments.offset_stamp(touch.last),
    }
    if touch.flags:
        row["engaged"] = dict.fromkeys(sorted(touch.flags), True)
    return {**row, "converted": True} if touch.converted else row


def _of_canvas(message: Message, touch: Touch) -> dict[str, Any]:
    """Return what is told of a Canvas: only what was received, never whether it was opened."""
    at = moments.offset_stamp(touch.last)
    steps = touch.steps or {message.first_step: touch.last}
    told = [
        {"name": message.step_name(step), "api_canvas_step_id": step, "last_received": moments.offset_stamp(moment)}
        for step, moment in steps.items()
    ]
    canvas = {"name": message.name, "api_canvas_id": message.id, "last_received_message": at, "last_entered": at}
    return {**canvas, "steps_received": told}
