"""What the simulated Braze holds: people, messages, groups, and everything it did; answers no request."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from ecmbraze.sandbox.braze.addresses import Addresses
from ecmbraze.sandbox.braze.records import Block, Export, Group, Message, Segment, Template, Touch, User
from ecmbraze.sandbox.braze.switches import Switches
from ecmbraze.sandbox.braze.values import Dropped, stored

_PHONE_CHANNELS = frozenset({"sms", "whatsapp"})
_STATES = {"email_subscribe": "email", "push_subscribe": "push"}


class Clock(Protocol):
    """What the store asks of a clock."""

    def now(self) -> datetime: ...


class BrazeStore:
    """The state of one workspace; take ``lock`` around every use."""

    def __init__(self, clock: Clock, seed: int, api_key: str) -> None:
        self.clock, self.lock, self.switches = clock, threading.RLock(), Switches()
        self.addresses = Addresses(clock.now, self.switches)
        self._random = random.Random(f"braze-{seed}")  # noqa: S311 - repeatable ids, not secrets
        self.keys: dict[str, frozenset[str] | None] = {api_key: None}
        self.by_external: dict[str, User] = {}
        self.users: list[User] = []
        self.by_alias: dict[tuple[str, str], User] = {}
        self.messages: dict[tuple[str, str], Message] = {}
        self.groups: dict[str, Group] = {}
        self.segments: dict[str, Segment] = {}
        self.templates: dict[str, Template] = {}
        self.blocks: dict[str, Block] = {}
        self.exports: dict[str, Export] = {}
        self.bucket: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.entered: dict[tuple[str, str], int] = {}
        # What was accepted and does not show yet, and what the control API set for later: (when, what to do).
        self.queue: list[tuple[datetime, Callable[[], object]]] = []
        self.planned: list[tuple[datetime, Callable[[], object]]] = []
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

    def put_user(self, external_id: str, fields: Mapping[str, Any], at: datetime | None = None) -> User:
        """Create or change a person as an outside event would, consent and bounces included.

        ``at`` is the date that states and bounces get, now when it is left out. A state reaches whoever shares the
        address; one beside a new address is meant for the new one.
        """
        with self.lock:
            user = self.by_external.get(external_id) or self.new_user(external_id)
            self.touch(user)
            for name, value in sorted(fields.items(), key=lambda entry: entry[0] not in ("email", "phone")):
                self._put(user, name, value, at or self.clock.now())
            return user

    def _put(self, user: User, name: str, value: Any, at: datetime) -> None:
        match name:
            case "groups":
                self._put_groups(user, value)
            case "custom_attributes":
                self._put_custom(user, value)
            case "user_aliases":
                self._add_aliases(user, value)
            case "hard_bounced":
                self.addresses.mark_bounced(user, at if value else None)
            case "invalid_phone":
                self.addresses.mark_invalid(user, (at, value) if value else None)
            case "engaged":
                self._engage(user, value)
            case "received":
                self._receive(user, value, at)
            case "email_subscribe":
                self.set_email_state(self.sharing(user), value, at, through_api=False)
            case _:
                self.set_field(user, name, value, at)

    def _put_groups(self, user: User, states: Mapping[str, str]) -> None:
        for group, state in states.items():
            self.set_group_state(self.sharing(user, group), group, state)

    def _put_custom(self, user: User, attributes: Mapping[str, Any]) -> None:
        """Set custom attributes as a survey or another system does: types are fixed and dates stored as for anybody."""
        for name, raw in attributes.items():
            if raw is None:
                user.custom.pop(name, None)
                continue
            try:
                user.custom[name] = stored(self.switches, self.types, name, raw, user.custom.get(name), merge=False)
            except Dropped as dropped:
                self.note("dropped", recipient=user.external_id, name=name, reason=str(dropped))

    def _engage(self, user: User, flags: Mapping[str, Iterable[str]]) -> None:
        for (_, message_id), touch in user.touched.items():
            touch.flags |= set(flags.get(message_id, ()))

    def _receive(self, user: User, received: Iterable[Mapping[str, Any]], at: datetime) -> None:
        """Let a person have received messages, sent by whomever, and done something with them."""
        for told in received:
            message = next(message for message in self.messages.values() if message.id == told["id"])
            touch = self.touch_message(user, message, at)
            touch.flags |= set(told.get("engaged", ()))
            touch.converted = told.get("converted", touch.converted)
            touch.steps |= dict.fromkeys(told.get("steps", ()), at)

    def touch_message(self, user: User, message: Message, at: datetime) -> Touch:
        """Note that a person received a message."""
        touch = user.touched.setdefault((message.kind, message.id), Touch(at))
        touch.last = max(touch.last, at)
        return touch

    def set_field(self, user: User, name: str, value: Any, at: datetime | None = None) -> None:
        """Set one standard field of one profile."""
        if name in ("email", "phone"):
            self.addresses.move(user, name, value)
        elif name in _STATES:
            self.addresses.set_state(user, _STATES[name], value, at or self.clock.now(), through_api=False)
        elif value is None:
            user.fields.pop(name, None)
        else:
            user.fields[name] = value

    def set_email_state(
        self, users: Iterable[User], state: str | None, at: datetime | None = None, *, through_api: bool = True
    ) -> None:
        """Set the global e-mail state of people."""
        for user in users:
            self.addresses.set_state(user, "email", state, at or self.clock.now(), through_api=through_api)

    def set_group_state(self, users: Iterable[User], group: str, state: str) -> None:
        """Set the state of people in a group; in an archived one nothing changes."""
        known = self.groups.get(group)
        if known is None or not known.archived:
            for user in users:
                user.groups[group] = state

    def sharing(self, user: User, group: str | None = None) -> list[User]:
        """Return everybody with the same address, to whom subscription writes fan out.

        The address is the e-mail, for the group of a phone channel the number (api/braze.md 5.2).
        """
        known = self.groups.get(group) if group else None
        by_phone = known is not None and known.channel in _PHONE_CHANNELS
        return self.addresses.sharing("phone" if by_phone else "email", user)

    def add_alias(self, user: User, label: str, name: str) -> bool:
        """Attach an alias; a pair that is taken anywhere changes nothing."""
        if (label, name) in self.by_alias:
            return False
        user.aliases[label] = name
        self.by_alias[(label, name)] = user
        return True

    def _add_aliases(self, user: User, aliases: Iterable[Mapping[str, str]]) -> None:
        for alias in aliases:
            self.add_alias(user, alias["alias_label"], alias["alias_name"])

    def drop_user(self, user: User) -> None:
        """Remove a profile and everything that leads to it."""
        self.users.remove(user)
        self.by_external = {key: other for key, other in self.by_external.items() if other is not user}
        self.by_alias = {key: other for key, other in self.by_alias.items() if other is not user}
        self.addresses.forget(user)

    def put_campaign(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self._put_message("campaign", id, name, flags)

    def put_canvas(self, id: str, name: str, **flags: Any) -> None:  # noqa: A002 - the name the control API uses
        self._put_message("canvas", id, name, flags)

    def put_group(self, id: str, name: str, channel: str, **flags: bool) -> None:  # noqa: A002 - as above
        self.groups[id] = Group(name, channel, **flags)

    def put_segment(self, segment_id: str, name: str, /, **built: Any) -> None:
        """Build a segment as somebody does in the dashboard."""
        now = self.clock.now()
        self.segments[segment_id] = Segment(id=segment_id, name=name, created=now, edited=now, **built)

    def put_template(self, template_id: str, name: str, /, **written: Any) -> None:
        """Write an e-mail template."""
        now = self.clock.now()
        self.templates[template_id] = Template(id=template_id, name=name, created=now, edited=now, **written)

    def put_block(self, block_id: str, name: str, /, **written: Any) -> None:
        """Write a Content Block."""
        now = self.clock.now()
        self.blocks[block_id] = Block(id=block_id, name=name, created=now, edited=now, **written)

    def _put_message(self, kind: str, id: str, name: str, flags: dict[str, Any]) -> None:  # noqa: A002
        now = flags.get("edited", self.clock.now())
        known = self.messages.get((kind, id)) or Message(kind, id, name, now, now)
        self.messages[(kind, id)] = known.changed(now, name=name, **flags)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
