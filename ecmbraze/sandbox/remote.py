"""Start a sandbox process and steer it through its control API; for tests and the demo, standard library only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener


class ControlError(Exception):
    """The control API says that a request makes no sense."""


class RemoteSandbox:
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
        self._opener = build_opener(ProxyHandler({}))

    @classmethod
    def start(cls, *options: str, now: datetime | None = None) -> RemoteSandbox:
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

    def __enter__(self) -> RemoteSandbox:
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

    # clock, switches, faults, journal

    def now(self) -> datetime:
        """Return the sandbox's instant."""
        return datetime.fromisoformat(self.call("GET", "/clock")["now"])

    def set_clock(self, instant: datetime) -> None:
        """Set the sandbox's clock."""
        self.call("POST", "/clock", {"now": instant.isoformat()})

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self.call("POST", "/clock", {"advance_s": seconds})

    def freeze(self, frozen: bool = True) -> None:
        """Stop or restart the sandbox's clock."""
        self.call("POST", "/clock", {"frozen": frozen})

    def switches(self) -> dict[str, Any]:
        """Return the ECM's switches."""
        found: dict[str, Any] = self.call("GET", "/switches")
        return found

    def switch(self, **wanted: Any) -> None:
        """Set some of the ECM's switches."""
        self.call("POST", "/switches", wanted)

    def fault(self, kind: str, **wanted: Any) -> None:
        """Order one fault; see :class:`ecmbraze.sandbox.faults.Fault`."""
        self.call("POST", "/faults", {"kind": kind, **wanted})

    def faults(self) -> list[dict[str, Any]]:
        """Return the ordered faults with what is left of them."""
        found: list[dict[str, Any]] = self.call("GET", "/faults")
        return found

    def clear_faults(self) -> None:
        """Cancel every fault."""
        self.call("DELETE", "/faults")

    def journal(self, since: int = 0, system: str | None = None) -> list[dict[str, Any]]:
        """Return the requests received after number ``since``."""
        found: list[dict[str, Any]] = self.call("GET", "/journal", since=since, system=system)["entries"]
        return found

    def most_in_flight(self, system: str) -> int:
        """Return the highest number of requests that were open at once since the journal was cleared."""
        return int(self.call("GET", "/journal", since=10**12)["most_in_flight"].get(system, 0))

    def clear_journal(self) -> None:
        """Forget the requests so far."""
        self.call("DELETE", "/journal")

    # people at work in ECM

    def edits(self, since: int = 0) -> list[dict[str, Any]]:
        """Return every edit made to workspaces after number ``since``."""
        found: list[dict[str, Any]] = self.call("GET", "/ecm/edits", since=since)
        return found

    def workspaces(self, type_name: str | None = None) -> list[dict[str, Any]]:
        """Return the workspaces, or those of one type, with values by name."""
        found: list[dict[str, Any]] = self.call("GET", "/ecm/workspaces", type=type_name)
        return found

    def workspace(self, workspace_id: int) -> dict[str, Any]:
        """Return one workspace, also a hidden or deleted one."""
        found: dict[str, Any] = self.call("GET", f"/ecm/workspaces/{workspace_id}")
        return found

    def create_workspace(self, type_name: str, **more: Any) -> int:
        """Make a workspace with ``name``, ``values``, ``references``, ``created``, ``modified``; return its id."""
        return int(self.call("POST", "/ecm/workspaces", {"type": type_name, **more})["id"])

    def edit_workspace(self, workspace_id: int, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Edit values by name, or ``name``, ``modified``, ``references`` … as a person would, now."""
        self.call("PATCH", f"/ecm/workspaces/{workspace_id}", {"values": values or {}, **more})

    def delete_workspace(self, workspace_id: int) -> None:
        """Move a workspace to the recycle bin."""
        self.call("DELETE", f"/ecm/workspaces/{workspace_id}")

    def act(self, workspace_id: int, action: str, **more: Any) -> None:
        """Do one of ``restore hide show hold release`` to a workspace."""
        self.call("POST", f"/ecm/workspaces/{workspace_id}/{action}", more)

    def bulk(self, operations: Iterable[Mapping[str, Any]]) -> list[int]:
        """Make many edits at once (``{"do": create|edit|delete|…}``); return the workspace ids."""
        return [int(done["id"]) for done in self.call("POST", "/ecm/bulk", list(operations))]

    def rename_attribute(self, old: str, new: str) -> None:
        """Rename ``Category.Attribute``."""
        self.call("POST", "/ecm/attributes/rename", {"from": old, "to": new})

    def add_attribute(self, category: str, **definition: Any) -> int:
        """Add an attribute (``name``, ``type``, ``multi_value`` …) to a category; return its id."""
        return int(self.call("POST", "/ecm/attributes", {"category": category, **definition})["id"])

    def change_attribute(self, attribute: str, **definition: Any) -> None:
        """Change how ``Category.Attribute`` is defined; stored values stay."""
        self.call("POST", "/ecm/attributes/change", {"attribute": attribute, **definition})

    def drop_attribute(self, attribute: str) -> None:
        """Remove ``Category.Attribute``."""
        self.call("POST", "/ecm/attributes/drop", {"attribute": attribute})

    def rename_type(self, old: str, new: str) -> None:
        """Rename a workspace type."""
        self.call("POST", "/ecm/types/rename", {"from": old, "to": new})

    def add_category(self, name: str, attributes: Sequence[Mapping[str, Any]]) -> int:
        """Define a category; return its id."""
        return int(self.call("POST", "/ecm/categories", {"name": name, "attributes": list(attributes)})["id"])

    def add_type(self, name: str, categories: Sequence[str]) -> int:
        """Define a workspace type; return its id."""
        return int(self.call("POST", "/ecm/types", {"name": name, "categories": list(categories)})["id"])
