"""Stand between the wire and a simulated system: journal, faults, latency. Touches no socket."""

from __future__ import annotations

import html
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any

from ecmbraze.sandbox.faults import Fault, FaultPlan
from ecmbraze.sandbox.journal import Entry, Journal, path_of

CLOCK_PATH = "/ecmbraze-sandbox/clock"
WsgiApp = Callable[..., Iterable[bytes]]
_HTML = "text/html; charset=UTF-8"
# The marker texts of Content Server's own error page (api/ecm.md 1.5, PX37:REQUEST_RETRY_HTML_MARKERS).
_PAGE = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>Error Processing Request</h1>"
    "<p>Content Server Client Error: {title}. Please try again.</p></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer and what the wire does to it.

    ``reset`` sends nothing and resets the connection; ``cut`` sends that many bytes of the raw answer (negative:
    all but that many) and closes; ``drip`` sends ``cut`` bytes at a time with that pause between them.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reset: bool = False
    cut: int | None = None
    drip: float | None = None


def call(app: WsgiApp, environ: Mapping[str, Any], body: bytes) -> Reply:
    """Run a WSGI application and collect its whole answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[..., None]:
        started.append((status, headers))
        return lambda _: None

    inner = {
        **environ,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "CONTENT_LENGTH": str(len(body)),
    }
    chunks = app(inner, start_response)
    try:
        content = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = started[-1]
    return Reply(status=int(status.split(" ", 1)[0]), headers=tuple(headers), body=content)


def page(status: int, title: str, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """Return an HTML answer, as a server that is busy, restarting or behind a gateway gives it."""
    body = _PAGE.format(title=html.escape(title)).encode()
    return Reply(status=status, headers=(("Content-Type", _HTML), *headers), body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One simulated system as the wire sees it.

    ``edit`` makes the edits of a fault and returns why it could not, else nothing. ``tells_time`` serves the
    rehearsal's time at ``CLOCK_PATH``, past journal, faults and latency, so that a program can take its time from here.
    """

    system: str
    app: WsgiApp
    journal: Journal
    faults: FaultPlan
    now: Callable[[], datetime]
    latency_s: Callable[[], float] = lambda: 0.0
    edit: Callable[[Fault], str] = lambda _: ""
    pause: Callable[[float], None] = field(default=time.sleep)
    tells_time: bool = False

    def serve(self, environ: Mapping[str, Any], body: bytes) -> Reply:
        """Answer one request: note it, wait, meet its fault, or simply pass it on."""
        method, path = environ["REQUEST_METHOD"], path_of(environ)
        if self.tells_time and path == CLOCK_PATH:
            content = json.dumps({"ecmbraze_sandbox": {"now": self.now().isoformat()}}).encode()
            return Reply(status=200, headers=(("Content-Type", "application/json"),), body=content)
        fault = self.faults.take(self.system, method, path, environ.get("QUERY_STRING", ""), body)
        entry = self.journal.arrived(self.now().isoformat(), self.system, environ, body)
        try:
            self.pause(self.latency_s() + (fault.seconds if fault and fault.kind != "drip" else 0.0))
            if fault is None:
                entry.processed = True
                reply = call(self.app, environ, body)
            else:
                entry.fault, entry.processed = fault.kind, _processes(fault)
                reply = self._meet(fault, environ, body, entry)
            entry.status = None if reply.reset else reply.status
            # A server's `Date` is its own clock, not the machine's.
            return replace(reply, headers=(*reply.headers, ("Date", format_datetime(self.now(), usegmt=True))))
        finally:
            self.journal.left(entry)

    def cut(self, environ: Mapping[str, Any]) -> int | None:
        """Return after how many bytes of its body this request is cut off, None for one that is not; note it."""
        method, path = environ["REQUEST_METHOD"], path_of(environ)
        fault = self.faults.take_cut(self.system, method, path, environ.get("QUERY_STRING", ""))
        if fault is None:
            return None
        entry = self.journal.arrived(self.now().isoformat(), self.system, environ, b"")
        entry.fault = fault.kind
        self.journal.left(entry)
        return max(fault.bytes, 0)

    def _meet(self, fault: Fault, environ: Mapping[str, Any], body: bytes, entry: Entry) -> Reply:
        refused = self.edit(fault) if fault.kind == "edit" and fault.when == "before" else ""
        reply = call(self.app, environ, body) if _processes(fault) else page(500, "Internal Server Error")
        refused += self.edit(fault) if fault.kind == "edit" and fault.when != "before" else ""
        entry.fault = f"{fault.kind}: {refused}" if refused else fault.kind
        return _replaced(fault, reply)


def _processes(fault: Fault) -> bool:
    """Tell whether the system behind does what was asked."""
    return fault.process or fault.kind in ("reset_after", "cut_answer", "slow", "drip", "edit", "corrupt", "short")


def _replaced(fault: Fault, reply: Reply) -> Reply:
    match fault.kind:
        case "status":
            return _status(fault)
        case "html500" | "html200":
            failed = fault.kind == "html500"
            return page(500, "Internal Server Error") if failed else page(200, "Content Server is starting")
        case "empty200":
            return Reply(status=200, headers=(("Content-Type", "application/json"),), body=b"")
        case "busy":
            return page(503, "Service Temporarily Unavailable", fault.headers.items())
        case "redirect":
            return page(301, "Moved Permanently", [("Location", fault.location)])
        case "reset_before" | "reset_after":
            return replace(reply, reset=True)
        case "cut_answer":
            return replace(reply, cut=fault.bytes)
        case "corrupt" | "short":
            return _with_body(reply, _flipped(reply.body) if fault.kind == "corrupt" else reply.body[: fault.bytes])
        case "drip":
            return replace(reply, cut=fault.bytes or 1, drip=fault.seconds)
        case _:
            return reply


def _flipped(body: bytes) -> bytes:
    """Return a body with one byte in its middle changed, as a broken disk or proxy leaves it."""
    middle = len(body) // 2
    return body[:middle] + bytes(255 - byte for byte in body[middle : middle + 1]) + body[middle + 1 :]


def _with_body(reply: Reply, body: bytes) -> Reply:
    """Return an answer of another body that is whole for HTTP: its length is that of the body."""
    headers = tuple((name, value) for name, value in reply.headers if name.lower() != "content-length")
    return replace(reply, headers=headers, body=body)


def _status(fault: Fault) -> Reply:
    text = json.dumps(fault.json) if fault.json is not None else fault.text or HTTPStatus(fault.status).phrase
    kind = fault.content_type or ("application/json" if fault.json is not None else "text/plain; charset=utf-8")
    headers = tuple((name, str(value)) for name, value in fault.headers.items())
    return Reply(status=fault.status, headers=(("Content-Type", kind), *headers), body=text.encode())
