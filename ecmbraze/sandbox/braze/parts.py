"""The parts of campaigns and Canvases: what each channel holds, and what the API serves of it (api/braze.md 7.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ecmbraze.sandbox.fields import FLAG, NAME, NAMES, OBJECT, OBJECTS, TEXT, Kind, checked, one_of

_EMAIL: Mapping[str, Kind] = {
    **dict.fromkeys(("name", "subject", "body", "from", "reply_to", "title", "amp_body", "preheader"), TEXT),
    "custom_plain_text": TEXT,
    "extras": OBJECT,
    "should_inline_css": FLAG,
    "should_whitespace_header": FLAG,
    "email_headers": OBJECT,
}
_PUSH: Mapping[str, Kind] = {"alert": TEXT, "extras": OBJECT}
_SERVED: Mapping[str, Mapping[str, Kind]] = {
    "email": _EMAIL,
    **dict.fromkeys(("push", "ios_push", "android_push", "web_push"), _PUSH),
    "sms": {"body": TEXT, "from": TEXT, "subscription_group_id": NAME},
    "webhook": {"url": TEXT, "body": TEXT, "type": TEXT, "headers": OBJECT, "method": TEXT},
    "content_cards": {"name": TEXT, "extras": OBJECT},
    "in_app_message": {},
}
# What the dashboard shows of these and the API does not: text that nobody can archive.
_HIDDEN: Mapping[str, Kind] = {"title": TEXT, "message": TEXT}
_CONTROL: Mapping[str, Kind] = {"channel": NAME, "type": one_of("control")}
_STEP: Mapping[str, Kind] = {
    "id": NAME,
    "name": NAME,
    "type": NAME,
    "next_step_ids": NAMES,
    "next_paths": OBJECTS,
    "messages": OBJECT,
}
_VARIANT: Mapping[str, Kind] = {"id": NAME, "name": NAME, "first_step_ids": NAMES}
_PATH: Mapping[str, Kind] = {"name": NAME, "next_step_id": NAME}


def messages(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return message variation id → message as somebody wrote it. Raises ValueError naming what is wrong."""
    return {variation: _message(one) for variation, one in raw.items()}


def steps(raw: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a Canvas, which may lead in circles. Raises ValueError naming what is wrong."""
    found = [checked(one, _STEP, "a step", ("id", "name")) for one in raw]
    for step in found:
        step["messages"] = messages(step.get("messages", {}))
        step["next_paths"] = [checked(path, _PATH, "a path", tuple(_PATH)) for path in step.get("next_paths", [])]
        step["next_step_ids"] = step.get("next_step_ids") or [path["next_step_id"] for path in step["next_paths"]]
        lost = {*step["next_step_ids"], *(path["next_step_id"] for path in step["next_paths"])}
        if lost := lost - {other["id"] for other in found}:
            raise ValueError(f"step {step['id']!r} leads to {sorted(lost)[0]!r}, which is no step")
    return found


def variants(raw: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the variants of a Canvas. Raises ValueError naming what is wrong."""
    return [checked(one, _VARIANT, "a variant", tuple(_VARIANT)) for one in raw]


def served_messages(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return messages as the details give them: of content cards and in-app messages without their text."""
    return {variation: _served(message) for variation, message in written.items()}


def served_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step as the details give it."""
    return {
        "name": step["name"],
        "type": step.get("type", "message"),
        "id": step["id"],
        "next_step_ids": list(step["next_step_ids"]),
        "next_paths": [dict(path) for path in step["next_paths"]],
        "channels": channels(step["messages"]),
        "messages": served_messages(step["messages"]),
    }


def served_variant(variant: Mapping[str, Any]) -> dict[str, Any]:
    """Return a variant as the details give it, the first step twice."""
    first = list(variant["first_step_ids"])
    return {
        "name": variant["name"],
        "id": variant["id"],
        "first_step_ids": first,
        "first_step_id": first[0] if first else None,
    }


def channels(written: Mapping[str, Any]) -> list[str]:
    """Return the channels of messages, each once; a control variant has none."""
    return sorted({message["channel"] for message in written.values() if message.get("type") != "control"})


def texts(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield message variation id and everything written in it."""
    for variation, message in written.items():
        yield variation, json.dumps(message, ensure_ascii=False)


def _message(raw: Any) -> dict[str, Any]:
    if isinstance(raw, Mapping) and raw.get("type") == "control":
        return checked(raw, _CONTROL, "a control variant", tuple(_CONTROL))
    channel = raw.get("channel") if isinstance(raw, Mapping) else None
    fields = {"channel": one_of(*_SERVED), **_SERVED.get(str(channel), {})}
    if channel in ("content_cards", "in_app_message"):
        fields |= _HIDDEN
    return checked(raw, fields, "a message", ("channel",))


def _served(message: Mapping[str, Any]) -> dict[str, Any]:
    if message.get("type") == "control":
        return {"channel": message["channel"], "type": "control"}
    return {"channel": message["channel"], **{name: message.get(name) for name in _SERVED[message["channel"]]}}
