"""A kill at a crossing leaves what is kept there of a round that goes on: the disk, both systems, the clock."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from tests.stories.book import book, standing
from tests.stories.onboarding import STORY
from tests.stories.story import SHORTLY
from tests.twins.house import House, settings


def _disk(house: House) -> dict[str, bytes | None]:
    """Return file → its bytes; those of a journal begin with a number drawn by lot."""
    files = sorted(path for path in house.folder.rglob("*") if path.is_file())
    return {path.name: None if path.name.endswith("-journal") else path.read_bytes() for path in files}


def test_what_is_kept_at_a_crossing_is_what_a_kill_there_leaves(tmp_path: Path) -> None:
    numbers = count()

    def fresh() -> Path:
        path = tmp_path / str(next(numbers))
        path.mkdir()
        return path

    house = House(fresh(), settings({"onboarding": STORY.section}))
    STORY.furnish(house.ecm)
    STORY.people(house, "C-1")
    number = STORY.create(house, "C-1")
    house.clock.advance(SHORTLY)
    list(STORY.begin(house))
    STORY.act(house, number)
    crossings = house.copy(fresh()).start().crossings

    points = range(1, len(crossings) + 1)
    kept = dict(house.killed_at(points, fresh))

    assert list(kept) == list(points)
    for point, left in kept.items():
        killed = house.copy(fresh())
        assert killed.start(die_at=point).killed
        assert _disk(left) == _disk(killed), crossings[point - 1]
        assert (book(left), standing(left), left.fates()) == (book(killed), standing(killed), killed.fates())
        assert (left.clock.now(), left.new_id()) == (killed.clock.now(), killed.new_id())
