"""Steer the simulated Braze and see what it did; not part of Braze's own API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint

from ecmbraze.sandbox.braze.control_people import PeopleViews
from ecmbraze.sandbox.braze.control_segments import SegmentViews
from ecmbraze.sandbox.braze.gatekeeping import PERMISSIONS
from ecmbraze.sandbox.braze.records import Group, Message
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush
from ecmbraze.sandbox.fields import FLAG, NAME, NAMES, Kind, body, checked, one_of, unknown
from ecmbraze.sandbox.routes import mount

_MESSAGE: Mapping[str, Kind] = {
    "name": NAME,
    "paused": FLAG,
    "archived": FLAG,
    "draft": FLAG,
    "send_to": one_of("all", "subscribed", "opted_in"),
    "groups": NAMES,
    "channels": NAMES,
    "tags": NAMES,
}
_CHANNELS = ("email", "sms", "whatsapp")


def create_control(store: BrazeStore) -> Blueprint:
    """Return the blueprint that the control API mounts under ``/braze``; every request holds the store's lock."""
    control = Blueprint("braze", "braze")
    seen, crowd, content, segments = _Seen(store), PeopleViews(store), _Content(store), SegmentViews(store)
    mount(
        control,
        (
            ("GET", "/received", seen.received),
            ("DELETE", "/received", seen.forget),
            ("POST", "/flush", seen.apply),
            ("GET", "/switches", seen.switches),
            ("POST", "/switches", seen.turn),
            ("POST", "/keys", seen.add_key),
            ("GET", "/users", crowd.listing),
            ("GET", "/users/<external_id>", crowd.show),
            ("PUT", "/users/<external_id>", crowd.put),
            ("DELETE", "/users/<external_id>", crowd.delete),
            ("POST", "/changes", crowd.change),
            ("GET", "/campaigns", content.campaigns),
            ("PUT", "/campaigns/<message_id>", content.put_campaign),
            ("GET", "/canvases", content.canvases),
            ("PUT", "/canvases/<message_id>", content.put_canvas),
            ("GET", "/segments", segments.listing),
            ("PUT", "/segments/<segment_id>", segments.put),
            ("GET", "/bucket", segments.bucket),
            ("GET", "/bucket/<path:key>", segments.file),
            ("GET", "/groups", content.groups),
            ("PUT", "/groups/<group_id>", content.put_group),
        ),
        store.lock,
    )
    return control


def repeated(store: BrazeStore) -> int:
    """Return how many events Braze took that are, to the letter, one it had: it never drops any."""
    told = Counter(
        json.dumps([e["recipient"], e["name"], e["time"], e["properties"]], sort_keys=True)
        for e in store.received["events"]
    )
    return sum(told.values()) - len(told)


class _Seen:
    """What the simulated Braze received, and how it behaves."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store

    def received(self) -> Any:
        """Show what Braze took: messages, events, attributes, what it dropped or did not send, and why."""
        flush(self._store)
        counters = {"data_points": self._store.data_points, "requests": self._store.requests}
        return {**self._store.received, **counters, "duplicate_events": repeated(self._store)}

    def forget(self) -> Any:
        """Forget what was received so far."""
        self._store.clear_received()
        return {}

    def apply(self) -> Any:
        """Apply at once what was accepted and waits for "lag_s"."""
        flush(self._store, everything=True)
        return {}

    def switches(self) -> Any:
        """Show how the simulated Braze behaves, by switch."""
        return asdict(self._store.switches)

    def turn(self) -> Any:
        """Turn some of these switches."""
        self._store.switches.change(body())
        return self.switches()

    def add_key(self) -> Any:
        """Add an API key: "key", and the "permissions" it has."""
        asked = checked(body(), {"key": NAME, "permissions": NAMES}, "an API key", ("key", "permissions"))
        known = set(PERMISSIONS.values())
        for name in asked["permissions"]:
            if name not in known:
                raise unknown("no permission", name, known)
        self._store.keys[asked["key"]] = frozenset(asked["permissions"])
        return {}


class _Content:
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
        """Make or change a campaign: "name", "paused", "archived", "draft", "send_to", "groups", "channels", "tags"."""
        return self._put("campaign", message_id)

    def put_canvas(self, message_id: str) -> Any:
        """Make or change a Canvas, with the fields of a campaign."""
        return self._put("canvas", message_id)

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
        flags = checked(body(), _MESSAGE, f"a {kind}")
        known = self._store.messages.get((kind, message_id))
        name = flags.pop("name", known.name if known else message_id)
        put = self._store.put_campaign if kind == "campaign" else self._store.put_canvas
        put(message_id, name, **flags)
        return {}

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        return [_shown(message) for message in self._store.messages.values() if message.kind == kind]


def _shown(message: Message) -> dict[str, Any]:
    return {"id": message.id, **{name: getattr(message, name) for name in _MESSAGE}}
