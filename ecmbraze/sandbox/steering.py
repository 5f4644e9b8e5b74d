"""Start a sandbox process, end it, and make one control request; standard library only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener


class ControlError(Exception):
    """The control API says that a request makes no sense."""


class Steering:
    """A running sandbox, owned or only addressed.

    ``ecm``, ``braze``, ``control``, ``username``, ``password``, ``api_key``, ``otds``, ``client_id`` and
    ``client_secret`` are what the process printed. Use as a context manager to end an owned process.
    """

    def __init__(self, addresses: Mapping[str, str], process: subprocess.Popen[bytes] | None = None) -> None:
        self.ecm, self.braze, self.control = addresses["ecm"], addresses["braze"], addresses["control"]
        self.username, self.password = addresses["username"], addresses["password"]
        self.api_key, self.otds = addresses["api_key"], addresses["otds"]
        self.client_id, self.client_secret = addresses["client_id"], addresses["client_secret"]
        self.process = process
        self.addresses = addresses
        self._opener = build_opener(ProxyHandler({}))

    @classmethod
    def start(cls, *options: str, now: datetime | None = None) -> Self:
        """Start ``python -m ecmbraze.sandbox`` with further command line options and wait until it listens.

        It ends with this process, however this process ends. Raises RuntimeError when it does not come up.
        """
        clock = ["--now", now.isoformat()] if now else []
        command = [sys.executable, "-m", "ecmbraze.sandbox", "--exit-with-parent", *clock, *options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            process.communicate()
            raise RuntimeError(f"the sandbox did not start: {' '.join(command)}")
        return cls(json.loads(line), process)

    def stop(self) -> int:
        """End an owned process and return its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make one control request (``/braze/…`` too) and return its JSON. Raises ControlError."""
        asked = {name: value for name, value in query.items() if value is not None}
        url = f"{self.control}{path}" + (f"?{urlencode(asked)}" if asked else "")
        content = None if body is None else json.dumps(body).encode()
        request = Request(url, data=content, method=method, headers={"Content-Type": "application/json"})  # noqa: S310 - our own loopback address
        try:
            with self._opener.open(request, timeout=120) as response:
                return json.load(response)
        except HTTPError as error:
            with error:
                raise ControlError(f"{method} {path}: {error.read().decode('utf-8', 'replace')}") from error
