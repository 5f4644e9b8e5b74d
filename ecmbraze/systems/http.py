"""The transport: one request, bounded in time and size, redirects never followed; retries reads only."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ecmbraze.errors import TemporaryError, TimeBudgetUsed
from ecmbraze.ports import Clock
from ecmbraze.systems import pacing
from ecmbraze.systems.exchange import CertificateRefused, Exchange, NotSent, OutcomeUnknown
from ecmbraze.systems.redaction import Redactor

MAX_BODY = 20 * 1024 * 1024
CONNECT_S = 10
READ_ATTEMPTS = 4
# What a gateway or a restarting server answers; a read is repeated, a write is judged.
PASSING = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(slots=True)
class RequestCounters:
    """The `requests` of the run report; thread-safe."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("ecm", "braze", "retried", "rate_limited"), 0)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1

    def as_dict(self) -> dict[str, int]:
        with self._lock:
            return dict(self.counts)


@dataclass(kw_only=True, slots=True)
class Http:
    """The way to one origin. ``deadline`` gives the seconds left of the run's time budget."""

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
    _session: requests.Session = field(init=False)
    _not_before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._session = self._new_session()

    def once(self, method: str, path: str, *, fresh: bool = False, **request: Any) -> Exchange:
        """Send one request and return its whole answer.

        ``fresh`` opens a new connection: a kept one that the server closed in the same moment looks like a reset
        (delivery.md). Raises NotSent or OutcomeUnknown; TimeBudgetUsed when it would have to wait too long.
        """
        self._wait_for_window(path)
        self.counters.add(self.system)
        session = self._new_session() if fresh else self._session
        started = self.clock.monotonic()
        try:
            with session.request(
                method, self.base_url + path, timeout=(CONNECT_S, self.timeout_s), allow_redirects=False, stream=True,
                **request,
            ) as response:  # fmt: skip
                body = self._body(response, started)
                headers = {name.lower(): value for name, value in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(error) from None
        finally:
            if fresh:
                session.close()
        self._note_window(path, headers)
        return Exchange(status=response.status_code, headers=headers, body=body)

    def read(self, method: str, path: str, *, json_errors_final: bool = True, **request: Any) -> Exchange:
        """Send a request that only reads, again while it fails in passing; return an answer that is JSON.

        A 4xx, and a 5xx with JSON when ``json_errors_final``, is returned for the caller to judge. Raises
        TemporaryError after the retry budget, CertificateRefused for a bad certificate.
        """
        said = ""
        for attempt in range(READ_ATTEMPTS):
            if attempt:
                self.counters.add("retried")
            try:
                answer = self.once(method, path, **request)
            except CertificateRefused:
                raise
            except (NotSent, OutcomeUnknown) as error:
                said = str(error)
                self.wait(pacing.back_off(attempt, self.rng))
                continue
            if answer.status == 429:
                self.rate_limited(answer, attempt)
                said = "rate-limited"
            elif (answer.has_json() and (answer.status not in PASSING or json_errors_final)) or (not answer.has_json() and 300 <= answer.status < 500 and answer.status != 408):
                return answer
            else:
                said = f"answered {answer.status} with {'JSON' if answer.has_json() else 'a web page or nothing'}"
                if attempt < READ_ATTEMPTS - 1:
                    self.wait(pacing.back_off(attempt, self.rng))
        raise TemporaryError(
            f"{self.name} {self.base_url}: {method} {path.split('?')[0]} failed {READ_ATTEMPTS} times, last: {said}.",
            undone="What needs this answer was not done.", advice="The next run tries again.",
        )  # fmt: skip

    @property
    def name(self) -> str:
        return "Extended ECM" if self.system == "ecm" else "Braze"

    def rate_limited(self, answer: Exchange, attempt: int) -> None:
        """Wait as a 429 asks; raises TimeBudgetUsed when the budget does not allow it."""
        self.counters.add("rate_limited")
        asked = pacing.retry_after(answer.headers, self.clock.now())
        self.wait(asked + self.rng.random() if asked is not None else pacing.back_off(attempt, self.rng))

    def wait(self, seconds: float) -> None:
        """Sleep, but never beyond the run's time budget."""
        if seconds >= self.deadline():
            raise TimeBudgetUsed(
                f"{self.name} asks to wait {seconds:.0f} s, longer than this run may last.", undone="The rest waits.",
                advice="The next run goes on.",
            )  # fmt: skip
        self.clock.sleep(seconds)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # no proxies, .netrc or CA files from the environment (T-6)
        session.verify = str(self.ca_file) if self.ca_file else True
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=self.connections, pool_block=True, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers.update({"Accept": "application/json", "User-Agent": "ecmbraze", "Accept-Encoding": "gzip"})
        return session

    def _body(self, response: requests.Response, started: float) -> bytes:
        parts, size = [], 0
        while part := response.raw.read1(65536, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise OSError(f"answer larger than {MAX_BODY // 1024 // 1024} MB")
            if self.clock.monotonic() - started > self.timeout_s:
                raise OSError(f"answer not complete after {self.timeout_s:.0f} s")
        body = b"".join(parts)
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and "Content-Encoding" not in response.headers and len(body) != int(length):
            raise OSError(f"answer cut off after {len(body)} of {length} bytes")
        return body

    def _failure(self, error: Exception) -> Exception:
        text = self.redactor.scrub(str(error))[:300]
        chain = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
            return CertificateRefused(f"certificate of {self.base_url} not valid: {text}")
        early = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, requests.ConnectTimeout)
        if any(isinstance(cause, early) for cause in chain):
            return NotSent(f"{self.base_url} not reachable ({type(chain[-1]).__name__})")
        if isinstance(error, requests.exceptions.SSLError) and "handshake" in text.lower():
            return NotSent(f"{self.base_url}: no secure connection")
        if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.ReadTimeoutError):
            return OutcomeUnknown(f"no answer within {self.timeout_s:.0f} s")
        return OutcomeUnknown(f"connection lost: {text}")

    def _wait_for_window(self, path: str) -> None:
        left = self._not_before.get(path.split("?")[0], 0.0) - self.clock.monotonic()
        if left > 0:
            self.wait(left)

    def _note_window(self, path: str, headers: Mapping[str, str]) -> None:
        if seconds := pacing.exhausted(headers, self.clock.now()):
            self._not_before[path.split("?")[0]] = self.clock.monotonic() + seconds


def _causes(error: BaseException) -> Any:
    """Yield an error and what lies behind it; requests hides the cause in its arguments."""
    seen: set[int] = set()
    stack: list[Any] = [error]
    while stack:
        cause = stack.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            stack += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
