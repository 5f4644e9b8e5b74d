"""What the simulated Braze holds: people, messages, groups, and everything it did; answers no request."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

_STANDARD = """
    country current_location date_of_first_session date_of_last_session dob email email_subscribe facebook first_name
    gender home_city language last_name phone push_subscribe time_zone twitter email_open_tracking_disabled
    email_click_tracking_disabled marked_email_as_spam_at
"""
STANDARD = frozenset(_STANDARD.split())


class Clock(Protocol):
    """What the store asks of a clock."""

    def now(self) -> datetime: ...


@dataclass(slots=True)
class User:
    """One profile. ``events`` is name → [first, last, count]."""

    braze_id: str
    external_id: str | None
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[Any]] = field(default_factory=dict)
    updated: int = 0


@dataclass(slots=True)
class Message:
    """A campaign or a Canvas. ``send_to`` is the least global e-mail state; ``groups`` must be subscribed."""

    kind: str
    id: str
    name: str
    paused: bool = False
    archived: bool = False
    send_to: str = "subscribed"
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class Switches:
    """Behaviours a test can turn; defaults as api/braze.md 13 gives them."""

    headers: str = "classic"
    legacy_limits: bool = False
    error_sentences: bool = True
    error_index: bool = True
    string_too_long: str = "drop"
    campaign_paused: str = "error400"
    unknown_group_state: str = "Unknown"
    require_fields: bool = True
    lag_s: float = 0.0
    track_per_window: int = 3000
    export_per_minute: int = 2500
    blocklist: tuple[str, ...] = ()


class BrazeStore:
    """The state of one workspace; take ``lock`` around every use."""

    def __init__(self, clock: Clock, seed: int, api_key: str) -> None:
        self.clock, self.lock, self.switches = clock, threading.RLock(), Switches()
        self._random = random.Random(f"braze-{seed}")  # noqa: S311 - repeatable ids, not secrets
        self.keys: dict[str, frozenset[str] | None] = {api_key: None}
        self.by_external: dict[str, User] = {}
        self.users: list[User] = []
        self.by_alias: dict[tuple[str, str], User] = {}
        self.by_email: dict[str, list[User]] = {}
        self.messages: dict[tuple[str, str], Message] = {}
        self.groups: dict[str, tuple[str, str]] = {}
        self.bounced: dict[str, datetime] = {}
        self.unsubscribed: dict[str, datetime] = {}
        self.types: dict[str, str] = {}
        self.queue: list[tuple[datetime, list[Any]]] = []
        self.updates = 0
        self.clear_received()

    def clear_received(self) -> None:
        """Forget what Braze did so far."""
        self.received: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("messages", "events", "attributes", "not_sent", "broadcasts")
        }
        self.data_points = self.requests = self.sequence = 0

    def note(self, book: str, /, **told: Any) -> None:
        """Write down something Braze did, in order."""
        self.sequence += 1
        self.received[book].append({"seq": self.sequence, "at": _iso(self.clock.now()), **told})

    def new_id(self) -> str:
        """Return a repeatable id of 24 hex digits."""
        return f"{self._random.getrandbits(96):024x}"

    def new_user(self, external_id: str | None) -> User:
        """Create a profile; the default e-mail state is *neither in nor out*: subscribed."""
        user = User(self.new_id(), external_id, self.clock.now())
        self.users.append(user)
        if external_id is not None:
            self.by_external[external_id] = user
        return user

    def put_user(self, external_id: str, fields: dict[str, Any]) -> User:
        """Create or change a person as an outside event would, consent and bounces included."""
        with self.lock:
            user = self.by_external.get(external_id) or self.new_user(external_id)
            for name, value in fields.items():
                if name == "groups":
                    user.groups.update(value)
                elif name == "custom_attributes":
                    user.custom.update(value)
                elif name == "user_aliases":
                    for alias in value:
                        self.add_alias(user, alias["alias_label"], alias["alias_name"])
                elif name == "hard_bounced":
                    self._bounce(user, bool(value))
                else:
                    self.set_field(user, name, value)
            return user

    def set_field(self, user: User, name: str, value: Any) -> None:
        """Set one standard field, keeping the e-mail index and its consent rules."""
        if name == "email":
            self._index_email(user, value)
        if name == "email_subscribe" and value == "unsubscribed" and user.fields.get("email"):
            self.unsubscribed[user.fields["email"].lower()] = self.clock.now()
        if value is None:
            user.fields.pop(name, None)
        else:
            user.fields[name] = value

    def add_alias(self, user: User, label: str, name: str) -> bool:
        """Attach an alias; a pair that is taken anywhere changes nothing."""
        if (label, name) in self.by_alias:
            return False
        user.aliases[label] = name
        self.by_alias[(label, name)] = user
        return True

    def drop_user(self, user: User) -> None:
        """Remove a profile and everything that leads to it."""
        self.users.remove(user)
        self.by_external = {key: other for key, other in self.by_external.items() if other is not user}
        self.by_alias = {key: other for key, other in self.by_alias.items() if other is not user}
        self._index_email(user, None)

    def put_campaign(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self.messages[("campaign", id)] = Message("campaign", id, name, **flags)

    def put_canvas(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self.messages[("canvas", id)] = Message("canvas", id, name, **flags)

    def put_group(self, id: str, name: str, channel: str) -> None:  # noqa: A002 - the name the control API uses
        self.groups[id] = (name, channel)

    def _index_email(self, user: User, email: str | None) -> None:
        old = user.fields.get("email")
        if old:
            self.by_email[old.lower()] = [other for other in self.by_email.get(old.lower(), []) if other is not user]
        if email:
            self.by_email.setdefault(email.lower(), []).append(user)

    def _bounce(self, user: User, bounced: bool) -> None:
        email = str(user.fields.get("email", "")).lower()
        if bounced:
            self.bounced[email] = self.clock.now()
        else:
            self.bounced.pop(email, None)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
