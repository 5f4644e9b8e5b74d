"""The waiting plan: what a guard stopped, until a person confirms it, drops it, or a day has passed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from ecmbraze.engine.run import Run
from ecmbraze.engine.setting import Options
from ecmbraze.errors import GuardTripped, UsageError
from ecmbraze.ledger.codec import instant
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.savedplan import HIDES, SavedPlan, decisions
from ecmbraze.ledger.waiting import LIFETIME, WaitingPlan
from ecmbraze.model import Delivery

# So much of a hash names a plan.
SHORTEST = 8
MODES = ("live", "backfill", "baseline")


def keep(ledger: Ledger, run: Run, reason: str, now: datetime) -> None:
    """Keep the plan of this run as the waiting plan of its flow and mode."""
    path = ledger.plan_path(run.report.run_id)
    run.plan.extract(path, run.name, meta(ledger, run, now))
    ledger.waiting.put(
        WaitingPlan(
            flow=run.name,
            mode=run.report.mode,
            hash=run.report.plan_hash or "",
            file=path.name,
            reason=reason,
            made_at=now,
        )
    )


def meta(ledger: Ledger, run: Run, now: datetime) -> dict[str, str]:
    """Return what a plan file says of itself: its systems, its mode, what of it no reader sees, a backfill's span."""
    told = {**ledger.identity(), "mode": run.report.mode}
    secret = {rule.name: sorted(rule.send.secret) for rule in run.flow.rules(run.section) if rule.send.secret}
    if secret:
        told[HIDES] = json.dumps(secret)
    if not run.options.backfill:
        return told
    since, until = run.span(now)
    messages = "yes" if run.options.include_messages else "no"
    return {**told, "since": instant(since), "until": instant(until), "include_messages": messages}


def find_waiting(ledger: Ledger, run: Run, now: datetime) -> None:
    """Note whether an unconfirmed plan of this flow and mode still waits; forget one that is too old."""
    waiting = ledger.waiting.get(run.name, run.report.mode)
    if waiting is None or run.options.confirming:
        return
    if now - waiting.made_at >= LIFETIME:
        ledger.waiting.drop(waiting, now, "a day old")
        return
    run.waits = True


def refuse_again(ledger: Ledger, run: Run) -> None:
    """End a run during which a plan waited: what was pending before was pushed, nothing new was planned."""
    waiting = ledger.waiting.get(run.name, run.report.mode) if run.waits else None
    if waiting is not None:
        run.report.plan_hash = waiting.hash
        raise GuardTripped(
            f"Plan {waiting.hash[:12]} of {waiting.made_at:%Y-%m-%d %H:%M} UTC still waits: {waiting.reason}",
            undone="Nothing new but withdrawals left." if run.flow.withdraws else "Nothing new was planned.",
            advice=_advice(run.name, waiting.hash),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The plan that a person looked at; ``waiting`` is its row in the ledger, unless it came as a file."""

    plan: SavedPlan
    hash: str
    waiting: WaitingPlan | None


def load(ledger: Ledger, flow: str, options: Options, now: datetime) -> Confirmed:
    """Open the plan that the command line confirms.

    Raises UsageError when there is none, GuardTripped when it is not the one that was looked at: the hash is taken
    from the file itself, never from a note about it.
    """
    asked = options.confirm or ""
    waiting = None if options.apply else _chosen(ledger, flow, asked, now)
    plan = SavedPlan(options.apply or ledger.path.with_name(waiting.file if waiting else ""))
    plan.check_made_for({**ledger.identity(), "flow": flow})
    found = plan.hash(flow)
    if len(asked) < SHORTEST or not found.startswith(asked) or (waiting is not None and waiting.hash != found):
        plan.close()
        anew = f"plan --drop {flow}" if waiting else f"plan {flow} -o FILE"
        raise GuardTripped(
            f"The plan file {plan.path} holds plan {found[:12]}, not {asked[:12] or 'a confirmed one'}: it is not what "
            "was reviewed.",
            undone="Nothing was sent.",
            advice=f"Look at it with `ecmbraze plan show {plan.path}`, or plan anew: `ecmbraze {anew}`.",
        )
    return Confirmed(plan=plan, hash=found, waiting=waiting)


def as_planned(confirmed: Confirmed, options: Options) -> Options:
    """Return the options under which the plan was made: a backfill is planned over its span again."""
    since, until = confirmed.plan.span
    messages = confirmed.plan.meta.get("include_messages") == "yes"
    return replace(options, since=since, until=until, include_messages=messages)


def cut(ledger: Ledger, run: Run, confirmed: Confirmed) -> None:
    """Leave of a fresh plan what the confirmed one says too, record by record.

    What changed since, and what today's configuration would not plan, is neither sent nor are its facts merged, or its
    transition would be consumed unsent: the next run plans it. Nothing but an equal plan moves the position.
    """
    moments = sorted({*confirmed.plan.moments(run.name), *run.plan.moments(run.name)})
    then, now = (decisions(plan, run.name, moments, run.planner.context.zone) for plan in (confirmed.plan, run.plan))
    run.complete = run.complete and run.report.plan_hash == confirmed.hash
    run.report.plan_hash = confirmed.hash
    done = _planned_before(ledger, confirmed, run.name)
    for record in confirmed.plan.acting(run.name):
        if then[record] != now.get(record):
            changed = "changed since the plan was made: not sent, the next run plans it anew"
            run.report.notes.append(f"{record} {'was planned before: not sent again' if record in done else changed}")
    run.plan.leave_out(record for record, digest in now.items() if then.get(record) != digest)
    for action in run.plan.actions(run.name):
        if action.kind.delivery is not Delivery.LATEST and ledger.outbox.knows(action.key):
            run.report.notes.append(f"{action.key} was planned before: not sent again")


def _planned_before(ledger: Ledger, confirmed: Confirmed, flow: str) -> frozenset[str]:
    """Return the records of which everything that happens once was staged before, by this plan or by another one."""
    known: dict[str, bool] = {}
    for action in confirmed.plan.actions(flow):
        if action.kind.delivery is not Delivery.LATEST:
            known[action.record] = known.get(action.record, True) and ledger.outbox.knows(action.key)
    return frozenset(record for record, all_known in known.items() if all_known)


def note(ledger: Ledger, confirmed: Confirmed, options: Options, now: datetime) -> None:
    """Note who confirmed the plan that was staged; drop it where it waited."""
    if confirmed.waiting is not None:
        ledger.waiting.drop(confirmed.waiting, now, "confirmed", options.deed)
        return
    with ledger.database.atomic():
        body = {"flow": confirmed.plan.flow, "plan": confirmed.hash, "end": "applied"}
        ledger.history.decide(now, "plan", options.deed, body)


def _advice(flow: str, plan_hash: str) -> str:
    return f"`ecmbraze {flow} --confirm {plan_hash[:12]}`, or `ecmbraze plan --drop {flow}`."


def _chosen(ledger: Ledger, flow: str, asked: str, now: datetime) -> WaitingPlan:
    waiting = [found for mode in MODES if (found := ledger.waiting.get(flow, mode))]
    if not waiting:
        raise UsageError(f"No plan of {flow} waits.", undone="Nothing was sent.", advice="Run without --confirm.")
    chosen = next((one for one in waiting if len(asked) >= SHORTEST and one.hash.startswith(asked)), None)
    if chosen is None and len(asked) < SHORTEST:
        raise GuardTripped(
            f"{asked!r} are too few characters of a plan's hash: {SHORTEST} at least.",
            undone="Nothing was sent.",
            advice=f"Look at what waits, then {_advice(flow, waiting[0].hash)}",
        )
    if chosen is None:
        raise GuardTripped(
            f"Plan {asked} is superseded by {waiting[0].hash[:12]}.",
            undone="Nothing was sent.",
            advice=f"Look at what waits, then {_advice(flow, waiting[0].hash)}",
        )
    if now - chosen.made_at >= LIFETIME:
        raise GuardTripped(
            f"Plan {chosen.hash[:12]} is a day old.",
            undone="Nothing was sent.",
            advice=f"Run `ecmbraze {flow}` again: it plans anew.",
        )
    return chosen
