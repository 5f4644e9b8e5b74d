"""How a write reads in the report, at the terminal and on the page: what it changes, never how it is stored."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from ecmbraze.engine.report_lines import ActionLine
from ecmbraze.engine.run_report import RunReport
from ecmbraze.planning.guards import Measure
from ecmbraze.report import lines, page, table

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


def _bare(**more: Any) -> RunReport:
    report = RunReport(
        run_id="3b4c2ac0599e", flow="consent", mode="live", dry_run=False, started_at=NOW, finished_at=NOW
    )
    return replace(report, requests={"ecm": 9}, **more)


BARE: dict[str, RunReport] = {
    "nothing changed": _bare(),
    "notes and guards": _bare(
        notes=["workspaces of Größe → 3", ""],
        guards=[Measure(guard="max_messages", figure=3, limit=500, before_consent=4, sentence="")],
    ),
    "stopped": _bare(exit_code=6, exit_reason="max_messages: 600 messages"),
    "a dry run that ends": _bare(dry_run=True, exit_code=7, exit_reason="the lock"),
}


@pytest.mark.parametrize("name", BARE)
def test_lines_are_printed_where_nobody_watches_as_at_a_terminal(name: str) -> None:
    printed = io.StringIO()

    table.show(BARE[name], Console(width=80, file=printed, force_terminal=False))

    assert lines.unwrapped(BARE[name]) == printed.getvalue()


@pytest.mark.parametrize("note", ["long " * 20, "会議", "\N{COMBINING ACUTE ACCENT}"])
def test_a_line_that_rich_might_print_otherwise_is_left_to_it(note: str) -> None:
    assert lines.unwrapped(_bare(notes=[note])) is None


def test_a_report_with_tables_is_left_to_rich() -> None:
    assert lines.unwrapped(_report(LINES["a document"][0])) is None
