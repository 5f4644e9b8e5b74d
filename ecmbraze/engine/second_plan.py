"""Record in this very round the withdrawals that its screens saw in Braze; whatever else they saw waits for the next.

A plan of its own, with its own hash, judged by the same guards and pushed by the same push; it holds nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ecmbraze.engine import parts
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.run import Run, going
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Phase, Skip, keys


def record_withdrawals(context: RoundContext, runs: Sequence[Run], people: Iterable[str]) -> None:
    """Plan, judge, stage and push those of some people who withdrew; the mirror holds the look at them."""
    looked = list(people)
    for run in going(runs) if looked else ():
        if run.complete and _learned(run):
            with run.ending():
                _record(context, run, looked)


def _learned(run: Run) -> bool:
    """Say whether the run planned all there was to plan of people, with nothing of it left for a person to confirm."""
    if run.waits or run.stopped is not None or run.options.backfill or run.options.confirming:
        return False
    return keys.PEOPLE in run.before and run.flow.withdraws


def _record(context: RoundContext, run: Run, people: Sequence[str]) -> None:
    plan = context.ledger.new_plan(context.new_id(), second=True)
    try:
        second = parts.run(replace(context, plan=plan), run.flow, run.section)
        if not second.planner.plan_withdrawn(people):
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
