"""A run report for a person at a terminal; computes nothing that is not in the report."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ecmbraze.engine.run_report import RunReport
from ecmbraze.report.plain import printable

_STATE_STYLE = {
    "sent": "green", "planned": "cyan", "refused": "red", "in doubt": "red", "suppressed": "yellow",
    "waiting": "yellow", "superseded": "dim",
}  # fmt: skip
_QUIET = {"read", "unchanged", "filtered"}


def show(report: RunReport, console: Console) -> None:
    """Print the report: a headline, the counts, what is sent, who is left out and why."""
    console.print(Group(*_parts(report)))


def _parts(report: RunReport) -> list[RenderableType]:
    parts: list[RenderableType] = [_headline(report), _counts(report)]
    parts.extend(Text(f"• {note}", style="italic") for note in report.notes)
    if report.actions:
        parts.append(_actions(report))
    if report.skipped:
        parts.append(_skipped(report))
    if report.exit_code:
        parts.append(Text(f"exit {report.exit_code}: {printable(report.exit_reason)}", style="bold red"))
    return parts


def _headline(report: RunReport) -> Text:
    kind = "dry run" if report.dry_run else report.mode
    verb = "would send" if report.dry_run else "sent"
    told = ", ".join(f"{n} {name}" for name, n in report.by_action.items() if n) or "nothing"
    return Text.assemble((report.flow, "bold"), f" {kind} {report.run_id[:8]}: {verb} ", (told, "bold"))


def _counts(report: RunReport) -> Text:
    shown = [f"{name.replace('_', ' ')} {n}" for name, n in report.counts.items() if n or name in ("read", "sent")]
    requests = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in report.requests.items() if n)
    return Text(" · ".join(shown) + (f"   ({requests} requests)" if requests else ""), style="dim")


def _actions(report: RunReport) -> Table:
    table = Table(title="Actions", title_justify="left", expand=False)
    for column in ("record", "customer", "rule", "kind", "what", "state", "because"):
        table.add_column(column, overflow="fold")
    for line in report.actions:
        state = Text(line.state, style=_STATE_STYLE.get(line.state, ""))
        told = (line.record, line.customer, line.rule, line.kind, line.name)
        table.add_row(
            *(Text(printable(text)) for text in told),
            state,
            Text(printable(line.because)),
        )
    return table


def _skipped(report: RunReport) -> Table:
    table = Table(title="Left out", title_justify="left", expand=False)
    for column in ("record", "customer", "rule", "reason"):
        table.add_column(column, overflow="fold")
    for line in report.skipped:
        table.add_row(*(Text(printable(text)) for text in (line.record, line.customer, line.rule, line.reason)))
    return table
