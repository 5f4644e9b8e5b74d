"""Steer the simulated Braze and see what it did; not part of Braze's own API."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from flask import Blueprint

from ecmbraze.sandbox.braze.control_content import LibraryViews, MessageViews
from ecmbraze.sandbox.braze.control_people import PeopleViews
from ecmbraze.sandbox.braze.control_segments import SegmentViews
from ecmbraze.sandbox.braze.gatekeeping import PERMISSIONS
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush
from ecmbraze.sandbox.fields import NAME, NAMES, body, checked, unknown
from ecmbraze.sandbox.routes import mount


def create_control(store: BrazeStore) -> Blueprint:
    """Return the blueprint that the control API mounts under ``/braze``; every request holds the store's lock."""
    control = Blueprint("braze", "braze")
    seen, crowd, content, segments = _Seen(store), PeopleViews(store), MessageViews(store), SegmentViews(store)
    library = LibraryViews(store)
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
            ("DELETE", "/campaigns/<message_id>", content.delete_campaign),
            ("DELETE", "/canvases/<message_id>", content.delete_canvas),
            ("GET", "/templates", library.templates),
            ("PUT", "/templates/<asset_id>", library.put_template),
            ("DELETE", "/templates/<asset_id>", library.delete_template),
            ("GET", "/blocks", library.blocks),
            ("PUT", "/blocks/<asset_id>", library.put_block),
            ("DELETE", "/blocks/<asset_id>", library.delete_block),
            ("GET", "/segments", segments.listing),
            ("PUT", "/segments/<segment_id>", segments.put),
            ("POST", "/currents", segments.currents),
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
