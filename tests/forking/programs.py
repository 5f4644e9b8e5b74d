"""What a forked process runs: one command line of the program, or a sandbox."""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment
from werkzeug.routing import Rule

from ecmbraze.cli import app, clock
from ecmbraze.sandbox import assembly, process
from ecmbraze.sandbox.clock import SandboxClock
from tests.forking.server import serve
from tests.forking.shared_time import ProgramsClock, ServersClock, SharedTime

_prepared: list[assembly.Sandbox] = []
"""The sandbox of this process, for its forks."""
_ends: list[int] = []
_START_S = 1
"""What starting the program takes, so that it never reads in the second of the edit before it."""

# Flask compiles for each route what builds its address, and each route anew for each sandbox: most of the time that
# making one takes. Nothing here builds an address, and a route is the same in each.
setattr(Rule, "_compile_builder", lambda rule, unknown=True: lambda *_: ("", ""))  # noqa: B010 another's method
_compile, _routes = Rule.compile, dict[object, dict[str, Any]]()


def _compile_once(rule: Rule) -> None:
    assert rule.map is not None
    key = rule.rule, rule.subdomain, rule.host, rule.merge_slashes, tuple(rule.map.converters.items())
    if key not in _routes:
        _compile(rule)
        _routes[key] = {name: value for name, value in vars(rule).items() if name == "arguments" or name[0] == "_"}
    vars(rule).update(_routes[key])


setattr(Rule, "compile", _compile_once)  # noqa: B010 another's method

# So is the template of the report, the only one there is, which each page compiles anew.
_compile_page, _pages = Environment.compile, dict[object, Any]()


def _compile_page_once(environment: Environment, source: Any, *named: Any, **more: Any) -> Any:
    if (source, named) not in _pages:
        _pages[source, named] = _compile_page(environment, source, *named, **more)
    return _pages[source, named]


setattr(Environment, "compile", _compile_page_once)  # noqa: B010 another's method


def run_program(
    arguments: list[str], *, time: Path | None, ahead: timedelta, before: Callable[[], None] | None = None
) -> int:
    """Run one command line; ``before`` prepares the process. Without a time its clock starts at ``ECMBRAZE_NOW``."""
    if time is not None:
        _hold_clock(SharedTime(time), ahead)
    if before is not None:
        before()
    return app.run(arguments)


def run_sandbox(options: list[str], *, time: Path) -> int:
    """Serve a sandbox whose clock is the shared time."""
    _hold_servers_clock(time)
    return process.main(options)


def prepare_sandbox(options: list[str], *, time: Path) -> int:
    """Serve a sandbox until a message comes on standard input; then fork it on order, as it stands."""
    _hold_servers_clock(time)
    _prepared.append(sandbox := assembly.Sandbox(process.read_options(options)))
    orders = socket.socket(fileno=os.dup(0))
    print(json.dumps(sandbox.start()), flush=True)
    if not orders.recv(1):
        return 0
    sandbox.pause()
    for thread in threading.enumerate():  # a lock that a thread holds stays locked in a fork
        if thread is not threading.current_thread():
            thread.join()
    gc.collect()
    gc.freeze()
    print(flush=True)
    end, ours = os.pipe()  # a fork waits at its end, which closes with this process, however that ends
    _ends.append(end)
    serve(orders, keep=frozenset(_descriptors()) - {orders.fileno(), ours})
    return 0


def go_on() -> int:
    """Serve the forked sandbox until the process is killed, or the one that it was forked from is gone."""
    for number in _descriptors():
        _drop_waiting(number)
    _prepared[0].start()
    print(flush=True)
    os.read(_ends[0], 1)
    return 0


def _descriptors() -> list[int]:
    """Return the descriptors that are open, but for the standard streams."""
    found = list(Path("/proc/self/fd").iterdir())  # one of them read the folder
    return [int(number.name) for number in found if int(number.name) > 2 and number.exists()]


def _drop_waiting(number: int) -> None:
    """Close what waits at a listening socket: clients of the fork before, which are dead."""
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return
    with socket.socket(fileno=os.dup(number)) as listening:
        while (
            listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and select.select([listening], [], [], 0)[0]
        ):
            listening.accept()[0].close()


def _hold_servers_clock(time: Path) -> None:
    shared = SharedTime(time)

    def held(start: datetime | None = None) -> SandboxClock:
        return SandboxClock() if start is None else ServersClock(shared, start)

    setattr(assembly, "SandboxClock", held)  # noqa: B010 the seam


def _hold_clock(shared: SharedTime, ahead: timedelta) -> None:
    """Replace the clock wherever the program would let ``ECMBRAZE_NOW`` set it."""
    if not shared.frozen:
        shared.change(lambda now: now + timedelta(seconds=_START_S))
    wall = clock.WallClock

    def held(start: datetime | None = None) -> clock.WallClock:
        return wall() if start is None else ProgramsClock(shared, ahead)

    setattr(clock, "WallClock", held)  # noqa: B010 the seam
