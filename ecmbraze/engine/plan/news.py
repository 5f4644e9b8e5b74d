"""What of a record is news to a flow, by what it is now and what it was when the flow planned it last; pure."""

from __future__ import annotations

import traceback
from pathlib import Path

from ecmbraze.engine.scan.profiles import OUT, plain
from ecmbraze.model import Action, Change, PersonKey


def is_news(action: Action, change: Change) -> bool:
    """Say whether an action is for somebody who has not had it: what happens once more is for the corrected person."""
    again = action.kind.is_message and (action.rule, action.occurrence) in change.unreached
    return not again or change.before is None or action.recipient not in change.before.customers


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
