"""How a scan grows with the number of workspaces: requests, memory and time, side by side in one run."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rehearsal import CONTRACT, Rehearsal, rehearsal

_SIZES = (2_000, 20_000)
_CHANGED = 30
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command cost: seconds, peak memory of its process in MB, requests to ECM and to Braze."""

    seconds: float
    megabytes: int
    ecm: int
    braze: int


def measure(stage: Rehearsal, *arguments: str) -> Cost:
    """Run one command of the program and return its cost."""
    stage.box.clear_journal()
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *stage.command(*arguments)],
        env=stage.environ(),
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    systems = [entry["system"] for entry in stage.box.journal()]
    return Cost(seconds, int(done.stdout), systems.count("ecm"), systems.count("braze"))


def scan(size: int, folder: Path) -> dict[str, Cost]:
    """Return the cost of a baseline, of a quiet run and of one with 30 changes over ``size`` workspaces."""
    with rehearsal(folder, "--workspaces", str(size), "--customers", str(size * 4 // 5)) as stage:
        stage.config["ecm"]["page_size"] = 500
        stage.config["guards"] = {"max_audience_share": 1.0}
        stage.ecmbraze("init", "--non-interactive")
        costs = {"baseline": measure(stage, "onboarding"), "quiet run": measure(stage, "onboarding")}
        for workspace in stage.open_workspaces()[:_CHANGED]:
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
        costs[f"{_CHANGED} changes"] = measure(stage, "onboarding")
        return costs


def main() -> None:
    """Print the costs and how they grow when there are ten times as many workspaces."""
    found = {}
    for size in _SIZES:
        with TemporaryDirectory() as folder:
            found[size] = scan(size, Path(folder))
    small, large = (found[size] for size in _SIZES)
    print(f"{'':14}{'workspaces':>12}{'ECM':>9}{'Braze':>7}{'MB':>6}{'s':>8}")
    for size, costs in found.items():
        for name, cost in costs.items():
            print(f"{name:14}{size:>12}{cost.ecm:>9}{cost.braze:>7}{cost.megabytes:>6}{cost.seconds:>8.1f}")
    for name, cost in large.items():
        per = cost.seconds / small[name].seconds
        memory = cost.megabytes / small[name].megabytes
        print(f"{name}: 10 x the workspaces cost {per:.1f} x the time and {memory:.2f} x the memory")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"(highest memory of any process of this benchmark, the sandbox included: {peak} MB)")


if __name__ == "__main__":
    main()
