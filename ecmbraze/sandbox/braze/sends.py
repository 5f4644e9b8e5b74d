"""Triggered sends: who gets a message, who does not and why; delivers to nobody."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import people, recipients
from ecmbraze.sandbox.braze.answers import Refused, listed
from ecmbraze.sandbox.braze.records import Message, User
from ecmbraze.sandbox.braze.store import BrazeStore

_RANK = {"unsubscribed": 0, "subscribed": 1, "opted_in": 2}
_UNKNOWN = {"campaign": "Invalid Campaign ID", "canvas": "canvas_id must be a string of the Canvas api identifier"}


def trigger(store: BrazeStore, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Process one trigger request and return its answer. Raises Refused with status 400."""
    message = store.messages.get((kind, str(body.get(f"{kind}_id"))))
    asked = listed(body, "recipients")
    store.note("calls", path=f"/{kind}/trigger/send", objects=len(asked))
    if message is None:
        raise Refused(400, _UNKNOWN[kind])
    dispatch = uuid.uuid5(uuid.NAMESPACE_URL, f"dispatch-{store.next_serial()}").hex
    answer = {"dispatch_id": dispatch, "message": "success"}
    if _is_broadcast(store, body):
        if asked:
            raise Refused(400, "broadcast cannot be true when recipients are given")
        store.note("broadcasts", kind=kind, id=message.id, body=dict(body))
        return answer
    recipients.check(store, asked, kind, body)
    if message.paused or message.archived or message.draft:
        return _resting(store, message, answer)
    for user, entry in _people(store, message, asked):
        _deliver(store, message, user, recipients.properties(kind, body, entry), dispatch)
    return answer


def _is_broadcast(store: BrazeStore, body: Mapping[str, Any]) -> bool:
    """Say whether the whole audience is meant; the documentation is ambiguous where nothing is said (3.1)."""
    unsaid = "broadcast" not in body and not body.get("recipients")
    return bool(body.get("broadcast")) or (unsaid and store.switches.broadcast_unsaid == "broadcast")


def _people(store: BrazeStore, message: Message, asked: list[Any]) -> list[tuple[User, Mapping[str, Any]]]:
    """Return whom to message: the same person twice is one message, the last entry wins."""
    latest: dict[str, tuple[User, Mapping[str, Any]]] = {}
    for entry in asked:
        user = recipients.person(store, message.kind, entry)
        if isinstance(user, str):
            store.note("not_sent", recipient=recipients.told(entry), id=message.id, reason=user)
        else:
            latest.pop(user.braze_id, None)
            latest[user.braze_id] = (user, entry)
    return list(latest.values())


def _resting(store: BrazeStore, message: Message, answer: dict[str, Any]) -> dict[str, Any]:
    if message.kind == "campaign" and store.switches.campaign_paused == "error400":
        raise Refused(400, "The campaign is paused or archived")
    word, verb = ("archived", "Unarchive") if message.archived else ("paused", "Resume")
    store.note("not_sent", recipient="", id=message.id, reason="draft" if message.draft else word)
    if message.kind == "canvas" and not message.draft:
        notice = f"The Canvas is {word}. {verb} the Canvas to ensure trigger requests will take effect."
        return {"notice": notice, **answer}
    return answer


def _deliver(store: BrazeStore, message: Message, user: User, properties: dict[str, Any], dispatch: str) -> None:
    reason, who = _withheld(store, message, user), people.recipient(user)
    if reason:
        store.note("not_sent", recipient=who, id=message.id, reason=reason)
        return
    now = store.clock.now()
    store.touch_message(user, message, now)
    message.last_sent = now
    message.first_sent = message.first_sent or now
    store.note(
        "messages",
        kind=message.kind,
        id=message.id,
        name=message.name,
        recipient=who,
        properties=properties,
        profile=dict(user.custom),
        dispatch_id=dispatch,
    )


def _withheld(store: BrazeStore, message: Message, user: User) -> str:
    state = user.fields.get("email_subscribe", "subscribed")
    if message.send_to != "all" and _RANK[state] < _RANK[message.send_to]:
        return f"email state is {state}"
    if message.send_to != "all" and user.fields.get("marked_email_as_spam_at"):
        return "reported spam"
    for group in message.groups:
        if user.groups.get(group) != "subscribed":
            return f"not subscribed to group {group}"
    if message.channels == ("email",) and not user.fields.get("email"):
        return "no address"
    if str(user.fields.get("email", "")).lower() in store.addresses.bounced:
        return "address bounced"
    return "entered in the same second" if _entered(store, message, user) else ""


def _entered(store: BrazeStore, message: Message, user: User) -> bool:
    """Say whether the person entered this Canvas in this very second already: only one entry counts (3.3)."""
    if message.kind == "campaign":
        return False
    second, key = int(store.clock.now().timestamp()), (message.id, user.braze_id)
    before, store.entered[key] = store.entered.get(key), second
    return before == second
