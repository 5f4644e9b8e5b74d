"""Run the sandbox as a process of its own: three loopback sockets, one line of JSON, until a signal; no content."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ecmbraze.sandbox.braze import BrazeStore, create_app, create_control
from ecmbraze.sandbox.clock import SandboxClock, parse_instant
from ecmbraze.sandbox.control import create_control_app
from ecmbraze.sandbox.ecm import EcmStore
from ecmbraze.sandbox.ecm import create_app as create_ecm_app
from ecmbraze.sandbox.ecm.app import BASE_PATH
from ecmbraze.sandbox.ecm.login import CLIENT_ID
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.faults import FaultPlan
from ecmbraze.sandbox.gate import Gate
from ecmbraze.sandbox.journal import Journal
from ecmbraze.sandbox.wire import Listener, PlainDoor
from ecmbraze.sandbox.world import WORLDS, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a sandbox is started with; port 0 takes any free one, ``now`` None the wall clock."""

    ecm_port: int = 0
    braze_port: int = 0
    control_port: int = 0
    seed: int = 7
    now: datetime | None = None
    world: str = "onboarding"
    workspaces: int | None = None
    customers: int | None = None
    exit_with_parent: bool = False


class Sandbox:
    """Both simulated systems and the control API, listening on loopback."""

    def __init__(self, options: Options) -> None:
        clock, journal, faults = SandboxClock(options.now), Journal(), FaultPlan()
        self._ecm = EcmStore(clock, seed=options.seed)
        self._api_key = f"sandbox-key-{options.seed:08d}"
        braze = BrazeStore(clock, options.seed, self._api_key)
        _fill(self._ecm, braze, options)
        person = Person(self._ecm)
        ecm_gate = Gate(
            system="ecm",
            app=create_ecm_app(self._ecm),
            journal=journal,
            faults=faults,
            now=clock.now,
            pause=faults.pause,
            latency_s=lambda: self._ecm.switches.latency_ms / 1000,
            edit=lambda operations: self._locked(person, operations),
        )
        braze_gate = Gate(
            system="braze",
            app=create_app(braze),
            journal=journal,
            faults=faults,
            now=clock.now,
            pause=faults.pause,
            edit=lambda operations: self._locked(person, operations),
        )
        control = create_control_app(clock, journal, faults, self._ecm, create_control(braze))
        self._listeners = (
            Listener(ecm_gate, options.ecm_port),
            Listener(braze_gate, options.braze_port),
            Listener(PlainDoor(control), options.control_port),
        )

    def start(self) -> dict[str, str]:
        """Begin to answer; return where, and with which credentials."""
        for listener in self._listeners:
            listener.start()
        ecm, braze, control = (listener.url for listener in self._listeners)
        return {
            "ecm": f"{ecm}{BASE_PATH}",
            "braze": braze,
            "control": control,
            "username": self._ecm.username,
            "password": self._ecm.password,
            "api_key": self._api_key,
            "otds": f"{ecm}/otdsws",
            "client_id": CLIENT_ID,
            "client_secret": self._ecm.password,
        }

    def stop(self) -> None:
        """Stop accepting requests."""
        for listener in self._listeners:
            listener.stop()

    def _locked(self, person: Person, operations: object) -> None:
        with self._ecm.lock:
            person.perform(operations)  # type: ignore[arg-type]  # checked where the fault is read


def serve(options: Options) -> int:
    """Start a sandbox, print its addresses as one line of JSON, and serve until SIGTERM or SIGINT.

    Must be called from the main thread. Raises OSError when a port is taken, ValueError for an unknown world.
    """
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    sandbox = Sandbox(options)
    print(json.dumps(sandbox.start()), flush=True)
    if options.exit_with_parent:
        threading.Thread(target=_watch_parent, args=(ended,), daemon=True).start()
    try:
        ended.wait()
    finally:
        sandbox.stop()
        for number, action in before.items():
            signal.signal(number, action)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m ecmbraze.sandbox``."""
    parser = argparse.ArgumentParser(prog="python -m ecmbraze.sandbox", description=__doc__)
    for name in ("ecm", "braze", "control"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=parse_instant, help="ISO 8601 instant at which the sandbox's clock starts")
    parser.add_argument("--world", choices=WORLDS, default="onboarding")
    parser.add_argument("--workspaces", type=int, help="how many onboarding workspaces")
    parser.add_argument("--customers", type=int, help="how many customers share them")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input is closed")
    return serve(Options(**vars(parser.parse_args(arguments))))


def _fill(ecm: EcmStore, braze: BrazeStore, options: Options) -> None:
    """Make the world without looking for garbage among its lasting objects, which would double the time."""
    gc.disable()
    build(ecm, braze, world=options.world, workspaces=options.workspaces, customers=options.customers)
    gc.freeze()
    gc.enable()


def _watch_parent(ended: threading.Event) -> None:
    """End the process when standard input closes, as it does when the parent dies."""
    while sys.stdin.buffer.read(1024):
        pass
    ended.set()
