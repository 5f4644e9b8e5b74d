"""The HTTP face of the simulated Braze: routes, envelopes, statuses; the behaviour is in its neighbours."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request

from ecmbraze.sandbox.braze import consent, objects, reads, sends, track
from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.gatekeeping import PERMISSIONS, Rates, admit, due
from ecmbraze.sandbox.braze.store import BrazeStore

_MAX_BODY = 4 * 1024 * 1024
_MOST = 75
_ARRAYS = ("attributes", "events", "purchases")
Handler = Callable[[BrazeStore], dict[str, Any]]


def create_app(store: BrazeStore) -> Flask:
    """Return the app; every request holds the store's lock."""
    app = Flask("braze")
    rates = Rates(store)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def answer(path: str) -> Response:
        with store.lock:
            flush(store)
            try:
                return _answer(store, rates, f"/{path}")
            except Refused as refused:
                headers = refused.body.pop("_headers", {})
                return _json(refused.status, refused.body, headers)

    return app


def flush(store: BrazeStore, *, everything: bool = False) -> None:
    """Apply what was accepted and is due: reads see only applied state."""
    now = store.clock.now()
    ripe = [entry for entry in store.queue if everything or entry[0] <= now]
    store.queue = [entry for entry in store.queue if entry not in ripe]
    for _, work in ripe:
        for array, value in work:
            (track.apply_attributes if array == "attributes" else track.apply_event)(store, value)


def _answer(store: BrazeStore, rates: Rates, path: str) -> Response:
    store.requests += 1
    route = ROUTES.get((request.method, path))
    if route is None:
        raise Refused(404, "Invalid URL")
    admit(store, request.headers.get("Authorization", ""), path)
    headers = rates.headers(path)
    if request.method == "POST":
        if request.content_length and request.content_length > _MAX_BODY:
            raise Refused(413, "Request entity too large")
        if not request.is_json:
            raise Refused(415, "Content-Type must be application/json")
    body = route(store)
    status = 201 if request.method == "POST" else 200
    if store.switches.lag_s == 0:
        flush(store)
    return _json(status, body, headers)


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    response = Response(json.dumps(body), status=status, content_type="application/json")
    response.headers.update({"x-request-id": uuid.uuid5(uuid.NAMESPACE_URL, str(body)).hex, **headers})
    return response


def _body() -> dict[str, Any]:
    try:
        value = json.loads(request.get_data())
    except ValueError:
        raise Refused(400, "Error while parsing request body. Please check your syntax.") from None
    if not isinstance(value, dict):
        raise Refused(400, "Error while parsing request body. Please check your syntax.")
    return value


def _track(store: BrazeStore) -> dict[str, Any]:
    body = _body()
    arrays = {name: body[name] for name in _ARRAYS if isinstance(body.get(name), list)}
    sizes = [len(values) for values in arrays.values()]
    if max(sizes, default=0) > _MOST or (sum(sizes) > _MOST and not store.switches.legacy_limits):
        raise Refused(400, "Max Input Length Exceeded")
    errors, work = [], []
    answer: dict[str, Any] = {}
    for array, values in arrays.items():
        taken = 0
        for index, value in enumerate(values):
            refused = objects.refusal(store, array, value)
            if refused is None:
                taken += 1
                work.append((array, value)) if array != "purchases" else None
            else:
                told = {"type": refused[1] if store.switches.error_sentences else refused[0], "input_array": array}
                errors.append({**told, **({"index": index} if store.switches.error_index else {})})
        if taken:
            answer[f"{array}_processed"] = taken
    if not answer:
        valid = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
        raise Refused(400, valid, **({"errors": errors} if errors else {}))
    due(store, work)
    return {**answer, **({"errors": errors} if errors else {}), "message": "success"}


def _details(kind: str) -> Handler:
    def details(store: BrazeStore) -> dict[str, Any]:
        message = store.messages.get((kind, request.args.get(f"{kind}_id", "")))
        if message is None:
            raise Refused(400, f"{kind}_id must be a string of the {kind.capitalize()} api identifier")
        return {
            "message": "success", "name": message.name, "archived": message.archived, "draft": False,
            "enabled": not message.paused, "schedule_type": "api_triggered", "channels": ["email"], "tags": [],
        }  # fmt: skip

    return details


def _listing(kind: str) -> Handler:
    def listing(store: BrazeStore) -> dict[str, Any]:
        page = int(request.args.get("page", 0))
        archived = request.args.get("include_archived") == "true"
        found = [m for m in store.messages.values() if m.kind == kind and (archived or not m.archived)]
        items = [{"id": m.id, "name": m.name, "tags": []} for m in found[page * 100 : page * 100 + 100]]
        return {("campaigns" if kind == "campaign" else "canvases"): items, "message": "success"}

    return listing


def _values(name: str) -> list[str]:
    return request.args.getlist(f"{name}[]") or request.args.getlist(name)


ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/users/track"): _track,
    ("POST", "/campaigns/trigger/send"): lambda store: sends.trigger(store, "campaign", _body()),
    ("POST", "/canvas/trigger/send"): lambda store: sends.trigger(store, "canvas", _body()),
    ("POST", "/users/export/ids"): lambda store: reads.export(store, _body()),
    ("POST", "/users/delete"): lambda store: consent.delete(store, _body()),
    ("POST", "/subscription/status/set"): lambda store: consent.set_group(store, _body()),
    ("POST", "/email/status"): lambda store: consent.set_email(store, _body()),
    ("GET", "/subscription/status/get"): lambda store: reads.group_status(
        store, request.args.get("subscription_group_id", ""), _values("external_id"), _values("email")
    ),
    ("GET", "/email/unsubscribes"): lambda store: reads.email_list(store.unsubscribed, request.args, "unsubscribed_at"),
    ("GET", "/email/hard_bounces"): lambda store: reads.email_list(store.bounced, request.args, "hard_bounced_at"),
    ("GET", "/campaigns/details"): _details("campaign"),
    ("GET", "/canvas/details"): _details("canvas"),
    ("GET", "/campaigns/list"): _listing("campaign"),
    ("GET", "/canvas/list"): _listing("canvas"),
}
assert {path for _, path in ROUTES} == set(PERMISSIONS), "every route needs its permission"
