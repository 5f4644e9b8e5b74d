"""Who gets a message of the simulated Braze, and who does not although it answers success (api/braze.md 13.4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, GROUP, Braze

U1 = {"external_user_id": "u1"}
ALIASED = {"user_alias": {"alias_label": "a", "alias_name": "b"}, "send_to_existing_only": True}
TIED = {"email": "u1@example.com", "prioritization": ["identified"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"recipients": []},
        {"broadcast": False},
        {"broadcast": True, "recipients": [U1]},
        {"recipients": {"a": 1}},
        {"recipients": ["u1"]},
        {"recipients": [{}]},
        {"recipients": [ALIASED]},
    ],
)
@pytest.mark.parametrize("kind", ["campaign", "canvas"])
def test_a_trigger_that_names_nobody_well_is_400(braze: Braze, kind: str, body: dict[str, Any]) -> None:
    path, message = ("/campaigns", CAMPAIGN) if kind == "campaign" else ("/canvas", CANVAS)

    assert braze.post(f"{path}/trigger/send", {f"{kind}_id": message, **body}).status_code == 400
    assert (braze.sent(), braze.store.received["broadcasts"]) == ([], [])


def test_a_trigger_that_says_neither_whom_nor_broadcast_may_mean_everybody(braze: Braze) -> None:
    braze.store.switches.change({"broadcast_unsaid": "broadcast"})

    assert braze.post("/campaigns/trigger/send", {"campaign_id": CAMPAIGN}).status_code == 201
    assert len(braze.store.received["broadcasts"]) == 1  # whoever leaves the word out ends here
    assert braze.trigger().status_code == 400


def test_an_unknown_message_is_400(braze: Braze) -> None:
    assert braze.post("/campaigns/trigger/send", {"campaign_id": "x", "recipients": [U1]}).status_code == 400
    assert braze.post("/canvas/trigger/send", {"canvas_id": CAMPAIGN, "recipients": [U1]}).status_code == 400


def test_one_person_under_two_names_is_one_message_with_the_last_properties(braze: Braze) -> None:
    alias = {"alias_label": "crm", "alias_name": "A-1"}
    braze.store.put_user("u1", {"user_aliases": [alias]})

    braze.trigger({**U1, "trigger_properties": {"n": 1}}, {"user_alias": alias, "trigger_properties": {"n": 2}})

    assert [entry["properties"] for entry in braze.store.received["messages"]] == [{"n": 2}]


def test_the_same_trigger_again_is_a_second_message(braze: Braze) -> None:
    dispatches = {braze.trigger(U1).get_json()["dispatch_id"] for _ in range(2)}

    assert (braze.sent(), len(dispatches)) == (["u1", "u1"], 2)


def test_a_canvas_entered_twice_in_one_second_is_entered_once(braze: Braze) -> None:
    for _ in range(2):
        assert braze.trigger(U1, kind="canvas").status_code == 201
    assert braze.sent() == ["u1"]

    braze.later(1)
    braze.trigger(U1, kind="canvas")

    assert braze.sent() == ["u1", "u1"]


def test_an_archived_canvas_answers_201_with_a_notice_and_sends_nothing(braze: Braze) -> None:
    braze.store.put_canvas(CANVAS, "Canvas", archived=True)

    answer = braze.trigger(U1, kind="canvas")

    assert (answer.status_code, answer.get_json()["message"]) == (201, "success")
    assert ("archived" in answer.get_json()["notice"], braze.sent()) == (True, [])


@pytest.mark.parametrize("flag", ["paused", "archived", "draft"])
@pytest.mark.parametrize(("side", "status"), [("error400", 400), ("success", 201)])
def test_a_campaign_at_rest_sends_nothing_whatever_it_answers(braze: Braze, flag: str, side: str, status: int) -> None:
    braze.store.switches.change({"campaign_paused": side})
    braze.store.put_campaign(CAMPAIGN, "Campaign", **{flag: True})

    assert (braze.trigger(U1).status_code, braze.sent()) == (status, [])


@pytest.mark.parametrize("status", [400, 422])
def test_making_somebody_needs_attributes(braze: Braze, status: int) -> None:
    braze.store.switches.change({"missing_attributes_status": status})
    new = {"external_user_id": "n1", "send_to_existing_only": False}

    assert braze.trigger(new).status_code == status
    assert braze.trigger({**new, "attributes": {"email": "n1@example.com"}}).status_code == 201
    assert braze.sent() == ["n1"]


@pytest.mark.parametrize("kind", ["campaign", "canvas"])
def test_more_than_50_kb_of_properties_is_400(braze: Braze, kind: str) -> None:
    name = "trigger_properties" if kind == "campaign" else "context"

    assert braze.trigger({**U1, name: {"x": "é" * 26_000}}, kind=kind).status_code == 400
    assert braze.trigger(U1, kind=kind, **{name: {"x": "x" * 52_000}}).status_code == 400
    assert braze.trigger({**U1, name: {"x": "x" * 50_000}}, kind=kind).status_code == 201


def test_a_canvas_still_takes_the_older_name_of_its_context(braze: Braze) -> None:
    braze.trigger({**U1, "canvas_entry_properties": {"a": 1, "b": 1}, "context": {"b": 2}}, kind="canvas")

    assert braze.store.received["messages"][0]["properties"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(("kind", "state"), [("campaign", "Subscribed"), ("canvas", "Unknown")])
def test_only_a_campaign_changes_subscription_groups_of_its_recipients(braze: Braze, kind: str, state: str) -> None:
    group = [{"subscription_group_id": GROUP, "subscription_state": "subscribed"}]

    braze.trigger({**U1, "attributes": {"subscription_groups": group}}, kind=kind)

    query = {"subscription_group_id": GROUP, "external_id": "u1"}
    assert braze.get("/subscription/status/get", **query).get_json()["status"] == {"u1": state}


def test_several_profiles_with_one_address_are_a_tie_unless_freshness_decides(braze: Braze) -> None:
    braze.store.put_user("u2", {"email": "u1@example.com"})

    braze.trigger(TIED)
    assert (braze.sent(), braze.told()) == ([], [("u1@example.com", "several profiles have this address")])
    braze.trigger({**TIED, "prioritization": ["identified", "least_recently_updated"]})
    braze.trigger({**TIED, "prioritization": ["identified", "most_recently_updated"]})

    assert braze.sent() == ["u1", "u2"]


def test_an_identified_profile_may_go_before_an_anonymous_one_and_after(braze: Braze) -> None:
    braze.track({"external_id": "u2", "email": "x@example.com"})
    braze.store.new_user(None)
    braze.store.set_field(braze.store.users[-1], "email", "x@example.com")

    braze.trigger({"email": "x@example.com", "prioritization": ["identified"]})
    braze.trigger({"email": "x@example.com", "prioritization": ["unidentified"]})

    assert braze.sent() == ["u2", "email:x@example.com"]


@pytest.mark.parametrize(
    ("person", "message", "reason"),
    [
        ({"email_subscribe": "unsubscribed"}, {}, "email state is unsubscribed"),
        ({}, {"send_to": "opted_in"}, "email state is subscribed"),
        ({"groups": {GROUP: "unsubscribed"}}, {"groups": [GROUP]}, f"not subscribed to group {GROUP}"),
        ({}, {"groups": [GROUP]}, f"not subscribed to group {GROUP}"),
        ({"hard_bounced": True}, {}, "address bounced"),
        ({"hard_bounced": True}, {"send_to": "all"}, "address bounced"),
        ({"marked_email_as_spam_at": "2026-11-01"}, {}, "reported spam"),
        ({"email": None}, {}, "no address"),
    ],
)
def test_success_is_not_delivery(braze: Braze, person: dict[str, Any], message: dict[str, Any], reason: str) -> None:
    braze.store.put_user("u1", person)
    braze.store.put_campaign(CAMPAIGN, "Campaign", **message)

    assert braze.trigger(U1).get_json()["message"] == "success"
    assert (braze.sent(), braze.told()) == ([], [("u1", reason)])


@pytest.mark.parametrize("person", [{"email_subscribe": "unsubscribed"}, {"marked_email_as_spam_at": "2026-11-01"}])
def test_a_message_to_all_users_reaches_who_withdrew(braze: Braze, person: dict[str, Any]) -> None:
    braze.store.put_user("u1", person)
    braze.store.put_campaign(CAMPAIGN, "Campaign", send_to="all")

    braze.trigger(U1)

    assert braze.sent() == ["u1"]
