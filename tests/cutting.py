"""A loopback proxy that cuts one exchange after a given byte of its request or of its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.systems.rig import whole_message


@dataclass(slots=True)
class Cut:
    """Where the next exchange on a path ends: after so many bytes of the request, or of the answer."""

    path: bytes
    request: int | None = None
    answer: int | None = None


@dataclass(slots=True)
class Proxy:
    """Passes whole exchanges on, one connection each way, but for the one that is ordered to be cut."""

    target: str
    cut: Cut | None = None
    lengths: tuple[int, int] = (0, 0)
    """Bytes of the last whole request, and of its answer."""
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _connection(self, client: socket.socket) -> None:
        place = urlsplit(self.target)
        with client, socket.create_connection((place.hostname or "", place.port or 80)) as server, suppress(OSError):
            while request := whole_message(client):
                cut, self.cut = (self.cut, None) if self._hits(request) else (None, self.cut)
                if cut is not None and cut.request is not None:
                    server.sendall(request[: cut.request])
                    return
                server.sendall(request)
                answer = whole_message(server)
                if cut is not None and cut.answer is not None:
                    client.sendall(answer[: cut.answer])
                    return
                self.lengths = (len(request), len(answer))
                client.sendall(answer)

    def _hits(self, request: bytes) -> bool:
        return self.cut is not None and self.cut.path in request.split(b"\r\n", 1)[0]


@contextmanager
def cutting(target: str) -> Iterator[Proxy]:
    """Run a proxy before ``target`` for the length of the block."""
    proxy = Proxy(target)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
