"""Build the worlds: so many variants of configuration and people, each with its baseline taken once."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from ecmbraze.config import Settings
from ecmbraze.flows import BY_NAME, FLOWS
from tests.simulate.happenings import create
from tests.simulate.surveys import FLOW as FEEDBACK
from tests.simulate.surveys import Pace
from tests.simulate.truth import CONTACTS, HOLDER
from tests.simulate.world import PEOPLE, STRANGER, World
from tests.stories.story import GROUP, Story, of_workspaces, story_of
from tests.twins.ecm_world import Attribute
from tests.twins.house import House, settings

VARIANTS = 48
_PACES = (
    Pace(delay=timedelta(minutes=10), cooldown=timedelta(hours=2), within=timedelta(hours=9)),
    Pace(delay=timedelta(hours=1), cooldown=timedelta(hours=20), within=timedelta(days=3)),
)


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
    most = rng.choice((None, None, None, 1, 2))
    more: dict[str, Any] = {"max_per_person": most} if most else {}
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
    several = frozenset(name for name in stories if rng.random() < 0.35)
    pace = rng.choice(_PACES)
    if FEEDBACK in stories:
        stories[FEEDBACK] = _paced(stories[FEEDBACK], pace)
    stories = {name: _of_several(story) if name in several else story for name, story in stories.items()}
    house = House(Path(mkdtemp(dir=_folder())), _settings(rng, stories))
    house.ecm.columns, house.ecm.page = rng.random() < 0.3, rng.choice((3, 500))
    for name, story in stories.items():
        story.furnish(house.ecm)
        if name in several:
            rows = Attribute(name=CONTACTS, inner=(Attribute(name="Role"), Attribute(name="Customer Number")))
            house.ecm.categories[story.category] += (rows,)
        story.people(house, *PEOPLE)
    world = World(house, stories, several, pace if FEEDBACK in stories else None)
    for flow in stories:
        for person in rng.sample((*PEOPLE, STRANGER), 3):
            create(world, rng, flow, person, baseline=True)
        for _ in range(2):
            number = rng.choice([one for one, of in world.spaces.flow_of.items() if of == flow])
            world.truth(flow).stir(rng, house.ecm, number)
            world.spaces.take_in(number, flow, baseline=True)
    house.clock.advance(timedelta(minutes=20))
    world.spaces.look_at_all()
    outcome = house.start()
    assert set(outcome.codes) == {0}, outcome.reports
    for number, flow in world.spaces.flow_of.items():
        world.spaces.take_in(number, flow, baseline=True)
    world.spaces.saw(world.spaces.flow_of)
    world.surveys.look()
    world.at_baseline = {person: world.expected(person) for person in (*PEOPLE, STRANGER)}
    world.story.clear()
    return world


def _paced(story: Story, pace: Pace) -> Story:
    """Return the story of feedback with times that pass within the days of a world."""
    section = deepcopy(dict(story.section))
    rule = section["rules"][0]
    rule |= {"delay": _span(pace.delay), "answer_within": _span(pace.within)}
    rule["send"]["consent"] = {"email": "opted_in", "group": GROUP}
    return replace(story, section={**section, "cooldown": _span(pace.cooldown)})


def _span(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)}m"


def _of_several(story: Story) -> Story:
    """Return a story whose workspaces name their people in the rows of a set that have the right role."""
    customer = f"{CONTACTS}[Role={HOLDER}].Customer Number"
    return replace(story, section={**story.section, "customer": customer})
