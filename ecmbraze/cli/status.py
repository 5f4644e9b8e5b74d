"""`ecmbraze status`: one screen that says whether all is well and, if not, why and what to type; asks no system."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from ecmbraze.cli import opening
from ecmbraze.cli.clock import instant_of
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.errors import EcmbrazeError
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.storedreports import Ended
from ecmbraze.report import initial_load
from ecmbraze.report.plain import printable

STALE, CRITICAL, UNKNOWN = 20, 21, 22
_WORDS = {0: "well", STALE: "stale", CRITICAL: "critical"}
_DONE = (0, 3, 4)
_NEEDS_A_PERSON = frozenset({6, 7, 12, 13, 14, 15})
# How old a message of unknown outcome may grow: by then the last look for its marker is long past.
# A run that began later than this from now did so by a clock that was ahead.
_AHEAD = timedelta(minutes=5)
_OLD, _TOO_OLD = timedelta(hours=4), timedelta(hours=24)
_MODES = ("live", "backfill", "baseline")
_UNFENCED = "No `fence:`: a restored or second copy of the state file would send again."
_COLUMNS = ("flow", "state", "last success", "watermark", "pending", "held", "quarantined")


@dataclass(slots=True, kw_only=True)
class Standing:
    """How one flow stands, and why it is not well."""

    flow: str
    enabled: bool
    code: int = 0
    reasons: list[str] = field(default_factory=list)
    last_success: str | None = None
    last_exit: int | None = None
    watermark: str | None = None
    pending: int = 0
    held: int = 0
    quarantined: int = 0
    refused: int = 0
    paused: str | None = None

    @property
    def state(self) -> str:
        """One word; ``open`` is a flow that runs, with something that waits for a person or an answer."""
        if not self.enabled:
            return "off"
        return "open" if self.code == 0 and self.reasons else _WORDS[self.code]

    def blame(self, code: int, reason: str) -> None:
        """Note why it is not well; the worst code stands."""
        self.code = max(self.code, code)
        self.reasons.append(printable(" ".join(reason.split())))


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    context: typer.Context,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
) -> int:
    """Show per flow the last success, what is pending, held and quarantined, and why it is not well."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    now = opening.wall_clock(loaded).now()
    try:
        ledger = opening.ledger(loaded, read_only=True)
    except EcmbrazeError as error:
        typer.echo(json.dumps({"code": UNKNOWN, "reason": str(error)}) if as_json else f"unknown: {error}")
        return UNKNOWN
    flows = [_standing(ledger, name, section, now) for name, section in loaded.flows.items()]
    place = ledger.claims.place if loaded.fence is not None and not loaded.fence.none else None
    ledger.close()
    code = max((one.code for one in flows), default=0)
    if as_json:
        typer.echo(
            json.dumps(
                {"code": code, "fence": place, "flows": [{"state": one.state, **asdict(one)} for one in flows]},
                indent=2,
            )
        )
    else:
        *shown, total = _lines(flows, now)
        for line in [*shown, *([_UNFENCED] if place is None else []), total]:
            typer.echo(line)
    return code


def _standing(ledger: Ledger, name: str, section: Any, now: datetime) -> Standing:
    until = now + _AHEAD
    last, good = ledger.latest_run(name, until), ledger.latest_run(name, until, _DONE)
    one = Standing(
        flow=name,
        enabled=section.enabled,
        pending=ledger.outbox.pending(name),
        paused=ledger.waiting.paused(name),
        last_exit=last.exit_code if last else None,
        last_success=good.finished_at if good else None,
        refused=len(ledger.outbox.refused(name)),
        quarantined=sum(flow in (name, "") for flow, *_ in ledger.quarantined()),
        watermark=min((moment.isoformat() for moment in ledger.watermarks(name).values()), default=None),
    )
    if one.enabled:
        _judge_runs(one, section.every, last, now)
    _judge_held(one, ledger, now)
    for mode in _MODES:
        if plan := ledger.waiting.get(name, mode):
            one.blame(0, f"a plan waits for you: `ecmbraze {name} --confirm {plan.hash[:12]}` or `plan --drop {name}`")
    if (load := ledger.loads.get(name)) and (stands := initial_load.told(load, now)):
        one.blame(0, stands)
    if one.quarantined or one.refused:
        counts = {"record": one.quarantined, "refused write": one.refused}
        aside = " and ".join(f"{number} {name}{'s' * (number > 1)}" for name, number in counts.items() if number)
        one.blame(0, f"{aside} put aside: `ecmbraze quarantine list`")
    if one.paused:
        one.blame(0, f"{one.paused}: `ecmbraze resume {name}`, or `ecmbraze resume` where every flow was paused")
    return one


def _judge_runs(one: Standing, every: timedelta, last: Ended | None, now: datetime) -> None:
    """Blame a flow that has not run, not for long, or whose last run needs a person."""
    if last is not None and one.last_exit not in _DONE:
        code = CRITICAL if one.last_exit in _NEEDS_A_PERSON else 0
        one.blame(code, f"the last run ended with exit {one.last_exit}: {last.exit_reason}")
    if one.last_success is None:
        one.blame(STALE, "no run has come to its end yet: `ecmbraze run`")
        return
    age = now - instant_of(one.last_success, "finished_at")
    if age > 2 * every:
        code = CRITICAL if age > 4 * every else STALE
        one.blame(code, f"no success for {_span(age)}, it is to run every {_span(every)}: is `ecmbraze run` scheduled?")


def _judge_held(one: Standing, ledger: Ledger, now: datetime) -> None:
    held = ledger.outbox.unsettled(one.flow)
    one.held = len(held)
    if held:
        oldest = max(now - row.changed_at for row in held)
        code = CRITICAL if oldest > _TOO_OLD else STALE if oldest > _OLD else 0
        one.blame(code, f"{len(held)} of unknown outcome, the oldest for {_span(oldest)}: `ecmbraze holds list`")


def _lines(flows: list[Standing], now: datetime) -> list[str]:
    """Return the screen as plain lines: a row per flow, under it why it is not well; the sum of it last."""
    rows = [_COLUMNS, *(_row(one, now) for one in flows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    fold = textwrap.TextWrapper(
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000,
        initial_indent="  - ",
        subsequent_indent="    ",
        break_long_words=False,
    )
    shown = [_aligned(rows[0], widths)]
    for one, row in zip(flows, rows[1:], strict=True):
        shown.append(_aligned(row, widths))
        shown += [fold.fill(reason) for reason in one.reasons]
    return [*shown, *([_sum(flows)] if flows else ["No flow is configured."])]


def _row(one: Standing, now: datetime) -> tuple[str, ...]:
    def ago(text: str | None) -> str:
        return f"{_span(now - instant_of(text, 'finished_at'))} ago" if text else "never"

    counts = (str(number) for number in (one.pending, one.held, one.quarantined))
    return one.flow, one.state, ago(one.last_success), ago(one.watermark), *counts


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _sum(flows: list[Standing]) -> str:
    states = [one.state for one in flows]
    worst = next((word for word in ("critical", "stale", "open") if word in states), "well")
    return {"well": "All is well.", "open": "It runs, but something waits: see above."}.get(
        worst, f"It is {worst}: see above."
    )


def _span(span: timedelta) -> str:
    """Return a span as people say it, in its largest unit."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
