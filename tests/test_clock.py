"""Clock faults: a clock that is wrong sends no message, and loses none."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from ecmbraze.cli.clock import WallClock
from ecmbraze.cli.signals import Budget
from ecmbraze.engine.deliver.clock_faults import ClockFaults
from ecmbraze.errors import TimeBudgetUsed
from tests.rehearsal import CONTRACT, Rehearsal
from tests.systems.rig import NOW, FakeClock


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(minutes=-10)])
def test_k01_a_clock_that_is_wrong_sends_no_message_until_it_is_right(stage: Rehearsal, ahead: timedelta) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.box.advance(3600)
    stage.ahead = ahead

    wrong = stage.ecmbraze("onboarding", "--json")

    assert wrong.code == 5
    assert "Braze's" in wrong.report["exit_reason"]
    assert not stage.messages()
    stage.ahead = timedelta()
    stage.run()
    assert len(stage.messages()) == 2


def test_k02_a_clock_that_went_back_since_the_last_run_sends_no_message(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.ahead = timedelta(hours=-1)

    wrong = stage.ecmbraze("onboarding", "--json")

    assert wrong.code == 5
    assert "behind Braze's" in wrong.report["exit_reason"]
    assert not stage.messages()


def test_check_says_that_no_message_would_leave_by_our_clock(stage: Rehearsal) -> None:
    stage.ahead = timedelta(hours=1)

    wrong = stage.ecmbraze("check", "--json")

    levels = {one["where"]: one["level"] for one in json.loads(wrong.stdout)["findings"]}
    assert (levels["ECM clock"], levels["our clock"], wrong.code) == ("?", "FAIL", 5)
    stage.ahead = timedelta(minutes=3)
    assert stage.ecmbraze("check").code == 0


def test_k02_k09_without_a_server_that_tells_the_time_the_last_run_does() -> None:
    def fault(last: datetime, *skews: float) -> str:
        return ClockFaults(clock=FakeClock(), skews=lambda: skews, last=last).told()

    assert "behind the end of the last run" in fault(NOW + timedelta(hours=1))
    assert fault(NOW + timedelta(hours=1), 2.0, -3.0) == ""  # the clock was wrong then, and is right now
    assert fault(NOW) == ""


def test_k08_one_server_alone_may_be_the_one_that_is_wrong() -> None:
    def fault(*skews: float) -> str:
        return ClockFaults(clock=FakeClock(), skews=lambda: skews, last=None).told()

    assert fault(600.0, 1.0) == ""
    assert fault(600.0, -600.0) == ""
    assert "600 s ahead" in fault(600.0, 900.0)


def test_k03_a_step_of_the_wall_clock_moves_no_deadline() -> None:
    clock = FakeClock()
    budget = Budget(clock.monotonic, 600)
    wall = WallClock(NOW)

    before = budget.left()
    stepped = WallClock(NOW + timedelta(days=1))  # what NTP does to the wall

    assert stepped.now() - wall.now() > timedelta(hours=23)
    assert budget.left() == before == 600
    clock.advance(601)
    with pytest.raises(TimeBudgetUsed):
        budget.tick()
