"""Assemble the simulated ECM as a WSGI application; holds no behaviour of an endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from flask import Flask, Response, current_app, request

from ecmbraze.sandbox.ecm import (
    asking,
    categories,
    children,
    documents,
    followups,
    forms,
    login,
    members,
    nodes,
    relations,
    roles,
    search,
    types,
    versions,
    workspaces,
)
from ecmbraze.sandbox.ecm.answers import answer
from ecmbraze.sandbox.ecm.gatekeeper import let_in, let_out
from ecmbraze.sandbox.ecm.listing import Listings
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.sessions import Sessions
from ecmbraze.sandbox.ecm.store import EcmStore

BASE_PATH = "/otcs/cs.exe"
_REST = (
    login.login,
    types.types,
    workspaces.workspaces,
    relations.relations,
    nodes.nodes,
    children.children,
    categories.categories,
    forms.forms,
    documents.documents,
    versions.versions,
    search.search,
    members.members,
    roles.roles,
    followups.followups,
)


def create_app(store: EcmStore, base_path: str = BASE_PATH) -> Flask:
    """Return the application: REST below ``base_path``/api, OTDS below /otdsws, the store's lock around both.

    Raises ValueError for an empty base path: no real server has one (section 13, 1).
    """
    if not base_path.strip("/"):
        raise ValueError("the base path may not be /")
    app = Flask(__name__)
    app.config["ECM_BASE"] = base_path
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions["ecm"] = store
    app.extensions["ecm_listings"] = Listings()
    app.extensions["ecm_searches"] = search.Caches()
    tickets = Random(f"tickets-{store.seed}")  # noqa: S311 - a repeatable sandbox, not a secret
    app.extensions["ecm_sessions"] = Sessions(store.clock, store.switches, tickets)
    for blueprint in _REST:
        app.register_blueprint(blueprint, url_prefix=f"{base_path}/api")
    app.register_blueprint(login.otds)
    app.before_request(let_in)
    app.after_request(let_out)
    app.register_error_handler(RefusalError, _refused)
    app.register_error_handler(404, _unknown)
    app.register_error_handler(405, _unknown)
    _serialise(app, store)
    return app


def _refused(refusal: RefusalError) -> Response:
    """Answer as Content Server does."""
    language = asking.store().switches.error_language
    return answer({"error": refusal.text(language)}, refusal.status)


def _unknown(error: Exception) -> Response:
    """Answer 400 with the registry text below the API, and a web server's 404 page elsewhere."""
    if request.path.startswith(current_app.config["ECM_BASE"]):
        return _refused(RefusalError(400, "unknown_url"))
    return Response("<html><head><title>404 Not Found</title></head></html>", 404, mimetype="text/html")


def _serialise(app: Flask, store: EcmStore) -> None:
    """Hold the store's lock around each request, so that no request sees half of another's change."""
    inner = app.wsgi_app

    def locked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with store.lock:
            return inner(environ, start_response)

    app.wsgi_app = locked  # type: ignore[method-assign]  # Flask documents replacing wsgi_app
