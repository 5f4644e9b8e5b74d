"""Workspaces out of our sight for a while: deleted and restored, or hidden from our account and shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from tests.simulate.consent.truth import WITHDRAWN, Turn

if TYPE_CHECKING:
    from tests.simulate.consent.world import Place, World


def vanish(world: World, rng: Random) -> None:
    """Reserve a workspace, delete it, or hide it from our account: rather one that is a person's only one.

    Sometimes staff have just typed a withdrawal there.
    """
    there = [place for place in world.places.values() if world.readable(place.number)]
    people = [place.person for place in there]
    only = [one for one in there if people.count(one.person) == 1]
    if not there:
        return
    place = rng.choice(only if only and rng.random() < 0.5 else there)
    if rng.random() < 0.3:
        world.withdraw(rng, place)
    _go(world, place, rng.choice(("reserved", "deleted", "hidden")))


def vanish_amid(world: World, rng: Random) -> None:
    """Delete or hide a workspace to which a write is open: refused, unanswered, or kept back."""
    there = {f"ws:{place.number}": place for place in world.places.values() if world.readable(place.number)}
    if amid := sorted(there.keys() & world.open_writes("category", "document")):
        _go(world, there[rng.choice(amid)], rng.choice(("deleted", "hidden")))


def _go(world: World, place: Place, how: str) -> None:
    if how == "reserved":
        world.house.ecm.spaces[place.number].held = "reserved by somebody"
    else:
        _lose(world, place)
    if how == "hidden":
        world.house.ecm.spaces[place.number].hidden = True
    elif how == "deleted":
        world.house.ecm.delete(place.number)
    world.note(f"{how} {place.number}")


def come_back(world: World, rng: Random) -> None:
    """Restore a workspace, or show it again."""
    if away := [place for place in world.places.values() if not world.readable(place.number)]:
        returns(world, rng.choice(away))


def returns(world: World, place: Place) -> None:
    """Bring one back as it went, with what staff did there meanwhile."""
    ecm = world.house.ecm
    if place.number in ecm.bin:
        ecm.restore(place.number)
    ecm.spaces[place.number].hidden = False
    world.note(f"{place.number} is back")
    for channel, lost in place.lost.items():
        world.typed[place.number, channel] = world.lives.returns(place.person, channel, lost)
        world.note(f"with it a withdrawal of {place.person} from {channel}, typed at {lost.at:%d %H:%M:%S}")
    place.lost.clear()
    world.may_seem_typed(place, open_before=place.open)


def work_there(world: World, rng: Random) -> None:
    """Let staff type a withdrawal, or edit something, in a workspace that is hidden from our account alone."""
    spaces = world.house.ecm.spaces
    hidden = [one for one in world.places.values() if one.number in spaces and spaces[one.number].hidden]
    if hidden:
        (world.withdraw if rng.random() < 0.7 else world.edit)(rng, rng.choice(hidden))


def _lose(world: World, place: Place) -> None:
    """Owe no withdrawal that was typed where no round has read it: nobody can know of it until it is back."""
    place.open = f"ws:{place.number}" in world.open_writes("category")
    for channel in world.typed_in(place):
        typed = world.typed.pop((place.number, channel))
        others = [world.places[number].person for number, of in world.typed if of == channel]
        shown = place.number in world.house.ecm.shown or (place.number, channel) in world.read
        world.lives.loses(place.person, channel, typed, shown=shown, alone=place.person not in others)
        place.lost[channel] = Turn(at=typed.at, state=WITHDRAWN, by_staff=True, read=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: when it began, whether nothing stood in its way, and what the program must have known in it."""

    began: datetime
    calm: bool
    known: frozenset[tuple[int, str]]
    """(workspace, whom it led to) of those in which a change that this round plans must be told."""


class Sights:
    """Which workspaces the program must have known in each round: it forgets one when two listings miss it."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._missed: dict[int, int] = {}
        """How many listings may have missed a workspace since one that certainly showed it."""
        self._leads: dict[int, str] = {}

    def round(self, began: datetime, places: Mapping[int, tuple[str, bool]], *, calm: bool, starts: int) -> None:
        """Take in a round; ``places`` is whom each workspace led to, and whether it was in sight."""
        for number, (person, readable) in places.items():
            if readable and calm:
                self._missed[number], self._leads[number] = 0, person
            elif not readable:
                self._missed[number] = self._missed.get(number, 0) + starts
        known = frozenset(
            (number, person)
            for number, (person, _) in places.items()
            if self._leads.get(number) == person and self._missed[number] < 2
        )
        self.rounds.append(Round(began=began, calm=calm, known=known))

    def throughout(self, number: int, person: str, since: datetime, until: datetime) -> bool:
        """Say whether a workspace was known as this person's in every round of a span.

        From the round that looked at ``since`` to the calm one that at the latest planned what was seen at ``until``.
        """
        first = max((n for n, one in enumerate(self.rounds) if one.began <= since), default=0)
        last = max((n for n, one in enumerate(self.rounds) if one.began <= until), default=0)
        while last < len(self.rounds) - 1 and not self.rounds[last].calm:
            last += 1
        return all((number, person) in one.known for one in self.rounds[first : last + 1])
