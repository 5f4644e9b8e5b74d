"""How a write reads in the report, at the terminal and on the page: what it changes, never how it is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from ecmbraze.engine.report_lines import ActionLine
from ecmbraze.engine.run_report import RunReport
from ecmbraze.report import page, table

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LINES: dict[str, tuple[dict[str, Any], str]] = {
    "a category with what was there": (
        {
            "kind": "category",
            "name": "Consent",
            "before": {"Consent.Email Status": "Not objected", "Consent.Source": "Braze", "Consent.Email Since": None},
            "after": {
                "Consent.Email Status": "Withdrawn",
                "Consent.Source": "Braze",
                "Consent.Email Since": "2026-11-28",
            },
        },
        "Email Status: Not objected → Withdrawn; Email Since: nothing → 2026-11-28",
    ),
    "a category that was never written": (
        {"kind": "category", "name": "Consent", "after": {"Consent.Email Status": "Withdrawn", "Consent.Source": None}},
        "Email Status: nothing → Withdrawn",
    ),
    "a withdrawal": (
        {"kind": "withdrawal", "name": "email", "after": "unsubscribed", "said": "withdrawn: email"},
        "withdrawn: email",
    ),
    "a document": (
        {"kind": "document", "name": "x.txt", "said": "document x.txt in Consent History"},
        "document x.txt in Consent History",
    ),
    "an attribute": ({"kind": "attribute", "name": "stage", "before": "A", "after": "B"}, "stage: A → B"),
}


def _report(line: dict[str, Any]) -> RunReport:
    report = RunReport(run_id="r", flow="consent", mode="live", dry_run=False, started_at=NOW, finished_at=NOW)
    report.actions.append(ActionLine(record="ws:7", customer="C-1", rule="email", reason="", state="sent", **line))
    return report


@pytest.mark.parametrize("name", LINES)
def test_a_write_reads_as_what_it_changes_at_the_terminal(name: str) -> None:
    line, said = LINES[name]
    console = Console(width=400, record=True, force_terminal=False)

    table.show(_report(line), console)

    assert said in console.export_text()


@pytest.mark.parametrize("name", LINES)
def test_a_write_reads_as_what_it_changes_on_the_page(name: str) -> None:
    line, said = LINES[name]

    html = page.as_html([_report(line)], personal=True)

    for part in said.removeprefix("stage: ").split("; "):
        assert part in html
    assert "&#34;Consent." not in html
