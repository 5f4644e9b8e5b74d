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
from ecmbraze.report import wording
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
    parts: list[RenderableType] = [_headline(report), _counts(report)]
    parts.extend(Text(f"• {printable(note)}", style="italic") for note in report.notes)
    parts.extend([_messages(report)] if report.messages else [])
    parts.extend(_guards(report))
    going = sum(count for (_, state), count in report.actions.sorts.items() if state in GOES)
    if going:
        goes = wording.ordered(report.actions, goes=True)
        parts.append(_actions("Would be sent" if report.dry_run else "Sent", goes, going, limit, state=False))
    if staying := len(report.actions) - going:
        parts.append(_actions("Not sent", wording.ordered(report.actions, goes=False), staying, limit, state=True))
    parts.extend([_skipped(report, limit)] if report.skipped else [])
    if report.exit_code:
        parts.append(Text(f"exit {report.exit_code}: {printable(report.exit_reason)}", style="bold red"))
    return [*parts, *_next(report)]


def _headline(report: RunReport) -> Text:
    kind = "dry run" if report.dry_run else report.mode
    verb = "would send" if report.dry_run else "sent"
    sums = ", ".join(f"{n} {name}" for name, n in report.by_action.items() if n) or "nothing"
    return Text.assemble((report.flow, "bold"), f" {kind} {report.run_id[:8]}: {verb} ", (sums, "bold"))


def _counts(report: RunReport) -> Text:
    shown = [f"{name.replace('_', ' ')} {n}" for name, n in report.counts.items() if n or name in ("read", "sent")]
    requests = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in report.requests.items() if n)
    return Text(" · ".join(shown) + (f"   ({requests} requests)" if requests else ""), style="dim")


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


def _guards(report: RunReport) -> list[Text]:
    """Return what the guards compared, where there was anything to compare."""
    compared = [
        f"{one.guard} {one.figure}"
        + (f" ({one.before_consent} before consent)" if one.before_consent is not None else "")
        + f" of {one.limit}"
        for one in report.guards
        if one.figure and one.guard not in ("max_shrink", "max_gap")
    ]
    return [Text(f"guards: {', '.join(compared)}", style="dim")] if compared else []


def _actions(title: str, lines: Iterable[ActionLine], there: int, limit: int, *, state: bool) -> Table:
    table = Table(title=_title(title, there, limit), title_justify="left", expand=False)
    for column in ("who", "what", "rule", *(["state"] if state else []), "because"):
        table.add_column(column, overflow="fold")
    for line in islice(lines, limit):
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


def _next(report: RunReport) -> list[Text]:
    """Return what to type after a dry run."""
    if not report.dry_run or report.exit_code not in (0, 3, 6):
        return []
    if report.as_if_new:
        said = f"Nothing of this can be sent. `ecmbraze {report.flow} -n` shows what the next run would really send."
    elif report.plan_file and report.counts["planned"]:
        confirm = f"`ecmbraze apply {report.plan_file} --confirm {(report.plan_hash or '')[:12]}`"
        said = f"Look at it: `ecmbraze plan show {report.plan_file}`. Send exactly this: {confirm}."
    elif report.exit_code == 6:
        said = f"`ecmbraze {report.flow}` keeps such a plan and names its hash; --confirm HASH then sends it."
    elif report.counts["planned"]:
        said = f"Send it: `ecmbraze {report.flow}`. Review it first: `ecmbraze plan {report.flow} -o FILE`."
    else:
        said = f"`ecmbraze {report.flow} -n --as-if-new` shows who would get what if today's records were news."
    return [Text(said, style="italic")]
