"""What every flow in the register owes over the whole engine and ledger: a new flow is tested by being there.

Both systems are the twins of ``tests/twins``; the flow gives a story (``tests/stories``), nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME, FLOWS
from tests.stories.story import Story, story_of
from tests.twins.house import House, Outcome, settings

_PEOPLE = ("C-1", "C-2", "C-3")
_SHORTLY, _LATER = timedelta(minutes=20), timedelta(hours=8)
_OPEN = ("ready", "waiting", "in flight", "in doubt")
Message = tuple[str, str]


@dataclass(slots=True)
class Ground:
    """A house of one flow, after its baseline; ``numbers`` are its workspaces, one per person of ``_PEOPLE``."""

    story: Story
    house: House
    numbers: tuple[int, ...]
    baseline: Outcome

    def after(self, *steps: int, of: int = 0) -> Outcome:
        """Let the flow act on one workspace and return the round that follows the last edit."""
        outcome = self.baseline
        for step in steps:
            self.story.act(self.house, self.numbers[of], step)
            outcome = self.house.start()
        return outcome

    def messages(self) -> Counter[Message]:
        return Counter((entry.recipient, entry.name) for entry in self.house.braze.messages)


@pytest.fixture(scope="module")
def folders() -> Iterator[Callable[[], Path]]:
    with TemporaryDirectory() as base:
        made = iter(range(10**9))

        def fresh() -> Path:
            path = Path(base) / str(next(made))
            path.mkdir()
            return path

        _ready.cache_clear()
        yield fresh
        _ready.cache_clear()


@cache
def _ready(name: str, folders: Callable[[], Path]) -> Ground:
    """Build the ground of a flow, once; every test works on a copy."""
    story = story_of(BY_NAME[name])
    house = House(folders(), settings({name: story.section}))
    story.furnish(house.ecm)
    story.people(house, *_PEOPLE)
    numbers = tuple(story.make(house.ecm, person) for person in _PEOPLE)
    house.clock.advance(_SHORTLY)
    baseline = house.start()
    house.clock.advance(_SHORTLY)
    return Ground(story, house, numbers, baseline)


@pytest.fixture
def ground(flow: Flow[Any], folders: Callable[[], Path]) -> Ground:
    ready = _ready(flow.name, folders)
    return Ground(ready.story, ready.house.copy(folders()), ready.numbers, ready.baseline)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
class TestEveryFlowInARound:
    def test_a_baseline_writes_to_neither_system(self, ground: Ground) -> None:
        assert ground.baseline.report.mode == "baseline"
        assert ground.baseline.codes == (0,)
        assert ground.house.braze.book == ()

    def test_each_edit_of_its_story_leads_to_a_message_and_a_second_run_to_none(self, ground: Ground) -> None:
        for step in range(len(ground.story.acts)):
            before = len(ground.house.braze.messages)
            assert ground.after(step).codes == (0,)
            book = ground.house.braze.book
            assert len(ground.house.braze.messages) > before

            ground.house.clock.advance(_SHORTLY)
            assert ground.house.start().count("planned") == 0
            assert ground.house.braze.book == book
