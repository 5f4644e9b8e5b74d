"""The logged-in session of Extended ECM: one ticket, renewed as the server hands out new ones; never logged."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.systems.ecm.login import Login, forbidden, redirected
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.http import Http, is_file

# One for the first use, the others for tickets that died under several threads at once.
_TRIES = 4


@dataclass(slots=True)
class _Admission:
    """What one login gave: the ticket as last renewed, how often it was used, whether the server ever took it."""

    ticket: str
    uses: int = 0
    accepted: bool = False


class Session:
    """Send with a ticket; log in at the first need, and again when the ticket expired. Thread-safe."""

    def __init__(self, http: Http, login: Login) -> None:
        self.http, self._login = http, login
        self._changed = threading.Condition()
        self._admission: _Admission | None = None
        self._trying = False
        """Whether a ticket that the server never took is in use: until it does, nobody else uses it."""
        self._refused: CredentialRefused | None = None

    def get(self, path: str, **request: Any) -> Exchange:
        """Return the JSON answer of a GET; see :meth:`read`."""
        return self.read("GET", path, **request)

    def good(self, path: str, what: str, **request: Any) -> Exchange:
        """Return the 200 of a GET that is about no single record, asked again while it fails in passing.

        Raises CredentialRefused for a 403, TemporaryError for any other status.
        """
        answer = self.get(path, json_errors_final=False, **request)
        if answer.status == 200:
            return answer
        said = self.http.redactor.excerpt(answer.json().get("error", "")) or "no reason given"
        if answer.status == 403:
            raise forbidden(self._login.who, what, said)
        raise TemporaryError(
            f"ECM {self.http.host} does not tell {what}: status {answer.status}, {said}.",
            undone="Nothing was concluded from it.",
            advice="The next run tries again; if it stays so, report it.",
        )

    def download(self, path: str) -> Exchange:
        """Return the answer of a download: the file with status 200, or JSON with another status; see :meth:`read`."""
        return self.read("GET", path, headers={"Accept": "application/octet-stream"}, download=True)

    def digest(self, path: str) -> Exchange:
        """Return the answer of a download with the digest of the file in its place; see :meth:`download`."""
        return self.read("GET", path, headers={"Accept": "application/octet-stream"}, download=True, digest=True)

    def write(self, method: str, path: str, **request: Any) -> Exchange:
        """Send a write once and return its whole answer; after a 401, which proves that nothing was done, once more.

        Raises NotSentError or OutcomeUnknownError, and what a login raises, before which nothing was written.
        """
        answer = self._write_once(method, path, **request)
        return self._write_once(method, path, **request) if _asks_for_a_login(answer) else answer

    def read(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any) -> Exchange:
        """Return the JSON answer of a request that only reads, of any status but 401.

        Raises CredentialRefused when the first use of a fresh ticket is refused (E02) or the login is (E03),
        ConfigurationError for a redirect, TemporaryError when there is no JSON to be had or tickets end at once.
        """
        for _ in range(_TRIES):
            admission, ticket, alone = self._enter()
            try:
                answer = self.http.read(method, path, headers={"OTCSTicket": ticket, **(headers or {})}, **request)
                if answer.status == 401:
                    self._expired(admission, ticket, answer.attempt)
                    continue
                if 300 <= answer.status < 400:
                    raise redirected(self.http.host, path)
                self._renew(admission, answer.headers.get("otcsticket", ""))
            finally:
                if alone:
                    self._leave()
            if not (request.get("download") and is_file(answer)) and not answer.has_json():
                raise TemporaryError(
                    f"Content Server answers with {answer.kind} (status {answer.status}).",
                    undone="Nothing was concluded from it.",
                    advice="The next run tries again.",
                )
            return answer
        raise TemporaryError(
            f"ECM ended {_TRIES} tickets in turn before {path} was answered.",
            undone="Nothing was concluded from it.",
            advice="The next run tries again; in a cluster, make sure that a ticket holds on every node.",
        )

    def _write_once(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Exchange:
        admission, ticket, alone = self._enter()
        try:
            answer = self.http.write(
                method, path, fresh=True, headers={"OTCSTicket": ticket, **(headers or {})}, **request
            )
            if _asks_for_a_login(answer):
                self._expired(admission, ticket, answer.attempt)
            elif answer.has_json():
                self._renew(admission, answer.headers.get("otcsticket", ""))
        finally:
            if alone:
                self._leave()
        return answer

    def _enter(self) -> tuple[_Admission, str, bool]:
        """Return the ticket and whether it is used alone; one thread logs in, the others wait until it is proven."""
        with self._changed:
            while self._trying:
                self._changed.wait()
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
            self._admission.uses += 1
            self._trying = not self._admission.accepted
            return self._admission, self._admission.ticket, self._trying

    def _leave(self) -> None:
        with self._changed:
            self._trying = False
            self._changed.notify_all()

    def _expired(self, admission: _Admission, ticket: str, attempt: int) -> None:
        """Forget a ticket that a 401 ended, unless another thread has replaced it already."""
        with self._changed:
            if self._admission is not admission or admission.ticket != ticket:
                return
            self._admission = None
            if not admission.accepted and admission.uses == attempt == 1:
                self._refused = self._no_entry()
                raise self._refused

    def _renew(self, admission: _Admission, ticket: str) -> None:
        """Keep the ticket an answer brings along (api/ecm.md 2.1); one of an ended login is no good any more."""
        if ticket:
            self.http.redactor.add(ticket, passing=True)
        with self._changed:
            admission.accepted = True
            if ticket and self._admission is admission:
                admission.ticket = ticket

    def _no_entry(self) -> CredentialRefused:
        return CredentialRefused(
            f"The account {self._login.who!r} logs in to ECM but is refused right after.",
            undone="Nothing was sent.",
            advice="Check its permissions and licence; in a cluster, that a ticket holds on every node.",
        )


def _asks_for_a_login(answer: Exchange) -> bool:
    """Say whether Content Server itself refused the ticket; a sign-on page before it proves nothing of a write."""
    return answer.status == 401 and answer.has_json()
