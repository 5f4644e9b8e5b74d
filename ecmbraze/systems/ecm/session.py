"""The logged-in session of Extended ECM: one ticket, renewed as the server hands out new ones; never logged."""

from __future__ import annotations

import threading
from typing import Any

from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.systems.exchange import CertificateRefused, Exchange
from ecmbraze.systems.http import Http


class Session:
    """Send reads with a ticket; log in at the first need, and once more when the ticket expired."""

    def __init__(self, http: Http, *, username: str, password: str, domain: str | None) -> None:
        self._http, self._username, self._password, self._domain = http, username, password, domain
        self._lock = threading.Lock()
        self._ticket = ""
        self._refused: CredentialRefused | None = None

    def get(self, path: str, **request: Any) -> Exchange:
        """Return the answer of a GET; raises CredentialRefused when a fresh ticket is refused too (E02)."""
        return self._ask("GET", path, **request)

    def _ask(self, method: str, path: str, **request: Any) -> Exchange:
        for fresh in (False, True):
            ticket = self._current(renew=request.pop("_stale", "") if fresh else "")
            answer = self._read(method, path, headers={"OTCSTicket": ticket}, **request)
            self._take_new(answer)
            if answer.status != 401:
                return answer
            request["_stale"] = ticket
        raise CredentialRefused(
            f"ECM refuses {self._username!r} right after its login.", undone="Nothing was sent.",
            advice="Check the account's permissions and licence; in a cluster, that tickets hold on every node.",
        )  # fmt: skip

    def _read(self, method: str, path: str, **request: Any) -> Exchange:
        try:
            return self._http.read(method, path, **request)
        except CertificateRefused as error:
            raise CredentialRefused(
                f"{error}.", undone="Nothing was sent.", advice="Check ecm.url and ecm.ca_file."
            ) from None

    def _current(self, renew: str) -> str:
        """Return the ticket, logging in when there is none or when ``renew`` is still the current one."""
        with self._lock:
            if self._refused:
                raise self._refused
            if not self._ticket or self._ticket == renew:
                self._log_in()
            return self._ticket

    def _log_in(self) -> None:
        form = {"username": self._username, "password": self._password}
        if self._domain:
            form["domain"] = self._domain
        answer = self._read("POST", "/api/v1/auth", data=form)
        ticket = answer.json().get("ticket") if answer.has_json() else None
        if answer.status == 200 and isinstance(ticket, str) and ticket:
            self._http.redactor.add(ticket)
            self._ticket = ticket
            return
        if answer.status in (401, 403):
            # One attempt in a run: a second could lock the account (E03).
            self._refused = CredentialRefused(
                f"ECM refused the login of {self._username!r}.", undone="Nothing was read or sent.",
                advice="Check ecm.username and the secret behind ecm.password.",
            )  # fmt: skip
            raise self._refused
        raise TemporaryError(
            f"The login to ECM was answered with {answer.status}.", undone="Nothing was read or sent.",
            advice="Check ecm.url with its base path; the next run tries again.",
        )  # fmt: skip

    def _take_new(self, answer: Exchange) -> None:
        """Keep the ticket that any answer may bring along (api/ecm.md 2.1, sliding renewal)."""
        ticket = answer.headers.get("otcsticket", "")
        if ticket:
            self._http.redactor.add(ticket)
            with self._lock:
                self._ticket = ticket
