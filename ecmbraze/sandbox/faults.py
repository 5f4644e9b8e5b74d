"""Hold the faults that were ordered and choose the one for a request; applies none of them itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from ecmbraze.sandbox.braze.changes import changes
from ecmbraze.sandbox.ecm.operations import any_edits
from ecmbraze.sandbox.fields import (
    ANY,
    FLAG,
    INTEGER,
    NATURAL,
    OBJECT,
    OBJECTS,
    PATTERN,
    SECONDS,
    TEXT,
    Kind,
    checked,
    one_of,
    unknown,
)

KINDS = frozenset(
    {
        "status",
        "html500",
        "html200",
        "empty200",
        "reset_before",
        "reset_after",
        "cut_answer",
        "cut_request",
        "slow",
        "drip",
        "redirect",
        "busy",
        "edit",
        "corrupt",
        "short",
    }
)


_STATUS = Kind("an HTTP status", lambda value: type(value) is int and 100 <= value <= 599)
_TIMES = Kind("a whole number, or null for ever", lambda value: value is None or NATURAL.fits(value), null=True)
_FIELDS = {
    "kind": TEXT,
    "system": one_of("ecm", "braze"),
    "method": one_of("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"),
    "path": PATTERN,
    "query": PATTERN,
    "skip": NATURAL,
    "times": _TIMES,
    "status": _STATUS,
    "text": TEXT,
    "json": ANY,
    "headers": OBJECT,
    "content_type": TEXT,
    "process": FLAG,
    "seconds": SECONDS,
    "bytes": INTEGER,
    "location": TEXT,
    "when": one_of("before", "after"),
    "edits": OBJECTS,
    "changes": OBJECTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One ordered misbehaviour: which requests it meets, how often, and what happens to them.

    ``path`` and ``query`` are regular expressions that are searched; ``query`` looks at the query string and the
    body. The first ``skip`` matching requests pass; the next ``times`` are hit (None: all). ``seconds`` delays a
    fault of any kind, at most until the faults are cleared. ``process`` says whether the simulated system still
    does what was asked before its answer is replaced. ``edits`` and ``changes`` (kind ``edit``) are what ``POST
    /ecm/bulk`` or ``POST /ecm/documents`` and ``POST /braze/changes`` take, made ``before`` or ``after`` the request,
    so that rows move between the pages of a listing and a name is taken just then. ``cut_request`` resets the
    connection when ``bytes`` of the body have arrived; it knows nothing of the body, so ``query`` looks at the query string alone.
    """

    kind: str
    system: str | None = None
    method: str | None = None
    path: str = ""
    query: str = ""
    skip: int = 0
    times: int | None = 1
    status: int = 500
    text: str = ""
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    process: bool = False
    seconds: float = 0.0
    bytes: int = 0
    location: str = ""
    when: str = "after"
    edits: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Fault:
        """Build a fault from control JSON. Raises ValueError naming what is wrong with it."""
        given = checked(raw, _FIELDS, "a fault", ("kind",))
        if given["kind"] not in KINDS:
            raise unknown("unknown fault kind", given["kind"], KINDS)
        edits, made = tuple(any_edits(given.get("edits", ()))), tuple(changes(given.get("changes", [])))
        return cls(**{**given, "edits": edits, "changes": made})

    def meets(self, system: str, method: str, path: str, payload: str) -> bool:
        """Say whether a request is one this fault was ordered for."""
        return (
            self.system in (None, system)
            and self.method in (None, method)
            and re.search(self.path, path) is not None
            and re.search(self.query, payload) is not None
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    skip: int
    left: int | None
    hits: int = 0


class FaultPlan:
    """The ordered faults in the order in which they were given. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._cleared = threading.Event()

    def add(self, faults: Iterable[Fault]) -> None:
        """Arm further faults; those given earlier are tried first."""
        with self._lock:
            self._armed += [_Armed(fault, fault.skip, fault.times) for fault in faults]

    def clear(self) -> None:
        """Disarm everything, and let go of the requests that are held back."""
        with self._lock:
            self._armed.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def pause(self, seconds: float) -> None:
        """Hold a request back for so long, or until everything is disarmed."""
        if seconds:
            self._cleared.wait(seconds)

    def take_cut(self, system: str, method: str, path: str, query: str) -> Fault | None:
        """Return the fault that cuts this request off while its body arrives, counting it, or None."""
        with self._lock:
            return self._take(system, method, path, "\n".join((query, unquote_plus(query))), cut=True)

    def listing(self) -> list[dict[str, Any]]:
        """Return each fault with ``left`` (None: no end), ``skips_left`` and ``hits``."""
        with self._lock:
            return [
                {**asdict(armed.fault), "left": armed.left, "skips_left": armed.skip, "hits": armed.hits}
                for armed in self._armed
            ]

    def take(self, system: str, method: str, path: str, query: str, body: bytes) -> Fault | None:
        """Return the fault that hits this request, counting it, or None when the request goes through."""
        with self._lock:
            if not self._armed:
                return None
            text = body.decode("utf-8", "replace")
            payload = "\n".join((query, unquote_plus(query), text, unquote_plus(text)))
            return self._take(system, method, path, payload, cut=False)

    def _take(self, system: str, method: str, path: str, payload: str, *, cut: bool) -> Fault | None:
        for armed in self._armed:
            if armed.left == 0 or (armed.fault.kind == "cut_request") is not cut:
                continue
            if not armed.fault.meets(system, method, path, payload):
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            armed.left = None if armed.left is None else armed.left - 1
            armed.hits += 1
            return armed.fault
        return None
