"""Run a client to its end, pinned to a core of its own, and say what it cost; judges nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
# What clients are started with. Some environments forbid Python to keep what it compiled: each start would compile the
# whole program.
ENVIRON = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "ECM_PASSWORD": "secret",
    "BRAZE_API_KEY": "key",
    "PYTHONHASHSEED": "0",
}
_CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one client cost. CPU in seconds, user and system; memory at its peak; what it wrote to files."""

    cpu: float
    wall: float
    megabytes: float
    written: int
    requests: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class Series:
    """The pairs of one scenario."""

    ours: list[Cost] = field(default_factory=list)
    bare: list[Cost] = field(default_factory=list)
    state: int = 0

    @property
    def spread(self) -> float:
        """How far apart the bare loops were, as a share of their median."""
        cpu = [cost.cpu for cost in self.bare]
        return (max(cpu) - min(cpu)) / median(cpu)


class StandIn:
    """The server process and the way to steer it."""

    def __init__(self, people: int, *, columns: bool) -> None:
        way = "columns" if columns else "details"
        command = [sys.executable, "-m", "benchmarks.speed.standin", str(people), way]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def steer(self, **wanted: Any) -> Counter[str]:
        """Set what it shows and how it answers; return what was counted since it was last asked."""
        asked = urllib.request.Request(f"{self.url}/bench", json.dumps(wanted).encode(), method="POST")
        with urllib.request.urlopen(asked) as answer:
            return Counter(json.loads(answer.read()))

    def counted(self) -> Counter[str]:
        """Return what was counted since it was last asked."""
        with urllib.request.urlopen(f"{self.url}/bench") as answer:
            return Counter(json.loads(answer.read()))

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def stand_in(people: int, *, columns: bool) -> Iterator[StandIn]:
    """Yield a server with so many people; it ends with the block."""
    server = StandIn(people, columns=columns)
    try:
        yield server
    finally:
        server.stop()


def run(command: Sequence[str], server: StandIn, *, cwd: Path, environ: Mapping[str, str], code: int = 0) -> Cost:
    """Run one client on the first core; raises RuntimeError for another exit code."""
    server.counted()
    began = time.perf_counter()
    with (cwd / "output").open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, cwd=cwd, env=dict(environ))
        os.sched_setaffinity(child.pid, {_CORES[0]})
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - began
        written = _written(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != code:
        raise RuntimeError(f"{command} ended with {child.returncode}: {(cwd / 'output').read_text()[-3000:]}")
    return Cost(
        cpu=used.ru_utime + used.ru_stime,
        wall=wall,
        megabytes=used.ru_maxrss / 1024,
        written=written,
        requests=server.counted(),
    )


def bare_loop(server: StandIn, folder: Path, what: str, connections: int = 1) -> Cost:
    """Run the bare loop in a folder."""
    command = [sys.executable, "-m", "benchmarks.speed.bareloop", server.url, what, str(connections)]
    return run(command, server, cwd=folder, environ={**ENVIRON, "PYTHONPATH": str(ROOT)})


def _written(pid: int) -> int:
    """Return the bytes that a process which has ended, and was not yet waited for, gave to write calls."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])
