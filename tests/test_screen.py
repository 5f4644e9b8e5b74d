"""What is staged is held to the rules, the consent and the record of the moment in which it leaves."""

from __future__ import annotations

import pytest

from ecmbraze.model import Profile
from ecmbraze.planning.consent.demands import Given, demands, refusal
from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, KYC_CAMPAIGN, Rehearsal


def _paused_with_work(stage: Rehearsal) -> tuple[int, str]:
    """Stage both milestones of one workspace and send nothing."""
    stage.flow["messages"] = "all"
    workspace = stage.open_workspaces()[0]
    stage.ecmbraze("pause")
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", KYC: "Completed"})
    assert stage.run()["counts"]["sent"] == 0
    return workspace, stage.customer(workspace)


def test_a_rule_that_demands_more_now_holds_what_is_staged_to_it(stage: Rehearsal) -> None:
    _, person = _paused_with_work(stage)
    stage.box.call("PUT", f"/braze/users/{person}", {"email_subscribe": "unsubscribed"})
    for milestone in stage.flow["milestones"]:
        milestone["send"]["consent"] = {"email": "subscribed"}
    stage.ecmbraze("resume")

    report = stage.run()

    states = {line["name"]: line["state"] for line in report["actions"] if line["kind"] == "campaign"}
    assert states == {CAMPAIGN: "suppressed", KYC_CAMPAIGN: "suppressed"}


def test_a_rule_that_demands_less_now_does_not_release_what_was_staged_under_more(stage: Rehearsal) -> None:
    _, person = _paused_with_work(stage)
    stage.box.call("PUT", f"/braze/users/{person}", {"email_subscribe": "unsubscribed"})
    for milestone in stage.flow["milestones"]:
        milestone["send"]["consent"] = {"transactional": "so they say now"}
    stage.ecmbraze("resume")

    report = stage.run()

    states = {line["name"]: line["state"] for line in report["actions"] if line["kind"] == "campaign"}
    assert states == {CAMPAIGN: "suppressed", KYC_CAMPAIGN: "sent"}  # the first was staged under {email: subscribed}


def test_an_event_that_needs_consent_now_is_held_to_it(stage: Rehearsal) -> None:
    _, person = _paused_with_work(stage)
    stage.box.call("PUT", f"/braze/users/{person}", {"email_subscribe": "unsubscribed"})
    stage.flow["milestones"][0]["send"]["event_consent"] = "required"
    stage.ecmbraze("resume")

    stage.run()

    assert (person, "contract_approved") not in stage.messages()
    assert stage.messages()[(person, "kyc_completed")] == 1


def test_a_rule_or_campaign_that_left_the_configuration_takes_its_rows_along(stage: Rehearsal) -> None:
    _, person = _paused_with_work(stage)
    stage.flow["milestones"][0]["send"]["campaign"] = KYC_CAMPAIGN
    stage.flow["milestones"].pop(1)
    stage.ecmbraze("resume")

    report = stage.run()

    assert set(stage.messages()) == {(person, "contract_approved")}
    assert {(line["name"], line["why"]) for line in report["actions"] if line["state"] == "superseded"} == {
        (CAMPAIGN, f"the rule 'contract_approved' no longer sends campaign {CAMPAIGN}"),
        (KYC_CAMPAIGN, "the rule 'kyc_completed' is no longer configured"),
        ("kyc_completed", "the rule 'kyc_completed' is no longer configured"),
    }


@pytest.mark.parametrize(
    ("stored", "now", "state", "goes"),
    [
        ({"transactional": "x"}, {"transactional": "x"}, "unsubscribed", True),
        ({"transactional": "x"}, {"email": {"state": "subscribed"}}, "unsubscribed", False),
        ({"email": {"state": "subscribed"}}, {"transactional": "x"}, "unsubscribed", False),
        ({"email": {"state": "subscribed"}}, {"email": {"state": "opted_in"}}, "subscribed", False),
        ({"email": {"state": "opted_in"}}, {"email": {"state": "subscribed"}}, "subscribed", False),
        ({"email": {"state": "opted_in"}}, {"email": {"state": "subscribed"}}, "opted_in", True),
        (None, {"email": {"state": "subscribed"}}, "unknown", False),
        ({"email": {"state": "subscribed"}}, None, "something new", False),
        (None, None, "unsubscribed", True),
    ],
)
def test_both_consents_must_be_satisfied(stored: object, now: object, state: str, goes: bool) -> None:
    profile = Profile(
        recipient="C-1",
        email="a@b.example",
        phone=None,
        email_subscribe=state,
        push_subscribe="subscribed",
        custom_attributes={},
        custom_events={},
    )

    reason = refusal(demands(stored, now), Given(profile=profile, bounced=False, groups={}))  # type: ignore[arg-type]

    assert (reason == "") is goes, reason


@pytest.mark.parametrize(
    "states", [{}, {"g": "unknown"}, {"g": "Unsubscribed"}, {"g": "paused"}, {"other": "subscribed"}]
)
def test_a_group_in_any_state_but_subscribed_is_no_consent(states: dict[str, str]) -> None:
    profile = Profile(
        recipient="C-1",
        email=None,
        phone="+49",
        email_subscribe="subscribed",
        push_subscribe="subscribed",
        custom_attributes={},
        custom_events={},
    )
    wanted = demands({"sms": {"state": "subscribed", "group": "g"}})

    assert refusal(wanted, Given(profile=profile, bounced=False, groups=states))
    assert not refusal(wanted, Given(profile=profile, bounced=False, groups={"g": "subscribed"}))
