"""What the simulated Braze does around every request: keys, statuses, rates, lag, its books (api/braze.md 13.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.braze_desk import CAMPAIGN, KEY, Braze, event

RATES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.mark.parametrize("header", [None, "Basic dTpw", "Bearer of-another-cluster", "Bearer", f"bearer {KEY}"])
def test_what_is_no_bearer_key_of_this_cluster_is_401_with_three_empty_rate_headers(
    braze: Braze, header: str | None
) -> None:
    headers = {"Authorization": header} if header else {}

    answer = braze.client.post("/users/track", json={}, headers=headers)

    assert answer.status_code == 401
    assert [answer.headers.get(name) for name in RATES] == ["", "", ""]


def test_a_missing_permission_may_be_worded_otherwise(braze: Braze) -> None:
    braze.store.keys["narrow"] = frozenset({"users.track"})
    braze.store.switches.change({"forbidden_text": "Forbidden"})

    answer = braze.post("/campaigns/trigger/send", {}, key="narrow")

    assert (answer.status_code, answer.get_json()) == (403, {"message": "Forbidden"})


def test_a_get_where_a_post_belongs_is_404(braze: Braze) -> None:
    assert braze.get("/users/track").status_code == 404


@pytest.mark.parametrize("text", ["[]", "null", '{"a": NaN}', '{"a": ', ""])
def test_a_body_that_is_no_json_object_is_400(braze: Braze, text: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    answer = braze.client.post("/users/track", data=text, headers=headers)

    assert (answer.status_code, "parsing" in answer.get_json()["message"]) == (400, True)


def test_a_body_of_more_than_4_mb_is_413_and_nothing_of_it_is_taken(braze: Braze) -> None:
    one = {"external_id": "u1", "ok": 1}

    assert (
        braze.post("/users/track", {"attributes": [one, {"external_id": "u1", "big": "x" * 4_200_000}]}).status_code
        == 413
    )
    assert braze.custom() == {}


def test_every_answer_has_a_request_id_of_its_own_and_its_rate_headers(braze: Braze) -> None:
    answers = [braze.post("/users/track", {}), braze.post("/users/track", {}), braze.get("/nowhere")]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert [answer.status_code for answer in answers] == [400, 400, 404]
    assert all(name in answers[0].headers for name in RATES)


def test_the_classic_dialect_tells_an_epoch_at_the_end_of_the_clocks_window(braze: Braze) -> None:
    braze.store.switches.change({"track_per_window": 1})
    braze.later(1)
    now = braze.clock.moment.timestamp()

    taken, limited = (braze.post("/users/track", {"events": [event("u1")]}) for _ in range(2))

    assert [taken.headers[name] for name in RATES] == ["1", "0", str(int(now) + 2)]
    assert (limited.status_code, limited.headers["x-ratelimit-reset"]) == (429, str(int(now) + 2))
    braze.later(2)
    assert braze.post("/users/track", {"events": [event("u1")]}).status_code == 201


def test_the_mau_dialect_tells_the_hour_in_seconds_left_while_the_burst_refuses(braze: Braze) -> None:
    braze.store.switches.change({"headers": "mau", "track_per_window": 1})
    braze.later(60)

    taken, limited = (braze.post("/users/track", {"events": [event("u1")]}) for _ in range(2))

    assert taken.headers["x-ratelimit-reset"] == str(59 * 60)
    assert int(taken.headers["x-ratelimit-remaining"]) > 1000  # of the hour: who trusts it runs into the burst
    assert (limited.status_code, limited.headers["x-ratelimit-retry-after"]) == (429, "3")
    assert not any(name in limited.headers for name in RATES)


def test_the_mau_dialect_ends_with_the_hour_when_that_is_used_up(braze: Braze) -> None:
    braze.store.switches.change({"headers": "mau", "track_per_hour": 1})

    limited = [braze.post("/users/track", {"events": [event("u1")]}) for _ in range(2)][1]

    assert (limited.status_code, limited.headers["x-ratelimit-retry-after"]) == (429, "3600")


def test_other_endpoints_stay_classic_on_a_mau_plan(braze: Braze) -> None:
    braze.store.switches.change({"headers": "mau"})

    assert int(braze.get("/campaigns/list").headers["x-ratelimit-reset"]) > 10**9


def test_the_absent_dialect_tells_nothing_even_with_429(braze: Braze) -> None:
    braze.store.switches.change({"headers": "absent", "track_per_window": 1, "limited_body": "empty"})

    limited = [braze.post("/users/track", {"events": [event("u1")]}) for _ in range(2)][1]

    assert (limited.status_code, limited.get_data()) == (429, b"")
    assert not [name for name in limited.headers.keys() if "rate" in name.lower()]  # noqa: SIM118 - no dict


def test_most_endpoints_share_one_pool_until_the_hour_ends(braze: Braze) -> None:
    braze.store.switches.change({"pool_per_hour": 2})
    braze.get("/campaigns/list")
    braze.trigger({"external_user_id": "u1"})

    assert braze.get("/canvas/list").status_code == 429
    assert braze.post("/users/track", {"events": [event("u1")]}).status_code == 201  # has its own
    braze.later(3600)
    assert braze.get("/canvas/list").status_code == 200


def test_an_export_has_the_fast_lane_only_with_fields_and_without_messages_received(braze: Braze) -> None:
    braze.store.switches.change({"export_per_minute": 1, "export_per_second": 2})

    slow = [braze.export("email", "campaigns_received", external_ids=["u1"]).status_code for _ in range(2)]
    fast = [braze.export("email", external_ids=["u1"]).status_code for _ in range(3)]

    assert (slow, fast) == ([201, 429], [201, 201, 429])
    braze.later(1)
    assert braze.export("email", external_ids=["u1"]).status_code == 201
    assert braze.export("email", "canvases_received", external_ids=["u1"]).status_code == 429


def test_reordered_writes_of_one_span_show_together_the_older_last(braze: Braze) -> None:
    braze.store.switches.change({"lag_s": 5, "reorder": True})
    for stage in ("first", "second"):
        braze.track({"external_id": "u1", "stage": stage})
        braze.later(1)

    assert braze.custom() == {}
    braze.later(5)

    assert braze.custom() == {"stage": "first"}  # who does not serialise per person ends here


def test_within_one_request_attributes_come_before_events_whatever_the_lag(braze: Braze) -> None:
    braze.store.switches.change({"lag_s": 5, "reorder": True})
    body = {"attributes": [{"external_id": "new", "a": 1}], "events": [event("new", _update_existing_only=True)]}

    assert braze.post("/users/track", body).status_code == 201
    braze.later(5)

    assert braze.user("new")["custom_events"][0]["count"] == 1


def test_the_books_count_data_points_of_unchanged_values_and_objects_of_each_call(braze: Braze) -> None:
    for _ in range(2):
        braze.track(
            {"external_id": "u1", "a": 1, "first_name": "A", "email_subscribe": "opted_in"}, events=[event("u1")]
        )

    assert braze.store.data_points == 2 * 3  # subscription states are free, the same value again is not
    assert [entry["objects"] for entry in braze.store.received["calls"]] == [2, 2]


@pytest.mark.parametrize(
    "wanted", [{"nope": 1}, {"headers": "modern"}, {"reorder": 1}, {"lag_s": "5"}, {"blocklist": "a"}]
)
def test_a_switch_that_is_no_switch_changes_nothing(braze: Braze, wanted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wanted))):
        braze.store.switches.change({"legacy_limits": True, **wanted})

    assert braze.store.switches.legacy_limits is False


def test_a_lagging_track_is_not_seen_by_a_send_but_the_recipients_own_attributes_are(braze: Braze) -> None:
    braze.store.switches.change({"lag_s": 5})
    braze.track({"external_id": "u1", "stage": "Approved"})

    braze.trigger({"external_user_id": "u1"})
    braze.trigger({"external_user_id": "u1", "attributes": {"stage": "Approved"}})

    seen = [entry["profile"] for entry in braze.store.received["messages"]]
    assert (seen, CAMPAIGN) == ([{}, {"stage": "Approved"}], braze.store.received["messages"][0]["id"])
