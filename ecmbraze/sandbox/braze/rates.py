"""How often may be asked: aligned windows, and what the three header dialects tell of them; checks no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore

_SLOW_FIELDS = frozenset({"campaigns_received", "canvases_received"})
# Path → the window of a minute it counts in and its limit (api/braze.md 2, 5.5); V1 and V2 share theirs.
_OWN_MINUTE = {
    "/users/delete": ("identity", 20_000),
    "/subscription/status/set": ("groups", 5_000),
    "/v2/subscription/status/set": ("groups", 5_000),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A named limit per span of seconds; it ends on the clock's multiple of the span (api/braze.md 9.4)."""

    name: str
    span: int
    limit: int


class Rates:
    """Count requests per window."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store
        self._used: dict[str, tuple[int, int]] = {}

    def count(self, path: str, body: Callable[[], Mapping[str, Any]]) -> dict[str, str]:
        """Count one request and return its rate headers. Raises Refused with 429 when a window is used up."""
        now = self._store.clock.now().timestamp()
        windows = self._windows(path, body)
        used = [self._count(window, int(now // window.span)) for window in windows]
        full = [w for w, count in zip(windows, used, strict=True) if count > w.limit]
        mau = path == "/users/track" and self._store.switches.headers == "mau"
        told = self._told(windows[-1], used[-1], now, mau=mau)
        if full:
            wait = max(_left(window, now) for window in full)
            headers = {"x-ratelimit-retry-after": str(wait)} if mau else told
            raise Refused(429, "Rate limit exceeded", headers, empty=self._store.switches.limited_body == "empty")
        return told

    def _count(self, window: Window, number: int) -> int:
        before, used = self._used.get(window.name, (number, 0))
        used = used + 1 if before == number else 1
        self._used[window.name] = (number, used)
        return used

    def _told(self, window: Window, used: int, now: float, *, mau: bool) -> dict[str, str]:
        if self._store.switches.headers == "absent":
            return {}
        reset = _left(window, now) if mau else int(now // window.span + 1) * window.span
        numbers = {"limit": window.limit, "remaining": max(0, window.limit - used), "reset": reset}
        return {f"x-ratelimit-{name}": str(number) for name, number in numbers.items()}

    def _windows(self, path: str, body: Callable[[], Mapping[str, Any]]) -> tuple[Window, ...]:
        """Return the windows a request counts in; the headers tell of the last."""
        switches = self._store.switches
        if path == "/users/track":
            burst = Window("track", 3, switches.track_per_window)
            return (
                (burst, Window("track/hour", 3600, switches.track_per_hour)) if switches.headers == "mau" else (burst,)
            )
        if path == "/users/export/ids":
            fields = body().get("fields_to_export")
            listed = set(map(str, fields)) if isinstance(fields, list) else set()
            if switches.export_per_second and listed and not listed & _SLOW_FIELDS:
                return (Window("export/fast", 1, switches.export_per_second),)
            return (Window("export", 60, switches.export_per_minute),)
        if path in _OWN_MINUTE:
            name, limit = _OWN_MINUTE[path]
            return (Window(name, 60, limit),)
        return (Window("pool", 3600, switches.pool_per_hour),)


def _left(window: Window, now: float) -> int:
    """Return the seconds until a window ends, whole ones, at least one."""
    return max(1, int((now // window.span + 1) * window.span - now))
