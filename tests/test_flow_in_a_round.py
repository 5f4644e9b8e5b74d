"""What every flow in the register owes over the whole engine and ledger: a new flow is tested by being there.

Both systems are the twins of ``tests/twins``; the flow gives a story (``tests/stories``), nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import Kind
from ecmbraze.planning.outbound import Sort
from tests.stories.book import book, messages, once, standing
from tests.stories.story import SHORTLY, Story, of_workspaces, story_of
from tests.twins.house import House, Outcome, settings

_PEOPLE = ("C-1", "C-2", "C-3")
_NOBODY = "X-1"
"""Somebody in whom nothing happens, and whom Braze does not know."""
_LATER = timedelta(hours=8)
_OPEN = ("ready", "waiting", "in flight", "in doubt")
_ECM_WRITES = (
    "ecm values",
    "ecm file",
    "ecm reminder",
    "ecm completion",
    "ecm archive",
    "ecm rename",
    "ecm describe",
)
_WRITES = ("braze track", "braze campaign", "braze canvas", "braze withdraw", *_ECM_WRITES)


@dataclass(slots=True)
class Ground:
    """A house of one flow, after its baseline; ``numbers`` are its workspaces, one per person of ``_PEOPLE``."""

    story: Story
    house: House
    numbers: tuple[int, ...]
    baseline: tuple[Outcome, ...]

    def after(self, *steps: int) -> None:
        """Let the flow act on the first workspace, with a round after each step."""
        for step in steps:
            self.story.act(self.house, self.numbers[0], step)
            assert self.house.start().codes == (0,)
            self.house.clock.advance(SHORTLY)

    def copy(self, folders: Callable[[], Path]) -> Ground:
        """Return the ground as it stands, to try something on it."""
        return Ground(self.story, self.house.copy(folders()), self.numbers, self.baseline)

    def about(self, place: int = 0) -> set[str]:
        """Return whom a write may be about that a workspace or an asset led to."""
        return self.story.about(_PEOPLE[place], self.numbers[place])


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


def ready(name: str, folders: Callable[[], Path]) -> Ground:
    """Build the ground of a flow; every test works on a copy."""
    story = story_of(BY_NAME[name])
    house = House(folders(), settings({name: story.section}))
    story.furnish(house.ecm)
    story.people(house, *_PEOPLE)
    numbers = tuple(story.create(house, person) for person in _PEOPLE)
    house.clock.advance(SHORTLY)
    return Ground(story, house, numbers, tuple(story.begin(house)))


_ready = cache(ready)


@pytest.fixture
def ground(flow: Flow[Any], folders: Callable[[], Path]) -> Ground:
    return _ready(flow.name, folders).copy(folders)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
class TestEveryFlowInARound:
    def test_each_act_of_its_story_leads_to_a_message_or_a_document_and_a_second_run_to_nothing(
        self, ground: Ground, flow: Flow[Any]
    ) -> None:
        for step in range(len(ground.story.acts)):
            before = once(ground.house)
            ground.after(step)
            taken = book(ground.house)
            assert once(ground.house) > before
            assert messages(ground.house) or not ground.story.tells

            assert ground.house.start().count("planned") == 0
            assert book(ground.house) == taken

    def test_a_dry_run_reports_what_the_live_run_then_does_and_writes_nothing(self, ground: Ground) -> None:
        for step in range(len(ground.story.acts)):
            ground.story.act(ground.house, ground.numbers[0], step)
            before, stood = book(ground.house), standing(ground.house)
            dry = ground.house.start(dry_run=True)
            assert (book(ground.house), standing(ground.house)) == (before, stood)

            live = ground.house.start()

            assert {line.state for line in live.report.actions} == {"sent"}
            assert _actions(dry) == _actions(live)
            assert dry.report.plan_hash == live.report.plan_hash

    def test_a_backfill_messages_nobody_and_consumes_nothing(self, ground: Ground, folders: Callable[[], Path]) -> None:
        ground.story.act(ground.house, ground.numbers[0])
        calm = ground.house.copy(folders())
        calm.start()
        for _ in range(2):  # what a backfill is the first to see lies after its span
            _backfill(ground.house)
            assert messages(ground.house) == Counter()
            ground.house.clock.advance(timedelta(minutes=1))

        ground.house.start()

        assert once(ground.house) == once(calm)
        assert _standing_of(ground, ground.house) == _standing_of(ground, calm)
        ground.house.clock.advance(timedelta(minutes=1))
        _backfill(ground.house)
        assert once(ground.house) == once(calm)

    @pytest.mark.long
    def test_killed_wherever_something_changed_it_repeats_nothing_and_loses_nothing(
        self, ground: Ground, folders: Callable[[], Path]
    ) -> None:
        held, kills = 0, 0
        for step in ground.story.killed:
            ground.story.act(ground.house, ground.numbers[0], step)
            calm = ground.house.copy(folders())
            crossings = calm.start().crossings
            due = once(calm)
            for point, house in ground.house.killed_at(_telling(crossings), folders):
                kills += 1
                unknown = {(fate.recipient, fate.name) for fate in house.fates() if fate.state == "in flight"}
                _recover(house)

                there = f"killed at {point}, {crossings[point - 1]}"
                open_ends = [fate for fate in house.fates() if fate.state in _OPEN]
                kept = {(fate.recipient, fate.name) for fate in house.fates() if fate.state == "held"}
                assert not open_ends, there
                assert once(house) + Counter(kept) == due, there
                assert kept <= unknown, there
                assert standing(house) == standing(calm), there
                held += len(kept)
            ground.house.start()
        assert kills > 10
        assert (held > 0) == bool(messages(ground.house))
        assert held < kills

    def test_a_consent_withdrawn_between_stage_and_push_is_obeyed(
        self, ground: Ground, flow: Flow[Any], folders: Callable[[], Path]
    ) -> None:
        demanding = {"campaign", "canvas"} if ground.story.tells else set()
        ground.story.act(ground.house, ground.numbers[0])
        calm = ground.house.copy(folders())
        crossings = calm.start().crossings
        staged = _staged(crossings)
        assert bool({write.kind for write in book(calm)} & demanding) == bool(demanding)

        outcome = ground.house.start(happen={staged: lambda: _withdraw(ground.house)})

        assert crossings[:staged] == outcome.crossings[:staged]
        assert (outcome.count("suppressed") > 0) == bool(demanding)
        assert not {write.kind for write in book(ground.house)} & demanding
        ground.house.clock.advance(SHORTLY)
        assert ground.house.start().codes == (0,)
        assert {person.email_subscribe for person in ground.house.braze.people.values()} == {"unsubscribed"}

    def test_it_writes_everything_it_declares_and_nothing_else(self, ground: Ground, flow: Flow[Any]) -> None:
        ground.after(*range(len(ground.story.acts)))

        section = ground.house.config.flows[flow.name]
        declared = {(row.sort, row.name) for row in flow.outbound(section, "ecm_") if row.sort is not Sort.IDENTIFIER}
        assert {brought for write in book(ground.house) for brought in write.brought} == declared
        assert {write.about for write in book(ground.house)} <= ground.about()


@pytest.mark.parametrize("flow", of_workspaces(FLOWS), ids=lambda flow: flow.name)
class TestEveryFlowOfWorkspacesInARound:
    def test_a_baseline_writes_to_neither_system(self, ground: Ground) -> None:
        assert ground.baseline[0].report.mode == "baseline"
        assert [outcome.codes for outcome in ground.baseline] == [(0,), (0,)]
        assert [outcome.count("planned") for outcome in ground.baseline] == [0, 0]
        assert book(ground.house) == ()

    def test_a_record_that_cannot_be_planned_is_alone_in_quarantine(self, ground: Ground, flow: Flow[Any]) -> None:
        ground.house.ecm.edit(ground.numbers[0], {ground.story.customer: ("C-1", _NOBODY)})
        ground.story.acts[0](ground.house, ground.numbers[0])
        ground.story.act(ground.house, ground.numbers[1])

        outcome = ground.house.start()

        assert outcome.codes == (3,)
        assert ground.house.quarantined() == {f"ws:{ground.numbers[0]}"}
        poisoned = f"ws:{ground.numbers[0]}"
        assert poisoned not in {fate.record for fate in ground.house.fates()}
        mine = {write.about for write in book(ground.house)}
        assert mine <= ground.about(1) or not ground.story.tells
        assert once(ground.house)

    def test_a_record_that_names_nobody_waits_for_a_name_and_loses_nothing(
        self, ground: Ground, flow: Flow[Any], folders: Callable[[], Path]
    ) -> None:
        for step in range(len(ground.story.acts)):
            calm, house = ground.house.copy(folders()), ground.house.copy(folders())
            house.ecm.edit(ground.numbers[0], {ground.story.customer: None})
            house.start()
            ground.story.act(house, ground.numbers[0], step)
            assert house.start().codes in {(3,), (0,)}
            assert once(house) == Counter()

            house.ecm.edit(ground.numbers[0], {ground.story.customer: _PEOPLE[0]})
            for _ in range(2):  # people are looked at once a workspace names them
                house.clock.advance(SHORTLY)
                house.start()

            ground.story.act(calm, ground.numbers[0], step)
            calm.start()
            assert once(house) == once(calm), step
            assert house.quarantined() == set()

    def test_two_flows_of_one_record_each_get_their_own_and_keep_what_the_other_knows(
        self, ground: Ground, flow: Flow[Any], folders: Callable[[], Path]
    ) -> None:
        alone = ground.house.copy(folders())
        ground.story.act(alone, ground.numbers[0])
        alone.start()
        other, also = _beside(flow, ground.story)
        house = House(folders(), settings({flow.name: ground.story.section, **also}))
        house.ecm, house.braze, house.clock, house.wire = _same_world(ground.house)
        for _ in ground.story.begin(house):
            pass

        house.ecm.edit(ground.numbers[0], {ground.story.also: "Yes"})
        ground.story.act(house, ground.numbers[0])
        house.start(flow.name)
        house.start(other)

        of_other = Counter({(_PEOPLE[0], "also"): 1})
        assert once(house) == once(alone) + of_other
        house.clock.advance(SHORTLY)
        assert house.start().count("planned") == 0


@pytest.mark.parametrize(
    "flow", [flow for flow in of_workspaces(FLOWS) if story_of(flow).tells], ids=lambda flow: flow.name
)
def test_with_another_flow_it_sends_a_person_no_more_than_the_limit_of_a_day(
    ground: Ground, flow: Flow[Any], folders: Callable[[], Path]
) -> None:
    _, also = _beside(flow, ground.story, "campaign")
    house = House(folders(), settings({flow.name: ground.story.section, **also}, max_per_person=1))
    house.ecm, house.braze, house.clock, house.wire = _same_world(ground.house)
    house.braze.launch(Kind.CAMPAIGN, "also")
    for _ in ground.story.begin(house):
        pass
    house.ecm.edit(ground.numbers[0], {ground.story.also: "Yes"})
    ground.story.act(house, ground.numbers[0])

    counts = []
    for span in (timedelta(), timedelta(hours=23), timedelta(hours=2)):
        house.clock.advance(span)
        house.start()
        counts.append(sum(entry.kind in ("campaign", "canvas") for entry in house.braze.messages))

    assert counts == [1, 1, 2]


def _standing_of(ground: Ground, house: House) -> dict[str, Any]:
    return {about: stands for about, stands in standing(house).items() if about in ground.about()}


def _backfill(house: House) -> None:
    house.start(since=house.clock.now() - timedelta(days=400), until=house.clock.now())


def _actions(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the actions of a report, whatever became of them."""
    return sorted((one.record, one.customer, one.rule, one.kind, one.name) for one in outcome.report.actions)


def _telling(crossings: Sequence[str]) -> Iterator[int]:
    """Yield the crossings before and after which something differs, on the disk or in a system.

    A kill at any other (a read, the begin of a transaction) leaves what the one before it left.
    """
    loud = ("COMMIT", *_WRITES)
    yield from (number for number, name in enumerate(crossings, start=1) if name.startswith(loud))


def _staged(crossings: Sequence[str]) -> int:
    """Return the number of the crossing after which the staged plan is committed, and nothing of it is on its way.

    Where the screen reads people, that is just before it does.
    """
    first = next(number for number, name in enumerate(crossings) if name.startswith(_WRITES))
    screens = [number for number, name in enumerate(crossings[:first]) if name == "braze profiles:before"]
    staged = [number for number, name in enumerate(crossings[:first]) if name == "COMMIT:after"]
    return screens[-1] if screens and screens[-1] > staged[0] else staged[-1] + 1


def _recover(house: House) -> None:
    """Start again until nothing is open: doubts are looked for three times, the last after six hours."""
    for span in (SHORTLY, _LATER, SHORTLY):
        house.clock.advance(span)
        house.start()
        if not any(fate.state in _OPEN for fate in house.fates()):
            return


def _withdraw(house: House) -> None:
    for person in house.braze.people.values():
        person.email_subscribe = person.push_subscribe = "unsubscribed"
        person.groups = dict.fromkeys(person.groups, "unsubscribed")


def _beside(flow: Flow[Any], story: Story, sends: str = "event") -> tuple[str, dict[str, Any]]:
    """Return a flow and its section for the workspaces of another one: it tells when ``Also`` is yes."""
    send = {sends: "also", **({} if sends == "event" else {"consent": {"email": "subscribed"}})}
    rule = {"name": "also", "when": {story.also: "Yes"}, "send": send}
    shared = {"workspace_types": story.section["workspace_types"], "customer": story.customer}
    name, rules = ("cases", "rules") if flow.name == "lifecycle" else ("lifecycle", "rules")
    return name, {name: {**shared, rules: [rule]}}


def _same_world(house: House) -> tuple[Any, ...]:
    """Return the twins and the clock of a house, copied together."""
    return deepcopy((house.ecm, house.braze, house.clock, house.wire))
