"""What the tests of the clients stand on: a clock that never waits, an Http on loopback, raw servers with faults."""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from ecmbraze.systems.counters import RequestCounters
from ecmbraze.systems.http import Http
from ecmbraze.systems.redaction import Redactor

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
API_KEY = "canary-key-7f3a-91bd-ü/+"
PASSWORD = "canary-pass-&=%-word"
ECM_URL = "http://ecm.test/otcs/cs.exe"
BRAZE_URL = "http://rest.test"


class FakeClock:
    """Sleeping moves it; ``step`` moves it at every look at ``monotonic``."""

    def __init__(self, step: float = 0.0) -> None:
        self.elapsed, self.step, self.slept = 0.0, step, 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        self.elapsed += self.step
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.elapsed += seconds

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds


def http(base_url: str, system: str = "braze", *, clock: FakeClock | None = None, **options: Any) -> Http:
    """Return an Http with a fake clock and an endless time budget, unless told otherwise."""
    settings: dict[str, Any] = {
        "clock": clock or FakeClock(),
        "counters": RequestCounters(),
        "redactor": Redactor(),
        "deadline": lambda: float("inf"),
        "rng": random.Random(7),
        **options,
    }
    return Http(base_url=base_url, system=system, **settings)


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """Return a whole HTTP answer as bytes."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    """A loopback server that hands each whole request to a script; counts connections and requests."""

    def __init__(self, script: Callable[[socket.socket, bytes], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        # shutdown wakes accept() and recv(), which close() alone does not
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := whole_message(connection):
                self.requests.append(request)
                self._script(connection, request)
        except OSError:
            return
        finally:
            connection.close()


@contextmanager
def serving(script: Callable[[socket.socket, bytes], None]) -> Iterator[RawServer]:
    """Run a raw server for the length of the block."""
    server = RawServer(script)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def replying(*answers: bytes) -> Callable[[socket.socket, bytes], None]:
    """Return a script that gives one answer after the other, the last one for ever."""
    left = list(answers)

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return script


def reset(connection: socket.socket) -> None:
    """Close so that the other side sees a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def whole_message(connection: socket.socket) -> bytes:
    """Return one whole message; empty when the other side closed before its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        if not (part := connection.recv(65536)):
            return b""
        got += part
    length = _LENGTH.search(got.split(b"\r\n\r\n", 1)[0])
    whole = got.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(got) < whole:
        if not (part := connection.recv(65536)):
            return b""
        got += part
    return got
