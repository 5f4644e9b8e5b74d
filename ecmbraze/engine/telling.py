"""Fill the run report from the plan, the outbox and what was sent; changes nothing but the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ecmbraze.engine.push import Push
from ecmbraze.engine.run_report import COUNTS, ActionLine, SkipLine
from ecmbraze.engine.screen import Screen
from ecmbraze.errors import EcmbrazeError, strongest
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Action, State

if TYPE_CHECKING:
    from ecmbraze.engine.run import Run

_COUNTED = {
    State.SENT: "sent", State.REFUSED: "refused", State.SUPPRESSED: "suppressed", State.IN_DOUBT: "held",
    State.HELD: "held", State.WAITING: "waiting", State.EXPIRED: "expired", State.SUPERSEDED: "superseded",
}  # fmt: skip


def pushed(run: Run, push: Push) -> None:
    """Tell what became of every row this run touched."""
    for step in push.steps.values():
        _count(run, step)
        if step.state is State.SENT:
            run.report.add_kind(step.row.action.kind)
        if len(run.report.actions) < run.options.limit_listing:
            run.report.actions.append(_line(step.row.action, step.state, step.why))


def dry_run(run: Run, screen: Screen) -> None:
    """Tell what would be sent and who would be left out: the same screen, no write."""
    now = run.clock.now()
    rows = [
        Row(id=-number, action=action, state=State.READY, why="", attempt="", planned_at=now, changed_at=now, looks=0)
        for number, action in enumerate(run.plan.actions(), start=1)
    ]
    size = 50
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        steps = {step.row.id: step for step in screen.look(part)}
        for row in part:
            step = steps.get(row.id)
            if step:
                _count(run, step)
            else:
                run.report.add_kind(row.action.kind)
            if len(run.report.actions) < run.options.limit_listing:
                state, why = (step.state, step.why) if step else ("planned", "")
                run.report.actions.append(_line(row.action, state, why))


def finish(run: Run, before: Mapping[str, datetime], error: EcmbrazeError | None) -> None:
    """Complete the report: counts, watermarks, requests, exit code; and store it when the run was live."""
    report, now = run.report, run.clock.now()
    types = run.flow.needs(run.section).types
    counts = run.plan.counts()
    for name in COUNTS:
        report.counts[name] += sum(counts.get(f"{scope}\x1f{name}", 0) for scope in (*types, run.flow.name))
    report.counts["planned"] = run.plan.planned() or run.confirmed
    report.counts["pending"] = run.ledger.outbox.pending(run.flow.name)
    _watermarks(run, before, dry=run.options.dry_run)
    for record, customer, rule, reason in run.plan.skips(run.options.limit_listing):
        report.skipped.append(SkipLine(record=record, customer=customer, rule=rule, reason=reason))
    oldest = [moment for name in types if (moment := run.ledger.mirror.oldest_read_at(name))]
    report.worst_detection_delay_s = max((int((now - moment).total_seconds()) for moment in oldest), default=0)
    report.requests = run.systems.requests()
    report.finished_at = now
    report.exit_code = _exit_code(run, error)
    report.exit_reason = str(error) if error else _reason(report.exit_code)
    if run.options.dry_run:
        if run.ledger.last_change() != run.started:
            report.notes.append("the ledger moved while this dry run was looking; run it again for an exact plan")
    else:
        run.ledger.store_run(report.as_json(), now)


def _watermarks(run: Run, before: Mapping[str, datetime], *, dry: bool) -> None:
    after = run.plan.watermarks(run.flow.name) if dry else run.ledger.watermarks(run.flow.name)
    for stream in sorted({*before, *after}):
        values = {"before": before.get(stream), "after": after.get(stream, before.get(stream))}
        run.report.watermarks[stream] = {
            name: value.isoformat().replace("+00:00", "Z") if value else None for name, value in values.items()
        }


def _exit_code(run: Run, error: EcmbrazeError | None) -> int:
    counts = run.report.counts
    codes = [error.exit_code] if error else []
    codes += [4] if counts["held"] else []
    codes += [3] if counts["quarantined"] or counts["refused"] else []
    return strongest(codes)


def _reason(code: int) -> str:
    match code:
        case 3:
            return "done; some records are quarantined or were refused: see `ecmbraze quarantine list`"
        case 4:
            return "done; the outcome of some messages is unknown, they are not sent again: see `ecmbraze holds list`"
    return "done"


def _count(run: Run, step: Step) -> None:
    if name := _COUNTED.get(step.state):
        run.report.counts[name] += 1


def _line(action: Action, state: str, why: str) -> ActionLine:
    return ActionLine(
        record=action.record, customer=action.recipient, rule=action.rule, kind=action.kind, name=action.name,
        reason=action.reason, state=str(state), why=why,
    )  # fmt: skip
