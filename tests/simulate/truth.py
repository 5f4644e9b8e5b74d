"""What was true of each workspace and each person, and when: kept by the simulator, never asked of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecmbraze.model import Json
from tests.stories.story import GROUP, Occasion, Story
from tests.twins.braze import Person, TwinBraze
from tests.twins.ecm import TwinEcm

Said = tuple[str, str, tuple[tuple[str, Json], ...]]
"""(event or message id, recipient, what it says)."""
CONTACTS, HOLDER, WITNESS = "Contacts", "Holder", "Witness"
"""The set whose rows name the people of a workspace, the role of its customers, and one that is nobody's business."""
# delivery.md: facts and consent are at most 60 s old. What is read may leave 10 s later, and a request takes its time.
FRESH = timedelta(seconds=80)
# A reminder comes due by our clock, which may be ahead by so much before anybody says that it is wrong.
EARLY = timedelta(minutes=10)


@dataclass(slots=True)
class Stand:
    """One occasion of one workspace: since when it stands, for whom it stood when, whether it is owed."""

    occasion: Occasion
    on: bool = False
    sure: bool = True
    """Whether its messages must come: nothing excuses the product."""
    seen_off: bool = False
    """Whether a whole run saw that it did not stand."""
    shut: datetime | None = None
    """When a whole run had seen that nothing stood of which these messages tell: since then they are of the past."""
    starts: int = 0
    started: datetime | None = None
    spans: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    """(recipient, from, until) of when a message of it was right."""


class Workspaces:
    """The truth of the workspaces of every flow in a world; those of ``several`` name their people in rows of a set."""

    def __init__(self, ecm: TwinEcm, stories: Mapping[str, Story], several: Collection[str] = ()) -> None:
        self._ecm, self._stories, self._several = ecm, stories, several
        self.flow_of: dict[int, str] = {}
        self.stands: dict[int, dict[Occasion, Stand]] = {}
        self.allowed: Counter[Said] = Counter()
        self.ends: Counter[tuple[str, str, int]] = Counter()
        """(closing event, recipient, workspace) → how often something ended of which it tells."""
        self.silent: set[int] = set()
        """Workspaces of which an edit moved no modify date: only the sweep sees it."""

    def take_in(self, number: int, flow: str, *, baseline: bool = False) -> None:
        """Follow a workspace; what it stands at in the baseline is no news."""
        self.flow_of[number], self.stands[number] = flow, {}
        self.look(number)
        for stand in self.stands[number].values() if baseline else ():
            stand.sure = False
            self._forbid(stand)

    def _forbid(self, stand: Stand) -> None:
        for recipient, _, _ in stand.spans:
            for name, _ in stand.occasion.told:
                self.allowed[name, recipient, stand.occasion.says] = 0

    def people(self, number: int) -> tuple[str, ...]:
        """Return whom a workspace leads to; nobody where that cannot be told."""
        space, flow = self._ecm.spaces.get(number), self.flow_of[number]
        if space is None:
            return ()
        story = self._stories[flow]
        if flow in self._several:
            rows = space.rows.get(f"{story.category}.{CONTACTS}", ())
            return tuple(dict.fromkeys(str(row["Customer Number"]) for row in rows if row["Role"] == HOLDER))
        named = space.values.get(story.customer)
        return (named,) if isinstance(named, str) and named else ()

    def readable(self, number: int) -> bool:
        space = self._ecm.spaces.get(number)
        return space is not None and not space.hidden and not space.unreadable

    def _is_listed(self, number: int) -> bool:
        """Say whether a listing with columns shows its facts, which a read of its details may not."""
        space = self._ecm.spaces.get(number)
        return space is not None and not space.hidden and self._ecm.columns

    def look_at_all(self) -> None:
        """Take in what time alone has changed."""
        for number in self.flow_of:
            self.look(number)

    def look(self, number: int) -> None:
        """Take in what a workspace stands at now."""
        now, story = self._ecm.now(), self._stories[self.flow_of[number]]
        there = number in self._ecm.spaces
        assert story.truth
        found = dict(story.truth.stands(self._ecm, number, now)) if there else {}
        # What comes due a little later may have come due for us.
        soon = dict(story.truth.stands(self._ecm, number, now + EARLY)) if there else {}
        stands = self.stands[number]
        for occasion in {**found, **soon}:
            stands.setdefault(occasion, Stand(occasion))
        for occasion, stand in stands.items():
            others = [one for one in stands.values() if one is not stand and one.occasion.told == occasion.told]
            fresh = all(one.seen_off or not one.starts for one in others) or not occasion.again
            self._turn(number, stand, on=occasion in found, early=occasion in soon, now=now, fresh=fresh)
            stand.sure &= found.get(occasion, True)

    def _turn(self, number: int, stand: Stand, *, on: bool, early: bool, now: datetime, fresh: bool) -> None:
        if on and not stand.on:
            first = stand.starts == 0
            again = stand.occasion.again and stand.seen_off and number not in self.silent
            # Of a gate that opened on one version and again on another, nobody may have seen it closed in between.
            stand.sure = (first or again) and fresh
            stand.starts, stand.started, stand.shut = stand.starts + 1, now, None
        if stand.on and not on:
            stand.seen_off = False
            if stand.occasion.end:
                for recipient in {recipient for recipient, _, _ in stand.spans}:
                    self.ends[stand.occasion.end, recipient, number] += 1
        stand.on = on
        shown = self.readable(number) or self._is_listed(number)
        right = self.people(number) if (on or early) and shown else ()
        running = {whom for whom, _, until in stand.spans if until is None}
        stand.spans = [
            (whom, since, now if until is None and whom not in right else until) for whom, since, until in stand.spans
        ]
        for whom in right:
            if whom not in running:
                new = (on and stand.occasion.again) or all(whom != one for one, _, _ in stand.spans)
                stand.spans.append((whom, now, None))
                self._allow(stand, whom, new=new)

    def _allow(self, stand: Stand, recipient: str, *, new: bool) -> None:
        for name, _ in stand.occasion.told:
            said = (name, recipient, stand.occasion.says)
            self.allowed[said] += int(new)

    def excuse(self, number: int) -> None:
        """Owe nothing of a workspace for what it stands at now: it was out of sight, or changed hands."""
        for stand in self.stands[number].values():
            stand.sure, stand.seen_off = False, False

    def saw(self, numbers: Iterable[int]) -> None:
        """Note that a whole run looked at these workspaces."""
        for number in numbers:
            stands = self.stands[number].values()
            standing = {stand.occasion.told for stand in stands if stand.on}
            for stand in stands:
                stand.seen_off |= not stand.on
                if stand.occasion.told not in standing:
                    stand.shut = stand.shut or self._ecm.wire.clock.true()

    def was_right(self, said: Said, at: datetime) -> bool:
        """Say whether the facts behind a message held for its person within the time for which they count as fresh."""
        name, recipient, says = said
        return any(
            whom == recipient and since - EARLY <= at and (until is None or until >= at - FRESH)
            for stands in self.stands.values()
            for stand in stands.values()
            if name in dict(stand.occasion.told) and _means(stand.occasion, says, stands.values(), at)
            for whom, since, until in stand.spans
        )

    def demand(self, name: str) -> str:
        """Return what a message demands; nothing for an event that needs no consent."""
        return next(
            (
                demand
                for stands in self.stands.values()
                for stand in stands.values()
                for one, demand in stand.occasion.told
                if one == name
            ),
            "",
        )


def _means(occasion: Occasion, says: tuple[tuple[str, Json], ...], stands: Iterable[Stand], at: datetime) -> bool:
    """Say whether a message is right while an occasion stands.

    That of a gate may name the version that opened it while another one keeps it open, until a run saw it shut. Nobody
    saw it close: the person became eligible once and hears of it once, and is eligible when they do (mission.md, 5).
    Taken back, the message would be lost, since no second opening follows it.
    """
    gate = occasion.end and dict(occasion.says)["workspace"] == dict(says).get("workspace")
    opened = next((stand for stand in stands if stand.occasion.says == says), None)
    return occasion.says == says or bool(gate and opened and (opened.shut is None or at <= opened.shut))


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to, from one moment on."""

    since: datetime
    email: str
    group: str
    bounced: bool

    def allows(self, demand: str) -> bool:
        """Say whether a message with this demand may go."""
        if not demand:
            return True
        if self.bounced or self.email == "unsubscribed":
            return False
        return demand == "subscribed" or (self.email == "opted_in" and self.group == "subscribed")


class People:
    """The consent of each person over time."""

    def __init__(self, braze: TwinBraze) -> None:
        self._braze = braze
        self._past: dict[str, list[Consent]] = {}
        self.look()

    def look(self) -> None:
        """Take in what people agreed to and withdrew since the last look."""
        for name, person in self._braze.people.items():
            now = self._of(person)
            past = self._past.setdefault(name, [now])
            if (past[-1].email, past[-1].group, past[-1].bounced) != (now.email, now.group, now.bounced):
                past.append(now)

    def _of(self, person: Person) -> Consent:
        bounced = (person.email or "").lower() in self._braze.bounced
        group = person.groups.get(GROUP, "unknown")
        return Consent(self._braze.wire.clock.true(), person.email_subscribe, group, bounced)

    def allowed(self, person: str, demand: str, at: datetime) -> bool:
        """Say whether consent was given within the time for which a look at it counts as fresh."""
        past = self._past[person]
        ends = [*(one.since for one in past[1:]), None]
        return any(
            one.allows(demand)
            for one, end in zip(past, ends, strict=True)
            if one.since <= at and (end is None or end >= at - FRESH)
        )

    def always(self, person: str, demand: str, since: datetime) -> bool:
        """Say whether it was never withheld since then."""
        past = self._past.get(person, [])
        ends = [*(one.since for one in past[1:]), None]
        return bool(past) and all(
            one.allows(demand) for one, end in zip(past, ends, strict=True) if end is None or end >= since
        )
