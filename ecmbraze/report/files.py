"""Write a run report to a file, by its ending: .json, .csv or .html; private, whole or not at all."""

from __future__ import annotations

import csv
import html
import io
import json
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ecmbraze.engine.run_report import ActionLine, RunReport, SkipLine
from ecmbraze.errors import StorageError, UsageError
from ecmbraze.report.plain import printable

# What a spreadsheet takes for a formula (fault D10), half-width and full-width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def write(reports: Sequence[RunReport], path: Path) -> None:
    """Write the reports of one start, mode 0600. Raises UsageError for another ending, StorageError for the disk."""
    makers = {".json": as_json, ".csv": as_csv, ".html": as_html}
    if path.suffix not in makers:
        raise UsageError(f"--report {path}: the ending says the form: .json, .csv or .html.", undone="Nothing was run.")
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(makers[path.suffix](reports))
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise StorageError(f"Cannot write {path}: {error.strerror}.", undone="The run itself is done.") from error


def as_json(reports: Sequence[RunReport]) -> str:
    """Return the report as interface.md has it; of several flows ``{runs: [...]}``."""
    told = [report.as_json() for report in reports]
    return json.dumps(told[0] if len(told) == 1 else {"runs": told}, indent=2, ensure_ascii=False) + "\n"


def as_csv(reports: Sequence[RunReport]) -> str:
    """Return one line per action and per record left out; no cell can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["flow", *(field.name for field in fields(ActionLine))])
    names = [field.name for field in fields(ActionLine)]
    for report in reports:
        lines: Sequence[ActionLine | SkipLine] = (*report.actions, *report.skipped)
        for line in lines:
            state = "" if isinstance(line, ActionLine) else "skipped"
            cells = [getattr(line, name, state if name == "state" else "") for name in names]
            writer.writerow([_cell(_text(value)) for value in (report.flow, *cells)])
    return out.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: object) -> str:
    text = printable(str(value))
    return f"'{text}" if str(value).startswith(_FORMULA) else text


_ACTIONS = ("record", "customer", "rule", "kind", "what", "state", "because")
_SKIPS = ("record", "customer", "rule", "because")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2430; }}
h1 {{ font-size: 1.5rem; margin-bottom: .2rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
p.lead {{ color: #556; margin-top: 0; }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; }}
th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #e3e6eb; vertical-align: top; }}
td {{ overflow-wrap: break-word; max-width: 26rem; }} td:first-child, td.state {{ white-space: nowrap; }}
th {{ background: #f4f6f9; }}
.counts span {{ display: inline-block; margin: 0 1.2rem .4rem 0; }}
.counts b {{ font-size: 1.1rem; }}
.bad, .refused, .in.doubt, .held {{ color: #a11; font-weight: 600; }} .suppressed, .waiting {{ color: #8a5a00; }}
.sent, .planned {{ color: #146c2e; }} .superseded, .expired {{ color: #667; }}
</style></head><body>
{sections}</body></html>
"""
_SECTION = """<h1>{title}</h1><p class="lead">{lead}</p>{error}<div class="counts">{counts}</div>{notes}
<h2>{verb}</h2>{actions}<h2>Left out</h2>{skips}
"""


def as_html(reports: Sequence[RunReport]) -> str:
    """Return one page without scripts or outside files: what legal signs before going live."""
    title = ", ".join(_title(report) for report in reports) or "Nothing was due"
    return _PAGE.format(title=_esc(title), sections="".join(_section(report) for report in reports))


def _title(report: RunReport) -> str:
    return f"{'Dry run' if report.dry_run else f'{report.mode.capitalize()} run'} of {report.flow}"


def _section(report: RunReport) -> str:
    counts = "".join(
        f"<span><b>{n}</b> {_esc(name.replace('_', ' '))}</span>" for name, n in report.counts.items() if n
    )
    return _SECTION.format(
        title=_esc(_title(report)),
        lead=_esc(f"run {report.run_id} · {report.started_at:%Y-%m-%d %H:%M} UTC · plan {report.plan_hash or '–'}"),
        error=f'<p class="bad">{_esc(report.exit_reason)}</p>' if report.exit_code else "",
        counts=counts,
        notes="".join(f"<p>{_esc(note)}</p>" for note in report.notes),
        verb="Would be sent" if report.dry_run else "Sent and tried",
        actions=_html_table(_ACTIONS, [_action_cells(line) for line in report.actions]),
        skips=_html_table(
            _SKIPS,
            [[_td(getattr(skip, column)) for column in _SKIPS[:3]] + [_td(skip.reason)] for skip in report.skipped],
        ),
    )


def _action_cells(line: ActionLine) -> list[str]:
    told = [_td(text) for text in (line.record, line.customer, line.rule, line.kind, line.name)]
    return [*told, f'<td class="state {_esc(line.state)}">{_esc(line.state)}</td>', _td(line.because)]


def _td(text: str) -> str:
    return f"<td>{_esc(text)}</td>"


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    head = "".join(f"<th>{_esc(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _esc(text: str) -> str:
    return html.escape(printable(text))
