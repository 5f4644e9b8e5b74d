"""`python -m benchmarks.speed`: the table of issue 17, each scenario in pairs with a bare loop; asserts no time.

With PEERS=1 the tools of `peers.py` follow.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.speed.measure import ENVIRON, Cost, Series, StandIn, bare_loop, run, stand_in
from benchmarks.speed.peers import PEERS, measured
from benchmarks.speed.standin import ATTRIBUTES

_CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"
# Writes that Braze takes in a second of a storm.
_STORM = 3
# A series whose bare loop spreads more is of a machine that did something else beside it.
_SPREAD = 0.15
_SEND = {"event": "contract_approved", "campaign": _CAMPAIGN, "consent": {"email": "subscribed"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is measured: which client does what, beside which bare loop, before which edition of the values."""

    name: str
    bare: str
    edition: int
    messages: bool = False
    latency: float = 0.0
    connections: int = 1
    """Of the bare loop: as many as the program has."""
    storm: int = 0
    dialect: str = "reset"


class Bench:
    """One world, one state file after its baseline, and the scenarios that begin there."""

    def __init__(self, server: StandIn, folder: Path, *, messages: bool) -> None:
        self.server, self.folder = server, folder
        flow: dict[str, Any] = {
            "workspace_types": ["Customer Onboarding"],
            "customer": "Onboarding.Customer Number",
            "attributes": {name.lower(): f"Onboarding.{name}" for name in ATTRIBUTES},
            "milestones": [
                {
                    "name": "contract_approved",
                    "when": {"Onboarding.Contract Status": "Approved" if messages else "Never"},
                    "send": _SEND,
                }
            ],
        }
        config = {
            "ecm": {
                "url": f"{server.url}/otcs/cs.exe",
                "username": "svc",
                "password": "${ECM_PASSWORD}",
                "timezone": "UTC",
                "date_query_from": 0,
            },
            "braze": {"url": server.url, "api_key": "${BRAZE_API_KEY}"},
            "state": "state.db",
            "fence": "none",
            "guards": {"max_messages": 1_000_000, "max_audience_share": 1.0, "max_changed_share": 1.0},
            "flows": {"onboarding": flow},
        }
        (folder / "ecmbraze.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.start("init", "--non-interactive")

    def start(self, *arguments: str) -> Cost:
        """Run one command of the program."""
        command = [sys.executable, "-m", "ecmbraze", "-c", "ecmbraze.yaml", *arguments]
        return run(command, self.server, cwd=self.folder, environ=ENVIRON)

    def pairs(self, scenario: Scenario, pairs: int) -> Series:
        """Run both, one after the other, from the same state file each time."""
        kept, series = self.folder.with_name(f"{self.folder.name}.kept"), Series()
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.folder, kept)
        for _ in range(pairs):
            self.server.steer(edition=scenario.edition, latency=scenario.latency)
            series.bare.append(bare_loop(self.server, self.folder, scenario.bare, scenario.connections))
            self.server.steer(latency=scenario.latency, storm=scenario.storm, dialect=scenario.dialect)
            series.ours.append(self.start("onboarding"))
            series.state = (self.folder / "state.db").stat().st_size
            shutil.rmtree(self.folder)
            shutil.copytree(kept, self.folder)
        return series


def _told(scenario: str, people: int, series: Series) -> str:
    """Return one row of the table; a series on a machine that was busy says so instead of a ratio."""
    ours, bare = (median(cost.cpu for cost in costs) for costs in (series.ours, series.bare))
    ratios = [one.cpu / other.cpu for one, other in zip(series.ours, series.bare, strict=True)]
    ratio = f"{median(ratios):.1f} x" if series.spread <= _SPREAD else f"({median(ratios):.1f} x, spread)"
    last, beside = series.ours[-1], series.bare[-1]
    walls = [median(cost.wall for cost in costs) for costs in (series.ours, series.bare)]
    asked = ", ".join(f"{last.requests.get(name, 0)} ({beside.requests.get(name, 0)})" for name in ("ecm", "braze"))
    early = f", {last.requests.get('early', 0)} early" if scenario.startswith("429") else ""
    return (
        f"| {scenario} | {people:,} | {ratio} | {ours:.1f} ({bare:.2f}) | {walls[0]:.1f} ({walls[1]:.1f}) "
        f"| {max(cost.megabytes for cost in series.ours):.0f} | {asked}{early} "
        f"| {last.written / 1e6:.1f} | {series.state / 1e6:.1f} |"
    )


_HEAD = """\
| scenario | people | CPU ÷ bare | CPU s | wall s | MB | requests ECM, Braze (bare) | written MB | state MB |
|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", default="", help="part of the name of the scenarios to run")
    asked = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z, {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {asked.pairs} pairs\n"
    )
    print(_HEAD, flush=True)
    for messages in (False, True):
        with TemporaryDirectory() as folder, stand_in(asked.people, columns=not messages) as server:
            (Path(folder) / "work").mkdir()
            bench = Bench(server, Path(folder) / "work", messages=messages)
            chosen = [one for one in _SCENARIOS if one.messages is messages and asked.only in one.name]
            for baseline in (True, False):
                for scenario in chosen:
                    if (scenario.name == "baseline, columns") is baseline:
                        print(_told(scenario.name, asked.people, bench.pairs(scenario, asked.pairs)), flush=True)
                if baseline and any(one.name != "baseline, columns" for one in chosen):
                    server.steer(edition=0)
                    bench.start("onboarding")
    if os.environ.get("PEERS") == "1":
        _peers(asked.people, asked.pairs, asked.only)


def _peers(people: int, pairs: int, only: str) -> None:
    """Print the rows of the tools; of one that does not do the work, why."""
    with stand_in(people, columns=True) as server:
        for peer in PEERS:
            if only in peer.name:
                try:
                    print(_told(peer.name, people, measured(peer, server, people, pairs)), flush=True)
                except RuntimeError as failed:
                    print(
                        f"| {peer.name} | {people:,} | not measured: {' '.join(str(failed).split())[-300:]} |",
                        flush=True,
                    )


_SCENARIOS = (
    Scenario(name="baseline, columns", bare="quiet", edition=0),
    Scenario(name="quiet run, columns", bare="quiet", edition=0),
    Scenario(name="five attributes changed, columns", bare="attributes", edition=1),
    Scenario(name="429 storm, epoch in X-RateLimit-Reset", bare="attributes", edition=1, storm=_STORM),
    Scenario(name="429 storm, X-Ratelimit-Retry-After", bare="attributes", edition=1, storm=_STORM, dialect="retry"),
    Scenario(name="whole onboarding, details", bare="onboarding", edition=1, messages=True),
    Scenario(
        name="whole onboarding, 50 ms a call", bare="onboarding", edition=1, messages=True, latency=0.05, connections=3
    ),
)


if __name__ == "__main__":
    main()
