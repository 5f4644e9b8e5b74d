"""What failed all its attempts in this round and fails at once when asked again; sends nothing and never waits."""

from __future__ import annotations

import copy
import re
import threading
from collections import defaultdict
from dataclasses import dataclass

from ecmbraze.errors import TemporaryError, TimeBudgetUsed

_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")
# One record that cannot be answered says nothing of the others; a second one in a row says that all of them fail.
_IN_A_ROW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a read asks for: its path, and the one thing it is about where the path does not say."""

    method: str
    path: str
    about: str = ""

    @property
    def kind(self) -> str:
        return f"{self.method} {_NUMBER.sub('{id}', self.path)}"

    @property
    def is_of_one_record(self) -> bool:
        return bool(self.about) or _NUMBER.search(self.path) is not None


class Outages:
    """The failures of one origin in one round. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: TemporaryError | None = None
        self._kinds: dict[str, TemporaryError | TimeBudgetUsed] = {}
        self._requests: dict[Request, TemporaryError] = {}
        self._in_a_row: defaultdict[str, set[Request]] = defaultdict(set)

    def check(self, request: Request) -> None:
        """Raise what the same request, all of its kind, or the whole system failed with before."""
        with self._lock:
            error = self._all or self._kinds.get(request.kind) or self._requests.get(request)
        if error is not None:
            raise copy.copy(error)

    def failed(self, request: Request, error: TemporaryError, *, unreachable: bool) -> None:
        """Note a read that failed all its attempts; ``unreachable`` when no connection came about."""
        with self._lock:
            self._requests[request] = error
            self._in_a_row[request.kind].add(request)
            if unreachable:
                self._all = error
            elif not request.is_of_one_record or len(self._in_a_row[request.kind]) >= _IN_A_ROW:
                self._kinds[request.kind] = error

    def limited(self, request: Request, error: TimeBudgetUsed) -> None:
        """Note a read that waited for its rate limit as long as it may: the next of its kind does not wait again."""
        with self._lock:
            self._kinds[request.kind] = error

    def answered(self, request: Request) -> None:
        """Note a read that was answered: what failed of its kind before speaks for itself only."""
        with self._lock:
            self._in_a_row.pop(request.kind, None)
