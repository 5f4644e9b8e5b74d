"""Profiles, groups, segments, campaigns, Canvases and content as the store holds them; values that do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

_STANDARD = """
    country current_location date_of_first_session date_of_last_session dob email email_subscribe facebook first_name
    gender home_city language last_name phone push_subscribe time_zone twitter email_open_tracking_disabled
    email_click_tracking_disabled marked_email_as_spam_at
"""
STANDARD = frozenset(_STANDARD.split())


@dataclass(slots=True)
class Touch:
    """What a person received of a campaign or Canvas: ``flags`` such as ``opened_email``, ``steps`` id → when."""

    last: datetime
    flags: set[str] = field(default_factory=set)
    steps: dict[str, datetime] = field(default_factory=dict)
    converted: bool = False


@dataclass(slots=True)
class User:
    """One profile. ``events`` and ``purchases`` are name → [first, last, count].

    ``touched`` is (kind, message id) → what of it was received. ``dates`` is a field such as
    ``email_unsubscribed_at`` → when that happened last.
    """

    braze_id: str
    external_id: str | None
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[Any]] = field(default_factory=dict)
    purchases: dict[str, list[Any]] = field(default_factory=dict)
    touched: dict[tuple[str, str], Touch] = field(default_factory=dict)
    dates: dict[str, datetime] = field(default_factory=dict)
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A subscription group; the state of nobody changes in an archived one."""

    name: str
    channel: str = "email"
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment; ``members`` are external ids, ``None`` means everybody."""

    id: str
    name: str
    created: datetime
    edited: datetime
    members: tuple[str, ...] | None = None
    archived: bool = False
    tracked: bool = False
    description: str = ""
    text_description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a segment; it can be read from ``ready`` until ``ends`` with its signature."""

    segment: str
    ready: datetime
    ends: datetime
    signature: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An e-mail template; a drag-and-drop one exists, and the API never shows it."""

    id: str
    name: str
    created: datetime
    edited: datetime
    drag_and_drop: bool = False
    description: str = ""
    subject: str = ""
    preheader: str = ""
    body: str = ""
    plaintext_body: str = ""
    should_inline_css: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A Content Block; names are unique."""

    id: str
    name: str
    created: datetime
    edited: datetime
    content: str = ""
    content_type: str = "html"
    description: str = ""
    state: str = "active"
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Message:
    """A campaign or a Canvas. ``send_to`` is the least global e-mail state; ``groups`` must be subscribed.

    ``messages`` of a campaign are variation id → message; ``variants`` and ``steps`` are a Canvas's. ``launched_draft``
    is what somebody edits behind the live version: the fields that differ in it.
    """

    kind: str
    id: str
    name: str
    created: datetime
    edited: datetime
    paused: bool = False
    archived: bool = False
    draft: bool = False
    send_to: str = "subscribed"
    groups: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("email",)
    tags: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    description: str = ""
    schedule_type: str = "api_triggered"
    is_api_campaign: bool = False
    messages: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[Mapping[str, Any], ...] = ()
    launched_draft: Mapping[str, Any] | None = None
    stopped: datetime | None = None
    first_sent: datetime | None = None
    last_sent: datetime | None = None

    @property
    def first_step(self) -> str:
        """Return the id of the step of a Canvas that everybody receives first."""
        for variant in self.variants:
            if variant["first_step_ids"]:
                return str(variant["first_step_ids"][0])
        return str(self.steps[0]["id"]) if self.steps else f"{self.id}-1"

    def step_name(self, step: str) -> str:
        """Return the name of a step."""
        return str(next((known["name"] for known in self.steps if known["id"] == step), "Step 1"))

    def changed(self, now: datetime, **flags: Any) -> Message:
        """Return the message as somebody left it after an edit; the flags not named stay."""
        lists = {name: tuple(value) for name, value in flags.items() if isinstance(value, list)}
        found = replace(self, **{"edited": now, **flags, **lists})
        found.stopped = (found.stopped or now) if found.paused or found.archived else None
        return found
