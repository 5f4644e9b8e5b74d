"""A workspace for probes on a simulated Extended ECM, what stands in it, and the probe as users start it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from tests.forking.client import Child
from tests.rehearsal import TYPE, Rehearsal, Result, until
from tests.systems.rig import http

VALUE = "Onboarding.Product"
"""The one text of an onboarding that no flow of the rehearsal names; it is empty in a new one."""
NOTE = "Onboarding.Note"
LOOKS = ("/v1/auth", "/v2/search", "/v2/nodes/list")
"""What is asked with POST and writes nothing."""


def standing(box: RemoteSandbox, workspace: int) -> dict[str, Any]:
    """Return all that a probe could leave in a workspace: values, and every node at any depth."""
    ecm = EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password)

    def below(number: int) -> Iterator[str]:
        for child in ecm.probing.below(number):
            yield child.name
            if child.is_folder:
                yield from (f"{child.name}/{name}" for name in below(child.id))

    return {"values": box.workspace(workspace)["values"], "below": sorted(below(workspace))}


def writes(box: RemoteSandbox) -> list[str]:
    """Return the requests that may have changed something in ECM."""
    entries = [one for one in box.journal(system="ecm") if one["method"] in ("POST", "PUT", "DELETE")]
    return [f"{one['method']} {one['path']}" for one in entries if not one["path"].endswith(LOOKS)]


@dataclass(slots=True)
class Probed:
    """What one probe said."""

    done: Result

    def __post_init__(self) -> None:
        assert self.done.stdout, (self.done.code, self.done.stderr)

    @property
    def code(self) -> int:
        return self.done.code

    @property
    def found(self) -> dict[str, str]:
        """Where → level and text, of what the probe found; of several of one place the last."""
        told = json.loads(self.done.stdout)
        assert told["exit_code"] == self.code
        mine = [one for one in told["findings"] if one["where"].startswith("probe")]
        return {one["where"].removeprefix("probe: "): f"{one['level']} {one['said']}" for one in mine}


class Bench:
    """A rehearsal with a workspace that names no customer."""

    def __init__(self, stage: Rehearsal, type_name: str = TYPE, name: str = "Probe", **more: Any) -> None:
        self.stage, self.box = stage, stage.box
        self.workspace = self.box.create_workspace(type_name, name=name, **more)
        self.before = standing(self.box, self.workspace)
        self.box.clear_journal()

    def probe(self, *more: str, workspace: str = "", yes: bool = True) -> Result:
        """Run the probe to its end."""
        return self.stage.ecmbraze(*self.line(*more, workspace=workspace, yes=yes))

    def line(self, *more: str, workspace: str = "", yes: bool = True) -> list[str]:
        return ["check", "--json", "--probe", workspace or str(self.workspace), *(["--yes"] if yes else []), *more]

    def probed(self, *more: str) -> Probed:
        return Probed(self.probe(*more))

    @contextmanager
    def held_at(self, method: str, path: str) -> Iterator[Future[Result]]:
        """Start the probe, and yield what it will end with once a request of it on ``path`` waits for the end."""
        self.box.fault("slow", system="ecm", method=method, path=path, seconds=240, times=1)
        with ThreadPoolExecutor(max_workers=1) as pool:
            ended = pool.submit(self.probe)
            until(lambda: self.box.faults()[0]["hits"] == 1)
            try:
                yield ended
            finally:
                self.box.clear_faults()

    @property
    def child(self) -> Child:
        """The process that was started last."""
        return self.stage._started[-1]

    def ours(self) -> dict[str, int]:
        """Name → id of what a probe under way has made directly in the workspace."""
        ecm = EcmClient(http(self.box.ecm, "ecm"), username=self.box.username, password=self.box.password)
        return {one.name: one.id for one in ecm.probing.below(self.workspace) if "ecmbraze probe" in one.name}

    @property
    def is_as_before(self) -> bool:
        return standing(self.box, self.workspace) == self.before
