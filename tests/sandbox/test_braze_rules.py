"""The simulated Braze fails a naive client: each rule of api/braze.md section 13 that the product meets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, GROUP, KEY, Braze, event


def test_a_wrong_key_is_echoed_with_empty_rate_headers(braze: Braze) -> None:
    answer = braze.post("/users/track", {}, key="my-secret")

    assert (answer.status_code, answer.get_json()) == (401, {"message": "Invalid API key: my-secret"})
    assert answer.headers["x-ratelimit-remaining"] == ""


def test_a_key_without_the_permission_is_403(braze: Braze) -> None:
    braze.store.keys["narrow"] = frozenset({"users.track"})

    assert braze.post("/users/export/ids", {"external_ids": ["u1"]}, key="narrow").status_code == 403


@pytest.mark.parametrize("path", ["/users/track/", "/nowhere"])
def test_an_unknown_address_is_404(braze: Braze, path: str) -> None:
    assert braze.post(path, {}).get_json() == {"message": "Invalid URL"}


def test_what_is_not_json_is_415_and_broken_json_400(braze: Braze) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    assert braze.client.post("/users/track", data="a=b", headers=headers).status_code == 415
    kind = {"Content-Type": "application/json"}
    assert braze.client.post("/users/track", data="{", headers=headers | kind).status_code == 400


def test_posts_answer_201_and_gets_200(braze: Braze) -> None:
    assert braze.post("/users/track", {"events": [event("u1")]}).status_code == 201
    assert braze.get("/campaigns/list").status_code == 200


def test_seventy_six_objects_are_too_many_in_all(braze: Braze) -> None:
    objects = {"attributes": [{"external_id": "u1", "a": 1}] * 40, "events": [event("u1")] * 36}

    assert braze.post("/users/track", objects).status_code == 400
    braze.store.switches.legacy_limits = True
    assert braze.post("/users/track", objects).status_code == 201


def test_a_201_names_the_refused_objects_inside_their_own_array(braze: Braze) -> None:
    body = {
        "attributes": [{"external_id": "u1", "a": 1}, {"external_id": "u1", "email_subscribe": "maybe"}],
        "events": [{"external_id": "u1", "name": "x"}, event("u1")],
    }

    answer = braze.post("/users/track", body)

    assert answer.status_code == 201
    told = [(e["input_array"], e["index"]) for e in answer.get_json()["errors"]]
    assert told == [("attributes", 1), ("events", 0)]
    assert answer.get_json()["attributes_processed"] == 1


def test_when_every_object_is_invalid_the_answer_is_400(braze: Braze) -> None:
    answer = braze.post("/users/track", {"attributes": [{"a": 1}]})

    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["index"] == 0


def test_two_primary_identifiers_are_refused(braze: Braze) -> None:
    body = {"attributes": [{"external_id": "u1", "braze_id": "x"}, {"external_id": "u1", "a": 1}]}

    assert "only one of" in braze.post("/users/track", body).get_json()["errors"][0]["type"]


def test_identical_events_are_two(braze: Braze) -> None:
    for _ in range(2):
        braze.post("/users/track", {"events": [event("u1")]})

    assert braze.user("u1")["custom_events"][0]["count"] == 2


def test_an_unknown_person_is_created_unless_update_only(braze: Braze) -> None:
    braze.post("/users/track", {"attributes": [{"external_id": "n1", "a": 1}]})
    braze.post("/users/track", {"attributes": [{"external_id": "n2", "a": 1, "_update_existing_only": True}]})

    assert ("n1" in braze.store.by_external, "n2" in braze.store.by_external) == (True, False)


def test_a_date_is_read_back_as_a_time_and_a_long_text_is_dropped(braze: Braze) -> None:
    braze.post("/users/track", {"attributes": [{"external_id": "u1", "d": "2026-09-15", "t": "x" * 300}]})

    assert braze.user("u1")["custom_attributes"] == {"d": "2026-09-15T00:00:00.000Z"}


def test_a_changed_email_resets_the_subscription(braze: Braze) -> None:
    braze.store.put_user("u1", {"email_subscribe": "unsubscribed"})

    braze.post("/users/track", {"attributes": [{"external_id": "u1", "email": "new@example.com"}]})

    assert braze.user("u1")["email_subscribe"] == "subscribed"


def test_absent_fields_are_left_out_and_unknown_ids_are_named(braze: Braze) -> None:
    body = {"external_ids": ["u1", "ghost"], "fields_to_export": ["external_id", "email", "phone"]}

    answer = braze.post("/users/export/ids", body).get_json()

    assert answer["users"] == [{"external_id": "u1", "email": "u1@example.com"}]
    assert answer["invalid_user_ids"] == ["ghost"]


def test_an_export_needs_its_fields_and_takes_fifty(braze: Braze) -> None:
    assert braze.post("/users/export/ids", {"external_ids": ["u1"]}).status_code == 400
    many = {"external_ids": [f"x{i}" for i in range(51)], "fields_to_export": ["email"]}
    assert braze.post("/users/export/ids", many).status_code == 400


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        [{"external_user_id": f"x{i}"} for i in range(51)],
        [{"external_user_id": "u1", "email": "a@b.example"}],
        [{"external_user_id": "u1", "send_to_existing_only": False}],
        [{"email": "u1@example.com"}],
    ],
)
def test_a_trigger_with_bad_recipients_is_400(braze: Braze, recipients: list[Any]) -> None:
    body = {"campaign_id": CAMPAIGN, "broadcast": False, "recipients": recipients}

    assert braze.post("/campaigns/trigger/send", body).status_code == 400


def test_a_person_twice_in_one_request_is_one_message_and_the_last_wins(braze: Braze) -> None:
    twice = [{"external_user_id": "u1", "trigger_properties": {"n": n}} for n in (1, 2)]

    braze.post("/campaigns/trigger/send", {"campaign_id": CAMPAIGN, "recipients": twice})

    assert [m["properties"] for m in braze.store.received["messages"]] == [{"n": 2}]


def test_an_unknown_recipient_is_a_success_without_a_message(braze: Braze) -> None:
    body = {"campaign_id": CAMPAIGN, "recipients": [{"external_user_id": "ghost"}]}

    assert braze.post("/campaigns/trigger/send", body).status_code == 201
    assert (braze.store.received["messages"], len(braze.store.received["not_sent"])) == ([], 1)


def test_a_paused_canvas_answers_201_with_a_notice(braze: Braze) -> None:
    braze.store.put_canvas(CANVAS, "Canvas", paused=True)

    answer = braze.post("/canvas/trigger/send", {"canvas_id": CANVAS, "recipients": [{"external_user_id": "u1"}]})

    assert answer.status_code == 201
    assert "paused" in answer.get_json()["notice"]
    assert braze.store.received["messages"] == []


def test_a_broadcast_is_loud_in_the_book(braze: Braze) -> None:
    braze.post("/campaigns/trigger/send", {"campaign_id": CAMPAIGN, "broadcast": True})

    assert len(braze.store.received["broadcasts"]) == 1


def test_group_states_know_nothing_of_the_global_state(braze: Braze) -> None:
    braze.store.put_user("u2", {"email_subscribe": "unsubscribed"})

    query = {"subscription_group_id": GROUP, "external_id[]": ["u1", "u2"]}
    status = braze.get("/subscription/status/get", **query).get_json()["status"]

    assert status == {"u1": "Unknown", "u2": "Subscribed"}
    assert braze.get("/subscription/status/get", subscription_group_id="x", external_id="u1").status_code == 400


def test_a_bounce_of_today_needs_an_end_date_of_tomorrow(braze: Braze) -> None:
    braze.store.put_user("u1", {"hard_bounced": True})
    today = {"start_date": "2026-11-01", "end_date": "2026-11-24"}

    assert braze.get("/email/hard_bounces", **today).get_json()["emails"] == []
    found = braze.get("/email/hard_bounces", **today | {"end_date": "2026-11-25"}).get_json()["emails"]
    assert found == [{"email": "u1@example.com", "hard_bounced_at": "2026-11-24 10:00:00 +0000"}]


def test_what_was_accepted_is_seen_only_after_the_lag(braze: Braze) -> None:
    braze.store.switches.lag_s = 5
    braze.post("/users/track", {"attributes": [{"external_id": "u1", "x": 1}]})
    assert "custom_attributes" not in braze.user("u1")

    braze.clock.moment += timedelta(seconds=6)

    assert braze.user("u1")["custom_attributes"] == {"x": 1}
