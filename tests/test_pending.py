"""What waits: for whom, why, for how long, what it keeps back, and to whom it goes when a mistake is corrected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, KYC_CAMPAIGN, TYPE, Rehearsal

CUSTOMER = "Onboarding.Customer Number"


def _lose_the_answer(stage: Rehearsal, path: str) -> None:
    stage.box.fault("reset_after", system="braze", path=path, times=1)


def _until_held(stage: Rehearsal) -> None:
    for seconds in (400, 2000, 22_000):
        stage.box.advance(seconds)
        stage.ecmbraze("onboarding")


def test_a_held_message_keeps_back_its_next_count_and_nothing_else(stage: Rehearsal) -> None:
    for milestone in stage.flow["milestones"]:
        milestone["repeat"] = True
    first = stage.open_workspaces()[0]
    person = stage.customer(first)
    other = stage.box.create_workspace(TYPE, values={CUSTOMER: person, CONTRACT: "Draft", KYC: "Open"})
    stage.run()
    stage.box.edit_workspace(first, {CONTRACT: "Approved"})
    stage.box.fault("reset_before", system="braze", path="/campaigns/trigger/send", times=1)
    stage.run(code=4)
    _until_held(stage)

    stage.box.edit_workspace(other, {CONTRACT: "Approved"})  # another workspace
    stage.box.edit_workspace(first, {CONTRACT: "Draft", KYC: "Completed"})  # another rule
    stage.run()
    stage.box.edit_workspace(first, {CONTRACT: "Approved"})  # the next count of the same rule on the same record
    report = stage.run()

    assert stage.messages()[(person, CAMPAIGN)] == 1
    assert stage.messages()[(person, KYC_CAMPAIGN)] == 1
    kept = [line for line in report["actions"] if line["state"] == "pending"]
    assert {(line["name"], line["record"]) for line in kept} == {
        (CAMPAIGN, f"ws:{first}"),
        ("contract_approved", f"ws:{first}"),
    }
    assert all(line["why"].startswith("kept back by message ") for line in kept)
    assert report["counts"]["pending"] == 2


def test_what_a_held_message_kept_back_until_it_expired_says_so(stage: Rehearsal) -> None:
    stage.flow["milestones"][0]["repeat"] = True
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.fault("reset_before", system="braze", path="/campaigns/trigger/send", times=1)
    stage.run(code=4)
    _until_held(stage)
    stage.box.edit_workspace(workspace, {CONTRACT: "Draft"})
    stage.run()
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run()
    stage.box.advance(73 * 3600)

    report = stage.run(code=3)

    lines = [line for line in report["actions"] if line["state"] == "expired"]
    assert {(line["name"], line["customer"]) for line in lines} == {
        (name, stage.customer(workspace)) for name in ("contract_approved", CAMPAIGN)
    }
    assert all(line["why"].startswith("expired unsent: kept back by message ") for line in lines)


def test_a_pause_longer_than_expires_says_what_it_cost(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.ecmbraze("pause", "--reason", "the lawyers")
    stage.run()
    stage.box.advance(73 * 3600)

    report, resumed = stage.run(code=3), stage.ecmbraze("resume")

    whys = {line["why"] for line in report["actions"] if line["state"] == "expired"}
    assert len(whys) == 1
    assert "the lawyers" in whys.pop()
    assert "2 messages expired while it was paused" in resumed.stdout


@pytest.mark.parametrize("rule", ["contract_approved", "kyc_completed"])
def test_a_corrected_customer_number_moves_the_message_to_the_right_person(stage: Rehearsal, rule: str) -> None:
    workspace = stage.open_workspaces()[0]
    person, fact = stage.customer(workspace), {"contract_approved": CONTRACT, "kyc_completed": KYC}[rule]
    done = {"contract_approved": "Approved", "kyc_completed": "Completed"}[rule]
    campaign = {"contract_approved": CAMPAIGN, "kyc_completed": KYC_CAMPAIGN}[rule]
    stage.box.edit_workspace(workspace, {CUSTOMER: "TYPO", fact: done})
    stage.run()
    assert not stage.messages()

    stage.box.edit_workspace(workspace, {CUSTOMER: person})
    report, again = stage.run(), stage.run()

    assert stage.messages() == {(person, rule): 1, (person, campaign): 1}
    assert report["counts"]["superseded"] >= 2
    assert again["counts"]["planned"] == 0
    stage.box.call("PUT", "/braze/users/TYPO", {"email": "typo@example.com"})
    assert stage.run()["counts"]["sent"] == 0


def test_what_already_reached_somebody_does_not_move_to_whom_is_named_later(stage: Rehearsal) -> None:
    first, second = stage.open_workspaces()[:2]
    stage.box.edit_workspace(first, {CONTRACT: "Approved"})
    stage.run()

    stage.box.edit_workspace(first, {CUSTOMER: stage.customer(second)})
    stage.run()

    assert set(stage.messages()) == {
        (stage.messages().popitem()[0][0], name) for name in ("contract_approved", CAMPAIGN)
    }


def test_an_old_mistake_corrected_late_moves_nothing(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    person = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {CUSTOMER: "TYPO", CONTRACT: "Approved"})
    stage.run()
    stage.box.advance(73 * 3600)
    stage.run(code=3)

    stage.box.edit_workspace(workspace, {CUSTOMER: person})
    stage.run()

    assert not stage.messages()


def test_the_message_of_a_deleted_workspace_ends_with_it(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.ecmbraze("pause")
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run()
    stage.box.delete_workspace(workspace)
    stage.ecmbraze("resume")
    first = stage.ecmbraze("onboarding", "--json")
    second = stage.run()
    third = stage.run()

    reports: list[dict[str, Any]] = [first.report, second]
    ended = [line for report in reports for line in report["actions"] if line["state"] == "superseded"]
    assert first.code in (0, 5)  # one look is not enough to know that it is gone
    assert {line["why"] for line in ended} == {"the workspace is gone"}
    assert not [key for key in stage.messages() if key[1] in (CAMPAIGN, "contract_approved")]
    assert third["counts"]["pending"] == 0


def test_a_message_survives_that_nobody_was_named_for_a_while(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    person = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {CUSTOMER: "TYPO", CONTRACT: "Approved"})
    stage.run()
    stage.box.edit_workspace(workspace, {CUSTOMER: ""})
    stage.ecmbraze("onboarding")

    stage.box.edit_workspace(workspace, {CUSTOMER: person})
    stage.run()

    assert stage.messages() == {(person, "contract_approved"): 1, (person, CAMPAIGN): 1}


def test_a_number_that_was_right_changed_and_put_back_loses_nothing_and_repeats_nothing(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    for number in ("NEW", "TYPO", "NEW"):
        stage.box.edit_workspace(workspace, {CUSTOMER: number, CONTRACT: "Approved"})
        stage.run()

    stage.box.call("PUT", "/braze/users/NEW", {"email": "new@example.com"})
    stage.box.call("PUT", "/braze/users/TYPO", {"email": "typo@example.com"})
    stage.run()
    stage.run()

    assert stage.messages() == {("NEW", "contract_approved"): 1, ("NEW", CAMPAIGN): 1}
