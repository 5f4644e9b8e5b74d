"""A rehearsal: the sandbox and the program as its users run it, in processes of their own, under one time.

Both are forked from a warm process (``tests/forking``), the sandbox with its world and its baseline already made. Their
time stands still but for what a test advances, what the program waits, and one second for each start of it. ``command``
and ``environ`` are for a start from nothing.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from time import sleep
from typing import Any

import yaml

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.forking.client import Child, fork, piped, read_all
from tests.forking.prepared import Prepared
from tests.forking.programs import run_program, run_sandbox

SOAK = bool(os.environ.get("ECMBRAZE_SOAK"))
"""Whether tests with the marker ``soak`` do all of what they otherwise do a part of."""
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_SANDBOX = ("--seed", "11", "--now", START.isoformat())
TYPE = "Customer Onboarding"
CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"
KYC_CAMPAIGN = "3f0c0000-0000-4000-8000-000000000002"
CANVAS = "91aa0000-0000-4000-8000-000000000001"
GROUP = "ed060000-0000-4000-8000-00000000000a"
CONTRACT, KYC = "Onboarding.Contract Status", "Onboarding.KYC Status"

CONFIG: dict[str, Any] = {
    "ecm": {
        "url": "",
        "username": "",
        "password": "${ECM_PASSWORD}",
        "timezone": "Europe/Berlin",
        "page_size": 7,
        "timeout_s": 300,  # the only time that is real: a busy machine must not reach it
    },
    "braze": {"url": "", "api_key": "${BRAZE_API_KEY}", "timeout_s": 300},
    "state": "state.db",
    "flows": {
        "onboarding": {
            "workspace_types": [TYPE],
            "customer": "Onboarding.Customer Number",
            "attributes": {"stage": "Onboarding.Stage"},
            "milestones": [
                {
                    "name": "contract_approved",
                    "when": {CONTRACT: "Approved"},
                    "date": "Onboarding.Contract Approved On",
                    "send": {
                        "event": "contract_approved",
                        "campaign": CAMPAIGN,
                        "consent": {"email": "subscribed"},
                        "properties": {"workspace": "${workspace.name}"},
                    },
                },
                {
                    "name": "kyc_completed",
                    "when": {KYC: "Completed"},
                    "send": {
                        "event": "kyc_completed",
                        "campaign": KYC_CAMPAIGN,
                        "consent": {"transactional": "contract"},
                    },
                },
            ],
        }
    },
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The run report of a command that was called with ``--json``."""
        told: dict[str, Any] = json.loads(self.stdout)
        return told


class Rehearsal:
    """One sandbox, one configuration, one state file."""

    def __init__(self, box: RemoteSandbox, folder: Path, *, time: Path | None = None) -> None:
        self.box, self.folder, self._time = box, folder, time
        self._started: list[Child] = []
        self.config = copy.deepcopy(CONFIG)
        self.config["ecm"] |= {"url": box.ecm, "username": box.username}
        self.config["braze"]["url"] = box.braze
        self.secrets = {"ECM_PASSWORD": box.password, "BRAZE_API_KEY": box.api_key}
        self.path, self.state = folder / "ecmbraze.yaml", folder / "state.db"
        self.ahead = timedelta()
        """By how much the program's clock is ahead of both servers'."""

    @property
    def flow(self) -> dict[str, Any]:
        """The flow's section, to be changed before the next command."""
        section: dict[str, Any] = self.config["flows"]["onboarding"]
        return section

    def command(self, *arguments: str) -> list[str]:
        text = yaml.safe_dump(self.config, allow_unicode=True, sort_keys=False)
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:  # a run may be reading it
            self.path.write_text(text, encoding="utf-8")
        return [sys.executable, "-m", "ecmbraze", "-c", str(self.path), *arguments]

    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.secrets,
            "ECMBRAZE_NOW": (self.box.now() + self.ahead).isoformat(),
            "COLUMNS": "200",
        }

    def start(self, *arguments: str) -> Child:
        """Start one command and do not wait for it."""
        with Path(os.devnull).open("wb") as quiet:
            return self._fork(arguments, quiet.fileno(), quiet.fileno())

    @contextmanager
    def held_at(self, system: str, path: str, *arguments: str) -> Iterator[Child]:
        """Start one command and yield it once a request of it arrived on ``path``, whose answer waits for the end."""
        self.box.fault("slow", system=system, path=path, seconds=240, times=1)
        child = self.start(*arguments)
        until(lambda: self.box.faults()[-1]["hits"] == 1)
        try:
            yield child
        finally:
            self.box.clear_faults()

    def ecmbraze(self, *arguments: str, before: Callable[[], None] | None = None) -> Result:
        """Run one command to its end; ``before`` prepares its process."""
        with piped() as (out, out_end), piped() as (err, err_end):
            with out_end, err_end:
                child = self._fork(arguments, out_end.fileno(), err_end.fileno(), before)
            texts = [text.decode() for text in read_all(out, err, timeout=240)]
        return Result(child.wait(timeout=240), *texts)

    def stop(self) -> None:
        """End what still runs."""
        for child in self._started:
            child.kill()

    def _fork(self, arguments: tuple[str, ...], out: int, err: int, before: Callable[[], None] | None = None) -> Child:
        run = partial(run_program, self.command(*arguments)[3:], time=self._time, ahead=self.ahead, before=before)
        child = fork(run, environ=self.environ(), stdout=out, stderr=err)
        self._started.append(child)
        return child

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run the flow and return its report; the exit code must be ``code``."""
        done = self.ecmbraze("onboarding", "--json", *arguments)
        assert done.code == code, (done.code, done.stderr[-2000:])
        return done.report

    def set_up(self) -> None:
        """Make the state file and run the baseline."""
        assert self.ecmbraze("init", "--non-interactive").code == 0
        assert self.run()["mode"] == "baseline"

    def received(self) -> dict[str, Any]:
        """What the sandbox's Braze did."""
        found: dict[str, Any] = self.box.call("GET", "/braze/received")
        return found

    def messages(self) -> Counter[tuple[str, str]]:
        """(recipient, event name or message id) → how often Braze took it."""
        got = self.received()
        told = [(entry["recipient"], entry["name"]) for entry in got["events"]]
        told += [(entry["recipient"], entry["id"]) for entry in got["messages"]]
        return Counter(told)

    def open_workspaces(self) -> list[int]:
        """Workspaces at no milestone whose customer has no other one and may be written to, in id order."""
        users = {user["external_id"]: user for user in self.box.call("GET", "/braze/users")}
        everything = self.box.workspaces(TYPE)
        owners = Counter(str(workspace["values"].get("Onboarding.Customer Number")) for workspace in everything)
        found = []
        for workspace in everything:
            values = workspace["values"]
            user = users.get(str(values.get("Onboarding.Customer Number")))
            writable = user is not None and user.get("email_subscribe") != "unsubscribed"
            alone = owners[str(values.get("Onboarding.Customer Number"))] == 1
            if writable and alone and values.get(CONTRACT) != "Approved" and values.get(KYC) != "Completed":
                found.append(int(workspace["id"]))
        return sorted(found)

    def customer(self, workspace: int) -> str:
        return str(self.box.workspace(workspace)["values"]["Onboarding.Customer Number"])


def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes by itself; how long it takes is no matter."""
    for _ in range(4000):
        if holds():
            return
        sleep(0.03)
    raise AssertionError("it never came")


@contextmanager
def rehearsal(folder: Path, *options: str) -> Iterator[Rehearsal]:
    """Yield a rehearsal on a sandbox of its own, forked from one whose world is made."""
    ready = _made(options)
    if ready.busy:
        with _anew(folder, *options) as stage:
            yield stage
    else:
        with _on(ready, folder) as stage:
            yield stage


@contextmanager
def rehearsal_with_baseline(folder: Path) -> Iterator[Rehearsal]:
    """Yield a rehearsal after :meth:`Rehearsal.set_up`, forked and copied from one where that was done."""
    with rehearsal_after(Rehearsal.set_up, folder) as stage:
        yield stage


@contextmanager
def rehearsal_after(set_up: Callable[[Rehearsal], None], folder: Path, *options: str) -> Iterator[Rehearsal]:
    """Yield a rehearsal forked and copied, with its configuration, from one where ``set_up`` was done once."""
    ready, config = _set_up(set_up, options)
    with _on(ready, folder) as stage:
        shutil.copytree(ready.folder, folder, dirs_exist_ok=True)
        stage.config = copy.deepcopy(config)
        yield stage


@cache
def _made(options: tuple[str, ...]) -> Prepared:
    ready = Prepared(*_SANDBOX, *options)
    ready.halt()
    return ready


@cache
def _set_up(set_up: Callable[[Rehearsal], None], options: tuple[str, ...]) -> tuple[Prepared, dict[str, Any]]:
    ready = Prepared(*_SANDBOX, *options)
    stage = Rehearsal(RemoteSandbox(ready.addresses), ready.folder, time=ready.time)
    set_up(stage)
    ready.halt()
    return ready, stage.config


@contextmanager
def _on(ready: Prepared, folder: Path) -> Iterator[Rehearsal]:
    with ready.running():
        stage = Rehearsal(RemoteSandbox(ready.addresses), folder, time=ready.time)
        try:
            yield stage
        finally:
            stage.stop()


@contextmanager
def _anew(folder: Path, *options: str) -> Iterator[Rehearsal]:
    """Make a world for one rehearsal, beside another one that uses the prepared one."""
    with tempfile.NamedTemporaryFile() as time:
        with piped() as (out, end):
            run = partial(run_sandbox, [*_SANDBOX, *options], time=Path(time.name))
            with end:
                server = fork(run, environ=os.environ, stdout=end.fileno(), stderr=2)
            line = out.readline()
        assert line, "the sandbox did not start"
        stage = Rehearsal(RemoteSandbox(json.loads(line)), folder, time=Path(time.name))
        try:
            yield stage
        finally:
            stage.stop()
            server.kill()
