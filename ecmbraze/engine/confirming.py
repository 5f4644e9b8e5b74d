"""The waiting plan: what a guard stopped, until a person confirms it, drops it, or a day has passed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ecmbraze.engine.planner import Planner
from ecmbraze.errors import GuardTripped, UsageError
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.waiting import WaitingPlan

if TYPE_CHECKING:
    from ecmbraze.engine.run import Run

LIFETIME = timedelta(hours=24)


def keep(run: Run, reason: str) -> None:
    """Keep the plan of this run as the waiting plan of its flow and mode."""
    run.ledger.waiting.put(
        WaitingPlan(
            flow=run.flow.name, mode=run.report.mode, hash=run.report.plan_hash or "", file=run.plan.path.name,
            reason=reason, made_at=run.clock.now(),
        )
    )  # fmt: skip
    run.kept = True
    run.plan.close_writing()


def waits(run: Run) -> bool:
    """Say whether an unconfirmed plan of this flow and mode still waits; forget one that is too old."""
    waiting = run.ledger.waiting.get(run.flow.name, run.report.mode)
    if waiting is None or run.options.confirm or run.options.apply:
        return False
    if run.clock.now() - waiting.made_at >= LIFETIME:
        run.ledger.waiting.drop(waiting, run.clock.now(), "a day old")
        return False
    return True


def refuse_again(run: Run) -> None:
    """End a run during which a plan waits: what was pending before is pushed, nothing new is planned."""
    waiting = run.ledger.waiting.get(run.flow.name, run.report.mode)
    if waiting is not None:
        run.report.plan_hash = waiting.hash
        raise GuardTripped(
            f"Plan {waiting.hash[:12]} of {waiting.made_at:%Y-%m-%d %H:%M} UTC still waits: {waiting.reason}",
            undone="Nothing new was planned.", advice=advice(run, waiting.hash),
        )  # fmt: skip


def advice(run: Run, plan_hash: str) -> str:
    """Return what to type for a waiting plan."""
    return f"`ecmbraze {run.flow.name} --confirm {plan_hash[:12]}`, or `ecmbraze plan --drop {run.flow.name}`."


def confirm(run: Run, planner: Planner) -> None:
    """Stage the plan a person confirmed, without the records that changed since it was made.

    Such a record's facts are not merged either, or its transition would be consumed unsent. Raises GuardTripped when
    the hash is of another plan, UsageError when none waits.
    """
    now = run.clock.now()
    run.ledger.stage(run.plan).mirror(now)
    run.plan.forget_workspaces()
    waiting = None if run.options.apply else _chosen(run)
    path = run.options.apply or run.ledger.path.with_name(waiting.file if waiting else "")
    if not path.is_file():
        raise UsageError(f"There is no plan file {path}.", undone="Nothing was sent.")
    plan = PlanFile(path)
    try:
        run.report.plan_hash = plan.hash()
        mode = plan.check_meta(run.meta())
        if run.options.apply:
            run.report.mode = "apply"
        changed = [held[0] for held in plan.planned_facts(run.flow.name) if planner.view.differs(*held)]
        plan.leave_out(changed)
        for record in changed:
            run.report.notes.append(f"{record} changed since the plan was made: not sent, the next run plans it anew")
        run.confirmed = plan.planned()
        run.ledger.stage(plan).confirmed(now, facts=mode != "backfill")
    finally:
        plan.close()
    if waiting is not None:
        run.ledger.waiting.drop(waiting, now, "confirmed")


def _chosen(run: Run) -> WaitingPlan:
    asked = run.options.confirm or ""
    for mode in ("live", "backfill", "baseline"):
        waiting = run.ledger.waiting.get(run.flow.name, mode)
        if waiting is not None and waiting.hash.startswith(asked) and len(asked) >= 8:
            return waiting
        if waiting is not None:
            raise GuardTripped(
                f"Plan {asked} is superseded by {waiting.hash[:12]}.", undone="Nothing was sent.",
                advice=f"Look at what waits, then {advice(run, waiting.hash)}",
            )  # fmt: skip
    raise UsageError(f"No plan of {run.flow.name} waits.", undone="Nothing was sent.", advice="Run without --confirm.")
