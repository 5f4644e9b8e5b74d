"""Tell which rules a record *comes to* satisfy, from its facts before and now; stores no verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecmbraze.model import Change, Json
from ecmbraze.planning.conditions import satisfied
from ecmbraze.planning.rules import Rule


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that a record has just come to satisfy, and for the how-manieth time."""

    rule: Rule
    occurrence: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The hits in the order of the configuration, and how often each rule has happened by now."""

    hits: tuple[Hit, ...]
    memory: dict[str, Json]


def judge(rules: Iterable[Rule], change: Change, *, backfill: bool = False) -> Judged:
    """Judge every rule over one change.

    A hit is ``not rule(old facts) and rule(new facts)``. Unknown old facts are not false: a rule that names a fact
    the ledger never held for this record does not fire until a later change. A new record has satisfied nothing
    before. A backfill takes every satisfied rule as one that happened, under the key of its last occurrence.
    Raises KeyError for a fact the record does not carry, RecordUnreadable for one that cannot be compared.
    """
    hits, memory = [], dict(change.memory)
    for rule in rules:
        now = satisfied(rule.when, change.record.named)
        before = _before(rule, change)
        count = max(_counted(memory.get(rule.name)), 1 if before else 0)
        if backfill and now:
            count = max(count, 1)
            hits.append(Hit(rule, str(count)))
        elif change.fires and now and before is False and (rule.repeat or count == 0):
            count += 1
            hits.append(Hit(rule, str(count)))
        elif change.fires and now and (rule.name, str(count)) in change.unreached:
            hits.append(Hit(rule, str(count)))
        memory[rule.name] = count
    return Judged(tuple(hits), {name: n for name, n in memory.items() if n})


def _counted(noted: Json) -> int:
    return noted if isinstance(noted, int) else 0


def _before(rule: Rule, change: Change) -> bool | None:
    if change.before is None:
        return False
    try:
        return satisfied(rule.when, change.before.named)
    except KeyError:
        return None
