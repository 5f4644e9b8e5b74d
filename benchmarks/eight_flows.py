"""What one `ecmbraze run` of all flows asks of both systems, over HTTP: `python -m benchmarks.eight_flows [customers]`.

80,000 customers with a workspace each and 20,000 workspaces of cases, contracts and onboardings, under
config.example.yaml as it stands: the first runs, until everybody was looked at, a quiet one, and one after edits of
every sort. How often each request is made is read in the sandbox's journal. Half an hour.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.example_world import Desk

_CUSTOMERS, _EDITS = 80_000, 20
_START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_QUARTER = 900
# The places of a path in which each request has another name or number.
_NAMED = re.compile(r"(?<=/)(\d+|[0-9a-f]{8}-[0-9a-f-]{27,})(?=/|$)")


class Bench:
    """A sandbox, and the program beside it every quarter of an hour."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.desk = box, Desk(box, folder)
        self.desk.write()
        self.ecmbraze("init", "--non-interactive")

    def ecmbraze(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        environ = {**os.environ, **self.desk.environ()}
        command = [sys.executable, "-m", "ecmbraze", "-c", str(self.desk.path), *arguments]
        return subprocess.run(command, env=environ, check=False, capture_output=True, cwd=self.desk.folder)

    def run(self, what: str) -> bool:
        """Take one run and print what it asked; return whether a flow was still at its baseline."""
        self.box.advance(_QUARTER)
        self.box.clear_journal()
        began = time.perf_counter()
        done = self.ecmbraze("run", "--now", "--json")
        took = time.perf_counter() - began
        reports: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
        asked = self._asked()
        sums = {system: sum(n for (one, _), n in asked.items() if one == system) for system in ("ecm", "braze")}
        print(f"{what}: exit {done.returncode}, {sums}, {took:.0f} s", flush=True)
        for report in reports:
            counts = {name: n for name, n in report["counts"].items() if n}
            print(f"    {report['flow']}: {report['mode']}, exit {report['exit_code']}, {counts}")
        for (system, request), n in sorted(asked.items()):
            print(f"    {n:>7} {system} {request}")
        for report in reports:
            if report["exit_code"] == 6:
                self.ecmbraze(report["flow"], "--confirm", report["plan_hash"])
        return any(report["mode"] == "baseline" or report["counts"]["new"] for report in reports)

    def _asked(self) -> Counter[tuple[str, str]]:
        return Counter(
            (entry["system"], f"{entry['method']} {_NAMED.sub('N', entry['path'].split('?')[0])}")
            for entry in self.box.journal()
        )

    def grow(self, each: int) -> None:
        """Make so many cases and contracts beyond those of the example, of one customer after the other."""
        numbers = [one["values"]["Customer.Customer Number"] for one in self.box.workspaces("Customer")]
        for type_name, status in (("Case", "Open"), ("Contract", "Active")):
            made = [
                {
                    "do": "create",
                    "type": type_name,
                    "name": f"{type_name} of {number}",
                    "values": {f"{type_name}.Customer Number": number, f"{type_name}.Status": status},
                }
                for number in numbers[:each]
            ]
            for first in range(0, each, 500):
                self.box.bulk(made[first : first + 500])

    def edit(self) -> None:
        """Change some records of every sort in both systems."""
        box = self.box
        started = [w for w in box.workspaces("Customer Onboarding") if w["values"]["Onboarding.KYC Status"] == "Open"]
        for one in started[:_EDITS]:
            box.edit_workspace(one["id"], {"Onboarding.KYC Status": "Completed"})
        cases = [w for w in box.workspaces("Case") if w["values"]["Case.Status"] == "Open"]
        for one in cases[:_EDITS]:
            box.edit_workspace(one["id"], {"Case.Status": "Resolved"})
        for one in cases[_EDITS : 2 * _EDITS]:
            box.file(one["id"], "Claim Form.pdf", mime="application/pdf", values={"Document.Category": "Claim"})
        for one in cases[2 * _EDITS : 3 * _EDITS]:
            box.edit_workspace(one["id"], {"Case.Status": "Closed"})
        customers = box.workspaces("Customer")
        for one in customers[:_EDITS]:
            box.edit_workspace(one["id"], {"Consent.Email Status": "Withdrawn"})
        people = [one["values"]["Customer.Customer Number"] for one in customers[_EDITS : 3 * _EDITS]]
        box.change(*({"external_id": one, "email_subscribe": "unsubscribed"} for one in people))
        box.call("PUT", "/braze/blocks/b10c0000-0000-4000-8000-000000000001", {"content": "another footer"})


def main(customers: int) -> None:
    """Print one block per run."""
    others = customers // 4
    sizes = ("--workspaces", str(others // 2), "--customers", str(customers))
    with (
        TemporaryDirectory() as folder,
        RemoteSandbox.start("--world", "example", *sizes, now=_START) as box,
    ):
        bench = Bench(box, Path(folder))
        bench.grow(others // 4)
        while bench.run("until everybody was looked at"):
            pass
        bench.run("nothing changed")
        bench.edit()
        bench.run("after edits of every sort")
        bench.run("the next")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _CUSTOMERS)
