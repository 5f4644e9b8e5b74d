"""The transport to one origin: bounded in time and size, follows no redirect, repeats only what may be repeated."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from ecmbraze.errors import CredentialRefused, TemporaryError, TimeBudgetUsed
from ecmbraze.ports import Clock
from ecmbraze.systems import pacing, wire
from ecmbraze.systems.counters import RequestCounters as RequestCounters
from ecmbraze.systems.exchange import CertificateRefused, Exchange, TransportError
from ecmbraze.systems.failures import OversizedError, failure_of
from ecmbraze.systems.redaction import Redactor

MAX_BODY = 20 * 1024 * 1024  # faults.md T-8 and B34, like the ratio below
MAX_RATIO, _RATIO_FROM = 100, 1024 * 1024
CONNECT_S = 10
READ_ATTEMPTS = 4
# Rate-limit waits of one request. A write was screened at most 60 s before its first byte (delivery.md, "Screen").
READ_PATIENCE_S, WRITE_PATIENCE_S = 900.0, 50.0
# A long wait looks this often whether the run must end.
_NAP_S = 1.0


class UnusableError(TemporaryError):
    """A read was answered, but never with anything to work with. ``status`` is the last one; 0 without any."""

    status = 0


@dataclass(slots=True)
class _Patience:
    """The seconds that one request may still wait for its rate limit."""

    left: float


@dataclass(kw_only=True, slots=True)
class Http:
    """The way to one origin. Thread-safe; at most ``connections`` requests at once.

    ``deadline`` gives the seconds left of the run's time budget; ``pause_check`` is asked before each request and
    raises when nothing may leave.
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
    pause_check: Callable[[], None] | None = None
    _session: requests.Session = field(init=False)
    _not_before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        self._session = wire.session(self.connections, self.ca_file)

    @property
    def name(self) -> str:
        return "Extended ECM" if self.system == "ecm" else "Braze"

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def once(self, method: str, path: str, *, fresh: bool = False, **request: Any) -> Exchange:
        """Send one request and return its whole answer.

        ``fresh`` uses a kept connection only if it answered within the last two seconds. Raises NotSent or
        OutcomeUnknown.
        """
        if self.pause_check is not None:
            self.pause_check()
        self.counters.add(self.system)
        now = self.clock.monotonic()
        with wire.traced(wire.Trace(monotonic=self.clock.monotonic, ends=now + self.timeout_s, fresh=fresh)) as trace:
            try:
                with self._session.request(
                    method, self.base_url + path, timeout=(min(CONNECT_S, self.timeout_s), self.timeout_s),
                    allow_redirects=False, stream=True, **request,
                ) as response:  # fmt: skip
                    body = self._body(response)
                    headers = {name.lower(): value for name, value in response.headers.items()}
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
                raise failure_of(error, trace, self.host, CONNECT_S, self.timeout_s) from None
        if seconds := pacing.exhausted(headers, self.clock.now()):
            self._not_before[path] = self.clock.monotonic() + seconds
        return Exchange(status=response.status_code, headers=headers, body=body)

    def write(self, method: str, path: str, *, fresh: bool, **request: Any) -> Exchange:
        """Send a write until it is answered with anything but 429, the only answer that is safe to repeat.

        Raises NotSent or OutcomeUnknown, TimeBudgetUsed when the rate limit lasts too long.
        """
        patience = _Patience(WRITE_PATIENCE_S)
        for attempt in range(1000):
            self._wait_for_window(path, patience)
            answer = self.once(method, path, fresh=fresh, **request)
            if answer.status != 429:
                return answer
            self._wait_after_429(answer, attempt, patience)
        raise self._too_long(0)

    def read(
        self, method: str, path: str, *, json_errors_final: bool = True, attempts: int = READ_ATTEMPTS, **request: Any
    ) -> Exchange:  # fmt: skip
        """Send a request that only reads, again while it fails in passing.

        Returns an answer with JSON, or any 3xx, 401 or 403. A 5xx with JSON is final unless told otherwise. Raises
        UnusableError after ``attempts``, CredentialRefused for a bad certificate, TimeBudgetUsed.
        """
        patience, tries, said, status = _Patience(READ_PATIENCE_S), 0, "", 0
        while tries < attempts:
            if tries:
                self._pause(pacing.back_off(tries - 1, self.rng), "asks for a pause")
                self.counters.add("retried")
            self._wait_for_window(path, patience)
            try:
                answer = self.once(method, path, **request)
            except CertificateRefused as error:
                raise self.certificate_refused(error) from None
            except TransportError as error:
                tries, said, status = tries + 1, f"{error}", 0
                continue
            if answer.status == 429:
                self._wait_after_429(answer, tries, patience)
                tries = tries if patience.left > 0 else attempts
                continue
            if _final(answer, json_errors_final):
                return answer
            tries, said, status = tries + 1, f"status {answer.status} with {answer.kind}", answer.status
        raise self._unusable(f"{method} {path}", attempts, said, status)

    def certificate_refused(self, error: CertificateRefused) -> CredentialRefused:
        """Return what an unacceptable certificate means for the run (fault B24)."""
        return CredentialRefused(
            self.redactor.scrub(f"{self.name}: {error}."), undone="Nothing was sent.",
            advice=f"Check {self.system}.url and {self.system}.ca_file.",
        )  # fmt: skip

    def _wait_for_window(self, path: str, patience: _Patience) -> None:
        """Wait ahead of a 429 when the last answer said that the window is used up."""
        left = self._not_before.get(path, 0.0) - self.clock.monotonic()
        if left > 0:
            self._wait_for_limit(left + self.rng.random(), patience)

    def _wait_after_429(self, answer: Exchange, attempt: int, patience: _Patience) -> None:
        self.counters.add("rate_limited")
        self._wait_for_limit(pacing.after_429(answer.headers, self.clock.now(), attempt, self.rng), patience)

    def _wait_for_limit(self, seconds: float, patience: _Patience) -> None:
        if seconds > patience.left:
            raise self._too_long(seconds)
        patience.left -= seconds
        self._pause(seconds, "limits the rate")

    def _pause(self, seconds: float, why: str) -> None:
        """Sleep in short naps, never beyond the run's time budget."""
        if seconds >= self.deadline():
            raise self._too_long(seconds, why)
        ends = self.clock.monotonic() + seconds
        while (left := ends - self.clock.monotonic()) > 0:
            if self.deadline() <= 0:
                raise self._too_long(left, why)
            self.clock.sleep(min(left, _NAP_S))

    def _too_long(self, seconds: float, why: str = "limits the rate") -> TimeBudgetUsed:
        until = self.clock.now() + timedelta(seconds=min(seconds, pacing.LONGEST_WINDOW_S))
        return TimeBudgetUsed(
            f"{self.name} {self.host} {why} until {until:%H:%M:%S}Z, longer than this run may wait.",
            undone="What was not sent waits.", advice="The next run goes on.",
        )  # fmt: skip

    def _unusable(self, what: str, attempts: int, said: str, status: int) -> UnusableError:
        error = UnusableError(
            self.redactor.scrub(f"{self.name} {self.host}: {what} failed {attempts} times, last: {said}."),
            undone="What needs this answer was not done; nothing was lost.", advice="The next run tries again.",
        )  # fmt: skip
        error.status = status
        return error

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


def _final(answer: Exchange, json_errors_final: bool) -> bool:
    """Say whether a read is over: an answer to work with, or one that will not get better by asking again."""
    if answer.status in (401, 403) or 300 <= answer.status < 400:
        return True
    passing = answer.status == 408 or answer.status >= 500
    return answer.has_json() and (json_errors_final or not passing)
