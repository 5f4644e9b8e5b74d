"""Get a ticket of Content Server, by password or through OTDS; keeps none and tries no password twice."""

from __future__ import annotations

from typing import Any, Protocol

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError, TemporaryError
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.http import Http, UnusableError

AUTH = "/api/v1/auth"


class Login(Protocol):
    """One way to log in."""

    who: str

    def ticket(self, http: Http) -> str:
        """Return a fresh ticket; raises CredentialRefused, ConfigurationError, TemporaryError."""
        ...


class PasswordLogin:
    """User name and password as a form (api/ecm.md 2.1)."""

    def __init__(self, username: str, password: str, domain: str | None) -> None:
        self.who = username
        self._form = {"username": username, "password": password, **({"domain": domain} if domain else {})}

    def ticket(self, http: Http) -> str:
        answer = _ask(http, "POST", AUTH, data=self._form)
        if answer.status in (401, 403):
            raise refused(self.who)
        ticket = answer.json().get("ticket") if answer.has_json() else None
        if answer.status == 200 and isinstance(ticket, str) and ticket:
            return ticket
        raise _odd(http, answer)


class OtdsLogin:
    """OAuth client credentials of OTDS, exchanged for a ticket in a response header (api/ecm.md 2.2)."""

    def __init__(self, otds: Http, *, client_id: str, client_secret: str) -> None:
        self.who, self._otds = client_id, otds
        otds.redactor.add(client_secret)
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}

    def ticket(self, http: Http) -> str:
        answer = _ask(self._otds, "POST", "/otdsws/oauth2/token", data=self._form)
        token = answer.json().get("access_token") if answer.status == 200 and answer.has_json() else None
        if not isinstance(token, str) or not token:
            raise refused(self.who) if answer.status in (400, 401, 403) else _odd(self._otds, answer)
        http.redactor.add(token, passing=True)
        exchanged = _ask(http, "GET", AUTH, headers={"Authorization": f"Bearer {token}"})
        if exchanged.status in (401, 403):
            raise refused(self.who)
        if ticket := exchanged.headers.get("otcsticket", ""):
            return ticket
        raise _odd(http, exchanged)


def refused(who: str) -> CredentialRefused:
    """Return what a refused login means: it is tried once in a run, a second try could lock the account (E03)."""
    return CredentialRefused(
        f"ECM refused the login of {who!r}.",
        undone="Nothing was read or sent; the login was tried once.",
        advice="Check the account and its secret in the ecm section of the configuration.",
    )


def forbidden(who: str, what: str, said: str) -> CredentialRefused:
    """Return what 403 means where no single record was asked for: the account lacks a permission."""
    return CredentialRefused(
        f"ECM refuses the account {who!r} {what}: {said}.",
        undone="Nothing was concluded from it.",
        advice="Give the account this permission, then run `ecmbraze check`.",
    )


def redirected(host: str, path: str) -> ConfigurationError:
    """Return what a redirect means: the ticket and the password go nowhere else (T-3)."""
    return ConfigurationError(
        f"ECM {host} answers {path} with a redirect; refusing to follow it.",
        undone="Nothing was concluded from it.",
        advice="Check ecm.url with its base path; a sign-on page must not stand before the REST API.",
    )


def _ask(http: Http, method: str, path: str, **request: Any) -> Exchange:
    try:
        answer = http.read(method, path, **request)
    except UnusableError as error:
        if error.status == 404:
            raise _no_api(http) from None
        raise
    if 300 <= answer.status < 400:
        raise redirected(http.host, path)
    return answer


def _odd(http: Http, answer: Exchange) -> EcmbrazeError:
    if answer.status in (400, 404):
        return _no_api(http)
    said = http.redactor.excerpt(answer.json().get("error", "")) if answer.has_json() else answer.kind
    return TemporaryError(
        f"The login to ECM was answered with status {answer.status}: {said}.",
        undone="Nothing was read or sent.",
        advice="The next run tries again.",
    )


def _no_api(http: Http) -> ConfigurationError:
    return ConfigurationError(
        f"There is no Content Server REST API at {http.base_url}.",
        undone="Nothing was read or sent.",
        advice="Check ecm.url with its base path, for example https://ecm.example.com/otcs/cs.exe.",
    )
