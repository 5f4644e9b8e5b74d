"""What the lists of Braze show of things that people build there, as typed values; asks nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A campaign, a Canvas or a segment in a list (api/braze.md 7.3 to 7.5)."""

    id: str
    name: str
    tags: tuple[str, ...] = ()
    archived: bool = False
    is_api_campaign: bool | None = None
    """As Braze says it of campaigns; ``None`` where it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageState:
    """Whether a campaign or a Canvas sends: ``active``, ``stopped``, ``draft``, ``archived``, ``deleted``, ``unknown``.

    ``schedule_type`` is Braze's own word, which no public page lists; empty where it says none.
    """

    state: str
    schedule_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGroup:
    """A subscription group as Braze names it beside a profile (api/braze.md 5.4), without that profile's state."""

    id: str
    name: str
    channel: str
