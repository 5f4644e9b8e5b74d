"""Let requests in: tickets, cookies, bearer tokens, storms and rotation (section 13, 2 and 3); serves no endpoint."""

from __future__ import annotations

import json
from typing import cast

from flask import Response, current_app, g, request

from ecmbraze.sandbox.ecm.asking import store
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.sessions import Sessions

_OPEN = frozenset({"login.ping", "login.log_in"})


def sessions() -> Sessions:
    """Return the tickets of the application that serves this request."""
    return cast(Sessions, current_app.extensions["ecm_sessions"])


def sent_ticket() -> str | None:
    """Return the ticket a request carries as header or cookie, or None."""
    return request.headers.get("OTCSTicket") or request.cookies.get("LLCookie") or request.cookies.get("OTCSTicket")


def sent_token() -> str | None:
    """Return the OAuth token or OTDS ticket a request carries, or None."""
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[7:].strip() if authorization.lower().startswith("bearer ") else None
    return request.headers.get("OTDSTicket") or bearer


def let_in() -> None:
    """Refuse what may not come in; runs before each request."""
    if request.routing_exception is not None or request.blueprint in (None, "otds"):
        return
    mimetype = request.mimetype
    if mimetype == "application/json" and request.method != "GET" and request.content_length:
        raise RefusalError(400, "parameters")
    if request.endpoint in _OPEN:
        return
    _check_credential()


def _check_credential() -> None:
    ticket, token = sent_ticket(), sent_token()
    good = (ticket is not None and sessions().admits(ticket)) or (token is not None and sessions().knows_token(token))
    switches = store().switches
    if good and switches.ticket_storm > 0:
        switches.ticket_storm -= 1
        good = False
    if not good:
        raise RefusalError(401, "authentication")
    g.ticket = ticket


def let_out(response: Response) -> Response:
    """Renew the ticket and flatten the status where asked; runs after each request."""
    ticket = g.get("ticket")
    if ticket and store().switches.rotate_ticket and response.status_code == 200 and request.method != "DELETE":
        response.headers["OTCSTicket"] = sessions().rotated(ticket)
    if "suppress_response_codes" in request.values and response.mimetype == "application/json":
        _flatten(response)
    return response


def _flatten(response: Response) -> None:
    """Turn any status into 200 with the real one in ``statusCode`` (api/ecm.md 1.2)."""
    content = json.loads(response.get_data() or b"{}")
    if isinstance(content, dict):
        response.set_data(json.dumps({**content, "statusCode": response.status_code}))
        response.status_code = 200
