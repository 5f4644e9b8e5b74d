"""What a report of 50,000 rows costs: time to make each form, its size, and when a browser shows the first rows."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.chromium import Tab, chromium
from ecmbraze.engine.report_lines import PLANNED, ActionLine, ActionLines, SkipLine, SkipLines
from ecmbraze.engine.run_report import RunReport, summary
from ecmbraze.model import Kind, State
from ecmbraze.report import files

_NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
_ROWS = 50_000
_KINDS = (Kind.ATTRIBUTE, Kind.EVENT, Kind.CAMPAIGN)
_DRAWN = "document.querySelectorAll('html:not(.loading) .rows tbody tr').length"


def large_report(rows: int) -> RunReport:
    """Return a dry run of so many rows: a tenth stays, a tenth was left out; every person and name differs."""
    actions = ActionLines(_line(number) for number in range(rows * 9 // 10))
    skipped = SkipLines(
        SkipLine(
            record=f"ws:{number}",
            workspace=f"Contract {number}",
            customer=f"C-{number:06}",
            rule="opened",
            reason=f"'Customer.Number' of workspace {number} is empty",
        )
        for number in range(rows - len(actions))
    )
    return RunReport(
        run_id="benchmark",
        flow="onboarding",
        mode="live",
        dry_run=True,
        started_at=_NOW,
        finished_at=_NOW + timedelta(minutes=1),
        actions=actions,
        skipped=skipped,
        messages=summary(actions),
        plan_hash="0" * 64,
        configuration="0" * 12,
    )


def _line(number: int) -> ActionLine:
    kind, stays = _KINDS[number % len(_KINDS)], number % 9 == 0
    return ActionLine(
        record=f"ws:{number // 3}",
        workspace=f"Contract {number // 3} of Anna Müller",
        customer=f"C-{number // 3:06}",
        rule=f"rule_{number % 7}",
        kind=kind,
        name=f"{kind}_{number % 5}",
        title=f"Message {number % 5}",
        reason=f"Onboarding.Contract Status is Approved since 2026-11-{number % 28 + 1:02}",
        state=State.SUPPRESSED if stays else PLANNED,
        why="not subscribed to e-mail" if stays else "",
        before="Draft",
        after=f"Approved {number}",
        properties={} if kind == Kind.ATTRIBUTE else {"workspace": f"Contract {number}", "amount": number * 1.5},
        time=_NOW.isoformat() if kind == Kind.EVENT else "",
    )


def main() -> None:
    """Print what each form costs; without Chromium on this machine the page is not opened.

    On a busy machine the seconds of processor time say more than those that passed.
    """
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else _ROWS
    report = large_report(rows)
    with TemporaryDirectory() as folder:
        for ending in ("json", "csv", "html"):
            file, began, busy = Path(folder) / f"report.{ending}", time.perf_counter(), time.process_time()
            files.write([report], file)
            passed, used = time.perf_counter() - began, time.process_time() - busy
            print(f"{rows:,} rows as {ending}: {passed:.1f} s ({used:.1f} s used), {file.stat().st_size / 1e6:.1f} MB")
        if shutil.which("chromium") is None:
            print("no chromium here: the page was not opened")
            return
        with chromium(Path(folder) / "profile") as tab:
            tab.call("Performance.enable", timeDomain="threadTicks")
            show(tab, Path(folder) / "report.html")


def show(tab: Tab, page: Path) -> None:
    """Print how long the browser takes until rows are drawn, and until a search is answered."""
    began = time.perf_counter()
    tab.open(page)
    drawn = tab.evaluate(_DRAWN)
    used = {one["name"]: one["value"] for one in tab.call("Performance.getMetrics")["metrics"]}
    print(
        f"in Chromium {drawn} rows drawn: {time.perf_counter() - began:.1f} s ({used['TaskDuration']:.1f} s used: "
        f"{used['ScriptDuration']:.1f} scripts, {used['LayoutDuration']:.1f} layout, "
        f"{used['RecalcStyleDuration']:.1f} styles)"
    )
    began = time.perf_counter()
    tab.evaluate("document.getElementById('search').focus()")
    tab.type("Message 3 rule_2")
    tab.settle("document.querySelector('.filtered').textContent !== ''")
    print(f"searched: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
