"""Triggered sends: who gets a message, who does not and why; delivers to nobody."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import track
from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore, Message, User

_MOST = 50
_MAX_PROPERTIES = 50 * 1024
_RANK = {"unsubscribed": 0, "subscribed": 1, "opted_in": 2}


def trigger(store: BrazeStore, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Process one trigger request and return its answer. Raises Refused with status 400."""
    message = store.messages.get((kind, str(body.get(f"{kind}_id"))))
    if message is None:
        raise Refused(
            400,
            "Invalid Campaign ID" if kind == "campaign" else "canvas_id must be a string of the Canvas api identifier",
        )
    recipients = body.get("recipients") or []
    dispatch = uuid.UUID(int=store.sequence + 1).hex
    if body.get("broadcast"):
        if recipients:
            raise Refused(400, "broadcast cannot be true when recipients are given")
        store.note("broadcasts", kind=kind, id=message.id, body=dict(body))
        return {"dispatch_id": dispatch, "message": "success"}
    _check(recipients, kind)
    if message.paused or message.archived:
        return _resting(store, message, dispatch)
    latest: dict[int, tuple[User, Mapping[str, Any]]] = {}
    for entry in recipients:
        user = _person(store, entry)
        if user is None:
            store.note("not_sent", recipient=_told(entry), id=message.id, reason="unknown to Braze")
        else:
            latest.pop(id(user), None)  # the same person twice is one message, the last entry wins
            latest[id(user)] = (user, entry)
    for user, entry in latest.values():
        _deliver(store, message, user, entry, body, dispatch)
    return {"dispatch_id": dispatch, "message": "success"}


def _check(recipients: Any, kind: str) -> None:
    if not isinstance(recipients, list) or not recipients:
        raise Refused(400, "No Recipients")
    if len(recipients) > _MOST:
        raise Refused(400, "The max number of external_ids and aliases per request was exceeded")
    for entry in recipients:
        named = [n for n in ("external_user_id", "user_alias", "braze_id", "email") if entry.get(n) is not None]
        if len(named) != 1:
            raise Refused(
                400, "Each recipient must have exactly one of external_user_id, user_alias, braze_id or email"
            )
        if named == ["email"] and not entry.get("prioritization"):
            raise Refused(400, "prioritization is required for email recipients")
        if entry.get("send_to_existing_only") is False and not entry.get("attributes"):
            raise Refused(400, "attributes is required when send_to_existing_only is false")
        if "user_alias" in named and "send_to_existing_only" in entry:
            raise Refused(400, "send_to_existing_only cannot be used with user aliases")
        properties = entry.get("trigger_properties" if kind == "campaign" else "context", {})
        if len(json.dumps(properties)) > _MAX_PROPERTIES:
            raise Refused(400, "trigger properties are larger than 50 KB")


def _resting(store: BrazeStore, message: Message, dispatch: str) -> dict[str, Any]:
    if message.kind == "campaign" and store.switches.campaign_paused == "error400":
        raise Refused(400, "The campaign is paused or archived")
    word, verb = ("archived", "Unarchive") if message.archived else ("paused", "Resume")
    store.note("not_sent", recipient="", id=message.id, reason=word)
    answer = {"dispatch_id": dispatch, "message": "success"}
    if message.kind == "canvas":
        notice = f"The Canvas is {word}. {verb} the Canvas to ensure trigger requests will take effect."
        return {"notice": notice, **answer}
    return answer


def _person(store: BrazeStore, entry: Mapping[str, Any]) -> User | None:
    named = {"external_id": entry.get("external_user_id"), "user_alias": entry.get("user_alias"),
             "braze_id": entry.get("braze_id"), "email": entry.get("email")}  # fmt: skip
    identifier = {name: value for name, value in named.items() if value is not None}
    user = track.find(store, identifier)
    if user is None and entry.get("send_to_existing_only") is False:
        user = track.find_or_make(store, identifier, default_existing_only=False)
    if user is not None and entry.get("attributes"):
        own = {"external_id": user.external_id} if user.external_id is not None else {"braze_id": user.braze_id}
        track.apply_attributes(store, {**entry["attributes"], **own, "_update_existing_only": True})
    return user


def _deliver(
    store: BrazeStore, message: Message, user: User, entry: Mapping[str, Any], body: Mapping[str, Any], dispatch: str
) -> None:
    reason = _withheld(store, message, user)
    who = track.recipient(user)
    if reason:
        store.note("not_sent", recipient=who, id=message.id, reason=reason)
        return
    name = "trigger_properties" if message.kind == "campaign" else "context"
    properties = {**body.get(name, {}), **entry.get(name, {})}
    store.note(
        "messages", kind=message.kind, id=message.id, name=message.name, recipient=who, properties=properties,
        dispatch_id=dispatch,
    )  # fmt: skip


def _withheld(store: BrazeStore, message: Message, user: User) -> str:
    if message.send_to != "all":
        state = user.fields.get("email_subscribe", "subscribed")
        if _RANK[state] < _RANK[message.send_to]:
            return f"email state is {state}"
    for group in message.groups:
        if user.groups.get(group) != "subscribed":
            return f"not subscribed to group {group}"
    if str(user.fields.get("email", "")).lower() in store.bounced:
        return "address bounced"
    return ""


def _told(entry: Mapping[str, Any]) -> str:
    return str(entry.get("external_user_id") or entry.get("email") or entry.get("user_alias") or entry.get("braze_id"))
