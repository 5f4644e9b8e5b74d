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
    grants: int = 0
    """How many withdrawals on record another state would replace, and of how many people."""
    granting: int = 0
    before_consent: tuple[int, int] | None = None
    """Messages and people before consent was asked for, where it was."""

    def after_consent(self, messages: int, people: int) -> Figures:
        """Return the figures with what is left once who may not be messaged is left out."""
        return replace(self, messages=messages, people=people, before_consent=(self.messages, self.people))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one guard compared. ``sentence`` says what is unusual; empty when nothing is."""

    guard: str
    figure: int
    limit: int
    before_consent: int | None = None
    sentence: str = ""


def measures(figures: Figures, limits: Limits) -> list[Measure]:
    """Return what every guard compared, for the report. Withdrawals never come here."""
    return [
        _messages(figures, limits),
        _people(figures, limits),
        *_granted(figures, limits),
        *_outdated(figures, limits),
        _cleared(figures, limits),
        *_shrunk(figures, limits),
        _changed(figures, limits),
    ]


def capped(name: str, what: str, figure: int, most: int) -> Measure:
    """Compare how many writes of some kinds a plan has with what one run may make without a person."""
    sentence = f"{figure} {what}, more than {name} {most}"
    return Measure(guard=name, figure=figure, limit=most, sentence=sentence if figure > most else "")


def first_plan(figure: int) -> Measure:
    """Hold the first plan of a flow whose first run writes: a person looks at it."""
    sentence = f"it is the first of its flow, with {figure} documents: a person confirms it"
    return Measure(guard="first_plan", figure=figure, limit=0, sentence=sentence if figure else "")


def trips(figures: Figures, limits: Limits) -> list[str]:
    """Return a sentence per guard that is hit; empty for a usual plan."""
    return [measure.sentence for measure in measures(figures, limits) if measure.sentence]


def messaging(figures: Figures, limits: Limits) -> bool:
    """Say whether the number of messages or people is unusual: then consent is asked for before it is judged."""
    return bool(_messages(figures, limits).sentence or _people(figures, limits).sentence)


def _messages(figures: Figures, limits: Limits) -> Measure:
    ahead, asked = figures.expected.messages, figures.before_consent
    limit = limits.max_messages + ahead
    before = f" ({asked[0]} before consent)" if asked else ""
    confirmed = f" and the {ahead} confirmed ahead" if ahead else ""
    sentence = f"{figures.messages} messages{before}, more than max_messages {limits.max_messages}{confirmed}"
    return Measure(
        guard="max_messages",
        figure=figures.messages,
        limit=limit,
        before_consent=asked[0] if asked else None,
        sentence=sentence if figures.messages > limit else "",
    )


def _people(figures: Figures, limits: Limits) -> Measure:
    asked, share = figures.before_consent, figures.audience * limits.max_audience_share
    limit = int(max(share, limits.max_audience_people)) + figures.expected.people
    before = f" ({asked[1]} before consent)" if asked else ""
    sentence = (
        f"{figures.people} people{before} would get a message, more than {limits.max_audience_share:.0%} of the "
        f"{figures.audience} known"
    )
    return Measure(
        guard="max_audience_share",
        figure=figures.people,
        limit=limit,
        before_consent=asked[1] if asked else None,
        sentence=sentence if figures.audience >= FLOOR and figures.people > limit else "",
    )


def _granted(figures: Figures, limits: Limits) -> list[Measure]:
    """Compare what would lift withdrawals with what is usual for messages: each lets messages go."""
    if not figures.grants:
        return []
    most = int(max(figures.audience * limits.max_audience_share, limits.max_audience_people))
    many = f"{figures.grants} withdrawals on record would be replaced, more than max_messages {limits.max_messages}"
    share = (
        f"withdrawals of {figures.granting} people would be replaced, more than {limits.max_audience_share:.0%} of the "
        f"{figures.audience} known"
    )
    unusual = figures.audience >= FLOOR and figures.granting > most
    return [
        Measure(
            guard="grants",
            figure=figures.grants,
            limit=limits.max_messages,
            sentence=many if figures.grants > limits.max_messages else "",
        ),
        Measure(guard="grants_share", figure=figures.granting, limit=most, sentence=share if unusual else ""),
    ]


def _outdated(figures: Figures, limits: Limits) -> list[Measure]:
    """Compare, per workspace type, what may be old news: the flow was off, or could not look."""
    hours = int(limits.max_gap.total_seconds() / 3600)
    return [
        Measure(
            guard="max_gap",
            figure=messages,
            limit=0,
            sentence=f"{messages} messages of {name!r}, which this flow last looked at completely on "
            f"{at:%Y-%m-%d %H:%M} UTC, longer ago than max_gap {hours}h: they may be old news"
            if messages
            else "",
        )
        for name, (at, messages) in figures.late.items()
    ]


def _cleared(figures: Figures, limits: Limits) -> Measure:
    share = figures.audience * limits.max_cleared_share if figures.audience >= FLOOR else float("inf")
    limit = int(min(share, limits.max_cleared_people))
    sentence = (
        f"{figures.cleared} of {figures.audience} known people would lose their attributes because no workspace "
        "leads to them any more; lost permission looks the same"
    )
    return Measure(
        guard="max_cleared_people",
        figure=figures.cleared,
        limit=limit,
        sentence=sentence if figures.cleared > limit else "",
    )


def _shrunk(figures: Figures, limits: Limits) -> list[Measure]:
    """Compare, per workspace type, the complete listing with the last one."""
    return [_listing(name, known, figures.listed[name], limits) for name, known in figures.known.items()]


def _listing(name: str, known: int, listed: int, limits: Limits) -> Measure:
    sentence, least = "", known * (1 - limits.max_shrink)
    if known and not listed:
        sentence = f"{name!r} is empty; last time it listed {known}"
    elif known >= FLOOR and listed < least:
        sentence = f"{name!r} lists {listed}, {1 - listed / known:.0%} fewer than the {known} of last time"
    return Measure(guard="max_shrink", figure=listed, limit=int(least), sentence=sentence)


def _changed(figures: Figures, limits: Limits) -> Measure:
    total = sum(figures.known.values())
    most = total * limits.max_changed_share
    sentence = f"{figures.changed} of {total} workspaces changed, more than {limits.max_changed_share:.0%}"
    hit = total >= FLOOR and figures.changed > most
    return Measure(guard="max_changed_share", figure=figures.changed, limit=int(most), sentence=sentence if hit else "")
