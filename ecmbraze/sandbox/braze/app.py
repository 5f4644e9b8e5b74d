"""The HTTP face of the simulated Braze: routes, envelopes, statuses; the behaviour is in its neighbours."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request

from ecmbraze.sandbox.braze import (
    attributes,
    consent,
    content,
    exports,
    library,
    lists,
    mail,
    reads,
    segments,
    sends,
    tracking,
)
from ecmbraze.sandbox.braze.answers import Refused, json_object
from ecmbraze.sandbox.braze.gatekeeping import PERMISSIONS, admit
from ecmbraze.sandbox.braze.rates import Rates
from ecmbraze.sandbox.braze.store import BrazeStore

_MAX_BODY = 4 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[BrazeStore], dict[str, Any]]


def create_app(store: BrazeStore) -> Flask:
    """Return the app; every request holds the store's lock."""
    app = Flask("braze")
    rates = Rates(store)

    @app.route("/", defaults={"path": ""}, methods=_METHODS)
    @app.route("/<path:path>", methods=_METHODS)
    def answer(path: str) -> Response:
        with store.lock:
            tracking.flush(store)
            if f"/{path}".startswith(exports.PREFIX) and request.method == "GET":
                return _download(store, path)
            try:
                return _answer(store, rates, f"/{path}")
            except Refused as refused:
                text = "" if refused.empty else json.dumps(refused.body)
                return _response(store, refused.status, text, refused.headers)

    return app


def _answer(store: BrazeStore, rates: Rates, path: str) -> Response:
    store.requests += 1
    route = ROUTES.get((request.method, path))
    if route is None:
        raise Refused(404, "Invalid URL")
    admit(store, request.headers.get("Authorization", ""), path)
    headers = rates.count(path, _peek)
    try:
        if request.method == "POST":
            _check_envelope()
        body = route(store)
    except Refused as refused:
        refused.headers = {**headers, **refused.headers}
        raise
    if store.switches.lag_s == 0:
        tracking.flush(store)
    more = {"Link": body.link} if isinstance(body, attributes.Page) and body.link else {}
    return _response(store, 201 if request.method == "POST" else 200, json.dumps(body), {**headers, **more})


def _download(store: BrazeStore, path: str) -> Response:
    """Answer for the bucket behind the URL of an export, which is no part of the API: no key, no rate headers."""
    status, content, kind = exports.download(
        store, path, request.args.get("X-Amz-Signature", ""), authorized="Authorization" in request.headers
    )
    return Response(content, status=status, content_type=kind)


def _check_envelope() -> None:
    if request.content_length and request.content_length > _MAX_BODY:
        raise Refused(413, "Request entity too large")
    if not request.is_json:
        raise Refused(415, "Content-Type must be application/json")


def _response(store: BrazeStore, status: int, text: str, headers: Mapping[str, str]) -> Response:
    response = Response(text, status=status, content_type="application/json")
    request_id = uuid.uuid5(uuid.NAMESPACE_URL, f"request-{store.next_serial()}").hex
    response.headers.update({"x-request-id": request_id, **headers})
    return response


def _body() -> dict[str, Any]:
    return json_object(request.get_data())


def _peek() -> Mapping[str, Any]:
    """Return the body for the choice of a rate window; what is wrong with it is told later."""
    try:
        return _body()
    except Refused:
        return {}


def _asked(*names: str) -> dict[str, list[str]]:
    return {name: request.args.getlist(f"{name}[]") or request.args.getlist(name) for name in names}


ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/users/track"): lambda store: tracking.take(store, _body()),
    ("POST", "/campaigns/trigger/send"): lambda store: sends.trigger(store, "campaign", _body()),
    ("POST", "/canvas/trigger/send"): lambda store: sends.trigger(store, "canvas", _body()),
    ("POST", "/users/export/ids"): lambda store: reads.export(store, _body()),
    ("POST", "/users/export/segment"): lambda store: exports.start(store, _body(), request.host_url.rstrip("/")),
    ("GET", "/templates/email/list"): lambda store: library.templates(store, request.args),
    ("GET", "/templates/email/info"): lambda store: library.template(store, request.args),
    ("GET", "/content_blocks/list"): lambda store: library.blocks(store, request.args),
    ("GET", "/content_blocks/info"): lambda store: library.block(store, request.args),
    ("GET", "/custom_attributes"): lambda store: attributes.listing(store, request.args),
    ("GET", "/segments/list"): lambda store: segments.listing(store, request.args),
    ("GET", "/segments/details"): lambda store: segments.details(store, request.args),
    ("POST", "/users/delete"): lambda store: consent.delete(store, _body()),
    ("POST", "/subscription/status/set"): lambda store: consent.set_group(store, _body()),
    ("POST", "/v2/subscription/status/set"): lambda store: consent.set_groups(store, _body()),
    ("POST", "/email/status"): lambda store: mail.set_state(store, _body()),
    ("POST", "/email/blocklist"): lambda store: mail.block(store, _body()),
    ("POST", "/email/blacklist"): lambda store: mail.block(store, _body()),
    ("POST", "/email/bounce/remove"): lambda store: mail.forgive_bounces(store, _body()),
    ("POST", "/email/spam/remove"): lambda store: mail.forgive_spam(store, _body()),
    ("POST", "/sms/invalid_phone_numbers/remove"): lambda store: mail.forgive_phones(store, _body()),
    ("GET", "/sms/invalid_phone_numbers"): lambda store: lists.invalid_phones(
        store, request.args, _asked("phone_numbers")["phone_numbers"]
    ),
    ("GET", "/subscription/user/status"): lambda store: lists.groups_of(
        store, request.args, _asked("external_id", "email", "phone")
    ),
    ("GET", "/subscription/status/get"): lambda store: lists.group_status(
        store, request.args.get("subscription_group_id", ""), _asked("external_id", "email", "phone")
    ),
    ("GET", "/email/unsubscribes"): lambda store: lists.unsubscribes(store, request.args),
    ("GET", "/email/hard_bounces"): lambda store: lists.hard_bounces(store, request.args),
    ("GET", "/campaigns/details"): lambda store: content.details(store, "campaign", request.args),
    ("GET", "/canvas/details"): lambda store: content.details(store, "canvas", request.args),
    ("GET", "/campaigns/list"): lambda store: content.listing(store, "campaign", request.args),
    ("GET", "/canvas/list"): lambda store: content.listing(store, "canvas", request.args),
}
assert {path for _, path in ROUTES} == set(PERMISSIONS), "every route needs its permission"
