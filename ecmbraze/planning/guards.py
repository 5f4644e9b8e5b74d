"""Refuse an unusual plan: counts in, reasons out; the ledger counts, this module judges."""

from __future__ import annotations

from dataclasses import dataclass, field

# delivery.md, "Guards": percentages mean little below this many records.
FLOOR = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is usual for a flow."""

    max_messages: int = 500
    max_audience_share: float = 0.10
    max_audience_people: int = 20
    max_shrink: float = 0.30
    max_changed_share: float = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a person confirmed ahead for these days and was not planned yet."""

    messages: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one plan would do. ``listed`` and ``known`` count workspaces per type."""

    messages: int
    people: int
    audience: int
    changed: int
    listed: dict[str, int]
    known: dict[str, int]
    expected: Expected = field(default_factory=lambda: Expected(messages=0, people=0))


def trips(figures: Figures, limits: Limits) -> list[str]:
    """Return a sentence per guard that is hit; empty for a usual plan. Withdrawals never come here."""
    found = []
    ahead = figures.expected
    if figures.messages > limits.max_messages + ahead.messages:
        confirmed = f" and the {ahead.messages} confirmed ahead" if ahead.messages else ""
        found.append(f"{figures.messages} messages, more than max_messages {limits.max_messages}{confirmed}")
    share = figures.audience * limits.max_audience_share
    if figures.audience >= FLOOR and figures.people > max(share, limits.max_audience_people) + ahead.people:
        found.append(
            f"{figures.people} of {figures.audience} known people would get a message, "
            f"more than {limits.max_audience_share:.0%}"
        )
    found.extend(shrunk(figures, limits))
    total = sum(figures.known.values())
    if total >= FLOOR and figures.changed > total * limits.max_changed_share:
        found.append(f"{figures.changed} of {total} workspaces changed, more than {limits.max_changed_share:.0%}")
    return found


def shrunk(figures: Figures, limits: Limits) -> list[str]:
    """Return a sentence per workspace type whose complete listing is suddenly short or empty."""
    found = []
    for name, known in figures.known.items():
        listed = figures.listed[name]
        if known and not listed:
            found.append(f"{name!r} is empty; last time it listed {known}")
        elif known >= FLOOR and listed < known * (1 - limits.max_shrink):
            found.append(f"{name!r} lists {listed}, {1 - listed / known:.0%} fewer than the {known} of last time")
    return found
