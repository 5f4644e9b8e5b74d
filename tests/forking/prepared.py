"""A sandbox that was made once and is forked for each test, on the same ports and as it stood when it was halted."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.forking.client import fork, piped
from tests.forking.programs import go_on, prepare_sandbox


class Prepared:
    """A sandbox process that answers until it is halted, and is forked after that; ends with this process."""

    def __init__(self, *options: str) -> None:
        around = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, around, ignore_errors=True)
        self.time, self.folder = around / "time", around / "folder"
        self.folder.mkdir()
        self.busy = False
        """Whether a fork of it runs: two would take each other's requests."""
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reader, writer = os.pipe()
        self._out = os.fdopen(reader, "rb")
        run = partial(prepare_sandbox, list(options), time=self.time)
        self._process = fork(run, environ=os.environ, stdin=theirs.fileno(), stdout=writer, stderr=2)
        theirs.close()
        os.close(writer)
        line = self._out.readline()
        assert line, "the sandbox did not start"
        self.addresses: dict[str, str] = json.loads(line)
        self._then = b""

    def halt(self) -> None:
        """Let it answer no more: each fork goes on from here."""
        self._orders.send(b".")
        assert self._out.readline(), "the sandbox did not halt"
        self._then = self.time.read_bytes()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Fork it, at the time at which it was halted; end the fork afterwards."""
        assert not self.busy, "one at a time: they share their ports"
        self.busy = True
        self.time.write_bytes(self._then)
        with piped() as (out, end):
            with end:
                server = fork(go_on, environ=os.environ, stdout=end.fileno(), stderr=2, orders=self._orders)
            assert out.readline(), "the sandbox did not go on"
        try:
            yield
        finally:
            server.kill()
            self.busy = False
