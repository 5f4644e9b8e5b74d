"""Ask a sandbox on loopback for its time, so that a rehearsal has one clock; asks nothing else, and writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

# Only a sandbox answers here, and it counts the question neither in its journal nor for its faults.
_PATH = "/ecmbraze-sandbox/clock"
_SECONDS = 3.0


def sandbox_now(url: str) -> datetime | None:
    """Return the time of the sandbox behind a URL on loopback; None where nothing answers or something else does."""
    parts = urlsplit(url)
    try:
        with requests.Session() as session:
            session.trust_env = False
            origin = f"{parts.scheme}://{parts.netloc}"
            answer = session.get(f"{origin}{_PATH}", timeout=_SECONDS, allow_redirects=False)
            return _instant(answer.json()) if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError):
        return None


def _instant(answer: Any) -> datetime | None:
    found = answer.get("ecmbraze_sandbox") if isinstance(answer, dict) else None
    now = datetime.fromisoformat(str(found.get("now"))) if isinstance(found, dict) else None
    return now.astimezone(UTC) if now and now.tzinfo else None
