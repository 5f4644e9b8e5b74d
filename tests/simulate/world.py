"""One world of a seed: several flows, a few people and their workspaces, and what may happen to all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from ecmbraze.config import Settings
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Json, Kind
from tests.simulate.truth import People, Workspaces
from tests.stories.story import GROUP, Story, of_workspaces, story_of
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

VARIANTS = 24
_PEOPLE = ("A-1", "B-2", "C-3", "D-4")
_STRANGER = "Z-9"
"""Somebody whom Braze comes to know only later."""
_READS = (
    "ecm ",
    "ecm listing",
    "ecm workspace",
    "ecm document",
    "ecm search",
    "braze profiles",
    "braze groups",
    "braze message",
    "braze bounces",
)
_WRITES = ("braze track", "braze track", "braze campaign", "braze canvas", "braze c")


class World:
    """Everything of one seed. Each method that begins with ``_do_`` is something that may happen."""

    def __init__(self, house: House, stories: dict[str, Story]) -> None:
        self.house, self.stories = house, stories
        self.spaces, self.people = Workspaces(house.ecm, stories), People(house.braze)
        self.exempt: set[str] = set()
        """People of whom Braze refuses everything: nothing is owed to them."""
        self.doubts: set[tuple[str, str]] = set()
        """(recipient, name) of writes whose outcome our side cannot know."""
        self.at_baseline: dict[str, dict[str, Json]] = {}
        self.story: list[str] = []
        """What happened, for whoever looks at a failure."""
        self.rounds = self.kills = 0

    def expected(self, person: str) -> dict[str, Json]:
        """Return the attributes that the workspaces of a person say now."""
        found: dict[str, Json] = {}
        for flow, story in self.stories.items():
            mine = [n for n, of in self.spaces.flow_of.items() if of == flow and self.spaces.readable(n)]
            assert story.truth
            found |= story.truth.values(self.house.ecm, [n for n in mine if self.spaces.person(n) == person])
        return found

    def note(self, text: str) -> None:
        self.story.append(f"{self.house.clock.true():%d %H:%M:%S} {text}")

    # people at work

    def happen(self, rng: Random, flows: Sequence[str]) -> None:
        """Let one thing happen in ECM, most likely to what these flows read, or to a person in Braze."""
        doing: Callable[[Random, Sequence[str]], None] = rng.choices(
            (self._do_stir, self._do_create, self._do_vanish, self._do_hand_over, self._do_consent, self._do_poison),
            (20, 2, 1, 1, 4, 1),
        )[0]
        doing(rng, flows)
        self.spaces.look_at_all()
        self.people.look()

    def _do_stir(self, rng: Random, flows: Sequence[str]) -> None:
        number = self._any(rng, flows)
        if number is None:
            return
        space = self.house.ecm.spaces[number]
        modified = space.modified
        truth = self.stories[self.spaces.flow_of[number]].truth
        assert truth
        truth.stir(rng, self.house.ecm, number)
        if rng.random() < 0.05:
            space.modified = modified  # a category edit need not move the date (api/ecm.md 6)
            self.spaces.silent.add(number)
        self.note(f"stirred {number} {space.values}")

    def _do_create(self, rng: Random, flows: Sequence[str]) -> None:
        flow = rng.choice(flows)
        if len(self.spaces.flow_of) < 14:
            person = rng.choice((*_PEOPLE, _STRANGER))
            self.create(flow, person)

    def create(self, flow: str, person: str, *, baseline: bool = False) -> None:
        number = self.stories[flow].make(self.house.ecm, person)
        self.spaces.take_in(number, flow, baseline=baseline)
        self.note(f"created {number} of {flow} for {person}")

    def _do_vanish(self, rng: Random, flows: Sequence[str]) -> None:
        number = self._any(rng, flows)
        if number is None:
            return
        space = self.house.ecm.spaces[number]
        self.spaces.excuse(number)
        if rng.random() < 0.5:
            self.house.ecm.delete(number)
        else:
            space.hidden = not space.hidden
        self.note(f"deleted, hid or showed {number}")

    def _do_hand_over(self, rng: Random, flows: Sequence[str]) -> None:
        number = self._any(rng, flows)
        if number is None:
            return
        person = rng.choice(_PEOPLE)
        self.spaces.excuse(number)
        self.house.ecm.edit(number, {self.stories[self.spaces.flow_of[number]].customer: person})
        self.note(f"{number} now names {person}")

    def _do_consent(self, rng: Random, _flows: Sequence[str]) -> None:
        person = self.house.braze.people[rng.choice(_PEOPLE)]
        match rng.randrange(4):
            case 0 | 1:
                person.email_subscribe = rng.choice(("opted_in", "subscribed", "unsubscribed"))
            case 2:
                person.groups[GROUP] = rng.choice(("subscribed", "unsubscribed"))
            case 3:
                address = str(person.email)
                (
                    self.house.braze.bounced.discard
                    if address in self.house.braze.bounced
                    else self.house.braze.bounced.add
                )(address)
        self.note(f"consent of {person.external_id}: {person.email_subscribe} {person.groups}")

    def _do_poison(self, rng: Random, flows: Sequence[str]) -> None:
        number = self._any(rng, flows)
        if number is not None:
            space = self.house.ecm.spaces[number]
            space.unreadable = "" if space.unreadable else "ECM answers 500: no"
            self.note(f"{number} is {space.unreadable or 'readable again'}")

    def _any(self, rng: Random, flows: Sequence[str]) -> int | None:
        there = [n for n, flow in self.spaces.flow_of.items() if n in self.house.ecm.spaces and flow in flows]
        return rng.choice(there) if there else None

    # what goes wrong

    def trouble(self, rng: Random) -> None:
        """Let something stand in the way of the next runs."""
        braze = self.house.braze
        match rng.randrange(18):
            case 0 | 1 | 2 | 3 | 4 | 12 | 13 | 14 | 15 | 16 | 17:
                trouble, skip = rng.choice(list(Trouble)), rng.choice((0, 0, 0, 1, 2))
                fault = Fault(call=rng.choice(_WRITES), trouble=trouble, skip=skip, times=rng.randint(1, 3))
                self.house.wire.faults.append(fault)
                self.note(f"{fault}")
            case 5 | 6:
                fault = Fault(
                    call=rng.choice(_READS), trouble=Trouble.CUT, skip=rng.randrange(9), times=rng.randint(1, 3)
                )
                self.house.wire.faults.append(fault)
                self.note(f"{fault}")
            case 7:
                kind, seconds = rng.choice((Kind.EVENT, Kind.CAMPAIGN, Kind.CANVAS)), rng.choice((5.0, 40.0, 400.0))
                braze.close(kind, seconds)
                self.note(f"{kind} takes nothing for {seconds} s")
            case 8:
                campaign = rng.choice(list(braze.campaigns.values()))
                campaign.state = rng.choice(("", "paused", "archived"))
                self.note(f"{campaign}")
            case 9:
                self.house.clock.ahead = rng.choice((0.0, 200.0, -200.0, 4000.0, -4000.0))
                self.house.told_time = abs(self.house.clock.ahead) > 300 or rng.random() < 0.5
                self.note(f"our clock is {self.house.clock.ahead} s ahead")
            case 10 if not self.exempt:
                person = rng.choice(_PEOPLE)
                braze.refused[person] = "no"
                self.exempt.add(person)
                self.note(f"Braze refuses {person}")
            case 11:
                self.stranger()

    def stranger(self) -> None:
        """Let Braze come to know who was unknown."""
        if _STRANGER not in self.house.braze.people:
            address = f"{_STRANGER.lower()}@example.com"
            groups = {GROUP: "subscribed"}
            self.house.braze.add(_STRANGER, email=address, email_subscribe="opted_in", groups=groups)
            self.people.look()
            self.note(f"Braze knows {_STRANGER}")

    def mend(self) -> None:
        """Let everything be well again, but for what people decided."""
        self.house.wire.faults.clear()
        self.house.clock.ahead, self.house.told_time = 0.0, True
        for campaign in self.house.braze.campaigns.values():
            campaign.state = ""
        for space in self.house.ecm.spaces.values():
            space.unreadable = ""
        self.stranger()
        self.spaces.look_at_all()

    # runs

    def run(self, flows: Iterable[str] = (), **more: Any) -> Outcome:
        """Start one round; if a guard stops a flow, a person looks and confirms it."""
        names = list(flows) or list(self.stories)
        troubles = self.house.wire.troubled
        outcome = self.house.start(*names, **more)
        self.rounds, self.kills = self.rounds + 1, self.kills + outcome.killed
        self.note(f"run {names} {more or ''}: {'killed' if outcome.killed else outcome.codes}")
        if outcome.killed:
            self.doubts |= {(f.recipient, f.name) for f in self.house.fates() if f.state == "in flight"}
        self.doubts |= set(self.house.braze.doubts)
        calm = not outcome.killed and self.house.wire.troubled == troubles and not more
        for report in outcome.reports:
            if calm and report.exit_code in (0, 3, 4):
                self.spaces.saw(
                    n for n, flow in self.spaces.flow_of.items() if flow == report.flow and self.spaces.readable(n)
                )
            if report.exit_code == 6 and not more.get("dry_run"):
                self.note(f"confirming {report.flow}")
                self.house.start(report.flow, confirm=report.plan_hash)
        return outcome

    def pause(self, *, resume: bool) -> None:
        """Stop every flow's sending, or let it go on, as an operator does."""
        ledger = Ledger.open(self.house.state)
        now = self.house.clock.now()
        if resume:
            ledger.waiting.resume("*", now)
        else:
            ledger.waiting.pause("*", now, "someone", "a look")
        ledger.close()
        self.note("resumed" if resume else "paused")


def world_of(seed: int) -> tuple[World, Random]:
    """Return the world of a seed as its baseline left it, and the chance of what follows."""
    ready, variant = _ready(seed % VARIANTS), seed % VARIANTS
    folder = Path(mkdtemp(dir=_folder()))
    house = ready.house.copy(folder)
    memo = {id(ready.house): house, id(ready.house.ecm): house.ecm, id(ready.house.braze): house.braze}
    memo |= {id(ready.stories): ready.stories}
    return deepcopy(ready, memo), Random(f"{seed} {variant}")


@cache
def _folder() -> str:
    return mkdtemp(prefix="ecmbraze-simulate-")


def _settings(rng: Random, stories: dict[str, Story]) -> Settings:
    track, trigger = rng.choice(((75, 50), (2, 1), (5, 2)))
    more: dict[str, Any] = {"max_per_person": 2} if rng.random() < 0.25 else {}
    return settings(
        {name: {**story.section, "every": "1s"} for name, story in stories.items()},
        guards={
            "max_audience_share": 1.0,
            "max_changed_share": 1.0,
            "max_cleared_people": 1000,
            "max_cleared_share": 1.0,
        },
        braze={"track_batch": track, "trigger_batch": trigger, "marker": rng.random() < 0.85},
        ecm={
            "connections": rng.choice((1, 2, 3)),
            "date_query_from": rng.choice((0, 0, 1)),
            "sweep_requests": rng.choice((20, 2000)),
        },
        **more,
    )


@cache
def _ready(variant: int) -> World:
    """Build a world and take its baseline, once; every seed of the variant goes on from there."""
    rng = Random(f"variant {variant}")
    names = rng.sample([flow.name for flow in of_workspaces(FLOWS) if story_of(flow).truth], rng.choice((2, 2, 3)))
    stories = {name: story_of(BY_NAME[name]) for name in BY_NAME if name in names}
    house = House(Path(mkdtemp(dir=_folder())), _settings(rng, stories))
    house.ecm.columns, house.ecm.page = rng.random() < 0.3, rng.choice((3, 500))
    for story in stories.values():
        story.furnish(house.ecm)
        story.people(house, *_PEOPLE)
    world = World(house, stories)
    for flow, story in stories.items():
        for person in rng.sample((*_PEOPLE, _STRANGER), 3):
            world.create(flow, person, baseline=True)
        for _ in range(2):
            number = rng.choice([one for one, of in world.spaces.flow_of.items() if of == flow])
            assert story.truth
            story.truth.stir(rng, house.ecm, number)
            world.spaces.take_in(number, flow, baseline=True)
    house.clock.advance(timedelta(minutes=20))
    world.spaces.look_at_all()
    outcome = house.start()
    assert set(outcome.codes) == {0}, outcome.reports
    for number, flow in world.spaces.flow_of.items():
        world.spaces.take_in(number, flow, baseline=True)
    world.spaces.saw(world.spaces.flow_of)
    world.at_baseline = {person: world.expected(person) for person in (*_PEOPLE, _STRANGER)}
    world.story.clear()
    return world
