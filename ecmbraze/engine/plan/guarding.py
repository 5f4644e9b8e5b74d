"""Count what a plan would do and refuse the unusual one; the judgement itself is `planning.guards`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from ecmbraze.engine.plan.planner import GRANTING, GRANTS, Planner
from ecmbraze.errors import GuardTripped
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import keys
from ecmbraze.planning.attributes import CLEARED
from ecmbraze.planning.guards import Expected, Figures, Measure


class Asked(Protocol):
    """What of the command line matters to a guard."""

    @property
    def backfill(self) -> bool: ...
    @property
    def include_messages(self) -> bool: ...


def figures(plan: PlanFile, planner: Planner, mirror: Mirror, expected: Expected, max_gap: timedelta) -> Figures:
    """Return the counts over the plan file and the ledger that guards look at."""
    messages, people = plan.messages(planner.flow.name)
    counts = plan.counts()
    streams, complete = {keys.type_of(one) or one: one for one in planner.needs.streams}, plan.complete()
    looked, now = planner.view.last_planned(), planner.context.now
    return Figures(
        messages=messages,
        people=people,
        audience=planner.view.audience(),
        # Of content one edit of a block changes whatever includes it, and nothing is lost by it: caps alone judge that.
        changed=sum(counts[stream, "changed"] for stream in streams.values() if keys.kind_of(stream) is None),
        # Asked by date, a type shows only what changed: nothing is concluded from what it does not show.
        listed={
            name: plan.seen(stream) if stream in complete else mirror.known(stream) for name, stream in streams.items()
        },
        known={name: mirror.known(stream) for name, stream in streams.items()},
        expected=expected,
        grants=counts[planner.flow.name, GRANTS],
        granting=counts[planner.flow.name, GRANTING],
        cleared=plan.people_because(planner.flow.name, CLEARED),
        late={
            name: (looked[stream], counts[planner.flow.name, f"messages of {stream}"])
            for name, stream in streams.items()
            if stream in looked and now - looked[stream] > max(max_gap, 2 * planner.options.every)
        },
    )


def refuse(compared: Sequence[Measure], messages: int, asked: Asked, plan_hash: str) -> GuardTripped | None:
    """Return the error of an unusual plan; ``None`` when it may be staged."""
    reasons = [measure.sentence for measure in compared if measure.sentence]
    if asked.backfill and asked.include_messages and messages:
        reasons.append(f"a backfill with {messages} messages always needs a confirmed plan")
    if not reasons:
        return None
    return GuardTripped(
        f"Plan {plan_hash[:12]} is unusual: " + "; ".join(reasons) + ".",
        undone="Nothing of it was staged or sent.",
        advice=f"Look at it with --dry-run. If it is right: --confirm {plan_hash[:12]} within 24 hours.",
    )
