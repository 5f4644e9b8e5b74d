"""Serve the control API: clock, switches, faults, journal, reset; how people and tests reach into the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from flask import Blueprint, Flask

from ecmbraze.sandbox.clock import SandboxClock, parse_instant
from ecmbraze.sandbox.control_ecm import create_control as create_ecm_control
from ecmbraze.sandbox.ecm import EcmStore
from ecmbraze.sandbox.faults import Fault, FaultPlan
from ecmbraze.sandbox.fields import FIRST, FLAG, INSTANT, LAST, NATURAL, NUMBER, body, checked, one_of, query
from ecmbraze.sandbox.journal import Journal
from ecmbraze.sandbox.routes import finish, mount


def create_control_app(
    clock: SandboxClock,
    journal: Journal,
    faults: FaultPlan,
    ecm: EcmStore,
    braze: Blueprint,
    *,
    addresses: Callable[[], Mapping[str, str]],
    reset: Callable[[], None],
) -> Flask:
    """Return the control application; ``braze`` is mounted below ``/braze``, the ECM's part below ``/ecm``."""
    app = Flask(__name__, static_folder=None)
    time, order, book, general = _Clock(clock), _Faults(faults), _Book(journal), _General(clock, addresses, reset)
    mount(
        app,
        (
            ("GET", "/health", general.health),
            ("GET", "/addresses", general.addresses),
            ("POST", "/reset", general.reset),
            ("GET", "/clock", time.show),
            ("POST", "/clock", time.change),
            ("GET", "/faults", order.show),
            ("POST", "/faults", order.add),
            ("DELETE", "/faults", order.clear),
            ("GET", "/journal", book.show),
            ("DELETE", "/journal", book.clear),
        ),
    )
    _mount_switches(app, ecm, ecm.lock)
    app.register_blueprint(create_ecm_control(ecm), url_prefix="/ecm")
    app.register_blueprint(braze, url_prefix="/braze")
    finish(app)
    return app


class _General:
    """Health, addresses, and the way back to the start."""

    def __init__(
        self, clock: SandboxClock, addresses: Callable[[], Mapping[str, str]], reset: Callable[[], None]
    ) -> None:
        self._clock, self._addresses, self._reset = clock, addresses, reset

    def health(self) -> Any:
        """Say that the sandbox runs, and its time."""
        return {"ok": True, "now": self._clock.now().isoformat()}

    def addresses(self) -> Any:
        """Show URLs and credentials, as they were printed at the start."""
        return dict(self._addresses())

    def reset(self) -> Any:
        """Begin anew: world, clock, switches, faults and journal are those of the start; URLs and credentials stay."""
        checked(body(), {}, "POST /reset")
        self._reset()
        return {"ok": True}


class _Clock:
    """The sandbox's time."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def show(self) -> Any:
        """Show the sandbox's time, and whether it stands still."""
        return {"now": self._clock.now().isoformat(), "frozen": self._clock.frozen}

    def change(self) -> Any:
        """Set "now", move by "advance_s" seconds (negative: back), stop with "frozen": true."""
        given = checked(body(), {"now": INSTANT, "advance_s": NUMBER, "frozen": FLAG}, "POST /clock")
        start = parse_instant(given["now"]) if "now" in given else self._clock.now()
        seconds = float(given.get("advance_s", 0))
        if not (FIRST - start).total_seconds() <= seconds <= (LAST - start).total_seconds():
            raise ValueError(f"POST /clock: 'advance_s' leads out of the years {FIRST.year} to {LAST.year - 1}")
        if "now" in given:
            self._clock.set(start)
        if seconds:
            self._clock.advance(seconds)
        if "frozen" in given:
            self._clock.freeze(given["frozen"])
        return self.show()


def _mount_switches(app: Flask, ecm: EcmStore, lock: AbstractContextManager[Any]) -> None:
    def show() -> Any:
        """Show how the simulated ECM behaves, by switch."""
        return ecm.switches.read()

    def change() -> Any:
        """Turn some of these switches."""
        ecm.switches.change(body())
        return ecm.switches.read()

    mount(app, (("GET", "/switches", show), ("POST", "/switches", change)), lock)


class _Faults:
    """What goes wrong on order."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def show(self) -> Any:
        """Show the ordered faults, what is left of each, and how often it hit."""
        return self._plan.listing()

    def add(self) -> Any:
        """Order one fault or a list: "kind", and "system", "path", "method", "query", "times", "skip" as wanted."""
        wanted = body()
        self._plan.add([Fault.read(raw) for raw in (wanted if isinstance(wanted, list) else [wanted])])
        return self._plan.listing()

    def clear(self) -> Any:
        """Cancel every fault."""
        self._plan.clear()
        return self._plan.listing()


class _Book:
    """What was asked of the sandbox."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def show(self) -> Any:
        """Show the requests received, after number ?since=, of ?system=ecm or braze."""
        asked = query(since=NATURAL, system=one_of("ecm", "braze"))
        return self._journal.read(asked.get("since", 0), asked.get("system"))

    def clear(self) -> Any:
        """Forget the requests so far; their numbers go on."""
        self._journal.clear()
        return self._journal.read()
