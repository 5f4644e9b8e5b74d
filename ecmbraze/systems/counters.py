"""Count the requests of one process for its run report; knows no system."""

from __future__ import annotations

import threading


class RequestCounters:
    """The ``requests`` of the run report: ecm, braze, retried, rate_limited. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("ecm", "braze", "retried", "rate_limited"), 0)

    def add(self, name: str) -> None:
        """Count one more; raises KeyError for a name the report does not have."""
        with self._lock:
            self._counts[name] += 1

    def as_dict(self) -> dict[str, int]:
        """Return a copy of the counts."""
        with self._lock:
            return dict(self._counts)
