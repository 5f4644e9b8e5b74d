"""The control API of the simulated Braze: what a test may turn, and what Braze did (api/braze.md 13.1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.sandbox.braze_desk import CAMPAIGN, Braze, event


@pytest.mark.parametrize("wanted", [{"nope": 1}, {"headers": "modern"}])
def test_a_wrong_switch_is_named(control: FlaskClient, wanted: dict[str, Any]) -> None:
    answer = control.post("/switches", json=wanted)

    assert (answer.status_code, next(iter(wanted)) in answer.get_json()["error"]) == (400, True)


def test_a_switch_is_turned(control: FlaskClient, braze: Braze) -> None:
    told = control.post("/switches", json={"headers": "mau", "lag_s": 5, "blocklist": ["a"]}).get_json()

    assert (told["headers"], told["lag_s"], told["blocklist"]) == ("mau", 5.0, ["a"])
    assert braze.store.switches.blocklist == ("a",)


def test_what_was_received_counts_events_that_came_twice(control: FlaskClient, braze: Braze) -> None:
    same = event("u1", properties={"key": "ws:1"})
    for _ in range(2):
        braze.track(events=[same, event("u1", properties={"key": "ws:2"}), event("u2", properties={"key": "ws:1"})])
    braze.trigger({"external_user_id": "u1"})

    told = control.get("/received").get_json()

    assert (told["duplicate_events"], told["data_points"], len(told["messages"])) == (3, 6, 1)
    assert [call["objects"] for call in told["calls"]] == [3, 3, 1]


def test_what_is_on_its_way_can_be_hurried(control: FlaskClient, braze: Braze) -> None:
    braze.store.switches.change({"lag_s": 300})
    braze.track({"external_id": "u1", "a": 1})
    assert braze.custom() == {}

    control.post("/flush")

    assert braze.custom() == {"a": 1}


def test_a_campaign_is_changed_without_losing_its_name_and_its_age(control: FlaskClient, braze: Braze) -> None:
    before = braze.get("/campaigns/details", campaign_id=CAMPAIGN).get_json()
    braze.later(60)

    assert control.put(f"/campaigns/{CAMPAIGN}", json={"paused": True}).status_code == 200

    after = braze.get("/campaigns/details", campaign_id=CAMPAIGN).get_json()
    assert (after["name"], after["created_at"], after["enabled"]) == ("Campaign", before["created_at"], False)
    assert after["updated_at"] > before["updated_at"]
