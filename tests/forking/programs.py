"""What a forked process runs: one command line of the program, or a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from werkzeug.routing import Rule

from ecmbraze.cli import app, clock
from ecmbraze.sandbox import assembly, process
from ecmbraze.sandbox.clock import SandboxClock
from tests.forking.shared_time import ProgramsClock, ServersClock, SharedTime

_START_S = 1
"""What starting the program takes, so that it never reads in the second of the edit before it."""

# Flask compiles for each route what builds its address, most of the time that making a sandbox takes; nothing here
# builds one.
setattr(Rule, "_compile_builder", lambda rule, unknown=True: lambda *_: ("", ""))  # noqa: B010 another's method


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
    shared = SharedTime(time)

    def held(start: datetime | None = None) -> SandboxClock:
        return SandboxClock() if start is None else ServersClock(shared, start)

    setattr(assembly, "SandboxClock", held)  # noqa: B010 the seam
    return process.main(options)


def _hold_clock(shared: SharedTime, ahead: timedelta) -> None:
    """Replace the clock wherever the program would let ``ECMBRAZE_NOW`` set it."""
    if not shared.frozen:
        shared.change(lambda now: now + timedelta(seconds=_START_S))
    wall = clock.WallClock

    def held(start: datetime | None = None) -> clock.WallClock:
        return wall() if start is None else ProgramsClock(shared, ahead)

    setattr(clock, "WallClock", held)  # noqa: B010 the seam
