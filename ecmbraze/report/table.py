"""A run report for a person at a terminal: the most telling rows first, and how many there are in all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ecmbraze.engine.report_lines import GOES, ActionLine
from ecmbraze.engine.run_report import RunReport
from ecmbraze.model import Json
from ecmbraze.report import lines, wording
from ecmbraze.report.plain import printable

ROWS = 200
_STATE_STYLE = {
    "sent": "green",
    "planned": "cyan",
    "refused": "red",
    "in doubt": "red",
    "held": "red",
    "expired": "red",
    "suppressed": "yellow",
    "waiting": "yellow",
    "pending": "yellow",
    "superseded": "dim",
}


def show(report: RunReport, console: Console, *, limit: int | None = None) -> None:
    """Print the report: a headline, the counts, what is sent, what is not and why, who is left out, what to type."""
    console.print(Group(*_parts(report, ROWS if limit is None else limit)))


def _parts(report: RunReport, limit: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text.assemble(*line) for line in lines.opening(report)]
    parts.extend([_messages(report)] if report.messages else [])
    parts.extend(Text.assemble(*line) for line in lines.guards(report))
    going = sum(count for (_, state), count in report.actions.sorts.items() if state in GOES)
    if going:
        goes = wording.ordered(report.actions, goes=True)
        parts.append(_actions("Would be sent" if report.dry_run else "Sent", goes, going, limit, state=False))
    if staying := len(report.actions) - going:
        parts.append(_actions("Not sent", wording.ordered(report.actions, goes=False), staying, limit, state=True))
    parts.extend([_skipped(report, limit)] if report.skipped else [])
    return [*parts, *(Text.assemble(*line) for line in lines.closing(report))]


def _messages(report: RunReport) -> Table:
    """Return people by message and rule: how many it is for, and how many of them are left."""
    table = Table(title="People by message", title_justify="left", expand=False)
    for column in ("message", "rule"):
        table.add_column(column, overflow="fold")
    for column in ("matched", "after consent", "get it" if report.dry_run else "got it"):
        table.add_column(column, justify="right")
    for line in report.messages:
        numbers = (line.matched, line.after_consent, line.after_limits)
        table.add_row(Text(printable(f"{line.kind} {line.title}")), line.rule, *map(str, numbers))
    return table


def _actions(title: str, shown: Iterable[ActionLine], there: int, limit: int, *, state: bool) -> Table:
    table = Table(title=_title(title, there, limit), title_justify="left", expand=False)
    for column in ("who", "what", "rule", *(["state"] if state else []), "because"):
        table.add_column(column, overflow="fold")
    for line in islice(shown, limit):
        cells = [_who(line.customer, line.workspace, line.record), Text(printable(_what(line))), Text(line.rule)]
        if state:
            cells.append(Text(line.state, style=_STATE_STYLE.get(line.state, "")))
        table.add_row(*cells, Text(printable(line.because)))
    return table


def _skipped(report: RunReport, limit: int) -> Table:
    table = Table(title=_title("Left out", len(report.skipped), limit), title_justify="left", expand=False)
    for column in ("who", "rule", "reason"):
        table.add_column(column, overflow="fold")
    for line in islice(report.skipped, limit):
        who = _who(line.customer, line.workspace, line.record)
        table.add_row(who, Text(printable(line.rule)), Text(printable(line.reason)))
    return table


def _title(what: str, there: int, limit: int) -> str:
    if there <= limit:
        return f"{what}: {there}"
    return f"{what}: {limit} of {there} (all of them with --json or --report FILE)"


def _who(customer: str, workspace: str, record: str) -> Text:
    return Text.assemble(printable(customer), "\n" if customer else "", (printable(workspace or record), "dim"))


def _what(line: ActionLine) -> str:
    """Return a write as a person reads it: the attribute before and after, or the message with what travels in it."""
    if line.said:
        return line.said
    if changes := wording.changes(line):
        return "; ".join(f"{name}: {_value(before)} → {_value(after)}" for name, before, after in changes)
    inside = ", ".join(f"{name}={_value(value)}" for name, value in line.properties.items())
    at = f" at {line.time[:16].replace('T', ' ')} UTC" if line.time else ""
    return f"{line.kind} {line.title or line.name}{at}" + (f" ({inside})" if inside else "")


def _value(value: Json) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
