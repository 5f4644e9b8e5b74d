"""Steer the simulated Braze and see what it did; not part of Braze's own API."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush


def create_control(store: BrazeStore) -> Blueprint:
    """Return the blueprint that the control API mounts under ``/braze``."""
    control = Blueprint("braze", "braze")
    _people(control, store)
    _messages(control, store)

    @control.get("/received")
    def received() -> ResponseReturnValue:
        with store.lock:
            flush(store)
            told = {"data_points": store.data_points, "requests": store.requests, "duplicate_events": repeated(store)}
            return jsonify({**store.received, **told})

    @control.delete("/received")
    def forget() -> ResponseReturnValue:
        with store.lock:
            store.clear_received()
            return jsonify({})

    @control.post("/flush")
    def apply() -> ResponseReturnValue:
        with store.lock:
            flush(store, everything=True)
            return jsonify({})

    @control.route("/switches", methods=["GET", "POST"])
    def switches() -> ResponseReturnValue:
        with store.lock:
            if request.method == "POST":
                store.switches.change(request.get_json())
            return jsonify(asdict(store.switches))

    @control.post("/keys")
    def keys() -> ResponseReturnValue:
        asked = request.get_json()
        store.keys[asked["key"]] = frozenset(asked["permissions"])
        return jsonify({})

    return control


def repeated(store: BrazeStore) -> int:
    """Return how many events Braze took that are, to the letter, one it had: it never drops any."""
    told = Counter(
        json.dumps([e["recipient"], e["name"], e["time"], e["properties"]], sort_keys=True)
        for e in store.received["events"]
    )
    return sum(told.values()) - len(told)


def _people(control: Blueprint, store: BrazeStore) -> None:
    @control.get("/users")
    def users() -> ResponseReturnValue:
        with store.lock:
            return jsonify([_told(user) for user in store.users])

    @control.route("/users/<external_id>", methods=["GET", "PUT", "DELETE"])
    def user(external_id: str) -> ResponseReturnValue:
        with store.lock:
            flush(store)
            if request.method == "PUT":
                store.put_user(external_id, request.get_json())
            found = store.by_external.get(external_id)
            if found is None:
                return jsonify({"error": "no such user"}), 404
            if request.method == "DELETE":
                store.drop_user(found)
            return jsonify(_told(found))


def _messages(control: Blueprint, store: BrazeStore) -> None:
    @control.put("/campaigns/<message_id>")
    def campaign(message_id: str) -> ResponseReturnValue:
        return _put(store, "campaign", message_id)

    @control.put("/canvases/<message_id>")
    def canvas(message_id: str) -> ResponseReturnValue:
        return _put(store, "canvas", message_id)

    @control.put("/groups/<group_id>")
    def group(group_id: str) -> ResponseReturnValue:
        asked = request.get_json()
        store.put_group(group_id, asked.get("name", group_id), asked.get("channel", "email"))
        return jsonify({})


def _put(store: BrazeStore, kind: str, message_id: str) -> ResponseReturnValue:
    flags: dict[str, Any] = {"name": message_id, **request.get_json()}
    known = store.messages.get((kind, message_id))
    if known is not None and "name" not in request.get_json():
        flags["name"] = known.name
    (store.put_campaign if kind == "campaign" else store.put_canvas)(message_id, **flags)
    return jsonify({})


def _told(user: User) -> dict[str, Any]:
    return {
        "external_id": user.external_id, "recipient": people.recipient(user), **user.fields,
        "custom_attributes": user.custom, "groups": user.groups, "user_aliases": user.aliases,
        "custom_events": {name: entry[2] for name, entry in user.events.items()},
    }  # fmt: skip
