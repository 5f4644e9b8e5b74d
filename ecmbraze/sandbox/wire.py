"""Speak HTTP/1.1 with keep-alive on a loopback socket and break connections on order; knows no system."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from ecmbraze.sandbox.gate import Reply, WsgiApp, call

LOOPBACK = "127.0.0.1"
_NO_BODY = frozenset({204, 304})


class Door(Protocol):
    """What answers a request that was read to its end, or cuts it off before."""

    def serve(self, environ: Mapping[str, Any], body: bytes) -> Reply: ...

    def cut(self, environ: Mapping[str, Any]) -> int | None: ...


class PlainDoor:
    """Answer from a WSGI application without journal or faults: the control API."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def serve(self, environ: Mapping[str, Any], body: bytes) -> Reply:
        """Return the application's answer."""
        return call(self._app, environ, body)

    def cut(self, environ: Mapping[str, Any]) -> int | None:
        """Cut no request off."""
        return None


class _Connection(WSGIRequestHandler):
    """Serve one connection until it closes.

    Werkzeug's own loop closes every connection and waits 10 ms for stray bytes; here each request is read to its
    end before it is answered, so the connection can be kept and the raw bytes of the answer can be cut anywhere.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def run_wsgi(self) -> None:
        self.environ = environ = self.make_environ()
        cut = self.server.door.cut(environ)
        if cut is not None:
            self.rfile.read(min(cut, int(environ.get("CONTENT_LENGTH") or 0)))
            self._reset()
            return
        body = self._body(environ)
        if body is None:
            self.close_connection = True
            return
        reply = self.server.door.serve(environ, body)
        try:
            self._send(reply)
        except OSError:  # the client went away: its business
            self.close_connection = True

    def _body(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return the request's body, or None when the client went away while sending it."""
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = self.rfile.read(length) if length else b""
        return body if len(body) == length else None

    def _send(self, reply: Reply) -> None:
        if reply.reset:
            self._reset()
            return
        raw = self._raw(reply)
        if reply.drip is not None:
            self._drip(raw, reply.cut or 1, reply.drip)
        elif reply.cut is not None:
            self.wfile.write(raw[: reply.cut])
            self.close_connection = True
        else:
            self.wfile.write(raw)

    def _raw(self, reply: Reply) -> bytes:
        names = {name.lower() for name, _ in reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if "content-length" not in names and reply.status not in _NO_BODY:
            lines.append(f"Content-Length: {len(reply.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        body = b"" if self.command == "HEAD" else reply.body
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    def _drip(self, raw: bytes, size: int, pause: float) -> None:
        for start in range(0, len(raw), size):
            self.wfile.write(raw[start : start + size])
            time.sleep(pause)

    def _reset(self) -> None:
        """Send RST at once: with linger 0 the kernel drops the connection when the descriptor closes."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Stay quiet: the journal tells what happened."""


class _Server(ThreadedWSGIServer):
    door: Door

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Stay quiet: the journal tells what happened."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report bugs of the sandbox, but not connections that a client or a fault broke."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class PortError(Exception):
    """A port cannot be listened on; the message says which one and why."""


class Listener:
    """One listening socket with its threads. Raises PortError for a port that is taken or impossible."""

    def __init__(self, port: int = 0) -> None:
        with _bound(port) as listening:
            # Werkzeug would end the process where it cannot bind, so it is handed a socket that is bound already.
            self._server = _Server(LOOPBACK, port, _nothing, handler=_Connection, fd=listening.fileno())

    def hang(self, door: Door) -> None:
        """Let a door answer the requests from now on; those under way end at the old one."""
        self._server.door = door

    @property
    def url(self) -> str:
        """Return the base URL, without a trailing slash."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer, or go on."""
        threading.Thread(target=self._run, daemon=True).start()

    def pause(self) -> None:
        """Accept no connection until the next start; the port stays open."""
        self._server.shutdown()

    def stop(self) -> None:
        """Stop accepting; open connections die with the process."""
        self.pause()
        self._server.server_close()

    def _run(self) -> None:
        # Werkzeug's own serve_forever prints nothing but closes the socket twice on shutdown.
        super(BaseWSGIServer, self._server).serve_forever(poll_interval=0.02)


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OverflowError:
        raise PortError(f"Port {port} cannot be: ports are 1 to 65535, and 0 for any free one.") from None
    except OSError as error:
        raise PortError(f"Port {port} on {LOOPBACK} cannot be opened: {os.strerror(error.errno or 0)}.") from error


def _nothing(environ: Any, start_response: Any) -> list[bytes]:
    """Satisfy werkzeug, which wants an application; the door answers instead."""
    return []


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
