"""Braze in memory: people, groups, bounces, campaigns, and a book of what it took that no test can edit.

Implements PeopleReader, EngagementReader and MessageSink. What it does with a write is api/braze.md, as far as the
product's own bodies reach; `test_conformance.py` holds it against the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError, TimeBudgetUsed
from ecmbraze.model import (
    AddressList,
    Answer,
    Json,
    Kind,
    Member,
    MessageInfo,
    Profile,
    Received,
    TrackBatch,
    TriggerBatch,
    Verdict,
)
from ecmbraze.model.recipients import Alias, Email, ExternalId, read
from tests.twins.braze_values import moment, stamp, stored
from tests.twins.wire import Trouble, Wire

_STATES = ("opted_in", "subscribed", "unsubscribed")
# api/braze.md 1.2, 3.1, 4.1
_MAX_OBJECTS, _MAX_RECIPIENTS = 75, 50
_LONGEST_WAIT_S = 50.0
_BYTES = 987


@dataclass(slots=True, kw_only=True)
class Person:
    """One profile, as it is now; tests change it as the person, or somebody at a desk in Braze, would."""

    external_id: str = ""
    aliases: frozenset[tuple[str, str]] = frozenset()
    email: str | None = None
    phone: str | None = None
    email_subscribe: str = "subscribed"
    push_subscribe: str = "subscribed"
    groups: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Json] = field(default_factory=dict)
    events: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    chosen: dict[str, datetime] = field(default_factory=dict)
    """``email_unsubscribed_at`` and its like, where the export says it: never to be counted on (api/braze.md 4.1)."""
    received: dict[str, Received] = field(default_factory=dict)
    """Campaign → what the export tells of it."""

    @property
    def recipient(self) -> str:
        """Return the id the book names them by."""
        return self.external_id or next((f"{label}:{name}" for label, name in sorted(self.aliases)), self.email or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing Braze took for one person. ``kind`` says what: attribute, event, campaign, canvas, withdrawal."""

    kind: str
    recipient: str
    name: str
    value: Json = None
    """Of an attribute, what was sent."""
    properties: Mapping[str, Json] = field(default_factory=dict)
    time: str = ""
    at: datetime
    """When it was taken, by Braze's own clock."""
    email_subscribe: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    bounced: bool = False
    """The person's consent at that moment."""


@dataclass(slots=True, kw_only=True)
class Campaign:
    """A campaign or Canvas; ``state`` is empty while it would be sent, else draft, archived or paused."""

    title: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class _Export:
    people: Sequence[Member]

    @property
    def size(self) -> int:
        return len(self.people)

    def members(self) -> Iterator[Member]:
        return iter(self.people)


class TwinBraze:
    """One workspace of Braze."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.people: dict[str, Person] = {}
        self.bounced: set[str] = set()
        self.lists: dict[AddressList, dict[str, datetime]] = {which: {} for which in AddressList}
        """Address → when it came onto a dated list."""
        self.campaigns: dict[tuple[Kind, str], Campaign] = {}
        self.groups: set[str] = set()
        self.segments: dict[str, list[str]] = {}
        """Segment → the external ids in it."""
        self.refused: dict[str, str] = {}
        """External id → why Braze refuses every object of them."""
        self.doubts: set[tuple[str, str]] = set()
        """(recipient, name) of messages whose fate no answer told."""
        self.asked: dict[str, float] = {}
        """Person → when their profile was asked for last, monotonic."""
        self.oldest_s = 0.0
        """How long before it left the person of a message was asked about, at the most."""
        self._book: list[Entry] = []
        self._types: dict[str, str] = {}
        self._opens: dict[str, float] = {}
        self._entered: dict[tuple[str, str], int] = {}

    @property
    def book(self) -> tuple[Entry, ...]:
        """Return what was taken so far, oldest first."""
        return tuple(self._book)

    @property
    def messages(self) -> tuple[Entry, ...]:
        """Return the events, campaigns and Canvases of the book."""
        return tuple(entry for entry in self._book if entry.kind in ("event", "campaign", "canvas"))

    def add(self, external_id: str, **more: object) -> Person:
        """Make a profile."""
        self.people[external_id] = person = Person(external_id=external_id, **more)  # type: ignore[arg-type]  # its own fields
        return person

    def launch(self, kind: Kind, message_id: str, title: str = "", state: str = "") -> None:
        self.campaigns[kind, message_id] = Campaign(title=title or message_id, state=state)

    def choose(self, external_id: str, **states: str) -> None:
        """Let a person choose: ``email``, ``push``, or a subscription group by its id."""
        person = self.people[external_id]
        for channel, state in states.items():
            if channel not in ("email", "push"):
                person.groups[channel] = state
                continue
            setattr(person, f"{channel}_subscribe", state)
            if state in ("opted_in", "unsubscribed"):  # the default has no moment
                person.chosen[f"{channel}_{state}_at"] = self.wire.clock.true().replace(microsecond=0)

    def receive(self, external_id: str, campaign: str, *, engaged: bool = False) -> None:
        """Let a person receive a campaign now, or do something with the last one; a flag that is set stays."""
        self._touch(Kind.CAMPAIGN, self.people[external_id], campaign, engaged=engaged)

    def _touch(self, kind: Kind, person: Person, message: str, *, engaged: bool = False) -> None:
        if kind is not Kind.CAMPAIGN:
            return  # of a Canvas the export tells no engagement (6.1)
        past = person.received.get(message)
        person.received[message] = Received(campaign=message, engaged=engaged or bool(past and past.engaged))

    # EngagementReader

    def received(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Received]]:
        self.wire.read("braze received")
        people = {recipient: self._whom(recipient) for recipient in dict.fromkeys(recipients)}
        return {
            recipient: [one for person in found for one in person.received.values()]
            for recipient, found in people.items()
            if found
        }

    # PeopleReader

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        self.asked |= dict.fromkeys(recipients, self.wire.clock.monotonic())
        self.wire.read("braze profiles")
        found: dict[str, list[Profile]] = {}
        for recipient in dict.fromkeys(recipients):
            for person in self._whom(recipient):
                found.setdefault(recipient, []).append(_profile(recipient, person))
        return found

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        self.wire.read("braze groups")
        if group_id not in self.groups:
            raise ConfigurationError(f"Braze refuses /subscription/status/get: unknown group {group_id}.")
        return {recipient: self._state(group_id, recipient) for recipient in recipients}

    def _state(self, group_id: str, recipient: str) -> str:
        states = {person.groups.get(group_id, "unknown").lower() for person in self._whom(recipient)}
        return states.pop() if len(states) == 1 else "unknown"

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        self.wire.read("braze message")
        found = self.campaigns.get((kind, message_id))
        if found is None:
            return MessageInfo(title=message_id, stopped=f"{kind} {message_id} is not in Braze")
        word = "a draft" if found.state == "draft" else found.state
        told = f"{kind} {found.title!r} ({message_id}) is {word} in Braze" if word else ""
        return MessageInfo(title=found.title, stopped=told)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        self.wire.read("braze bounces")
        return frozenset(address.lower() for address in self.bounced)

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        self.wire.read(f"braze {which}")
        first = since.replace(hour=0, minute=0, second=0, microsecond=0)  # days are midnights UTC
        return {address.lower(): at for address, at in self.lists[which].items() if at >= first}

    # SegmentReader

    def segment(self, segment_id: str, attributes: Sequence[str], files: str = "") -> _Export:
        self.wire.read("braze segment")
        if segment_id not in self.segments:
            raise ConfigurationError(f"Braze has no segment {segment_id}.")
        people = [self.people[name] for name in self.segments[segment_id] if name in self.people]
        return _Export([Member(names=frozenset({one.recipient}), profile=_profile("", one)) for one in people])

    # MessageSink

    def wait_for_turn(self, kind: Kind) -> None:
        left = self._opens.get(_path(kind), 0.0) - self.wire.clock.monotonic()
        if left > _LONGEST_WAIT_S:
            raise TimeBudgetUsed(f"Braze limits the rate of {_path(kind)}.", undone="What was not sent waits.")
        self.wire.clock.sleep(left)

    def close(self, kind: Kind, seconds: float) -> None:
        """Let nothing of a path in for a while: its rate limit is used up."""
        self._opens[_path(kind)] = self.wire.clock.monotonic() + seconds

    def track(self, batch: TrackBatch) -> Answer:
        objects = len(batch.attributes) + len(batch.events)
        if not 1 <= objects <= _MAX_OBJECTS:
            return _bug(f"a track request of {objects} objects")
        told = [(recipient, str(event["name"])) for recipient, event in batch.events]
        return self._write("braze track", Kind.EVENT, lambda: self._track(batch), told)

    def trigger(self, batch: TriggerBatch) -> Answer:
        if len(batch.recipients) > _MAX_RECIPIENTS:
            return _bug(f"a trigger for {len(batch.recipients)} people")
        told = [(one.recipient, batch.message_id) for one in batch.recipients]
        return self._write(f"braze {batch.kind}", batch.kind, lambda: self._trigger(batch), told)

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        """Unsubscribe existing people from ``email``, ``push`` or ``group:<id>``."""
        if not 1 <= len(recipients) <= _MAX_OBJECTS:
            return _bug(f"a withdrawal of {len(recipients)} people")
        if channel not in ("email", "push") and not (channel.startswith("group:") and channel != "group:"):
            return _bug(f"a withdrawal from {channel!r}")
        return self._write("braze withdraw", Kind.WITHDRAWAL, lambda: self._withdraw(recipients, channel))

    def _write(self, name: str, kind: Kind, do: Callable[[], Answer], told: Sequence[tuple[str, str]] = ()) -> Answer:
        """Do what is asked unless the way says otherwise, and judge as delivery.md does."""
        now = self.wire.clock.monotonic()
        self.oldest_s = max([self.oldest_s, *(now - self.asked.get(person, now) for person, _ in told)])
        trouble = self.wire.there(name)
        answer = do() if trouble is None or trouble.processed else None
        if trouble is not None and trouble.unknown:
            self.doubts.update(told)
        self.wire.back(name)
        match trouble:
            case None:
                assert answer is not None
                return answer
            case Trouble.LIMITED:
                self.close(kind, 1.0)
                return Answer(verdict=Verdict.NOT_PROCESSED, reason="rate-limited", limited=True)
            case Trouble.NOT_SENT:
                return Answer(verdict=Verdict.NOT_PROCESSED, reason=str(trouble))
            case Trouble.KEY_REFUSED:
                stop = CredentialRefused("Braze refuses the key.", undone="Nothing of this request was sent.")
                return Answer(verdict=Verdict.NOT_PROCESSED, reason="the API key was refused", stop=stop)
            case Trouble.REFUSED:
                return Answer(verdict=Verdict.REFUSED, reason=str(trouble))
            case Trouble.LOST_BEFORE | Trouble.LOST_AFTER | Trouble.FAILED | Trouble.FAILED_AFTER | Trouble.CUT:
                return Answer(verdict=Verdict.UNKNOWN, reason=str(trouble))

    def _track(self, batch: TrackBatch) -> Answer:
        refused: dict[tuple[str, int], str] = {}
        for index, (recipient, values) in enumerate(batch.attributes):
            if reason := self._refusal(recipient):
                refused["attributes", index] = reason
            else:
                self._set(recipient, values, create=recipient in batch.create_profiles)
        for index, (recipient, event) in enumerate(batch.events):
            if reason := self._refusal(recipient) or _event_refusal(event):
                refused["events", index] = reason
            else:
                self._happened(recipient, event)
        return _accepted(refused, len(batch.attributes) + len(batch.events))

    def _trigger(self, batch: TriggerBatch) -> Answer:
        found = self.campaigns.get((batch.kind, batch.message_id))
        resting = found is not None and found.state and (batch.kind is Kind.CAMPAIGN or found.state != "draft")
        if found is None or resting:
            return _stopped(f"{batch.kind} {batch.message_id} cannot be sent")
        if reason := next((why for one in batch.recipients if (why := self._refusal(one.recipient))), ""):
            return Answer(verdict=Verdict.REFUSED, reason=reason)
        for one in batch.recipients if not found.state else ():
            self._set(one.recipient, one.attributes, create=False)
            for person in self._whom(one.recipient)[:1]:
                if not self._enters_twice(batch, person):
                    self._touch(batch.kind, person, batch.message_id)
                    self._note(str(batch.kind), person, batch.message_id, properties=one.properties)
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted")

    def _enters_twice(self, batch: TriggerBatch, person: Person) -> bool:
        """Say whether the person entered this Canvas in this very second already: one entry counts (3.3)."""
        if batch.kind is Kind.CAMPAIGN:
            return False
        second, key = int(self.wire.clock.true().timestamp()), (batch.message_id, person.recipient)
        before, self._entered[key] = self._entered.get(key), second
        return before == second

    def _withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        group = channel.removeprefix("group:") if channel.startswith("group:") else ""
        refused: dict[tuple[str, int], str] = {}
        for index, recipient in enumerate(recipients):
            unknown = "'subscription_group_id' is not a known group" if group and group not in self.groups else ""
            if reason := self._refusal(recipient) or unknown:
                refused["attributes", index] = reason
                continue
            for person in self._whom(recipient):
                self._note("withdrawal", person, channel, value="unsubscribed")
                self._unsubscribe(person, group, channel)
        return _accepted(refused, len(recipients))

    def _unsubscribe(self, person: Person, group: str, channel: str) -> None:
        """Take a person out, and of e-mail everybody who shares the address (5.2)."""
        mine = (person.email or "").lower()
        sharing = [one for one in self.people.values() if mine and (one.email or "").lower() == mine] or [person]
        if channel == "push":
            person.push_subscribe = "unsubscribed"
        for one in sharing if channel != "push" else ():
            if group:
                one.groups[group] = "unsubscribed"
            else:
                one.email_subscribe = "unsubscribed"
                if "email_unsubscribed_at" in one.chosen:
                    one.chosen["email_unsubscribed_at"] = self.wire.clock.true().replace(microsecond=0)

    def _set(self, recipient: str, values: Mapping[str, Json], *, create: bool) -> None:
        """Write attributes; somebody unknown is passed over in silence, and so is a value of another type (1.6)."""
        people = self._whom(recipient) or ([self._made(recipient)] if create else [])
        for person in people:
            for name, value in values.items():
                self._note("attribute", person, name, value=value)
                if value is None:
                    person.attributes.pop(name, None)
                elif (kept := stored(self._types, name, value)) is not None:
                    person.attributes[name] = kept

    def _happened(self, recipient: str, event: Mapping[str, Json]) -> None:
        name, time, properties = str(event["name"]), str(event["time"]), event.get("properties")
        for person in self._whom(recipient):
            at = min(moment(time) or self.wire.clock.true(), self.wire.clock.true())
            count, last = person.events.get(name, (0, at))
            person.events[name] = (count + 1, max(last, at))
            told = properties if isinstance(properties, Mapping) else {}
            self._note("event", person, name, properties=told, time=time)

    def _made(self, recipient: str) -> Person:
        match read(recipient):
            case ExternalId(value=value):
                return self.add(value)
            case Alias(label=label, name=name):
                return self.add(f"{label}:{name}", aliases=frozenset({(label, name)}))
            case Email(address=address):
                return self.add(address, email=address)

    def _whom(self, recipient: str) -> list[Person]:
        """Return the profiles a recipient means; an address may mean several."""
        match read(recipient):
            case ExternalId(value=value):
                return [self.people[value]] if value in self.people else []
            case Alias(label=label, name=name):
                return [person for person in self.people.values() if (label, name) in person.aliases]
            case Email(address=address):
                return [person for person in self.people.values() if (person.email or "").lower() == address]

    def _refusal(self, recipient: str) -> str:
        match read(recipient):
            case ExternalId(value=value):
                too_long = "'external_id' must be fewer than 988 bytes" if len(value.encode()) > _BYTES else ""
                return self.refused.get(value, too_long)
            case Alias() | Email():
                return ""

    def _note(
        self,
        kind: str,
        person: Person,
        name: str,
        *,
        value: Json = None,
        time: str = "",
        properties: Mapping[str, Json] | None = None,
    ) -> None:
        entry = Entry(
            kind=kind,
            recipient=person.recipient,
            name=name,
            value=value,
            time=time,
            properties=dict(properties or {}),
            at=self.wire.clock.true(),
            email_subscribe=person.email_subscribe,
            groups=dict(person.groups),
            bounced=(person.email or "").lower() in self.bounced,
        )
        self._book.append(entry)


def _accepted(refused: Mapping[tuple[str, int], str], objects: int) -> Answer:
    """Return the answer to a request of which some objects were refused; of all of them it is a 400 (1.4)."""
    if len(refused) == objects:
        return Answer(verdict=Verdict.REFUSED, reason=next(iter(refused.values())))
    return Answer(verdict=Verdict.ACCEPTED, reason="accepted", refused=refused)


def _profile(recipient: str, person: Person) -> Profile:
    email, push = (
        state if state in _STATES else "unknown" for state in (person.email_subscribe, person.push_subscribe)
    )
    return Profile(
        recipient=recipient,
        email=person.email,
        phone=person.phone,
        email_subscribe=email,
        push_subscribe=push,
        custom_attributes=dict(person.attributes),
        custom_events={name: (count, stamp(last)) for name, (count, last) in person.events.items()},
        **person.chosen,
    )


def _event_refusal(event: Mapping[str, Json]) -> str:
    """Return why Braze refuses an event (api/braze.md 1.7); empty when it takes it."""
    if not event.get("name"):
        return "'name' is required"
    if moment(event.get("time")) is None:
        return "'time' is not a valid time"
    properties = event.get("properties")
    names = properties if isinstance(properties, Mapping) else {}
    bad = next((name for name in names if not name or name.startswith("$") or name in ("time", "event_name")), None)
    return f"{bad!r} is not a valid property name" if bad is not None else ""


def _path(kind: Kind) -> str:
    return {Kind.CAMPAIGN: "campaigns", Kind.CANVAS: "canvas"}.get(kind, "track")


def _bug(what: str) -> Answer:
    stop = EcmbrazeError(f"The request builder made {what}.", undone="It was not sent; it waits.")
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=stop.happened, stop=stop)


def _stopped(said: str) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=said, stop=ConfigurationError(f"Braze refuses: {said}."))
