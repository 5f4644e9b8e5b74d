"""What every flow in the register owes over the whole engine and ledger: a new flow is tested by being there.

Both systems are the twins of ``tests/twins``; the flow gives a story (``tests/stories``), nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from ecmbraze.planning.outbound import Sort
from tests.stories.story import Story, story_of
from tests.twins.braze import Entry
from tests.twins.ecm import Written
from tests.twins.house import House, Outcome, settings

_PEOPLE = ("C-1", "C-2", "C-3")
_SHORTLY, _LATER = timedelta(minutes=20), timedelta(hours=8)
_DIGIT = re.compile(r"\d")
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
    house.start()  # people whom the first listing named are read now, and their baseline is taken
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
        assert _books(ground.house) == ()

    def test_each_act_of_its_story_is_written_and_a_second_run_writes_nothing(self, ground: Ground) -> None:
        for step in range(len(ground.story.acts)):
            before = len(_books(ground.house))
            assert ground.after(step).codes == (0,)
            book = _books(ground.house)
            assert len(book) > before

            ground.house.clock.advance(_SHORTLY)
            assert ground.house.start().count("planned") == 0
            assert _books(ground.house) == book

    def test_a_dry_run_reports_what_the_live_run_then_does_and_writes_nothing(self, ground: Ground) -> None:
        for step in range(len(ground.story.acts)):
            ground.story.act(ground.house, ground.numbers[0], step)
            before = _books(ground.house)
            dry = ground.house.start(dry_run=True)
            assert _books(ground.house) == before

            live = ground.house.start()

            assert {line.state for line in live.report.actions} == {"sent"}
            assert _actions(dry) == _actions(live)
            # The look at a person has an id of its own each time, which a consent record carries into the hash.
            assert dry.report.plan_hash == live.report.plan_hash or not ground.story.tells

    def test_a_backfill_messages_nobody_and_consumes_nothing(self, ground: Ground) -> None:
        ground.story.act(ground.house, ground.numbers[0])
        span: dict[str, Any] = {
            "since": ground.house.clock.now() - timedelta(days=400),
            "until": ground.house.clock.now(),
        }
        ground.house.start(**span)
        assert ground.house.braze.messages == ()

        ground.house.start()

        once = _once(ground.house)
        assert once
        ground.house.start(**span)
        assert _once(ground.house) == once

    def test_killed_wherever_something_changed_it_repeats_nothing_and_loses_nothing(
        self, ground: Ground, folders: Callable[[], Path]
    ) -> None:
        ground.story.act(ground.house, ground.numbers[0])
        calm = ground.house.copy(folders())
        crossings = calm.start().crossings
        due, held, kills = _once(calm), 0, 0
        for point in _telling(crossings):
            house = ground.house.copy(folders())
            kills += house.start(die_at=point).killed
            unknown = {(fate.recipient, fate.name) for fate in house.fates() if fate.state == "in flight"}
            _recover(house)

            there = f"killed at {point}, {crossings[point - 1]}"
            open_ends = [fate for fate in house.fates() if fate.state in _OPEN]
            kept = {(fate.recipient, fate.name) for fate in house.fates() if fate.state == "held"}
            assert not open_ends, there
            assert _once(house) + Counter(kept) == due, there
            assert kept <= unknown, there
            assert _values(house) == _values(calm), there
            held += len(kept)
        assert kills > 10
        assert 0 < held < kills or not ground.story.tells

    def test_a_record_that_cannot_be_planned_is_alone_in_quarantine(self, ground: Ground) -> None:
        if ground.story.tells:
            ground.story.acts[0](ground.house, ground.numbers[0])
        ground.house.ecm.edit(ground.numbers[0], {ground.story.customer: ("C-1", "C-2")})
        ground.story.act(ground.house, ground.numbers[1])

        outcome = ground.house.start()

        assert outcome.codes == (3,)
        assert ground.house.quarantined() == {f"ws:{ground.numbers[0]}"}
        assert {entry.recipient for entry in ground.house.braze.book} <= {_PEOPLE[1]}
        assert {entry.node for entry in ground.house.ecm.book} <= {ground.numbers[1]}
        assert _once(ground.house)

    def test_a_consent_withdrawn_between_stage_and_push_is_obeyed(
        self, ground: Ground, folders: Callable[[], Path]
    ) -> None:
        if not ground.story.tells:
            return
        ground.story.act(ground.house, ground.numbers[0])
        calm = ground.house.copy(folders())
        crossings = calm.start().crossings
        staged = crossings.index("braze profiles:before")
        assert {entry.kind for entry in calm.braze.messages} & {"campaign", "canvas"}

        outcome = ground.house.start(happen={staged: lambda: _withdraw(ground.house)})

        assert crossings[:staged] == outcome.crossings[:staged]
        assert outcome.count("suppressed") > 0
        assert {entry.kind for entry in ground.house.braze.messages} <= {"event"}

    def test_a_record_that_names_nobody_waits_for_a_name_and_loses_nothing(self, ground: Ground) -> None:
        if not ground.story.tells:
            return
        ground.house.ecm.edit(ground.numbers[0], {ground.story.customer: None})
        ground.house.start()
        ground.story.act(ground.house, ground.numbers[0])
        outcome = ground.house.start()
        assert outcome.codes == (3,)
        assert ground.house.quarantined() == {f"ws:{ground.numbers[0]}"}
        assert ground.house.braze.messages == ()

        ground.house.ecm.edit(ground.numbers[0], {ground.story.customer: _PEOPLE[0]})
        ground.house.clock.advance(_SHORTLY)
        ground.house.start()

        assert {recipient for recipient, _ in ground.messages()} == {_PEOPLE[0]}
        assert ground.house.quarantined() == set()

    def test_two_flows_of_one_record_each_get_their_own_and_keep_what_the_other_knows(
        self, ground: Ground, flow: Flow[Any], folders: Callable[[], Path]
    ) -> None:
        alone = ground.house.copy(folders())
        ground.story.act(alone, ground.numbers[0])
        alone.start()
        other, also = _beside(flow, ground.story)
        house = House(folders(), settings({flow.name: ground.story.section, **also}))
        house.ecm, house.braze, house.clock, house.wire = _same_world(ground.house)
        for _ in range(2):
            house.start()
            house.clock.advance(_SHORTLY)

        house.ecm.edit(ground.numbers[0], {ground.story.also: "Yes"})
        ground.story.act(house, ground.numbers[0])
        house.start(flow.name)
        house.start(other)

        of_other = Counter({(_PEOPLE[0], "also"): 1})
        assert _once(house) == _once(alone) + of_other
        house.clock.advance(_SHORTLY)
        assert house.start().count("planned") == 0

    def test_it_writes_everything_it_declares_and_nothing_else(self, ground: Ground, flow: Flow[Any]) -> None:
        ground.after(*range(len(ground.story.acts)))

        section = ground.house.config.flows[flow.name]
        declared = {(row.sort, row.name) for row in flow.outbound(section, "ecm_") if row.sort is not Sort.IDENTIFIER}
        written = {done for entry in ground.house.braze.book for done in _written(entry, flow.name)}
        assert written | {_filed(entry) for entry in ground.house.ecm.book} == declared
        assert {entry.recipient for entry in ground.house.braze.book} == {_PEOPLE[0]}
        assert {entry.node for entry in ground.house.ecm.book} <= {ground.numbers[0]}


def _actions(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the actions of a report, whatever became of them."""
    return sorted((one.record, one.customer, one.rule, one.kind, one.name) for one in outcome.report.actions)


def _telling(crossings: Sequence[str]) -> Iterator[int]:
    """Yield the crossings before and after which something differs, on the disk or in a system.

    A kill at any other (a read, the begin of a transaction) leaves what the one before it left.
    """
    silent = ("ecm ", "BEGIN", "braze profiles", "braze groups", "braze message", "braze bounces")
    yield from (number for number, name in enumerate(crossings, start=1) if not name.startswith(silent))


def _recover(house: House) -> None:
    """Start again until nothing is open: doubts are looked for three times, the last after six hours."""
    for span in (_SHORTLY, _LATER, _SHORTLY):
        house.clock.advance(span)
        house.start()
        if not any(fate.state in _OPEN for fate in house.fates()):
            return


def _books(house: House) -> tuple[object, ...]:
    """Return everything that was written to either system."""
    return (*house.braze.book, *house.ecm.book)


def _once(house: House) -> Counter[tuple[str, str]]:
    """Return what must be written once: messages to people, documents in workspaces."""
    messages = [(entry.recipient, entry.name) for entry in house.braze.messages]
    documents = [(f"ws:{one.node}", _title(one)) for one in house.ecm.book if one.kind == "document"]
    return Counter([*messages, *documents])


def _title(document: Written) -> str:
    """Return the first line of a text document: what comes below it may say when it was seen."""
    return str(document.value).partition("\n")[0]


def _values(house: House) -> dict[str, Mapping[str, Any]]:
    """Return what profiles and workspaces hold, without the markers of attempts."""
    profiles = {
        name: {key: value for key, value in person.attributes.items() if not key.startswith("ecmbraze_")}
        | {"email": person.email_subscribe, "push": person.push_subscribe, **person.groups}
        for name, person in house.braze.people.items()
    }
    # When a change was seen depends on the run that saw it.
    spaces = {
        f"ws:{number}": {name: _DIGIT.sub("0", str(value)) for name, value in space.values.items()}
        for number, space in house.ecm.spaces.items()
    }
    return {**profiles, **spaces}


def _withdraw(house: House) -> None:
    for person in house.braze.people.values():
        person.email_subscribe = person.push_subscribe = "unsubscribed"
        person.groups = dict.fromkeys(person.groups, "unsubscribed")


def _beside(flow: Flow[Any], story: Story) -> tuple[str, dict[str, Any]]:
    """Return a flow and its section for the workspaces of another one: it tells when ``Also`` is yes."""
    rule = {"name": "also", "when": {story.also: "Yes"}, "send": {"event": "also"}}
    shared = {"workspace_types": story.section["workspace_types"], "customer": story.customer}
    name, rules = ("cases", "rules") if flow.name == "lifecycle" else ("lifecycle", "rules")
    return name, {name: {**shared, rules: [rule]}}


def _same_world(house: House) -> tuple[Any, ...]:
    """Return the twins and the clock of a house, copied together."""
    return deepcopy((house.ecm, house.braze, house.clock, house.wire))


def _written(entry: Entry, flow: str) -> Iterator[tuple[Sort, str]]:
    """Yield what an entry of Braze's book brought there, under the names of the declaration."""
    if entry.name == f"ecmbraze_{flow}":  # the marker of an attempt, the same for every flow
        return
    sort = Sort.SUBSCRIPTION if entry.kind == "withdrawal" else Sort(entry.kind)
    yield sort, entry.name
    yield from ((Sort(f"{sort} property"), f"{entry.name}.{name}") for name in entry.properties)
    if entry.time:
        yield Sort.EVENT_TIME, entry.name


def _filed(entry: Written) -> tuple[Sort, str]:
    """Return what an entry of ECM's book put there, under the name of the declaration."""
    return (Sort.DOCUMENT, entry.folder) if entry.kind == "document" else (Sort.CATEGORY_ATTRIBUTE, entry.name)
