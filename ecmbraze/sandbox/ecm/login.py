"""Serve ping, login, serverinfo and the OTDS token endpoints (api/ecm.md 2); checks no ticket itself."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer
from ecmbraze.sandbox.ecm.asking import store
from ecmbraze.sandbox.ecm.directory import API_USER, USER
from ecmbraze.sandbox.ecm.gatekeeper import sent_ticket, sent_token, sessions
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.stamps import stamp

login = Blueprint("login", __name__)
otds = Blueprint("otds", __name__)
CLIENT_ID = "ecmbraze"


@login.get("/v1/ping")
@login.get("/v2/ping")
def ping() -> Response:
    """Say that the server is up; needs no ticket."""
    return answer(
        {"rest_api": [{"build": 2, "href": "api/v1", "version": 1}, {"build": 1, "href": "api/v2", "version": 2}]}
    )


@login.post("/v1/auth")
@login.post("/v2/auth")
def log_in() -> Response:
    """Exchange user name and password for a ticket."""
    fields = request.form
    for name in ("username", "password"):
        if not fields.get(name):
            raise RefusalError(500, "argument", name=name)
    if fields.get("domain"):
        raise RefusalError(401, "domain")
    if not _credentials_good(fields["username"], fields["password"]):
        raise RefusalError(401, "login")
    return answer({"ticket": sessions().login()})


@login.get("/v1/auth")
@login.get("/v2/auth")
def who_am_i() -> Response:
    """Return the caller; a bearer token or OTDS ticket is exchanged for a ticket in the response *header*."""
    caller = store().directory.named(API_USER, USER)
    response = answer({"data": caller.properties()})
    if sent_token() is not None and sent_ticket() is None:
        response.headers["OTCSTicket"] = sessions().login()
    return response


@login.delete("/v1/auth")
@login.delete("/v2/auth")
def log_out() -> Response:
    """End the session of the ticket."""
    sessions().logout(sent_ticket() or "")
    return answer({})


@login.get("/v1/serverinfo")
def server_info() -> Response:
    """Describe the server; ``current_date`` has no zone."""
    return answer({"mobile": {"cs_mobile": 1}, "server": _server(), "sessions": _session_policy()})


def _server() -> dict[str, Any]:
    switches = store().switches
    return {
        "advanced_versioning": True,
        "current_date": stamp(store().now(), False, switches.server_tz),
        "domain_access_enabled": False,
        "language_code": "USA",
        "languages": [
            {"display_name": "English (United States)", "language_code": "USA"},
            {"display_name": "Deutsch (Deutschland)", "language_code": "DEU"},
        ],
        "metadata_languages": [
            {"default": True, "display_name": "English", "language_code": "en"},
            {"default": False, "display_name": "Deutsch", "language_code": "de"},
        ],
        "time_zone_offset_enabled": switches.z_suffix_nodes,
        "url": request.url_root.rstrip("/"),
        "version": switches.version,
    }


def _session_policy() -> dict[str, Any]:
    switches = store().switches
    timeout, reaction = switches.ticket_ttl_s * 1000, 180_000  # milliseconds, as in the vendor's sample (2.1)
    return {
        "enabled": True,
        "expire_after_last_login": switches.ticket_absolute,
        "expire_after_last_request": not switches.ticket_absolute,
        "logout_url": "?func=ll.DoLogout",
        "session_inactivity": timeout - reaction,
        "session_reaction_time": reaction,
        "session_timeout": timeout,
    }


@otds.post("/otdsws/oauth2/token")
def oauth_token() -> Response:
    """Issue an access token for client credentials (body or HTTP Basic) or a password grant."""
    fields = request.form
    client, secret = _basic() or (fields.get("client_id", ""), fields.get("client_secret", ""))
    grant = fields.get("grant_type")
    if grant == "client_credentials":
        good = (client, secret) == (CLIENT_ID, store().password)
    elif grant == "password":
        good = _credentials_good(fields.get("username", ""), fields.get("password", ""))
    else:
        return answer({"error": "unsupported_grant_type"}, 400)
    if not good:
        return answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
    token, lifetime = sessions().token()
    return answer({"access_token": token, "token_type": "Bearer", "expires_in": lifetime})


@otds.post("/otdsws/rest/authentication/credentials")
@otds.post("/otdsws/v1/authentication/credentials")
def otds_ticket() -> Response:
    """Exchange user name and password, sent as JSON, for an OTDS ticket."""
    fields: dict[str, Any] = request.get_json(silent=True) or {}
    user = str(fields.get("userName") or fields.get("user_name") or "")
    if not _credentials_good(user, str(fields.get("password", ""))):
        return answer({"status": 1020, "error": "Authentication failed", "errorDetails": None}, 401)
    token, _ = sessions().token()
    return answer({"ticket": token, "token": token, "userId": user, "user_id": user, "failureReason": None})


def _credentials_good(username: str, password: str) -> bool:
    """Compare; the login may carry its partition (2.2)."""
    return (username.split("@", 1)[0], password) == (store().username, store().password)


def _basic() -> tuple[str, str] | None:
    authorization = request.headers.get("Authorization", "")
    if not authorization.lower().startswith("basic "):
        return None
    try:
        client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return client, secret
