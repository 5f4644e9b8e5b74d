"""Order child processes from the warm process of this test worker, and hold them like processes started here."""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from tests.forking.server import ORDER_BYTES

_ROOT = Path(__file__).parents[2]


class Child:
    """A forked process: what of ``subprocess.Popen`` the tests use."""

    def __init__(self, reply: socket.socket) -> None:
        self._reply = reply
        self.returncode: int | None = None
        self.pid = self._read()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, negative for a signal. Raises TimeoutError."""
        if self.returncode is None:
            self._reply.settimeout(timeout)
            self.returncode = self._read()
            self._reply.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code of an ended process, None while it runs."""
        try:
            return self.wait(timeout=0)
        except BlockingIOError:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> int:
        """End the process at once, if it still runs, and return its exit code."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def _read(self) -> int:
        answer = self._reply.recv(64)
        assert answer, "the warm process is gone"
        return int(answer)


def fork(
    run: Callable[[], int],
    *,
    environ: Mapping[str, str],
    stdout: int,
    stderr: int,
    stdin: int | None = None,
    orders: socket.socket | None = None,
) -> Child:
    """Fork a process that runs a callable of an importable module and ends with what it returns.

    It is forked from the warm process, or from the one that serves ``orders``.
    """
    order = pickle.dumps((run, dict(environ), str(Path.cwd())))
    assert len(order) < ORDER_BYTES
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, Path(os.devnull).open("rb") as nothing:
        streams = [nothing.fileno() if stdin is None else stdin, stdout, stderr]
        socket.send_fds(orders or warm_orders(), [order], [*streams, theirs.fileno()])
    return Child(ours)


@contextmanager
def piped() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Yield the two ends of a pipe, to read from and to hand to a child; the second is closed once the child has it."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as out, os.fdopen(writer, "wb", buffering=0) as end:
        yield out, end


def read_all(*pipes: BinaryIO, timeout: float) -> list[bytes]:
    """Return all that comes out of pipes until each is closed at its other end. Raises TimeoutError."""
    read = dict.fromkeys(pipes, b"")
    waiting = set(pipes)
    while waiting:
        ready = select.select(waiting, [], [], timeout)[0]
        if not ready:
            raise TimeoutError(f"nothing came for {timeout} s")
        for pipe in ready:
            part = os.read(pipe.fileno(), 1 << 16)
            read[pipe] += part
            waiting -= set() if part else {pipe}
    return list(read.values())


@cache
def warm_orders() -> socket.socket:
    """Start the warm process of this worker; it ends when the socket closes, as it does when the worker dies."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking.server", str(theirs.fileno())],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(_end, ours, process)
    return ours


def _end(orders: socket.socket, process: subprocess.Popen[bytes]) -> None:
    orders.close()
    process.wait()
