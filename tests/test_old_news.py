"""After a long gap old news does not go out at once: a person looks at it first; reminders have their own grace."""

from __future__ import annotations

from tests.rehearsal import CAMPAIGN, CONTRACT, TYPE, Rehearsal


def _news(stage: Rehearsal, number: int = 0) -> tuple[int, str]:
    workspace = stage.open_workspaces()[number]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return workspace, stage.customer(workspace)


def test_a_flow_that_did_not_look_for_long_asks_before_it_messages(stage: Rehearsal) -> None:
    _, person = _news(stage)
    stage.box.advance(73 * 3600)

    shown, report = stage.run("--dry-run", code=6), stage.run(code=6)

    assert not stage.messages()
    assert "longer ago than max_gap 72h" in report["exit_reason"]
    assert shown["plan_hash"] == report["plan_hash"]
    stage.run("--confirm", report["plan_hash"][:12])
    assert stage.messages() == {(person, "contract_approved"): 1, (person, CAMPAIGN): 1}
    _, second = _news(stage, 1)
    stage.run()  # it has looked now: what comes next is news
    assert stage.messages()[(second, CAMPAIGN)] == 1


def test_a_gap_without_messages_stops_nothing(stage: Rehearsal) -> None:
    stage.box.advance(30 * 24 * 3600)

    stage.run()
    _, person = _news(stage)
    stage.run()

    assert stage.messages()[(person, CAMPAIGN)] == 1


def test_a_gap_just_within_the_limit_stops_nothing(stage: Rehearsal) -> None:
    _, person = _news(stage)
    stage.box.advance(71 * 3600)

    stage.run()

    assert stage.messages()[(person, CAMPAIGN)] == 1


def test_a_type_that_was_switched_off_and_on_asks_although_its_flow_ran_all_the_time(stage: Rehearsal) -> None:
    stage.box.add_type("Other Onboarding", ["Onboarding"])
    stage.flow["workspace_types"] = [TYPE, "Other Onboarding"]
    stage.run()
    workspace, _ = _news(stage)
    stage.flow["workspace_types"] = ["Other Onboarding"]
    for _ in range(4):
        stage.box.advance(24 * 3600)
        stage.run()
    stage.flow["workspace_types"] = [TYPE, "Other Onboarding"]

    report = stage.run(code=6)

    assert repr(TYPE) in report["exit_reason"]
    assert not stage.messages()
    assert workspace


def test_a_flow_that_seldom_runs_is_not_taken_for_one_that_was_off(stage: Rehearsal) -> None:
    stage.flow["every"] = "7d"
    stage.run()
    _, person = _news(stage)
    stage.box.advance(7 * 24 * 3600)

    stage.run()

    assert stage.messages()[(person, CAMPAIGN)] == 1
