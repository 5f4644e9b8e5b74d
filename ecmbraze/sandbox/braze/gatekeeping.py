"""Who may ask what, and how often: keys, permissions, rate windows in three header dialects; answers nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore

PERMISSIONS = {
    "/users/track": "users.track", "/campaigns/trigger/send": "campaigns.trigger.send",
    "/canvas/trigger/send": "canvas.trigger.send", "/users/export/ids": "users.export.ids",
    "/subscription/status/get": "subscription.status.get", "/email/unsubscribes": "email.unsubscribe",
    "/email/hard_bounces": "email.hard_bounces", "/campaigns/details": "campaigns.details",
    "/canvas/details": "canvas.details", "/campaigns/list": "campaigns.list", "/canvas/list": "canvas.list",
    "/users/delete": "users.delete", "/subscription/status/set": "subscription.status.set",
    "/email/status": "email.status",
}  # fmt: skip


class Rates:
    """Count requests per aligned window; windows end on the clock minute, hour or three seconds."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store
        self._windows: dict[str, tuple[int, int]] = {}

    def headers(self, path: str) -> dict[str, str]:
        """Count one request and return its rate headers. Raises Refused with 429 when the window is used up."""
        span, limit = self._limit(path)
        now = self._store.clock.now().timestamp()
        window = int(now // span)
        before, used = self._windows.get(path, (window, 0))
        used = used + 1 if before == window else 1
        self._windows[path] = (window, used)
        reset, left = (window + 1) * span, max(0, limit - used)
        dialect = self._store.switches.headers
        told = {
            "classic": {"x-ratelimit-reset": str(reset)}, "mau": {"x-ratelimit-reset": str(max(1, int(reset - now)))},
        }.get(dialect)  # fmt: skip
        whole = {**told, "x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left)} if told else {}
        if used > limit:
            wait = {"x-ratelimit-retry-after": str(max(1, int(reset - now)))}
            raise Refused(429, "Rate limit exceeded", _headers=wait if dialect == "mau" else whole)
        return whole

    def _limit(self, path: str) -> tuple[int, int]:
        switches = self._store.switches
        if path == "/users/track":
            return 3, switches.track_per_window
        if path == "/users/export/ids":
            return 60, switches.export_per_minute
        return 3600, 250_000


def admit(store: BrazeStore, authorization: str, path: str) -> None:
    """Check the key. Raises Refused: 401 echoes the key with empty rate headers, 403 names nothing."""
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or key not in store.keys:
        empty = dict.fromkeys(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), "")
        raise Refused(401, f"Invalid API key: {key}", _headers=empty)
    allowed = store.keys[key]
    if allowed is not None and PERMISSIONS.get(path) not in allowed:
        raise Refused(403, "Access Denied")


def due(store: BrazeStore, work: list[Any]) -> None:
    """Queue what an accepted request asks for; without lag it is applied by the next flush, at once."""
    store.queue.append((store.clock.now() + timedelta(seconds=store.switches.lag_s), work))
