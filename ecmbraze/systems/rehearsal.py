"""Ask a sandbox on loopback for its time, so that a rehearsal has one clock; asks nothing else, and writes nothing."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

# Only a sandbox answers here, and it counts the question neither in its journal nor for its faults.
_PATH = "/ecmbraze-sandbox/clock"
_SECONDS = 3.0
_MOST = 10_000  # bytes of an answer


def sandbox_now(url: str) -> datetime | None:
    """Return the time of the sandbox behind a URL on loopback; None where nothing answers or something else does."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:  # requests would be a fifth of what `status` imports
        with closing(kind(parts.netloc, timeout=_SECONDS)) as connection:
            connection.request("GET", _PATH)
            answer = connection.getresponse()
            return _instant(json.loads(answer.read(_MOST))) if answer.status == HTTPStatus.OK else None
    except (OSError, HTTPException, ValueError):
        return None


def _instant(answer: Any) -> datetime | None:
    found = answer.get("ecmbraze_sandbox") if isinstance(answer, dict) else None
    now = datetime.fromisoformat(str(found.get("now"))) if isinstance(found, dict) else None
    return now.astimezone(UTC) if now and now.tzinfo else None
