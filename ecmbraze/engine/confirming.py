"""The waiting plan: what a guard stopped, until a person confirms it, drops it, or a day has passed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ecmbraze.engine.run import Run
from ecmbraze.errors import GuardTripped, UsageError
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.ledger.waiting import WaitingPlan

if TYPE_CHECKING:
    from ecmbraze.engine.round import Round

LIFETIME = timedelta(hours=24)


def keep(of: Round, run: Run, reason: str) -> None:
    """Keep the plan of this run as the waiting plan of its flow and mode."""
    path = of.ledger.plan_path(run.report.run_id)
    of.plan.extract(path, run.name, {**of.ledger.identity(), "mode": run.report.mode})
    of.ledger.waiting.put(
        WaitingPlan(
            flow=run.name, mode=run.report.mode, hash=run.report.plan_hash or "", file=path.name,
            reason=reason, made_at=of.clock.now(),
        )
    )  # fmt: skip


def find_waiting(of: Round, run: Run) -> None:
    """Note whether an unconfirmed plan of this flow and mode still waits; forget one that is too old."""
    waiting = of.ledger.waiting.get(run.name, run.report.mode)
    if waiting is None or of.options.confirming:
        return
    if of.clock.now() - waiting.made_at >= LIFETIME:
        of.ledger.waiting.drop(waiting, of.clock.now(), "a day old")
        return
    run.waits = True


def refuse_again(of: Round, run: Run) -> None:
    """End a run during which a plan waited: what was pending before was pushed, nothing new was planned."""
    waiting = of.ledger.waiting.get(run.name, run.report.mode) if run.waits else None
    if waiting is not None:
        run.report.plan_hash = waiting.hash
        raise GuardTripped(
            f"Plan {waiting.hash[:12]} of {waiting.made_at:%Y-%m-%d %H:%M} UTC still waits: {waiting.reason}",
            undone="Nothing new was planned.", advice=_advice(run, waiting.hash),
        )  # fmt: skip


def confirm(of: Round, run: Run) -> None:
    """Stage the plan a person confirmed, without the records that changed since it was made.

    Such a record's facts are not merged either, or its transition would be consumed unsent. Raises GuardTripped when
    the hash is of another plan, UsageError when none waits.
    """
    now = of.clock.now()
    of.ledger.stage(of.plan).everything([], now)
    of.plan.forget_workspaces()
    waiting = None if of.options.apply else _chosen(of, run)
    path = of.options.apply or of.ledger.path.with_name(waiting.file if waiting else "")
    if not path.is_file():
        raise UsageError(
            f"There is no plan file {path}.", undone="Nothing was sent.",
            advice=f"`ecmbraze plan --drop {run.name}`, and the next run plans anew.",
        )  # fmt: skip
    plan = PlanFile(path)
    try:
        mode = plan.check_meta({**of.ledger.identity(), "flow": run.name})
        run.report.plan_hash = plan.hash(run.name)
        changed = [held[0] for held in plan.planned_facts(run.name) if run.planner.view.differs(*held)]
        plan.leave_out(changed)
        for record in changed:
            run.report.notes.append(f"{record} changed since the plan was made: not sent, the next run plans it anew")
        run.confirmed = plan.planned(run.name)
        of.ledger.stage(plan).confirmed(Part(flow=run.name, facts=mode != "backfill", move=False), now)
    finally:
        plan.close()
    if waiting is not None:
        of.ledger.waiting.drop(waiting, now, "confirmed")


def _advice(run: Run, plan_hash: str) -> str:
    return f"`ecmbraze {run.name} --confirm {plan_hash[:12]}`, or `ecmbraze plan --drop {run.name}`."


def _chosen(of: Round, run: Run) -> WaitingPlan:
    asked = of.options.confirm or ""
    for mode in ("live", "backfill", "baseline"):
        waiting = of.ledger.waiting.get(run.name, mode)
        if waiting is not None and waiting.hash.startswith(asked) and len(asked) >= 8:
            return waiting
        if waiting is not None:
            raise GuardTripped(
                f"Plan {asked} is superseded by {waiting.hash[:12]}.", undone="Nothing was sent.",
                advice=f"Look at what waits, then {_advice(run, waiting.hash)}",
            )  # fmt: skip
    raise UsageError(f"No plan of {run.name} waits.", undone="Nothing was sent.", advice="Run without --confirm.")
