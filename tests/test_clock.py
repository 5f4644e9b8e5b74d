"""Clock faults: a clock that is wrong sends no message, and loses none."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta

import pytest

from ecmbraze.cli.clock import WallClock
from ecmbraze.cli.signals import Budget
from ecmbraze.engine.deliver.clock_faults import ClockFaults
from ecmbraze.errors import TimeBudgetUsed
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal
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


def test_k03_what_was_read_before_the_machine_slept_is_as_old_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, real = WallClock(), time.clock_gettime
    before = wall.monotonic()
    slept = {time.CLOCK_BOOTTIME: 3600.0}  # no test can put its machine to sleep

    monkeypatch.setattr(time, "clock_gettime", lambda which: real(which) + slept.get(which, 0.0))

    assert 3600 <= wall.monotonic() - before < 4000


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


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=4), timedelta(days=30), timedelta(days=-4)])
def test_k01_by_a_clock_that_is_wrong_no_message_expires(stage: Rehearsal, ahead: timedelta) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"paused": True})
    assert stage.ecmbraze("onboarding").code == 15
    stage.box.advance(3600)
    stage.ahead = ahead

    wrong = stage.ecmbraze("onboarding", "--json")

    stage.ahead = timedelta()
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"paused": False})
    assert (wrong.code, wrong.report["counts"]["expired"]) in ((5, 0), (15, 0))
    stage.run()
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=4), timedelta(days=30), timedelta(days=-4)])
def test_k01_by_a_clock_that_is_wrong_no_message_that_could_leave_is_given_up(
    stage: Rehearsal, ahead: timedelta
) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    refusal = {"status": 400, "json": {"message": "campaign is paused"}}
    stage.box.fault("status", system="braze", path="/trigger/send", times=1, **refusal)
    assert stage.ecmbraze("onboarding").code == 15
    stage.box.advance(3600)
    stage.ahead = ahead

    wrong = [stage.ecmbraze("onboarding", "--json") for _ in range(2)]

    stage.ahead = timedelta()
    assert [(done.code, done.report["counts"]["expired"]) for done in wrong] == [(5, 0), (5, 0)]
    stage.run()
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


@pytest.mark.parametrize("ahead", [timedelta(days=days) for days in (1, 2, 6, 30, -2)])
def test_k01_by_a_clock_that_is_wrong_no_reminder_comes_due_or_is_over(fresh: Rehearsal, ahead: timedelta) -> None:
    fresh.box.add_category("Contract", [{"name": "Customer Number"}, {"name": "End", "type": "Date"}])
    fresh.box.add_type("Contract", ["Contract"])
    person = fresh.customer(fresh.open_workspaces()[0])
    end = f"{fresh.box.now() + timedelta(days=32):%Y-%m-%d}"
    fresh.box.create_workspace("Contract", values={"Contract.Customer Number": person, "Contract.End": end})
    rule = {"name": "expiry", "before": {"date": "Contract.End", "days": [30]}, "send": {"event": "expiry"}}
    lifecycle = {"workspace_types": ["Contract"], "customer": "Contract.Customer Number", "rules": [rule]}
    fresh.config["flows"] = {"lifecycle": lifecycle}
    assert fresh.ecmbraze("init", "--non-interactive").code == 0

    def run(code: int = 0) -> str:
        fresh.box.advance(3600)
        done = fresh.ecmbraze("lifecycle", "--json")
        assert done.code == code, done.stderr
        return str(done.report["exit_reason"])

    run()
    fresh.ahead = ahead
    assert "clock" in run(5)
    assert "clock" in run(5)
    fresh.ahead = timedelta()
    run()
    assert not fresh.messages()

    fresh.box.advance(timedelta(days=2).total_seconds())
    run()
    assert fresh.messages() == {(person, "expiry"): 1}
    fresh.box.advance(timedelta(days=30).total_seconds())
    run()
    assert fresh.messages() == {(person, "expiry"): 1}


@pytest.mark.parametrize("what", [[], ["--as-if-new"], ["--since", "2026-01-01"], ["--limit", "1"]])
def test_k01_a_dry_run_by_a_clock_that_is_wrong_says_so(stage: Rehearsal, what: list[str]) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.ahead = timedelta(days=2)

    shown = stage.ecmbraze("onboarding", "--dry-run", "--json", *what)

    stage.ahead = timedelta()
    assert (shown.code, shown.report["counts"]["planned"]) == (5, 0)
    assert "our clock is" in shown.report["exit_reason"]
    assert stage.ecmbraze("onboarding", "--dry-run", "--json").report["counts"]["planned"] > 0


def test_k01_a_flow_is_due_again_as_soon_as_a_clock_that_was_hours_ahead_is_right(stage: Rehearsal) -> None:
    stage.config["guards"] = {"max_messages": 1}
    for workspace in stage.open_workspaces()[:2]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run(code=6)
    stage.ahead = timedelta(hours=3)
    assert stage.ecmbraze("run", "--now").code == 6  # a plan waits: that is no failure in passing
    stage.ahead = timedelta()
    stage.box.advance(1800)

    due = stage.ecmbraze("run", "--json")

    assert [report["flow"] for report in due.report["runs"]] == ["onboarding"]


def test_k01_by_a_clock_that_is_wrong_no_plan_is_confirmed_and_it_still_waits(stage: Rehearsal) -> None:
    stage.config["guards"] = {"max_messages": 1}
    for workspace in stage.open_workspaces()[:2]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    plan = str(stage.run(code=6)["plan_hash"])
    stage.ahead = timedelta(hours=3)

    wrong = stage.ecmbraze("onboarding", "--json", "--confirm", plan)

    stage.ahead = timedelta()
    assert (wrong.code, stage.messages()) == (5, {})
    stage.run("--confirm", plan)
    assert set(stage.messages().values()) == {1}
    assert len(stage.messages()) == 4
