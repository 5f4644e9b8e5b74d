"""A restored copy that was adopted: what may have gone before is held, what happens later goes, nothing goes twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ecmbraze.flows import BY_NAME
from ecmbraze.model import Kind
from tests.stories.book import once, standing
from tests.stories.story import story_of
from tests.test_fence import approve, furnished
from tests.twins.claims import FOLDER
from tests.twins.house import House, settings

_HOUR = timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return furnished().copy(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return tmp_path / "second"


def _states(house: House, kind: str = "campaign") -> dict[str, str]:
    return {fate.recipient: fate.state for fate in house.fates() if fate.kind == kind}


def test_what_the_newer_file_sent_is_held_and_what_happens_later_goes(house: House, second: Path) -> None:
    kept = house.fork(second)
    approve(house, 0, 1)
    house.start()
    sent = once(house)
    house.put_back(kept)
    assert house.start().codes == (13,)
    house.clock.advance(_HOUR)

    assert house.adopt(kept) == 0
    house.clock.advance(timedelta(minutes=1))
    first = house.start()

    assert first.codes == (4,)
    assert first.count("held") == 4
    assert once(house) == sent
    assert _states(house) == {"C-1": "held", "C-2": "held"}
    house.clock.advance(_HOUR)
    approve(house, 2)
    assert house.start().codes == (0,)
    assert once(house) == {**sent, ("C-3", "approved"): 1, ("C-3", "onboarding-approved"): 1}
    assert standing(house)["C-1"]["ecm_stage"] == "Contract"


def test_what_waited_in_the_copy_is_held_at_once(house: House, second: Path) -> None:
    approve(house, 0)
    for kind in (Kind.EVENT, Kind.CAMPAIGN):
        house.braze.close(kind, 900)
    assert house.start().codes == (8,)
    assert _states(house) == {"C-1": "ready"}
    kept = house.fork(second)
    house.clock.advance(_HOUR)
    house.start()
    sent = once(house)
    house.put_back(kept)

    assert house.adopt(kept) == 2

    assert house.start().codes == (0,)
    assert once(house) == sent
    assert _states(house) == {"C-1": "held"}


def test_a_dry_run_says_of_each_message_that_it_will_be_held(house: House, second: Path) -> None:
    kept = house.fork(second)
    approve(house, 0)
    house.start()
    house.put_back(kept)
    house.adopt(kept)

    dry = house.start(dry_run=True).report
    live = house.start().report

    assert dry.plan_hash == live.plan_hash
    assert {line.state for line in dry.actions if line.kind in ("event", "campaign")} == {"held"}


def test_the_copy_that_was_overtaken_by_an_adoption_is_fenced_in_its_turn(house: House, second: Path) -> None:
    newer = house.fork(second)
    kept = house.fork(second.with_name("kept"))
    approve(newer)
    newer.start()
    house.adopt(kept)

    assert newer.start().codes == (13,)
    assert "after a copy was adopted" in newer.start().report.exit_reason
    house.start()
    assert all(count == 1 for count in once(house).values())


def test_a_claim_that_is_gone_is_made_anew_by_an_adoption_alone(house: House, second: Path) -> None:
    kept = house.fork(second)
    house.ecm.claims.edit(None)
    assert house.start().codes == (13,)

    house.adopt(kept)

    assert house.start().codes == (0,)


def test_the_window_begins_when_the_claim_was_last_ours_however_often_a_fenced_run_wrote(
    house: House, second: Path
) -> None:
    """A fenced run stores its report: the history of the copy is younger than what it knows."""
    kept = house.fork(second)
    approve(house, 0)
    house.start()
    house.put_back(kept)
    for _ in range(3):
        house.clock.advance(_HOUR)
        assert house.start().codes == (13,)
    late = house.fork(second.with_name("late"))

    house.adopt(late)
    house.start()

    assert all(count == 1 for count in once(house).values())
    assert _states(house) == {"C-1": "held"}


def test_what_came_due_in_between_is_held_and_what_comes_due_later_goes(tmp_path: Path) -> None:
    story = story_of(BY_NAME["lifecycle"])
    house = House(tmp_path, settings({"lifecycle": story.section}, fence={"folder": FOLDER}))
    story.furnish(house.ecm)
    story.people(house, "C-1", "C-2")
    numbers = [story.make(house.ecm, person) for person in ("C-1", "C-2")]
    for _ in range(2):
        house.start()
        house.clock.advance(_HOUR)
    kept = house.fork(tmp_path / "second")
    story.act(house, numbers[0])
    house.start()
    sent = once(house)
    assert sent
    house.put_back(kept)
    house.adopt(kept)
    house.clock.advance(timedelta(minutes=1))

    house.start()
    assert once(house) == sent

    house.clock.advance(_HOUR)
    story.act(house, numbers[1])
    house.start()
    assert {person for person, _ in once(house)} == {"C-1", "C-2"}
    assert all(count == 1 for count in once(house).values())
