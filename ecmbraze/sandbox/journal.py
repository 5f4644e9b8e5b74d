"""Record every request the sandbox receives, for assertions; never keeps a ticket, key or password."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

_PART_NAME = re.compile(rb'name="([^"]*)"')
_TICKET_COOKIE = re.compile(r"(?:LLCookie|OTCSTicket)=([^;]+)", re.IGNORECASE)


def path_of(environ: Mapping[str, Any]) -> str:
    """Return the decoded path; WSGI carries its bytes as Latin-1."""
    return str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")


def digest(secret: str) -> str:
    """Return a short fingerprint that tells two credentials apart without revealing either."""
    return hashlib.sha256(secret.encode()).hexdigest()[:10]


def credential_of(environ: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of the ticket or key a request carries, or None when it carries none."""
    cookie = _TICKET_COOKIE.search(environ.get("HTTP_COOKIE", ""))
    secret = (
        environ.get("HTTP_OTCSTICKET")
        or environ.get("HTTP_OTDSTICKET")
        or environ.get("HTTP_AUTHORIZATION")
        or (cookie.group(1) if cookie else None)
    )
    return digest(secret) if secret else None


def form_keys(content_type: str, body: bytes) -> list[str]:
    """Return the names of the form fields of a body, in order, repeated ones repeatedly."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return [key for key, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)]
    if content_type.startswith("multipart/form-data"):
        return [name.decode("utf-8", "replace") for name in _PART_NAME.findall(body)]
    return []


def json_body(content_type: str, body: bytes) -> Any:
    """Return the parsed JSON of a body that says it is JSON; text that does not parse is returned as text."""
    if "json" not in content_type or not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. ``status`` is what the client was sent; None while unanswered and when nothing was sent."""

    seq: int
    at: str
    system: str
    method: str
    path: str
    query: str
    form_keys: list[str]
    body_sha: str
    body_bytes: int
    json: Any
    credential: str | None
    in_flight: int
    status: int | None = None
    processed: bool = False
    fault: str | None = None


class Journal:
    """The requests of both systems in order of arrival. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._last = 0
        self._open: Counter[str] = Counter()
        self._most: Counter[str] = Counter()

    def arrived(self, at: str, system: str, environ: Mapping[str, Any], body: bytes) -> Entry:
        """Note a request that was read to its end and count it as in flight."""
        content_type = str(environ.get("CONTENT_TYPE", ""))
        sha, keys, parsed = hashlib.sha256(body).hexdigest(), form_keys(content_type, body), None
        if system == "braze":
            parsed = json_body(content_type, body)
        with self._lock:
            self._last += 1
            self._open[system] += 1
            self._most[system] = max(self._most[system], self._open[system])
            entry = Entry(
                seq=self._last,
                at=at,
                system=system,
                method=environ["REQUEST_METHOD"],
                path=path_of(environ),
                query=environ.get("QUERY_STRING", ""),
                form_keys=keys,
                body_sha=sha,
                body_bytes=len(body),
                json=parsed,
                credential=credential_of(environ),
                in_flight=self._open[system],
            )
            self._entries.append(entry)
            return entry

    def left(self, entry: Entry) -> None:
        """Note that a request is no longer in flight."""
        with self._lock:
            self._open[entry.system] -= 1

    def read(self, since: int = 0, system: str | None = None) -> dict[str, Any]:
        """Return ``entries`` after ``since``, the ``last`` number given, and ``most_in_flight`` per system."""
        with self._lock:
            chosen = [e for e in self._entries if e.seq > since and system in (None, e.system)]
            return {
                "entries": [asdict(entry) for entry in chosen],
                "last": self._last,
                "most_in_flight": dict(self._most),
            }

    def clear(self) -> None:
        """Forget the entries and the peaks; numbers go on."""
        with self._lock:
            self._entries.clear()
            self._most.clear()
