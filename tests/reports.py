"""Run reports as values: an ordinary one, one that strangers wrote to do harm, and a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from ecmbraze.engine.report_lines import ActionLine, ActionLines, SkipLine, SkipLines
from ecmbraze.engine.run_report import RunReport, summary
from ecmbraze.planning.guards import Measure

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"
PLAN, CONFIGURATION = "cc3bd94af78341ed", "1fb083441120e575"
# Fault D10, and whatever else a name in ECM can hold.
HOSTILE = (
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@x",
    "\tx",
    "\rx",
    "\uff1d1",
    "x;=1+1",
    'x;"=1+1',
    "x; @SUM(1)",
    "<script>window.harmed=1</script>",
    '<img src=x onerror="window.harmed=1">',
    '"><svg onload=window.harmed=1>',
    "' onfocus=window.harmed=1 autofocus '",
    "</td></table><h1>",
    "</style><style>*{display:none}</style>",
    "<!--",
    "</script><script>window.harmed=1</script>",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "javascript:window.harmed=1",
    "\u202egpj.exe",
    "\x1b[31mred",
    "[/b] [red]x[/red] :x:",
    "a\x00b",
    "line\nline",
    "\ud800",
    "\u200b=1",
    "N" * 300,
)


def action(**changes: Any) -> ActionLine:
    line: dict[str, Any] = {
        "record": "ws:2041",
        "workspace": "Onboarding Anna Müller",
        "customer": "C-100017",
        "rule": "contract_approved",
        "kind": "campaign",
        "name": CAMPAIGN,
        "title": "Contract approved",
        "state": "planned",
        "reason": "Onboarding.Contract Status is Approved",
    }
    return ActionLine(**line | changes)


def skip(**changes: Any) -> SkipLine:
    line: dict[str, Any] = {
        "record": "ws:2050",
        "workspace": "Onboarding Jörg Groß",
        "customer": "C-100099",
        "rule": "contract_approved",
        "reason": "overtaken by kyc_completed in the same change",
    }
    return SkipLine(**line | changes)


def report(actions: Sequence[ActionLine], skipped: Sequence[SkipLine] = (), **changes: Any) -> RunReport:
    made: dict[str, Any] = {
        "run_id": "a598156cba8d4b9f",
        "flow": "onboarding",
        "mode": "live",
        "dry_run": True,
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=4),
        "plan_hash": PLAN,
        "configuration": CONFIGURATION,
    }
    lines = ActionLines(actions)
    return RunReport(**made | changes, messages=summary(lines), actions=lines, skipped=SkipLines(skipped))


def usual() -> RunReport:
    """One of each: a message that goes, its event and attribute, one that may not go, one that waits, one left out."""
    return report(
        [
            action(properties={"stage": "Contract", "contact": "anna@example.com"}),
            action(kind="event", name="contract_approved", title="contract_approved", time="2026-11-19T23:00:00+00:00"),
            action(
                kind="attribute",
                name="ecm_stage",
                title="ecm_stage",
                rule="ecm_stage",
                reason="value changed",
                before="Draft",
                after="Contract",
            ),
            action(customer="C-100018", record="ws:2042", state="suppressed", why="unsubscribed from email"),
            action(customer="C-100019", record="ws:2043", state="waiting", why="not in Braze yet"),
        ],
        [skip(), skip(record="ws:2051", customer="C-100100")],
        guards=[
            Measure(guard="max_messages", figure=2, limit=500, before_consent=3),
            Measure(guard="max_audience_share", figure=90, limit=20, sentence="90 people, more than 10% of the 110"),
            Measure(guard="max_shrink", figure=140, limit=98),
        ],
        notes=["as if today's records were news: nothing of this plan can be confirmed or sent"],
    )


def hostile(texts: Sequence[str] = HOSTILE) -> RunReport:
    """Every text of a line is what a stranger wrote."""
    actions, skipped = [], []
    for text in texts:
        words = {one.name: text for one in fields(ActionLine) if one.name not in ("before", "after", "properties")}
        actions.append(ActionLine(**words, before=text, after=[text, {text: text}], properties={text: text}))
        actions.append(action(workspace=text, customer=text, properties={"name": text}))
        skipped.append(SkipLine(**{one.name: text for one in fields(SkipLine)}))
    guards = [Measure(guard=text, figure=1, limit=0, sentence=text) for text in texts]
    return report(actions, skipped, guards=guards, notes=list(texts), exit_code=3, exit_reason=" ".join(texts))


def large(rows: int) -> RunReport:
    """A report of so many rows, nine of ten of which would be sent."""
    actions = [
        action(
            record=f"ws:{number}",
            customer=f"C-{number:06d}",
            workspace=f"Onboarding {number}",
            properties={"workspace": f"Onboarding {number}", "stage": "Contract"},
        )
        for number in range(rows * 9 // 10)
    ]
    return report(actions, [skip(record=f"ws:{number}") for number in range(rows - len(actions))])
