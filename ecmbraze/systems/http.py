"""The transport to one origin: bounded in time and size, follows no redirect, repeats only what may be repeated."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ecmbraze.errors import CredentialRefused, TemporaryError, TimeBudgetUsed
from ecmbraze.ports import Clock
from ecmbraze.systems import wire
from ecmbraze.systems.counters import RequestCounters as RequestCounters
from ecmbraze.systems.exchange import (
    CertificateRefusedError,
    Exchange,
    FileDigest,
    NotSentError,
    RateLimitedError,
    TooLargeError,
    TransportError,
)
from ecmbraze.systems.failures import OversizedError, failure_of
from ecmbraze.systems.outages import Outages, Request
from ecmbraze.systems.redaction import Redactor
from ecmbraze.systems.waiting import Pace, Patience, Waiting

MAX_BODY = 20 * 1024 * 1024  # faults.md T-8 and B34, like the ratio below
MAX_RATIO, _RATIO_FROM = 100, 1024 * 1024
CONNECT_S = 10
READ_ATTEMPTS = 4
# Rate-limit waits of one read, and of all the writes of a run together.
PATIENCE_S = 900.0


class UnusableError(TemporaryError):
    """A read was answered, but never with anything to work with. ``status`` is the last one; 0 without any."""

    status = 0


@dataclass(kw_only=True, slots=True)
class Http:
    """The way to one origin. Thread-safe; at most ``connections`` requests at once.

    ``deadline`` gives the seconds left of the run's time budget.
    """

    base_url: str
    system: str
    clock: Clock
    counters: RequestCounters
    redactor: Redactor
    deadline: Callable[[], float]
    rng: random.Random
    connections: int = 3
    timeout_s: float = 60
    ca_file: Path | None = None
    max_body: int = MAX_BODY
    pace: Pace | None = None
    """How often it may ask at all; ``None`` where nothing but the system itself limits it."""
    skew: float | None = None
    """Seconds by which our clock is ahead of the server's, by the last `Date` header; ``None`` without any."""
    _session: requests.Session = field(init=False)
    _waiting: Waiting = field(init=False)
    _patience: Patience = field(init=False)
    _outages: Outages = field(init=False, default_factory=Outages)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self._session = wire.session(self.connections, self.ca_file, secure=self.base_url.startswith("https:"))
        self._patience = Patience(PATIENCE_S)
        self._waiting = Waiting(
            who=f"{self.name} {self.host}",
            clock=self.clock,
            counters=self.counters,
            deadline=self.deadline,
            rng=self.rng,
        )

    @property
    def name(self) -> str:
        return "Extended ECM" if self.system == "ecm" else "Braze"

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def once(self, method: str, path: str, *, fresh: bool = False, digest: bool = False, **request: Any) -> Exchange:
        """Send one request and return its whole answer; of a file only its ``digest``, if asked.

        ``fresh`` uses a kept connection only if it answered within the last two seconds. Raises NotSentError or
        OutcomeUnknownError.
        """
        if self.pace is not None:
            self.pace.take()
        self.counters.add(self.system)
        now = self.clock.monotonic()
        with wire.traced(wire.Trace(monotonic=self.clock.monotonic, ends=now + self.timeout_s, fresh=fresh)) as trace:
            try:
                with self._session.request(
                    method,
                    self.base_url + path,
                    timeout=(min(CONNECT_S, self.timeout_s), self.timeout_s),
                    allow_redirects=False,
                    stream=True,
                    **request,
                ) as response:
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    passed = (
                        self._passed(response) if digest and response.status_code == 200 and _is_file(headers) else None
                    )
                    body = b"" if passed else self._body(response)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise failure_of(error, trace, self.host, CONNECT_S, self.timeout_s) from None
        self._waiting.note(path, response.status_code, headers)
        self.skew = _skew(headers.get("date"), self.clock.now(), self.skew)
        return Exchange(status=response.status_code, headers=headers, body=body, file=passed)

    def closed_windows(self) -> Mapping[str, datetime]:
        """Return path → when its rate limit opens again, for those that are used up; for another run to know."""
        return self._waiting.closed()

    def close_windows(self, closed: Mapping[str, datetime]) -> None:
        """Take over the rate limits that an earlier run found used up."""
        self._waiting.take_over(closed)

    def wait_for_turn(self, path: str) -> None:
        """Wait until the rate limit of a path lets the next write go.

        Raises TimeBudgetUsed when the waits of a run for its writes last longer than it may wait.
        """
        self._waiting.for_window(path, self._patience)

    def has_turn(self, path: str) -> bool:
        """Say whether a write to a path may go now."""
        return not self._waiting.is_closed(path)

    def write(self, method: str, path: str, *, fresh: bool, **request: Any) -> Exchange:
        """Send a write once, and only while its rate limit is not used up: what is on its way never waits.

        Raises RateLimitedError, any other NotSentError, or OutcomeUnknownError.
        """
        if not self.has_turn(path):
            raise RateLimitedError(f"{self.name} limits the rate of {path}; nothing was sent")
        answer = self.once(method, path, fresh=fresh, **request)
        if answer.status == 429:
            self.counters.add("rate_limited")
        return answer

    def read(
        self,
        method: str,
        path: str,
        *,
        json_errors_final: bool = True,
        attempts: int = READ_ATTEMPTS,
        about: str = "",
        download: bool = False,
        **request: Any,
    ) -> Exchange:
        """Send a request that only reads, again while it fails in passing.

        Returns an answer with JSON, or any 3xx, 401 or 403; for a ``download`` a 200 is final when it says that it is a
        file, whatever is in it. A 500 with JSON is final unless told otherwise. Raises
        UnusableError after ``attempts``, CredentialRefused for a bad certificate, TimeBudgetUsed. What failed all its
        attempts, or waited for its rate limit in vain, fails at once from then on; ``about`` names the one thing asked
        for where the path does not.
        """
        asked = Request(method=method, path=path, about=about)
        self._outages.check(asked)
        try:
            return self._repeated(
                asked, json_errors_final=json_errors_final, attempts=attempts, download=download, **request
            )
        except TimeBudgetUsed as error:
            self._outages.limited(asked, error)
            raise

    def _repeated(
        self, asked: Request, *, json_errors_final: bool, attempts: int, download: bool, **request: Any
    ) -> Exchange:
        method, path = asked.method, asked.path
        patience, tries, limited, said, status, unreachable = Patience(PATIENCE_S), 0, 0, "", 0, True
        while tries < attempts:
            if tries:
                self._waiting.back_off(tries - 1)
                self.counters.add("retried")
            self._waiting.for_window(path, patience)
            try:
                answer = self.once(method, path, **request)
            except CertificateRefusedError as error:
                raise self._certificate_refused(error) from None
            except TransportError as error:
                tries, said, status = attempts if isinstance(error, TooLargeError) else tries + 1, str(error), 0
                unreachable = unreachable and isinstance(error, NotSentError)
                continue
            unreachable = False
            if answer.status == 429:
                self._waiting.after_429(answer.headers, limited, patience)
                limited += 1
            elif is_file(answer) if download and answer.status == 200 else _final(answer, json_errors_final):
                self._outages.answered(asked)
                return replace(answer, attempt=tries + 1) if tries else answer
            else:
                tries, said, status = tries + 1, f"status {answer.status} with {answer.kind}", answer.status
        failure = self._unusable(f"{method} {path}", attempts, said, status)
        self._outages.failed(asked, failure, unreachable=unreachable)
        raise failure

    def _certificate_refused(self, error: CertificateRefusedError) -> CredentialRefused:
        """Return what an unacceptable certificate means for the run (fault B24)."""
        return CredentialRefused(
            self.redactor.scrub(f"{self.name}: {error}."),
            undone="Nothing was sent.",
            advice=f"Check {self.system}.url and {self.system}.ca_file.",
        )

    def _unusable(self, what: str, attempts: int, said: str, status: int) -> UnusableError:
        error = UnusableError(
            self.redactor.scrub(f"{self.name} {self.host}: {what} failed {attempts} times, last: {said}."),
            undone="What needs this answer was not done; nothing was lost.",
            advice="The next run tries again.",
        )
        error.status = status
        return error

    def _passed(self, response: requests.Response) -> FileDigest:
        """Read a file of any size without keeping it."""
        digest, size = hashlib.sha256(), 0
        for part in response.raw.stream(65536, decode_content=True):
            digest.update(part)
            size += len(part)
        return FileDigest(sha256=digest.hexdigest(), size=size)

    def _body(self, response: requests.Response) -> bytes:
        """Read the answer piece by piece, so that neither 200 MB nor a gzip bomb fills the memory (fault B34)."""
        body = bytearray()
        for part in response.raw.stream(65536, decode_content=True):
            body += part
            if len(body) > self.max_body:
                raise OversizedError(f"answer larger than {self.max_body // 1024 // 1024} MB")
            if len(body) > max(_RATIO_FROM, MAX_RATIO * response.raw.tell()):
                raise OversizedError(f"answer unpacks to more than {MAX_RATIO} times its size")
        return bytes(body)


def _skew(date: str | None, now: datetime, before: float | None) -> float | None:
    """Return our lead over the server's clock; a missing or unreadable `Date` says nothing new (fault K09)."""
    try:
        return (now - parsedate_to_datetime(date)).total_seconds() if date else before
    except (ValueError, TypeError):
        return before


def is_file(answer: Exchange) -> bool:
    """Say whether an answer is a downloaded file, and no page or error in its place (api/ecm.md 7)."""
    return _is_file(answer.headers)


def _is_file(headers: Mapping[str, str]) -> bool:
    return "content-disposition" in headers


def _final(answer: Exchange, json_errors_final: bool) -> bool:
    """Say whether a read is over: an answer to work with, or one that will not get better by asking again."""
    if answer.status in (401, 403) or 300 <= answer.status < 400:
        return True
    passing = answer.status == 408 or answer.status > 500 or (answer.status == 500 and not json_errors_final)
    return answer.has_json() and not passing
