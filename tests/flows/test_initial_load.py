"""The initial load of consent over both twins: everybody once, slice by slice, whatever happens between two."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.engine.loading import Patience
from ecmbraze.errors import GuardTripped
from ecmbraze.ledger.history import Deed
from tests.flows.test_consent import DEFAULT, NEWS, OUT, STATUS, Town
from tests.rehearsal import SOAK
from tests.twins.house import Outcome

DEED = Deed(by="A. Person", host="desk")
_SLICE: dict[str, Any] = {"initial_load": {"slice": 1, "ecm_requests_per_minute": 300}}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town.settled(tmp_path, **_SLICE)


def _confirmed(town: Town) -> str:
    with town.house.loading("consent") as loading:
        estimate = loading.estimate(town.ecm)
        loading.offer(estimate)
        loading.confirm(estimate.hash[:12], DEED)
    return estimate.hash


def _slice(town: Town, **options: Any) -> Outcome | None:
    """Do the next slice; ``None`` when nothing is left."""
    with town.house.loading("consent") as loading:
        if (part := loading.next()) is None:
            return None
    outcome = town.house.start("consent", load=part, **options)
    with town.house.loading("consent") as loading:
        loading.has_more()
    return outcome


def _load(town: Town) -> list[Outcome]:
    _confirmed(town)
    return list(iter(lambda: _slice(town), None))


def test_a_load_writes_the_state_and_one_document_for_all_channels_into_every_workspace(town: Town) -> None:
    town.chooses("unsubscribed", "C-2")
    town.round()
    outcomes = _load(town)

    assert [one.codes for one in outcomes] == [(0,), (0,)]
    for number, state in ((town.seven, DEFAULT), (town.eight, DEFAULT), (town.nine, OUT)):
        assert (town.status(number), town.status(number, NEWS)) == (state, DEFAULT)
        loaded = [one for one in town.entries(number) if one["channel"] == "initial"]
        assert [[part["channel"] for part in one["channels"]] for one in loaded] == [["email", "news"]]
    assert town.braze.book == ()
    (paper,) = (paper for paper in town.ecm.papers.values() if paper.parent == town.seven)
    assert paper.name.startswith(f"{town.house.clock.now():%Y-%m-%d} initial state ")


def test_after_a_load_nothing_more_is_written_until_something_changes(town: Town) -> None:
    _load(town)
    papers = len(town.ecm.papers)

    assert [town.round().count("planned") for _ in range(2)] == [0, 0]
    assert all(outcome.count("sent") == 0 for outcome in _load(town))
    assert len(town.ecm.papers) == papers
    town.chooses("unsubscribed")
    town.round()
    assert town.history(town.seven)[-1] == ("email", "subscribed", "unsubscribed")


def test_what_changes_between_two_slices_is_an_ordinary_change(town: Town) -> None:
    _confirmed(town)
    assert _slice(town)
    town.chooses("unsubscribed")
    town.chooses("unsubscribed", "C-2")
    town.round()
    while _slice(town):
        pass

    assert [town.status(one) for one in (town.seven, town.eight, town.nine)] == [OUT] * 3
    for number in (town.seven, town.eight, town.nine):
        assert Counter(one["channel"] for one in town.entries(number)) == {"initial": 1, "email": 1}


def test_a_value_that_somebody_else_wrote_before_is_put_aside_and_the_load_goes_on(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: "By phone"})
    town.round()
    outcomes = _load(town)

    assert [one.codes for one in outcomes] == [(3,), (0,)]
    assert (town.status(town.seven), town.status(town.eight)) == ("By phone", DEFAULT)
    assert f"ws:{town.seven}" in town.house.quarantined()
    town.ecm.edit(town.seven, {STATUS: None})
    town.round()
    assert town.status(town.seven) == DEFAULT
    assert town.house.quarantined() == set()


def test_nothing_is_loaded_that_nobody_confirmed(town: Town) -> None:
    assert _slice(town) is None
    with town.house.loading("consent") as loading:
        estimate = loading.estimate(town.ecm)
        loading.offer(estimate)
        with pytest.raises(GuardTripped):
            loading.confirm("0" * 12, DEED)
        assert loading.next() is None
        town.house.clock.advance(timedelta(days=1))
        with pytest.raises(GuardTripped, match="a day old"):
            loading.confirm(estimate.hash[:12], DEED)
    assert (estimate.volume.people, estimate.volume.workspaces) == (2, 3)


def test_a_load_waits_while_the_flow_is_paused(town: Town) -> None:
    _confirmed(town)
    with town.house.loading("consent") as loading:
        loading.ledger.waiting.pause("consent", town.house.clock.now(), "somebody", "a look")
        with pytest.raises(Exception, match="paused"):
            loading.next()
        loading.ledger.waiting.resume("consent", town.house.clock.now())
        assert loading.next() is not None


def test_a_load_ends_after_three_slices_in_a_row_of_which_something_did_not_go_through() -> None:
    class Ended:
        def __init__(self, exit_code: int) -> None:
            self.exit_code = exit_code

    def goes_on(*codes: int) -> list[bool]:
        patience = Patience()
        return [patience.allows(Ended(code)) for code in codes]  # type: ignore[arg-type]  # asked for its code alone

    assert goes_on(0, 3, 5, 4, 0, 5, 5, 5) == [True, True, True, True, True, True, True, False]
    assert goes_on(7) == goes_on(8) == goes_on(143) == [False]


def _at(town: Town, folder: Path) -> Town:
    """Return the town as it stands, to try what may happen next."""
    folder.mkdir()
    return town.copy(folder)


def test_a_load_that_is_killed_resumes_where_it_was_and_files_nothing_twice(town: Town, tmp_path: Path) -> None:
    _confirmed(town)
    first = _slice(_at(town, tmp_path / "alive"))
    assert first is not None
    points = len(first.crossings)
    for point in range(1, points + 1, 1 if SOAK else points // 6):
        here, seam = _at(town, tmp_path / f"at-{point}"), (point, first.crossings[point - 1])
        killed = _slice(here, die_at=point)
        assert killed is not None
        assert killed.killed
        here.house.clock.advance(timedelta(minutes=2))
        while _slice(here):
            here.house.clock.advance(timedelta(minutes=2))
        here.round()
        for number in (here.seven, here.eight, here.nine):
            assert here.status(number) == DEFAULT, seam
            assert [one["channel"] for one in here.entries(number)] == ["initial"], seam


def test_what_a_killed_slice_left_goes_with_the_next_slice_and_not_unthrottled_with_an_ordinary_run(
    town: Town, tmp_path: Path
) -> None:
    _confirmed(town)
    first = _slice(_at(town, tmp_path / "alive"))
    assert first is not None
    killed = _slice(town, die_at=first.crossings.index("ecm values:before") + 1)
    assert killed is not None
    assert killed.killed
    town.chooses("unsubscribed", "C-2")

    ordinary = town.round(20, "consent")

    assert (town.status(town.seven), town.entries(town.seven)) == (None, [])
    assert "4 writes of the initial load wait for its next slice" in "".join(ordinary.report.notes)
    assert town.status(town.nine) == OUT  # what changed is no part of the load
    town.chooses("unsubscribed")
    town.round(20, "consent")  # a newer state takes the place of what the slice left
    assert [town.status(one) for one in (town.seven, town.eight)] == [OUT, OUT]
    while _slice(town):
        pass
    for number in (town.seven, town.eight, town.nine):
        assert Counter(one["channel"] for one in town.entries(number)) == {"initial": 1, "email": 1}
        assert town.status(number) == OUT
