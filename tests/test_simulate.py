"""A few of the worlds that `make simulate` plays, and that the simulator is able to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.engine.deliver import requests
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import State
from tests.rehearsal import SOAK
from tests.simulate.__main__ import main, replay
from tests.simulate.consent import playing as consent
from tests.simulate.consent.over_http import over_http
from tests.simulate.playing import play
from tests.simulate.wrong import Wrong

# Some seconds of worlds; `.ci/run` plays these and many more, `make simulate` 2,000, `make soak` 100,000.
_FEW = 6


@pytest.mark.parametrize("seed", range(_FEW))
def test_a_world_of_edits_faults_kills_and_clocks_keeps_every_promise(seed: int) -> None:
    try:
        play(seed)
    except Wrong as error:
        pytest.fail(f"{error}\nagain: {replay(seed)}", pytrace=False)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_sixty_days_of_three_hundred_customers_are_on_record_as_they_were() -> None:
    """`make test` plays two days of six customers."""
    many, days = (300, 60) if SOAK else (6, 2)

    world = consent.play(1, people=many, days=days)

    assert world.kills < world.rounds
    print(f"{many} customers, {world.rounds} rounds, {world.kills} kills, {len(world.house.ecm.papers)} entries")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_so_they_are_where_the_program_is_killed_for_real_and_both_systems_are_asked_over_http(tmp_path: Path) -> None:
    """`make test` plays one day of three customers."""
    many, days = (300, 60) if SOAK else (3, 1)

    with over_http(tmp_path) as make:
        world = consent.play(1, people=many, days=days, make=make, couples=False)

    assert world.house.ecm.papers
    print(f"{many} customers, {world.rounds} rounds, {world.kills} kills, {len(world.house.ecm.papers)} entries")


def test_a_program_that_sends_again_what_is_unknown_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(row: Row, reason: str) -> Step:
        return Step(row=row, state=State.READY, why=reason)

    monkeypatch.setattr(requests, "_unknown", again)

    with pytest.raises(Wrong, match="came 2 times"):
        _until_one_fails(200)


def _until_one_fails(most: int) -> None:
    for seed in range(most):
        play(seed)


def test_a_simulation_that_had_no_time_to_play_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["8", "--within", "0"]) == 1
    assert "0 of 8 worlds" in capsys.readouterr().out
