"""What each person chose, what staff recorded, and which record that makes: from flows.md and docs/consent.md alone.

Never asked of the product. Where a kill or a fault leaves open whether a round took something in, both are kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.twins.braze import Person, TwinBraze

WITHDRAWN, GRANT, DEFAULT = "unsubscribed", "opted_in", "subscribed"
STATES = (GRANT, DEFAULT, WITHDRAWN)
AFTER_OWN_WRITE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One change of what holds for a person on a channel."""

    at: datetime
    state: str
    by_staff: bool = False
    """Typed in Extended ECM; else it happened in Braze."""
    ours: bool = False
    """Our own withdrawal: it tells nothing new."""
    chosen: bool = True
    """Whether somebody chose it; else another address or another profile brought it about."""
    perhaps: bool = False
    """Typed where it was gone before a round that saw it came to its end, or perhaps not typed at all: nobody knows
    whether it was taken in."""
    came: datetime | None = None
    """When the workspace came back in which it was typed: nobody could see it while that was out of sight."""
    read: bool = False
    """Whether a round may have taken it in before its workspace went."""

    @property
    def seen(self) -> datetime:
        """From when on it could be taken in."""
        return self.came or self.at

    @property
    def holds(self) -> datetime:
        """From when on it may hold: a choice in Braze since then may be later than it."""
        return self.at if self.read else self.seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What the record says, if the rounds went one of the ways they may have gone."""

    record: str
    shown: str
    """The state that Braze showed at the last look."""
    unseen: datetime | None = None
    """When our own withdrawal went out that Braze has not shown since."""
    profile: tuple[str, str] = ("", "")
    """Address and identity of the profile at the last look."""
    typed: bool = False
    """Whether a withdrawal by staff is there that no round has taken in."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One person on one channel: all that ever happened, and what may be on record."""

    state: str
    profile: tuple[str, str]
    first: str = ""
    """What was on record before anything happened."""
    turns: list[Turn] = field(default_factory=list)
    beliefs: frozenset[Belief] = frozenset()

    def record(self) -> set[str]:
        return {belief.record for belief in self.beliefs}

    def passed(self) -> set[str]:
        """Return what may be on record, or was within the round before a withdrawal that it took in as well."""
        return self.record() | {belief.shown for belief in self.beliefs}


class Lives:
    """Every person on every channel."""

    def __init__(self, braze: TwinBraze, channels: Iterable[str]) -> None:
        self._braze, self.channels = braze, tuple(channels)
        self.of: dict[tuple[str, str], Life] = {}
        self._read = 0
        self._made: dict[str, int] = {}

    def follow(self) -> None:
        """Take in what Braze shows now, by nobody's doing since the last look of the simulator."""
        for name, person in self._braze.people.items():
            for channel in self.channels:
                state, profile = _state(person, channel), self._profile(person)
                life = self.of.setdefault((name, channel), Life(state=state, profile=profile))
                life.profile = profile

    def baseline(self) -> None:
        """What holds now is on record, and is no news."""
        self.follow()
        for life in self.of.values():
            life.first = life.state
            life.beliefs = frozenset({Belief(record=life.state, shown=life.state, profile=life.profile)})

    def happened(self, who: Container[str] = (), what: str = "", *, chosen: bool = True) -> None:
        """Note what changed in Braze just now; not ``chosen`` where another address or profile brought it about.

        Of everybody in ``who`` on the channel ``what`` also that a state was chosen again: it has another time.
        """
        now = self._braze.wire.clock.true()
        for name, person in self._braze.people.items():
            for channel in self.channels:
                life, state = self.of[name, channel], _state(person, channel)
                if state != life.state or (name in who and channel == what):
                    life.turns.append(Turn(at=now, state=state, chosen=chosen))
                life.state, life.profile = state, self._profile(person)

    def remade(self, name: str) -> None:
        """Note that a profile was deleted and made anew."""
        self._made[name] = self._made.get(name, 0) + 1

    def types(self, name: str, channel: str) -> Turn:
        """Note a withdrawal that staff typed."""
        life, typed = self.of[name, channel], Turn(at=self._braze.wire.clock.true(), state=WITHDRAWN, by_staff=True)
        life.turns.append(typed)
        life.beliefs = frozenset(replace(belief, typed=True) for belief in life.beliefs)
        return typed

    def may_type(self, name: str, channel: str) -> None:
        """Note what may count as a withdrawal that staff typed, though it was another edit: nobody can know."""
        life, now = self.of[name, channel], self._braze.wire.clock.true()
        life.turns.append(Turn(at=now, state=WITHDRAWN, by_staff=True, perhaps=True))
        life.beliefs |= {replace(belief, typed=True) for belief in life.beliefs}

    def loses(self, name: str, channel: str, typed: Turn, *, shown: bool, alone: bool) -> None:
        """Note that a typed withdrawal is gone with its workspace; ``shown`` when a round has read it there.

        ``alone`` when no other one waits to be taken in.
        """
        life = self.of[name, channel]
        life.turns = [
            replace(one, perhaps=True) if one is typed else one for one in life.turns if shown or one is not typed
        ]
        untyped = frozenset(replace(belief, typed=False) for belief in life.beliefs) if alone else life.beliefs
        life.beliefs = life.beliefs | untyped if shown else untyped

    def returns(self, name: str, channel: str, lost: Turn) -> Turn:
        """Note that a workspace came back with a withdrawal typed there, which the next round takes in, or has before.

        Also one that was typed while it was gone; where nobody can know whether it was one (``perhaps``), both may be.
        """
        life, typed = self.of[name, channel], replace(lost, came=self._braze.wire.clock.true())
        life.turns = [one for one in life.turns if not (one.by_staff and one.perhaps and one.at == lost.at)] + [typed]
        taken = frozenset(replace(belief, typed=True) for belief in life.beliefs)
        life.beliefs = taken | life.beliefs if lost.read or lost.perhaps else taken
        return typed

    def round(self, met: Container[str], *, calm: bool, screened: bool) -> None:
        """Take in a round: a calm one has looked at everybody whom a workspace named before.

        Of another one nobody knows what it took in.
        """
        for (name, channel), life in self.of.items():
            after = {one for belief in life.beliefs for one in self._looked(name, channel, life, belief)}
            life.beliefs = frozenset(after if calm and name in met else after | life.beliefs)
        self._take_in_ours(screened=screened)

    def _looked(self, name: str, channel: str, life: Life, belief: Belief) -> Iterator[Belief]:
        """Yield what a look may make of a belief; ``life.state`` is still what it saw."""
        for record, unseen in self._judged(channel, life, belief, self._granted(name, channel)):
            taken = WITHDRAWN if belief.typed else record
            yield Belief(record=taken, shown=life.state, unseen=unseen, profile=life.profile)

    def _judged(
        self, channel: str, life: Life, belief: Belief, granted: datetime | None
    ) -> Iterator[tuple[str, datetime | None]]:
        state = life.state
        if state not in STATES:  # a shape Braze does not document is no news
            yield belief.record, belief.unseen
        elif state == WITHDRAWN:
            yield WITHDRAWN, None
        elif belief.unseen is not None:
            # "the withdrawal, unless a grant has a later time"; flows.md lets a grant read later count without one.
            if not (granted and granted > belief.unseen):
                yield WITHDRAWN, belief.unseen
            # A default that came since undoes no withdrawal that Braze never showed; in a group it is a grant.
            if state == GRANT or (state != belief.shown and channel.startswith("group:")):
                yield state, None
        elif belief.record == WITHDRAWN and life.profile != belief.profile:
            yield WITHDRAWN, None  # until Braze shows another choice
            if state == GRANT:
                yield GRANT, None
        elif belief.record == WITHDRAWN and state == belief.shown:
            yield WITHDRAWN, None
        else:
            yield state, None

    def _take_in_ours(self, *, screened: bool) -> None:
        book = self._braze.book
        now, latest = self._braze.wire.clock.true(), dict[str, datetime]()
        for entry in book[self._read :]:
            if entry.kind == "withdrawal" and entry.name in self.channels:
                life = self.of[entry.recipient, entry.name]
                life.turns.append(Turn(at=entry.at, state=WITHDRAWN, ours=True))
                latest[entry.name] = entry.at
                seen = [
                    replace(one, record=WITHDRAWN, unseen=None, shown=WITHDRAWN, typed=False) for one in life.beliefs
                ]
                sent = [replace(one, record=WITHDRAWN, unseen=entry.at, typed=False) for one in life.beliefs]
                life.beliefs = frozenset([*sent, *(seen if screened else ())])
                life.state = WITHDRAWN
        self._read = len(book)
        for name, person in self._braze.people.items():  # who shares the address has gone, too
            for channel in self.channels:
                life, state = self.of[name, channel], _state(person, channel)
                if state != life.state:
                    life.turns.append(Turn(at=latest.get(channel, now), state=state))
                    life.state = state
                    # A screen of this very round may have seen it.
                    shown = {replace(one, record=state, shown=state, unseen=None) for one in life.beliefs}
                    life.beliefs |= shown

    def _granted(self, name: str, channel: str) -> datetime | None:
        """Return when a grant was given, where the export tells."""
        return self._braze.people[name].chosen.get(f"{channel}_{GRANT}_at")

    def _profile(self, person: Person) -> tuple[str, str]:
        return (person.email or "").lower(), str(self._made.get(person.external_id, 0))


def _state(person: Person, channel: str) -> str:
    if channel == "email":
        return person.email_subscribe
    if channel == "push":
        return person.push_subscribe
    return person.groups.get(channel.removeprefix("group:"), "unknown").lower()
