"""Who is written to, and on which consent, when the data of either side is not what anybody expects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, GROUP, TYPE, Rehearsal

NUMBER = "Onboarding.Customer Number"


def _approve(stage: Rehearsal, *numbers: str) -> None:
    for number in numbers:
        stage.box.create_workspace(TYPE, values={NUMBER: number, CONTRACT: "Approved"})


def test_of_two_people_whose_ids_differ_in_case_only_the_subscribed_one_is_messaged(stage: Rehearsal) -> None:
    stage.flow["milestones"][0]["send"]["consent"] = {"email": "subscribed", "group": GROUP}
    for number, state in (("AB1", "unsubscribed"), ("ab1", "subscribed")):
        stage.box.call("PUT", f"/braze/users/{number}", {"email": f"p{ord(number[0])}@example.com"})
        stage.box.call("PUT", f"/braze/users/{number}", {"groups": {GROUP: state}})
    _approve(stage, "AB1", "ab1")

    report = stage.run()

    assert (stage.messages()[("AB1", CAMPAIGN)], stage.messages()[("ab1", CAMPAIGN)]) == (0, 1)
    assert report["counts"]["suppressed"] == 1


@pytest.mark.parametrize("state", ["paused", False])
def test_a_consent_that_nobody_documented_is_suppressed_as_unknown(stage: Rehearsal, state: Any) -> None:
    user = {"external_id": "NEW-1", "email": "new1@example.com", "email_subscribe": state}
    answer = {"users": [user], "message": "success"}
    _approve(stage, "NEW-1")
    stage.box.fault("status", system="braze", path="/users/export/ids", status=201, json=answer, times=None)

    report = stage.run()

    (line,) = [entry for entry in report["actions"] if entry["kind"] == "campaign"]
    assert (line["state"], line["why"].startswith("consent_unknown: ")) == ("suppressed", True)
    assert stage.messages()[("NEW-1", CAMPAIGN)] == 0


def test_a_customer_number_that_reads_like_an_address_reaches_nobody_else(stage: Rehearsal) -> None:
    stage.box.call("PUT", "/braze/users/VICTIM", {"email": "victim@example.com"})
    _approve(stage, "email:victim@example.com", "alias:crm:VICTIM")

    report = stage.run()

    assert (report["counts"]["waiting"] > 0, stage.messages()) == (True, {})
    bodies = [entry["json"] for entry in stage.box.journal(system="braze")]
    assert not [body for body in bodies if "email_address" in str(body) or "alias_label" in str(body)]
