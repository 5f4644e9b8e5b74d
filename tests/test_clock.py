"""Clock faults: a clock that is wrong sends no message, and loses none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.rehearsal import CONTRACT, Rehearsal


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
    stage.box.advance(86400)  # past the end of the run that thought it was tomorrow
    stage.run()
    assert len(stage.messages()) == 2


def test_k02_a_clock_that_went_back_since_the_last_run_sends_no_message(stage: Rehearsal) -> None:
    stage.ahead = timedelta(hours=1)
    stage.run()
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.ahead = timedelta()

    wrong = stage.ecmbraze("onboarding", "--json")

    assert wrong.code == 5
    assert "behind the end of the last run" in wrong.report["exit_reason"]
    assert not stage.messages()
