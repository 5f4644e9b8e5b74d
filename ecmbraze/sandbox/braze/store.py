"""What the simulated Braze holds: people, messages, groups, and everything it did; answers no request."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta
from typing import Any, Protocol

from ecmbraze.sandbox.braze.records import Message, User
from ecmbraze.sandbox.braze.switches import Switches

_ORPHANS_KEPT = timedelta(days=30)


class Clock(Protocol):
    """What the store asks of a clock."""

    def now(self) -> datetime: ...


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
        self.address_states: dict[str, str] = {}
        self.orphans: dict[str, dict[str, tuple[str, datetime]]] = {}
        self.entered: dict[tuple[str, str], int] = {}
        self.queue: list[tuple[datetime, list[Any]]] = []
        self.updates = self.serial = 0
        self.clear_received()

    def clear_received(self) -> None:
        """Forget what Braze did so far."""
        self.received: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("messages", "events", "attributes", "dropped", "not_sent", "broadcasts", "calls")
        }
        self.data_points = self.requests = self.sequence = 0

    def note(self, book: str, /, **told: Any) -> None:
        """Write down something Braze did, in order."""
        self.sequence += 1
        self.received[book].append({"seq": self.sequence, "at": _iso(self.clock.now()), **told})

    def next_serial(self) -> int:
        """Return a number nothing had before."""
        self.serial += 1
        return self.serial

    def touch(self, user: User) -> None:
        """Make a profile the most recently updated one."""
        self.updates += 1
        user.updated = self.updates

    def count(self, book: dict[str, list[Any]], name: str, at: datetime | None) -> datetime:
        """Count an event or purchase and return its time: one ahead of us becomes now."""
        now = self.clock.now()
        moment = min(at or now, now)
        entry = book.setdefault(name, [moment, moment, 0])
        entry[:] = [min(entry[0], moment), max(entry[1], moment), entry[2] + 1]
        return moment

    def new_id(self) -> str:
        """Return a repeatable id of 24 hex digits."""
        return f"{self._random.getrandbits(96):024x}"

    def new_user(self, external_id: str | None) -> User:
        """Create a profile; the default state of e-mail and push is *neither in nor out*: subscribed."""
        user = User(self.new_id(), external_id, self.clock.now())
        user.fields.update(email_subscribe="subscribed", push_subscribe="subscribed")
        self.users.append(user)
        if external_id is not None:
            self.by_external[external_id] = user
        return user

    def put_user(self, external_id: str, fields: dict[str, Any]) -> User:
        """Create or change a person as an outside event would, consent and bounces included."""
        with self.lock:
            user = self.by_external.get(external_id) or self.new_user(external_id)
            self.touch(user)
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
                elif name == "engaged":
                    for (_, message_id), touch in user.touched.items():
                        touch[1] |= set(value.get(message_id, ()))
                else:
                    self.set_field(user, name, value)
            return user

    def set_field(self, user: User, name: str, value: Any) -> None:
        """Set one standard field, keeping the index of addresses."""
        if name == "email_subscribe":
            self.set_state(user, value, through_api=False)
            return
        if name == "email":
            self._index_email(user, value)
        if value is None:
            user.fields.pop(name, None)
        else:
            user.fields[name] = value
        if value and name in ("email", "phone"):
            self._inherit_groups(user, str(value))

    def set_state(self, user: User, state: str | None, *, through_api: bool) -> None:
        """Set the global e-mail state; who unsubscribes is listed under the address (api/braze.md 5.7)."""
        email = str(user.fields.get("email") or "").lower()
        if email and state == "unsubscribed" and (self.switches.list_api_unsubscribes or not through_api):
            self.unsubscribed[email] = self.clock.now()
        elif state != "unsubscribed" and not self.switches.list_resubscribed:
            self.unsubscribed.pop(email, None)
        if state is None:
            user.fields.pop("email_subscribe", None)
        else:
            user.fields["email_subscribe"] = state

    def keep_group_state(self, address: str, group: str, state: str) -> None:
        """Keep a group state for an address that nobody has, for whoever gets it within 30 days (5.2)."""
        self.orphans.setdefault(address.lower(), {})[group] = (state, self.clock.now())

    def _inherit_groups(self, user: User, address: str) -> None:
        since = self.clock.now() - _ORPHANS_KEPT
        found = self.orphans.pop(address.lower(), {})
        user.groups.update({group: state for group, (state, at) in found.items() if at >= since})

    def state_of_address(self, email: str) -> str | None:
        """Return the state that somebody new with this address inherits; ``None`` when nobody has it."""
        for user in self.by_email.get(email, []):
            return str(user.fields.get("email_subscribe", "subscribed"))
        return self.address_states.get(email)

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
        email = str(user.fields.get("email") or "").lower()
        self._index_email(user, None)
        if not self.by_email.get(email):  # the state of an address goes with its last holder (api/braze.md 5.2)
            self.address_states.pop(email, None)

    def put_campaign(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self._put_message("campaign", id, name, flags)

    def put_canvas(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self._put_message("canvas", id, name, flags)

    def put_group(self, id: str, name: str, channel: str) -> None:  # noqa: A002 - the name the control API uses
        self.groups[id] = (name, channel)

    def _put_message(self, kind: str, id: str, name: str, flags: dict[str, Any]) -> None:  # noqa: A002
        now = self.clock.now()
        known = self.messages.get((kind, id)) or Message(kind, id, name, now, now)
        self.messages[(kind, id)] = known.changed(now, name=name, **flags)

    def _index_email(self, user: User, email: str | None) -> None:
        old = user.fields.get("email")
        if old:
            self.by_email[old.lower()] = [other for other in self.by_email.get(old.lower(), []) if other is not user]
        if email:
            self.by_email.setdefault(email.lower(), []).append(user)

    def _bounce(self, user: User, bounced: bool) -> None:
        email = str(user.fields.get("email", "")).lower()
        if bounced and email:
            self.bounced[email] = self.clock.now()
        else:
            self.bounced.pop(email, None)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
