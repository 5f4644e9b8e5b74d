"""What of a record is news to a flow, by what it is now, what it was at its last plan, and what went; only reads."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

from ecmbraze.engine.scan.profiles import OUT, plain
from ecmbraze.ledger.view import View
from ecmbraze.model import Action, Change, Decision, Delivery, PersonKey, Skip


def news_of(decision: Decision, change: Change, view: View, *, backfill: bool) -> Decision:
    """Return a decision without what its people have had, or would have had again."""
    if change.unreached:
        decision = replace(decision, actions=tuple(one for one in decision.actions if is_news(one, change)))
    return _without_known(decision, view) if backfill else decision


def is_news(action: Action, change: Change) -> bool:
    """Say whether an action is for somebody who has not had it: what happens once more is for the corrected person."""
    again = action.kind.is_message and (action.rule, action.occurrence) in change.unreached
    return not again or change.before is None or action.recipient not in change.before.customers


def _without_known(decision: Decision, view: View) -> Decision:
    """Return a decision without what happens once and was planned before: a backfill does not even offer it again.

    What was taken back before it went is offered: staging it takes the place of what ended.
    """
    known: list[Action] = []
    skips: list[Skip] = []
    for action in decision.actions:
        standing = view.written(action.key) if action.kind.delivery is not Delivery.LATEST else None
        if standing is not None and not standing.gives_way(action.kind):
            known.append(action)
            reason = f"its {action.kind} was planned before, and is {standing.state}: it does not go again"
            skips.append(Skip(record=action.record, customer=action.recipient, rule=action.rule, reason=reason))
    left = tuple(one for one in decision.actions if one not in known)
    return replace(decision, actions=left, skips=(*decision.skips, *skips))


def trace(error: Exception) -> str:
    """Return where an error was raised, innermost first, without its text: that may hold what a customer wrote."""
    steps = reversed(traceback.extract_tb(error.__traceback__))
    return " < ".join(f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in steps)


def same(change: Change) -> bool:
    """Say whether a record is what the flow planned last."""
    before, record = change.before, change.record
    if isinstance(record.key, PersonKey):  # what another flow keeps of them may have changed, and with it the look
        return before is not None and plain(before.facts) == plain(record.facts)
    return (
        before is not None
        and (before.facts, before.gone, before.documents) == (record.facts, record.gone, record.documents)
        and before.modified_at == record.modified_at
    )


def withdrew(change: Change) -> bool:
    """Say whether a person takes back in Braze what the flow saw them choose; one it never saw has time."""
    before = change.before.facts if change.before else None
    return before is not None and any(
        value == OUT and name in before and before[name] != OUT for name, value in change.record.facts.items()
    )
