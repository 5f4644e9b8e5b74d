"""The words of the report page: what a state means, what a guard counted, which reasons are one; makes no markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ecmbraze.engine.report_lines import GOES, PENDING, ActionLine, ActionLines
from ecmbraze.model import Json, Kind, State
from ecmbraze.planning.guards import FLOOR, Measure

# What reaches people stands first.
_KINDS = [str(kind) for kind in sorted(Kind, key=lambda kind: (not kind.is_message, -kind.phase))]
# What became of it, in words; what a person must see first stands first.
STATES: dict[str, str] = {
    State.IN_DOUBT: "whether it arrived is unknown; it is not sent again",
    State.HELD: "whether it arrived is unknown; a person decides",
    State.REFUSED: "it was refused; it is not sent again",
    State.EXPIRED: "too late; it is not sent any more",
    State.SUPPRESSED: "this person must not get it; it is not sent later either",
    State.WAITING: "goes out once what it waits for has come",
    PENDING: "kept back until another message is settled",
    State.READY: "goes out with the next run",
    State.SUPERSEDED: "a newer value or message took its place",
}
_GUARDS = {
    "max_messages": ("messages in one run", "at most"),
    "max_audience_share": ("people who get a message", "at most"),
    "max_gap": ("messages that may be old news", "at most"),
    "max_cleared_people": ("people who would lose their attributes", "at most"),
    "max_shrink": ("workspaces listed", "at least"),
    "max_changed_share": ("workspaces changed", "at most"),
}
_CHANGING = re.compile(r"(?<!\w)\"[^\"]*\"|(?<!\w)'.*?'(?!\w)|\b\d{4}-\d\d-\d\d(?:[T ][\d:.]+)?|\b\d+\b")


def guard(measure: Measure) -> dict[str, object]:
    """Return what one guard compared, in words; below a certain size no share is judged."""
    counted, bound = _GUARDS.get(measure.guard, (measure.guard, "at most"))
    beyond = measure.figure < measure.limit if bound == "at least" else measure.figure > measure.limit
    verdict = "unusual" if measure.sentence else f"not judged below {FLOOR}" if beyond else "usual"
    return {
        "name": measure.guard,
        "counted": counted,
        "figure": measure.figure,
        "before": measure.before_consent,
        "bound": f"{bound} {measure.limit}",
        "verdict": verdict,
        "sentence": measure.sentence,
    }


def changes(line: ActionLine) -> list[tuple[str, Json, Json]]:
    """Return (name, before, after) of every value that a write changes; of a category each attribute by its own."""
    if not line.is_value or line.said:
        return []
    if not isinstance(line.after, Mapping):
        return [(line.name, line.before, line.after)]
    before = line.before if isinstance(line.before, Mapping) else {}
    return [
        (name.rpartition(".")[2], before.get(name), value)
        for name, value in line.after.items()
        if before.get(name) != value
    ]


@lru_cache(maxsize=1000)  # most of a page has few reasons
def alike(reason: str) -> str:
    """Return a reason without its figures, days and quoted names, so that the same reason of many people is one."""
    return _CHANGING.sub("…", reason)


def place(kind: str) -> int:
    """Return where a kind of write stands among the others."""
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def rank(state: str) -> int:
    states = list(STATES)
    return states.index(state) if state in states else len(states)


def ordered(lines: ActionLines, goes: bool) -> Iterator[ActionLine]:
    """Yield the lines of what goes, by kind, or of what does not, what a person must see first before the others."""
    places: dict[int, set[tuple[str, str]]] = {}
    for kind, state in lines.sorts:
        if (state in GOES) == goes:
            places.setdefault(place(kind) if goes else rank(state), set()).add((kind, state))
    for _, sorts in sorted(places.items()):
        yield from lines.of(sorts)
