"""Refuse an unusual plan: counts in, reasons out; the ledger counts, this module judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

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
    max_gap: timedelta = timedelta(hours=72)
    max_cleared_share: float = 0.05
    max_cleared_people: int = 20


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
    """How many messages for how many people; see :meth:`after_consent`."""
    audience: int
    changed: int
    listed: dict[str, int]
    known: dict[str, int]
    expected: Expected = field(default_factory=lambda: Expected(messages=0, people=0))
    cleared: int = 0
    """How many people would lose what we wrote, because no workspace leads to them any more."""
    late: Mapping[str, tuple[datetime, int]] = field(default_factory=dict)
    """Type → when the flow last planned all of it and how many messages of it are new; those of reminders are not."""
    before_consent: tuple[int, int] | None = None
    """Messages and people before consent was asked for, where it was."""

    def after_consent(self, messages: int, people: int) -> Figures:
        """Return the figures with what is left once who may not be messaged is left out."""
        return replace(self, messages=messages, people=people, before_consent=(self.messages, self.people))


def trips(figures: Figures, limits: Limits) -> list[str]:
    """Return a sentence per guard that is hit; empty for a usual plan. Withdrawals never come here."""
    found = []
    ahead = figures.expected
    asked = figures.before_consent
    if figures.messages > limits.max_messages + ahead.messages:
        confirmed = f" and the {ahead.messages} confirmed ahead" if ahead.messages else ""
        before = f" ({asked[0]} before consent)" if asked else ""
        found.append(f"{figures.messages} messages{before}, more than max_messages {limits.max_messages}{confirmed}")
    share = figures.audience * limits.max_audience_share
    if figures.audience >= FLOOR and figures.people > max(share, limits.max_audience_people) + ahead.people:
        before = f" ({asked[1]} before consent)" if asked else ""
        found.append(
            f"{figures.people} people{before} would get a message, more than {limits.max_audience_share:.0%} of the "
            f"{figures.audience} known"
        )
    found.extend(_outdated(figures, limits))
    share = figures.audience * limits.max_cleared_share if figures.audience >= FLOOR else float("inf")
    if figures.cleared > min(share, limits.max_cleared_people):
        found.append(
            f"{figures.cleared} of {figures.audience} known people would lose their attributes because no workspace "
            "leads to them any more; lost permission looks the same"
        )
    found.extend(shrunk(figures, limits))
    total = sum(figures.known.values())
    if total >= FLOOR and figures.changed > total * limits.max_changed_share:
        found.append(f"{figures.changed} of {total} workspaces changed, more than {limits.max_changed_share:.0%}")
    return found


def _outdated(figures: Figures, limits: Limits) -> list[str]:
    """Return a sentence per workspace type whose news may be old: the flow was off, or could not look."""
    return [
        f"{messages} messages of {name!r}, which this flow last looked at completely on {at:%Y-%m-%d %H:%M} UTC, "
        f"longer ago than max_gap {limits.max_gap.total_seconds() / 3600:.0f}h: they may be old news"
        for name, (at, messages) in figures.late.items()
        if messages
    ]


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
