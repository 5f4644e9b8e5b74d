"""Assemble both simulated systems and the control API behind three loopback sockets; knows no process."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ecmbraze.sandbox.braze import BrazeStore, changes, create_app, create_control
from ecmbraze.sandbox.clock import SandboxClock
from ecmbraze.sandbox.control import create_control_app
from ecmbraze.sandbox.ecm import EcmStore
from ecmbraze.sandbox.ecm import create_app as create_ecm_app
from ecmbraze.sandbox.ecm.app import BASE_PATH
from ecmbraze.sandbox.ecm.filing import Filing
from ecmbraze.sandbox.ecm.login import CLIENT_ID
from ecmbraze.sandbox.ecm.operations import is_filing
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.faults import Fault, FaultPlan
from ecmbraze.sandbox.fields import FIRST, LAST
from ecmbraze.sandbox.gate import Gate
from ecmbraze.sandbox.journal import Journal
from ecmbraze.sandbox.wire import Door, Listener, PlainDoor, PortError
from ecmbraze.sandbox.world import build


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
    env: Path | None = None


class CannotStart(Exception):
    """The sandbox cannot be started as asked: a port, a world, a time or a file; the message says which and why."""


class Sandbox:
    """Both simulated systems and the control API, listening on loopback.

    Raises CannotStart for a port that cannot be listened on, an unknown world, or a time outside of its years.
    """

    def __init__(self, options: Options) -> None:
        # The start is remembered, so that a reset brings back the very same world.
        self._options = replace(options, now=options.now or SandboxClock().now())
        self._secrets: dict[str, str] = {}
        try:
            ports = (options.ecm_port, options.braze_port, options.control_port)
            self._listeners = tuple(Listener(port) for port in ports)
            self._build()
        except (PortError, ValueError) as error:
            raise CannotStart(str(error)) from error

    def reset(self) -> None:
        """Make world, clock, switches, faults and journal as they were at the start; URLs and credentials stay."""
        gc.unfreeze()
        gc.collect()  # the world before this one
        self._build()

    def _build(self) -> None:
        if self._options.now and not FIRST <= self._options.now <= LAST:
            raise ValueError(f"The clock can start in the years {FIRST.year} to {LAST.year - 1} only.")
        clock, journal, faults = SandboxClock(self._options.now), Journal(), FaultPlan()
        ecm = EcmStore(clock, seed=self._options.seed)
        api_key = f"sandbox-key-{self._options.seed:08d}"
        braze = BrazeStore(clock, self._options.seed, api_key)
        _fill(ecm, braze, self._options)
        edit = _Edits(ecm, braze)
        ecm_gate = Gate(
            system="ecm",
            app=create_ecm_app(ecm),
            journal=journal,
            faults=faults,
            now=clock.now,
            pause=faults.pause,
            latency_s=lambda: ecm.switches.latency_ms / 1000,
            edit=edit,
            tells_time=True,
        )
        braze_gate = Gate(
            system="braze",
            app=create_app(braze),
            journal=journal,
            faults=faults,
            now=clock.now,
            pause=faults.pause,
            edit=edit,
        )
        control = create_control_app(
            clock, journal, faults, ecm, create_control(braze), addresses=self.addresses, reset=self.reset
        )
        self._secrets = {"username": ecm.username, "password": ecm.password, "api_key": api_key}
        doors: tuple[Door, ...] = (ecm_gate, braze_gate, PlainDoor(control))
        for listener, door in zip(self._listeners, doors, strict=True):
            listener.hang(door)

    def addresses(self) -> dict[str, str]:
        """Return where the sandbox answers, and with which credentials."""
        ecm, braze, control = (listener.url for listener in self._listeners)
        return {
            "ecm": f"{ecm}{BASE_PATH}",
            "braze": braze,
            "control": control,
            **self._secrets,
            "otds": f"{ecm}/otdsws",
            "client_id": CLIENT_ID,
            "client_secret": self._secrets["password"],
        }

    def start(self) -> dict[str, str]:
        """Begin to answer; return the addresses."""
        for listener in self._listeners:
            listener.start()
        return self.addresses()

    def pause(self) -> None:
        """Accept no connection until the next start; the ports stay open."""
        for listener in self._listeners:
            listener.pause()

    def stop(self) -> None:
        """Stop accepting requests."""
        for listener in self._listeners:
            listener.stop()


class _Edits:
    """Make the edits that a fault brings along."""

    def __init__(self, ecm: EcmStore, braze: BrazeStore) -> None:
        self._ecm, self._person, self._filing, self._braze = ecm, Person(ecm), Filing(ecm), braze

    def __call__(self, fault: Fault) -> str:
        """Return why they could not be made, nothing when they were."""
        try:
            with self._ecm.lock:
                for one in fault.edits:
                    (self._filing if is_filing(one) else self._person).perform([one])
            with self._braze.lock:
                changes.make(self._braze, fault.changes)
        except (ValueError, RefusalError) as error:
            return error.text("en") if isinstance(error, RefusalError) else str(error)
        return ""


def _fill(ecm: EcmStore, braze: BrazeStore, options: Options) -> None:
    """Make the world without looking for garbage among its lasting objects, which would double the time."""
    gc.disable()
    build(ecm, braze, world=options.world, workspaces=options.workspaces, customers=options.customers)
    gc.freeze()
    gc.enable()
