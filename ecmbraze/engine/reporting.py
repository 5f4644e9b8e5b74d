"""Fill the run report from the plan, the outbox and what was sent; changes nothing but the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.report_lines import PENDING, PLANNED, ActionLine, SkipLine
from ecmbraze.engine.run import Run
from ecmbraze.engine.run_report import COUNTS, summary
from ecmbraze.errors import strongest
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.ledger.page import SIZE
from ecmbraze.ledger.stage import DOUBTFUL
from ecmbraze.model import Action, Delivery, Json, State, System

_TOGETHER = 50  # people per export (api/braze.md 4.3)
HIDDEN = "***"
_COUNTED = {
    State.SENT: "sent",
    State.REFUSED: "refused",
    State.SUPPRESSED: "suppressed",
    State.IN_DOUBT: "held",
    State.HELD: "held",
    State.WAITING: "waiting",
    State.EXPIRED: "expired",
    State.SUPERSEDED: "superseded",
}


def pushed(run: Run, steps: Sequence[tuple[Step, Json]]) -> None:
    """Report what became of rows, each with what the sink had taken before it."""
    with run.planner.view.page(_workspace(step.row.action) for step, _ in steps):
        for step, before in steps:
            _count(run, step)
            if step.state is State.SENT:
                run.report.add_kind(step.row.action.kind, len(step.row.action.names))
            _append(run, step, before)


def _pushed(of: RoundContext, run: Run) -> None:
    """Report the rows that are not in the report yet, and what another's unknown outcome keeps back."""
    run.push.touched.let_all_go()
    for row, number in [] if of.options.dry_run else of.ledger.outbox.kept_back(run.name):
        why = f"kept back by message {number}, whose outcome is unknown"
        run.report.actions.append(_line(run, row.action, PENDING, why))


def dry_run(of: RoundContext, run: Run) -> None:
    """Report what would be sent and who would be left out: the same screen, no write."""
    now = of.clock.now()
    if paused := of.ledger.waiting.paused(run.name):
        run.report.notes.append(f"{run.name} is {paused}; a live run sends nothing of this until it is resumed")
    rows = (
        Row(id=-number, action=action, state=State.READY, why="", attempt="", planned_at=now, changed_at=now, looks=0)
        for number, action in enumerate(run.plan.actions(run.name), start=1)
    )
    doubtful = run.plan.doubtful(run.name)
    for part in batched(rows, _TOGETHER):
        steps = {step.row.id: step for step in run.screen.look(part, in_time=False)}
        run.push.unsendable.find(part)
        for row in part:
            step = steps.get(row.id) or run.push.unsendable.kept_ready(row)
            if row.action.key in doubtful:
                step = Step(row=row, state=State.HELD, why=DOUBTFUL)
            if step:
                _count(run, step)
            else:
                run.report.add_kind(row.action.kind)
            before = of.ledger.outbox.accepted(row.action.target) if _is_value(row.action) else None
            state, why = (step.state, step.why) if step else (PLANNED, "")
            line = _line(run, row.action, state, why, before=before)
            archived = run.screen.standing(row.action.kind, row.action.name) if of.setting.archive else ""
            run.report.actions.append(replace(line, archived=archived))
    run.push.unsendable.refuse()


def finish(of: RoundContext, run: Run) -> None:
    """Complete the report: counts, watermarks, requests, exit code; and store it when the run was live."""
    report, now = run.report, of.clock.now()
    _pushed(of, run)
    _counted(of, run)
    _watermarks(of, run)
    for part in batched(of.plan.skips(run.name, run.needs.streams), SIZE):
        with run.planner.view.page(record for record, *_ in part):
            for record, customer, rule, reason in part:
                name = run.planner.view.name_of(record)
                line = SkipLine(record=record, workspace=name, customer=customer, rule=rule, reason=reason)
                report.skipped.append(line)
    report.messages = summary(report.actions)
    report.notes += run.flow.warnings(run.section)
    oldest = [moment for one in run.needs.streams if (moment := of.ledger.mirror.oldest_read_at(one))]
    report.worst_detection_delay_s = max((int((now - moment).total_seconds()) for moment in oldest), default=0)
    report.requests = of.systems.requests()
    report.finished_at = now
    report.exit_code = _exit_code(run)
    report.exit_reason = str(run.error) if run.error else _reason(report.exit_code)
    if of.options.dry_run:
        if of.ledger.last_change() != of.started:
            report.notes.append("the ledger moved while this dry run was looking; run it again for an exact plan")
    else:
        of.ledger.store_run(report.as_stored(), now)


def _counted(of: RoundContext, run: Run) -> None:
    """Take over what the scan of the run's types and its planning counted."""
    counts, told = of.plan.counts(), run.report.counts
    for name in COUNTS:
        told[name] += sum(counts[scope, name] for scope in (*run.needs.streams, run.name))
    told["planned"] = of.plan.planned(run.name)
    told["pending"] = of.ledger.outbox.pending(run.name)


def _watermarks(of: RoundContext, run: Run) -> None:
    after = of.plan.watermarks(run.name) if of.options.dry_run else of.ledger.watermarks(run.name)
    for stream in sorted({*run.before, *after}):
        values = {"before": run.before.get(stream), "after": after.get(stream, run.before.get(stream))}
        run.report.watermarks[stream] = {
            name: value.isoformat().replace("+00:00", "Z") if value else None for name, value in values.items()
        }


def _exit_code(run: Run) -> int:
    counts = run.report.counts
    codes = [error.exit_code for error in (run.error, run.stopped) if error]
    codes += [4] if counts["held"] else []
    codes += [3] if counts["quarantined"] or counts["refused"] or counts["expired"] else []
    return strongest(codes)


def _reason(code: int) -> str:
    match code:
        case 3:
            return (
                "done; something was quarantined or refused (see `ecmbraze quarantine list`), or expired before it "
                "could be sent (see the report)"
            )
        case 4:
            return "done; the outcome of some writes is unknown, they are not sent again: see `ecmbraze holds list`"
    return "done"


def _count(run: Run, step: Step) -> None:
    if name := _COUNTED.get(step.state):
        # A document in doubt is held for nobody: the next run looks for it, and it goes again where it is not there.
        looked_for = step.state is State.IN_DOUBT and step.row.action.kind.delivery is Delivery.UNIQUE
        run.report.counts["waiting" if looked_for else name] += len(step.row.action.names)


def _append(run: Run, step: Step, before: Json) -> None:
    """Append a line for each write of a row."""
    action = step.row.action
    if not (kind := action.kind.holds):
        run.report.actions.append(_line(run, action, step.state, step.why, before=before))
        return
    old = before if isinstance(before, Mapping) else {}
    new = action.payload if isinstance(action.payload, Mapping) else {}
    line = ActionLine(
        record=action.record,
        workspace=run.planner.view.name_of(action.record),
        customer=action.person,
        rule="",
        kind=kind,
        name="",
        reason=action.reason,
        state=str(step.state),
        why=step.why,
    )
    run.report.actions.append_attributes(line, {name: (old.get(name), new.get(name)) for name in action.names})


def _line(run: Run, action: Action, state: str, why: str, *, before: Json = None) -> ActionLine:
    payload = action.payload if isinstance(action.payload, Mapping) else {}
    return ActionLine(
        record=action.record,
        workspace=run.planner.view.name_of(_workspace(action)),
        customer=action.person,
        rule=action.rule,
        kind=action.kind,
        name=action.name,
        title=run.push.unsendable.title(action),
        said=channel_of(action.kind).said(action),
        reason=action.reason,
        state=str(state),
        why=why,
        before=before,
        after=action.payload if _is_value(action) else None,
        properties=_properties(run, action, payload.get("properties")),
        time=str(payload.get("time", "")) if action.kind.is_message else "",
    )


def _properties(run: Run, action: Action, told: Json) -> Mapping[str, Json]:
    """Return what travels with a message; a token is nothing that a reader of reports may know."""
    if not isinstance(told, Mapping):
        return {}
    rule = next((one for one in run.flow.rules(run.section) if one.name == action.rule), None)
    secret = rule.send.secret if rule else frozenset[str]()
    return {name: HIDDEN if name in secret else value for name, value in told.items()}


def _is_value(action: Action) -> bool:
    """Say whether it replaces a value, so that before and after tell what it does."""
    return action.kind.delivery is Delivery.LATEST


def _workspace(action: Action) -> str:
    """Return the key of the workspace it is about: the one written to, else the one it was planned from."""
    return action.recipient if action.kind.system is System.ECM else action.record
