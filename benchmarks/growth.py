"""Whether the state file stops growing: 60 days of runs with 300 changes each, over the twins and a real state file.

The spans of `keep:` are shortened so that the file can settle within the 60 days; runs a day are the argument.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.twins.house import House, settings

_DAYS, _CHANGES, _UNKNOWN, _FRESH = 60, 300, 99, 10
_TYPE = "Customer Onboarding"
_NUMBER, _STAGE, _CONTRACT = ("Onboarding.Customer Number", "Onboarding.Stage", "Onboarding.Contract Status")
_FLOW: dict[str, Any] = {
    "workspace_types": [_TYPE],
    "customer": _NUMBER,
    "attributes": {"stage": _STAGE},
    "milestones": [
        {"name": "contract_approved", "when": {_CONTRACT: "Approved"}, "send": {"event": "contract_approved"}}
    ],
}
_KEEP = {"rows": "14d", "runs": "7d", "unknown": "14d", "history": "14d"}
_USUAL = {"max_messages": 10_000, "max_audience_share": 1.0, "max_changed_share": 1.0}


class Office:
    """A tenant in which every run finds 300 edits; each day ten workspaces come, are approved, and ten go."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.house = House(folder, settings({"onboarding": _FLOW}, guards=_USUAL, **more))
        ecm = self.house.ecm
        ecm.add_category("Onboarding", [name.partition(".")[2] for name in (_NUMBER, _STAGE, _CONTRACT)])
        ecm.add_type(_TYPE, ["Onboarding"])
        self.made, self.edits = 0, 0
        self.known = [self._workspace() for _ in range(_CHANGES * 2)]
        self.leaving: list[int] = []
        self.house.start()
        self.house.clock.advance(timedelta(minutes=15))
        self.unknown = [self._workspace(known=False) for _ in range(_UNKNOWN)]

    def _workspace(self, *, known: bool = True) -> int:
        self.made += 1
        person = f"{'C' if known else 'X'}-{self.made:06}"
        if known:
            self.house.braze.add(person)
        values = {_NUMBER: person, _STAGE: "Contract", _CONTRACT: "Draft"}
        return self.house.ecm.create(_TYPE, values)

    def day(self, runs: int, changes: int = _CHANGES) -> float:
        """Let a day pass; return how long its last run took."""
        new = [self._workspace() for _ in range(_FRESH)]
        for number in range(runs):
            for _ in range(changes):
                self.edits += 1
                self.house.ecm.edit(self.known[self.edits % len(self.known)], {_STAGE: f"Stage {self.edits}"})
            if number == runs // 2:
                for one in new:
                    self.house.ecm.edit(one, {_CONTRACT: "Approved"})
            began = time.perf_counter()
            outcome = self.house.start()
            took = time.perf_counter() - began
            assert outcome.codes == (0,), outcome.report.exit_reason
            self.house.clock.advance(timedelta(days=1) / runs)
        for gone in self.leaving:
            self.house.ecm.delete(gone)
        self.leaving = new
        return took

    def rows(self, table: str) -> int:
        with closing(sqlite3.connect(self.house.state)) as file:
            return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    @property
    def size(self) -> int:
        return self.house.state.stat().st_size


def main() -> None:
    """Print the size of the file every five days."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with TemporaryDirectory() as folder:
        office = Office(Path(folder), keep=_KEEP)
        print(f"{runs} runs a day with {_CHANGES} changes each, keep: {_KEEP}")
        print(f"{'day':>4}{'MB':>8}{'outbox':>9}{'history':>9}{'runs':>6}{'records':>9}{'s/run':>7}{'segments MB':>13}")
        for day in range(1, _DAYS + 1):
            took = office.day(runs)
            if day % 5 == 0:
                beside = sum(one.stat().st_size for one in office.house.folder.glob("*.jsonl.gz"))
                counts = (office.rows(name) for name in ("outbox", "history", "run", "record"))
                outbox, history, reports, records = counts
                print(
                    f"{day:>4}{office.size / 1e6:>8.1f}{outbox:>9}{history:>9}{reports:>6}{records:>9}{took:>7.2f}"
                    f"{beside / 1e6:>13.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
