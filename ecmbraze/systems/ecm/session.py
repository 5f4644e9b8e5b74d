"""The logged-in session of Extended ECM: one ticket, renewed as the server hands out new ones; never logged."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.systems.ecm.login import Login, redirected
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.http import Http

# One for the first use, the others for tickets that died under several threads at once.
_TRIES = 4


@dataclass(slots=True)
class _Admission:
    """What one login gave: the ticket as last renewed, and whether the server ever took it."""

    ticket: str
    accepted: bool = False


class Session:
    """Send reads with a ticket; log in at the first need, and again when the ticket expired. Thread-safe."""

    def __init__(self, http: Http, login: Login) -> None:
        self.http, self._login = http, login
        self._lock = threading.Lock()
        self._admission: _Admission | None = None
        self._refused: CredentialRefused | None = None

    def get(self, path: str, **request: Any) -> Exchange:
        """Return the JSON answer of a GET; see :meth:`read`."""
        return self.read("GET", path, **request)

    def read(self, method: str, path: str, **request: Any) -> Exchange:
        """Return the JSON answer of a request that only reads, of any status but 401.

        Raises CredentialRefused when a fresh ticket is refused (E02) or the login is (E03), ConfigurationError for a
        redirect, TemporaryError when there is no JSON to be had.
        """
        for _ in range(_TRIES):
            admission, ticket = self._current()
            answer = self.http.read(method, path, headers={"OTCSTicket": ticket}, **request)
            if answer.status == 401:
                self._expired(admission, ticket)
                continue
            if 300 <= answer.status < 400:
                raise redirected(self.http, path)
            self._renew(admission, answer.headers.get("otcsticket", ""))
            if not answer.has_json():
                raise TemporaryError(
                    f"Content Server answers with {answer.kind} (status {answer.status}).",
                    undone="Nothing was concluded from it.", advice="The next run tries again.",
                )  # fmt: skip
            return answer
        raise self._no_entry()

    def _current(self) -> tuple[_Admission, str]:
        """Return the ticket, logging in when there is none; one thread logs in, the others wait for it."""
        with self._lock:
            if self._refused is not None:
                raise self._refused
            if self._admission is None:
                try:
                    ticket = self._login.ticket(self.http)
                except CredentialRefused as error:
                    self._refused = error
                    raise
                self.http.redactor.add(ticket, passing=True)
                self._admission = _Admission(ticket)
            return self._admission, self._admission.ticket

    def _expired(self, admission: _Admission, ticket: str) -> None:
        """Forget a ticket that a 401 ended, unless another thread has replaced it already."""
        with self._lock:
            if self._admission is not admission or admission.ticket != ticket:
                return
            self._admission = None
            if not admission.accepted:
                self._refused = self._no_entry()
                raise self._refused

    def _renew(self, admission: _Admission, ticket: str) -> None:
        """Keep the ticket an answer brings along (api/ecm.md 2.1); one of an ended login is no good any more."""
        if ticket:
            self.http.redactor.add(ticket, passing=True)
        with self._lock:
            admission.accepted = True
            if ticket and self._admission is admission:
                admission.ticket = ticket

    def _no_entry(self) -> CredentialRefused:
        return CredentialRefused(
            f"The account {self._login.who!r} logs in to ECM but is refused right after.", undone="Nothing was sent.",
            advice="Check its permissions and licence; in a cluster, that a ticket holds on every node.",
        )  # fmt: skip
