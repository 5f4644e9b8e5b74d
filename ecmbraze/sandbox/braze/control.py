"""Steer the simulated Braze and see what it did; not part of Braze's own API."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ecmbraze.sandbox.braze import track
from ecmbraze.sandbox.braze.app import flush
from ecmbraze.sandbox.braze.store import BrazeStore, Switches, User


def create_control(store: BrazeStore) -> Blueprint:
    """Return the blueprint that the control API mounts under ``/braze``."""
    control = Blueprint("braze", "braze")
    _people(control, store)
    _messages(control, store)

    @control.get("/received")
    def received() -> ResponseReturnValue:
        with store.lock:
            flush(store)
            return jsonify({**store.received, "data_points": store.data_points, "requests": store.requests})

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
        known = {entry.name for entry in fields(Switches)}
        for name, value in (request.get_json() if request.method == "POST" else {}).items():
            if name not in known:
                return jsonify({"error": f"no switch {name!r}"}), 400
            setattr(store.switches, name, tuple(value) if isinstance(value, list) else value)
        return jsonify(asdict(store.switches))

    @control.post("/keys")
    def keys() -> ResponseReturnValue:
        asked = request.get_json()
        store.keys[asked["key"]] = frozenset(asked["permissions"])
        return jsonify({})

    return control


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
    if "groups" in flags:
        flags["groups"] = tuple(flags["groups"])
    known = store.messages.get((kind, message_id))
    if known is not None and "name" not in request.get_json():
        flags["name"] = known.name
    (store.put_campaign if kind == "campaign" else store.put_canvas)(message_id, **flags)
    return jsonify({})


def _told(user: User) -> dict[str, Any]:
    return {
        "external_id": user.external_id, "recipient": track.recipient(user), **user.fields,
        "custom_attributes": user.custom, "groups": user.groups, "user_aliases": user.aliases,
        "custom_events": {name: entry[2] for name, entry in user.events.items()},
    }  # fmt: skip
