"""Record withdrawals where the plan of the round does not: it came too early, or waits for a person.

What the screens of the round saw is one half, what a guard keeps back with the rest of its plan the other: whoever
withdrew in Braze, and the record of what staff withdrew and has left for Braze. A plan of its own, with its own hash,
judged by the same guards and pushed by the same push; it lifts no withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ecmbraze.engine import parts
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.run import Run, going
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Action, PersonKey, Phase, Skip, keys


def record_withdrawals(context: RoundContext, runs: Sequence[Run], screened: Iterable[str]) -> None:
    """Plan, judge, stage and push the withdrawals of whom a screen read, and all of them where a plan waits."""
    seen = {PersonKey(recipient=person).text for person in screened}
    for run in going(runs):
        if _may(run):
            held = run.planner.view.candidates() if run.waits or run.stopped is not None else set()
            people = seen | {one for one in held if isinstance(keys.read(one), PersonKey)}
            letters = [row.action for row in context.ledger.outbox.withdrawn_alone(run.name)] if held else []
            with run.ending():
                _record(context, run, people, [letter for letter in letters if letter.record in held])


def _may(run: Run) -> bool:
    """Say whether the run has taken in all there was of people, and had its baseline of them before."""
    asked = run.options
    if asked.backfill or asked.confirming or asked.load is not None or asked.limit is not None:
        return False
    return run.flow.withdraws and keys.PEOPLE in run.before


def _record(context: RoundContext, run: Run, people: Iterable[str], letters: Iterable[Action]) -> None:
    plan = context.ledger.new_plan(context.new_id(), second=True)
    try:
        second = parts.run(replace(context, plan=plan), run.flow, run.section)
        if not second.planner.plan_withdrawn(people, letters):
            return
        now = context.clock.now()
        second.report.plan_hash = plan.hash(run.name)
        expected = context.ledger.waiting.expected(run.name, now, context.setting.zone)
        second.judge(context.ledger.mirror, context.setting.guards, expected)
        if second.stopped is not None:  # the next round plans it with everything else, and says so
            return
        context.ledger.stage(plan).everything([Part(flow=run.name, facts=True, move=False)], now)
        _report(context, run, second)
    finally:
        plan.discard()
    for phase in (Phase.CONSENT, Phase.RECORDS):
        run.push.send(phase)


def _report(context: RoundContext, run: Run, second: Run) -> None:
    """Add what was planned to the plan of the round, which is staged by now and only reported."""
    for action in second.plan.actions(run.name):
        context.plan.put_action(action)
    for record, customer, rule, reason in second.plan.skips(run.name, ()):
        skip = Skip(record=record, customer=customer, rule=rule, reason=reason)
        context.plan.put_skip(run.name, skip, context.clock.now())
    context.plan.count(run.name, "quarantined", second.plan.counts()[run.name, "quarantined"])
