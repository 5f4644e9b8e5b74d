"""The lines of a run report that stand in no table; where nobody watches and there is no table, they are all of it.

Cron starts a run each minute and most have nothing to tell: importing rich was a thirtieth of such a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecmbraze.engine.run_report import RunReport
from ecmbraze.report.plain import printable

# What stands in a line, and how it looks: a style of rich, or nothing.
Line = Sequence[tuple[str, str]]
# A table is laid out for so many columns where nothing says how many there are.
_WIDTH = 80
# Below it every character that is printed takes one column, and so do these.
_SINGLE, _SIGNS = 0x300, "•→"


def unwrapped(report: RunReport) -> str | None:
    """Return a report that is nothing but lines which fit, as it is printed where no terminal is; else ``None``."""
    if report.messages or report.actions or report.skipped:
        return None
    texts = ["".join(text for text, _ in line) for line in (*opening(report), *guards(report), *closing(report))]
    return "".join(f"{text}\n" for text in texts) if all(map(_fits, texts)) else None


def _fits(text: str) -> bool:
    return len(text) <= _WIDTH and text.isprintable() and all(ord(one) < _SINGLE or one in _SIGNS for one in text)


def opening(report: RunReport) -> Iterator[Line]:
    """Yield what stands first: the headline, the counts, the notes."""
    kind = "dry run" if report.dry_run else report.mode
    verb = "would send" if report.dry_run else "sent"
    sums = ", ".join(f"{n} {name}" for name, n in report.by_action.items() if n) or "nothing"
    yield (report.flow, "bold"), (f" {kind} {report.run_id[:8]}: {verb} ", ""), (sums, "bold")
    shown = [f"{name.replace('_', ' ')} {n}" for name, n in report.counts.items() if n or name in ("read", "sent")]
    requests = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in report.requests.items() if n)
    yield ((" · ".join(shown) + (f"   ({requests} requests)" if requests else ""), "dim"),)
    for note in report.notes:
        yield ((f"• {printable(note)}", "italic"),)


def guards(report: RunReport) -> Iterator[Line]:
    """Yield what the guards compared, where there was anything to compare."""
    compared = [
        f"{one.guard} {one.figure}"
        + (f" ({one.before_consent} before consent)" if one.before_consent is not None else "")
        + f" of {one.limit}"
        for one in report.guards
        if one.figure and one.guard not in ("max_shrink", "max_gap")
    ]
    if compared:
        yield ((f"guards: {', '.join(compared)}", "dim"),)


def closing(report: RunReport) -> Iterator[Line]:
    """Yield what stands last: how it ended, and what to type after a dry run."""
    if report.exit_code:
        yield ((f"exit {report.exit_code}: {printable(report.exit_reason)}", "bold red"),)
    if said := _next(report):
        yield ((said, "italic"),)


def _next(report: RunReport) -> str:
    if not report.dry_run or report.exit_code not in (0, 3, 6):
        return ""
    if report.as_if_new:
        return f"Nothing of this can be sent. `ecmbraze {report.flow} -n` shows what the next run would really send."
    if report.plan_file and report.counts["planned"]:
        confirm = f"`ecmbraze apply {report.plan_file} --confirm {(report.plan_hash or '')[:12]}`"
        return f"Look at it: `ecmbraze plan show {report.plan_file}`. Send exactly this: {confirm}."
    if report.exit_code == 6:
        return f"`ecmbraze {report.flow}` keeps such a plan and names its hash; --confirm HASH then sends it."
    if report.counts["planned"]:
        return f"Send it: `ecmbraze {report.flow}`. Review it first: `ecmbraze plan {report.flow} -o FILE`."
    return f"`ecmbraze {report.flow} -n --as-if-new` shows who would get what if today's records were news."
