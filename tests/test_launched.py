"""Braze may answer a trigger with 201 and send nothing: drafts, archived and paused messages are never asked for."""

from __future__ import annotations

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, KYC_CAMPAIGN, Rehearsal


@pytest.mark.parametrize(("state", "said"), [("draft", "a draft"), ("archived", "archived"), ("paused", "paused")])
def test_b16_a_campaign_that_would_send_nothing_keeps_its_messages_ready(
    stage: Rehearsal, state: str, said: str
) -> None:
    first, second = stage.open_workspaces()[:2]
    stage.box.edit_workspace(first, {CONTRACT: "Approved"})
    stage.box.edit_workspace(second, {KYC: "Completed"})
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {state: True})

    shown, done = stage.ecmbraze("onboarding", "--dry-run", "--json"), stage.ecmbraze("onboarding", "--json")

    assert shown.code == done.code == 15
    assert said in done.report["exit_reason"]
    assert CAMPAIGN in done.report["exit_reason"]
    assert stage.messages() == {
        (stage.customer(first), "contract_approved"): 1,
        (stage.customer(second), "kyc_completed"): 1,
        (stage.customer(second), KYC_CAMPAIGN): 1,
    }
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {state: False})
    stage.run()
    assert stage.messages()[(stage.customer(first), CAMPAIGN)] == 1


def test_each_campaign_is_asked_about_once_a_round(stage: Rehearsal) -> None:
    for workspace in stage.open_workspaces()[:4]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.config["braze"] |= {"trigger_batch": 1}
    stage.box.clear_journal()

    stage.run()

    asked = [entry for entry in stage.box.journal() if entry["path"].endswith("/campaigns/details")]
    assert len(asked) == 1
