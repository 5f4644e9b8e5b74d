"""Views of the control API on content: campaigns, Canvases, groups, templates, blocks, as people edit them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from ecmbraze.sandbox.braze import parts
from ecmbraze.sandbox.braze.records import Block, Group, Message, Template
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.fields import (
    FLAG,
    INSTANT,
    NAME,
    NAMES,
    OBJECT,
    OBJECTS,
    TEXT,
    Kind,
    body,
    checked,
    one_of,
    unknown,
)

# When an edit is dated, and whether it moves the date at all: lists do not tell every edit.
_EDIT: Mapping[str, Kind] = {"at": INSTANT, "unlisted": FLAG}
_WRITTEN: Mapping[str, Kind] = {
    "name": NAME,
    "channels": NAMES,
    "tags": NAMES,
    "teams": NAMES,
    "description": TEXT,
    "schedule_type": NAME,
}
_FLAGS: Mapping[str, Kind] = {
    "paused": FLAG,
    "archived": FLAG,
    "draft": FLAG,
    "send_to": one_of("all", "subscribed", "opted_in"),
    "groups": NAMES,
    "launched_draft": Kind("an object, or null for none", lambda value: value is None or OBJECT.fits(value), null=True),
}
_OWN: Mapping[str, Mapping[str, Kind]] = {
    "campaign": {"messages": OBJECT, "is_api_campaign": FLAG},
    "canvas": {"variants": OBJECTS, "steps": OBJECTS},
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "messages": parts.messages,
    "variants": parts.variants,
    "steps": parts.steps,
}
_TEMPLATE: Mapping[str, Kind] = {
    **dict.fromkeys(("description", "subject", "preheader", "body", "plaintext_body"), TEXT),
    "name": NAME,
    "tags": NAMES,
    "should_inline_css": FLAG,
    "drag_and_drop": FLAG,
}
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,99}")
_BLOCK: Mapping[str, Kind] = {
    "name": Kind("fewer than 100 of A-Z a-z 0-9 _ -", lambda value: TEXT.fits(value) and bool(_PLAIN.fullmatch(value))),
    "content": Kind("a text below 50 KB", lambda value: TEXT.fits(value) and len(value.encode()) < 50 * 1024),
    "content_type": one_of("html", "text"),
    "description": TEXT,
    "state": one_of("active", "draft"),
    "tags": NAMES,
}
_CHANNELS = ("email", "sms", "whatsapp")


class MessageViews:
    """Campaigns, Canvases and subscription groups."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store

    def campaigns(self) -> Any:
        """List the campaigns."""
        return self._listed("campaign")

    def canvases(self) -> Any:
        """List the Canvases."""
        return self._listed("canvas")

    def put_campaign(self, message_id: str) -> Any:
        """Make or change a campaign: "name", "paused", "archived", "draft", "tags", "messages", "launched_draft" …."""
        return self._put("campaign", message_id)

    def put_canvas(self, message_id: str) -> Any:
        """Make or change a Canvas, with the fields of a campaign, but "variants" and "steps" for "messages"."""
        return self._put("canvas", message_id)

    def delete_campaign(self, message_id: str) -> Any:
        """Delete a campaign."""
        return self._delete("campaign", message_id)

    def delete_canvas(self, message_id: str) -> Any:
        """Delete a Canvas."""
        return self._delete("canvas", message_id)

    def groups(self) -> Any:
        """List the subscription groups."""
        return [{"id": key, **asdict(group)} for key, group in self._store.groups.items()]

    def put_group(self, group_id: str) -> Any:
        """Make or change a subscription group: "name", "channel", "archived"."""
        fields = {"name": NAME, "channel": one_of(*_CHANNELS), "archived": FLAG}
        asked = checked(body(), fields, "a subscription group")
        self._store.groups[group_id] = replace(self._store.groups.get(group_id, Group(group_id)), **asked)
        return {}

    def _put(self, kind: str, message_id: str) -> Any:
        given = checked(body(), {**_WRITTEN, **_FLAGS, **_OWN[kind], **_EDIT}, f"a {kind}")
        known = self._store.messages.get((kind, message_id))
        edited = _edited(self._store, given, known.edited if known else None)
        if given.get("launched_draft") is not None:
            draft = checked(given["launched_draft"], {**_WRITTEN, **_OWN[kind]}, "a launched draft")
            given["launched_draft"] = _read(draft)
        flags = _read(given)
        name = flags.pop("name", known.name if known else message_id)
        put = self._store.put_campaign if kind == "campaign" else self._store.put_canvas
        put(message_id, name, **flags, edited=edited)
        return {}

    def _delete(self, kind: str, message_id: str) -> Any:
        if (kind, message_id) not in self._store.messages:
            raise unknown(f"no {kind}", message_id, [of for which, of in self._store.messages if which == kind])
        del self._store.messages[(kind, message_id)]
        return {}

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        return [_shown(message) for message in self._store.messages.values() if message.kind == kind]


class LibraryViews:
    """E-mail templates and Content Blocks."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store

    def templates(self) -> Any:
        """List the e-mail templates, drag-and-drop ones too."""
        return [_described(one, _TEMPLATE) for one in self._store.templates.values()]

    def put_template(self, asset_id: str) -> Any:
        """Make or change an e-mail template: "name", "subject", "body", "tags", "drag_and_drop" and more."""
        given = checked(body(), {**_TEMPLATE, **_EDIT}, "a template")
        known = self._store.templates.get(asset_id)
        edited = _edited(self._store, given, known.edited if known else None)
        known = known or Template(id=asset_id, name=asset_id, created=edited, edited=edited)
        self._store.templates[asset_id] = replace(known, **_tuples(given), edited=edited)
        return {}

    def delete_template(self, asset_id: str) -> Any:
        """Delete an e-mail template."""
        return _deleted(self._store.templates, asset_id, "no template")

    def blocks(self) -> Any:
        """List the Content Blocks, drafts too."""
        return [_described(one, _BLOCK) for one in self._store.blocks.values()]

    def put_block(self, asset_id: str) -> Any:
        """Make or change a Content Block: "name" (a unique one), "content", "state", "tags" and more."""
        given = checked(body(), {**_BLOCK, **_EDIT}, "a Content Block")
        known = self._store.blocks.get(asset_id)
        name = given.get("name", known.name if known else asset_id)
        if any(other.name == name and other.id != asset_id for other in self._store.blocks.values()):
            raise ValueError(f"a Content Block: the name {name!r} is taken")
        edited = _edited(self._store, given, known.edited if known else None)
        known = known or Block(id=asset_id, name=name, created=edited, edited=edited)
        self._store.blocks[asset_id] = replace(known, **_tuples(given), edited=edited)
        return {}

    def delete_block(self, asset_id: str) -> Any:
        """Delete a Content Block."""
        return _deleted(self._store.blocks, asset_id, "no Content Block")


def _edited(store: BrazeStore, given: dict[str, Any], before: datetime | None) -> datetime:
    """Take how an edit is dated out of what was given, and return the date that the API shows then."""
    at = parse_instant(given.pop("at")) if "at" in given else store.clock.now()
    return before if given.pop("unlisted", False) and before else at


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with their parts checked; without a word on channels they are those of the parts."""
    found = {name: _READ[name](value) if name in _READ else value for name, value in given.items()}
    held = [found.get("messages", {}), *(step["messages"] for step in found.get("steps", ()))]
    channels = sorted({channel for written in held for channel in parts.channels(written)})
    return {**({"channels": channels} if channels else {}), **found}


def _shown(message: Message) -> dict[str, Any]:
    return {"id": message.id, **{name: getattr(message, name) for name in {**_WRITTEN, **_FLAGS, **_OWN[message.kind]}}}


def _described(asset: Template | Block, fields: Mapping[str, Kind]) -> dict[str, Any]:
    return {"id": asset.id, **{name: getattr(asset, name) for name in fields}}


def _deleted(book: dict[str, Any], asset_id: str, what: str) -> dict[str, Any]:
    if asset_id not in book:
        raise unknown(what, asset_id, book)
    del book[asset_id]
    return {}


def _tuples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
