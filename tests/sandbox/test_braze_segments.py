"""Segments, their exports, and engagement in the simulated Braze (api/braze.md 4.4, 6.1, 7.5, 13.5)."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, KEY, Braze

SEGMENT = "5e600000-0000-4000-8000-000000000001"
FIELDS = ["external_id", "email_subscribe"]
READY = 5  # seconds, the default of the switch


@pytest.fixture(autouse=True)
def segment(control: FlaskClient) -> None:
    control.put(f"/segments/{SEGMENT}", json={"name": "Silent", "members": None})


def start(braze: Braze, **more: Any) -> TestResponse:
    return braze.post("/users/export/segment", {"segment_id": SEGMENT, "fields_to_export": FIELDS, **more})


def download(braze: Braze, url: str, **headers: str) -> TestResponse:
    return braze.client.get(url, headers=headers)


def finished(braze: Braze, **more: Any) -> bytes:
    """Export the segment and return the zip once it is ready."""
    url = start(braze, **more).get_json()["url"]
    braze.later(READY)
    answer = download(braze, url)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data()


def files(content: bytes) -> list[list[dict[str, Any]]]:
    """Return the rows of each file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert all(name.endswith(".json") for name in archive.namelist())
        return [[json.loads(line) for line in archive.read(name).splitlines()] for name in archive.namelist()]


def people(content: bytes) -> list[str]:
    return sorted(row["external_id"] for rows in files(content) for row in rows)


# the export


def test_an_export_is_several_files_of_one_person_a_line(braze: Braze) -> None:
    rows = files(finished(braze))

    assert len(rows) == 2  # even for two people: who reads the first file only misses one
    assert {row["external_id"]: row for file in rows for row in file} == {
        person: {"external_id": person, "email_subscribe": "subscribed"} for person in ("u1", "u2")
    }


def test_a_file_holds_5000_people_at_most(braze: Braze) -> None:
    for i in range(10_001):
        braze.store.new_user(f"n{i}")

    assert [len(rows) for rows in files(finished(braze))] == [5_000, 5_000, 3]


def test_the_address_of_an_export_is_403_until_it_is_ready_and_again_after_four_hours(braze: Braze) -> None:
    url = start(braze).get_json()["url"]

    early = download(braze, url)
    braze.later(READY)
    ready = download(braze, url)
    braze.later(4 * 3600)
    late = download(braze, url)

    assert [answer.status_code for answer in (early, ready, late)] == [403, 200, 403]
    assert "AccessDenied" in early.get_data(as_text=True)


def test_the_address_of_an_export_wants_its_signature_and_no_key(braze: Braze) -> None:
    url = start(braze).get_json()["url"]
    braze.later(READY)

    assert download(braze, url.partition("?")[0]).status_code == 403
    assert download(braze, url, Authorization=f"Bearer {KEY}").status_code == 400


def test_a_second_export_of_the_same_segment_is_429_though_the_rate_is_not_used_up(
    braze: Braze, control: FlaskClient
) -> None:
    control.put("/segments/other", json={"members": ["u1"]})
    assert start(braze).status_code == 201

    second = start(braze)

    assert (second.status_code, int(second.headers["x-ratelimit-remaining"]) > 1000) == (429, True)
    assert start(braze, segment_id="other").status_code == 201
    braze.later(READY)
    assert start(braze).status_code == 201


def test_an_export_is_of_the_moment_it_was_asked_for(braze: Braze, control: FlaskClient) -> None:
    url = start(braze).get_json()["url"]
    control.put(f"/segments/{SEGMENT}", json={"members": ["u1", "nobody"]})
    braze.later(READY)

    assert people(download(braze, url).get_data()) == ["u1", "u2"]
    assert people(finished(braze)) == ["u1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"segment_id": "x"},
        {"segment_id": None},
        {"fields_to_export": []},
        {"fields_to_export": "email"},
        {"fields_to_export": None},
        {"fields_to_export": ["custom_attributes"], "custom_attributes_to_export": ["a"]},
        {"custom_attributes_to_export": ["a"] * 501},
        {"output_format": "gzip"},
    ],
)
def test_a_wrong_order_of_an_export_is_400(braze: Braze, wrong: dict[str, Any]) -> None:
    assert start(braze, **wrong).status_code == 400


def test_single_custom_attributes_can_be_chosen(braze: Braze) -> None:
    braze.track({"external_id": "u1", "a": 1, "b": 2}, {"external_id": "u2", "b": 2})

    rows = files(finished(braze, fields_to_export=["external_id"], custom_attributes_to_export=["a"]))

    assert sorted([row for file in rows for row in file], key=lambda row: row["external_id"]) == [
        {"external_id": "u1", "custom_attributes": {"a": 1}},
        {"external_id": "u2"},
    ]


def test_an_empty_segment_is_a_zip_without_files(braze: Braze, control: FlaskClient) -> None:
    control.put(f"/segments/{SEGMENT}", json={"members": []})

    assert files(finished(braze)) == []


def test_with_a_bucket_of_the_customers_there_is_no_address(braze: Braze, control: FlaskClient) -> None:
    braze.store.switches.change({"export_to_storage": True})

    answer = start(braze).get_json()

    assert (answer.keys(), control.get("/bucket").get_json()) == ({"object_prefix", "message"}, [])
    braze.later(READY)
    keys = control.get("/bucket").get_json()
    assert len(keys) == 2
    assert all(key.startswith(f"segment-export/{SEGMENT}/2026-11-24/{answer['object_prefix']}/") for key in keys)
    content = [base64.b64decode(control.get(f"/bucket/{key}").get_json()["base64"]) for key in keys]
    assert sorted(name for one in content for name in people(one)) == ["u1", "u2"]


def test_an_export_can_lack_people_or_hold_half_a_line(braze: Braze) -> None:
    braze.store.switches.change({"export_spoiled": "half"})
    assert len(people(finished(braze))) == 1

    braze.store.switches.change({"export_spoiled": "line"})
    with pytest.raises(json.JSONDecodeError):
        people(finished(braze))


@pytest.mark.parametrize(("kind", "more"), [("corrupt", {}), ("short", {"bytes": -40})])
def test_a_zip_can_arrive_damaged_though_the_answer_is_complete(
    sandbox: RemoteSandbox, kind: str, more: dict[str, Any]
) -> None:
    sandbox.call("PUT", f"/braze/segments/{SEGMENT}-{kind}", {"members": None})
    order = {"segment_id": f"{SEGMENT}-{kind}", "fields_to_export": FIELDS}
    key = {"Authorization": f"Bearer {sandbox.api_key}"}
    url = requests.post(f"{sandbox.braze}/users/export/segment", json=order, headers=key, timeout=60).json()["url"]
    sandbox.advance(READY)
    sandbox.fault(kind, system="braze", path="/segment-export/", **more)

    damaged, sound = requests.get(url, timeout=60), requests.get(url, timeout=60)

    assert damaged.status_code == 200
    with pytest.raises((zipfile.BadZipFile, zlib.error)):  # who catches the first only is ended by the second
        people(damaged.content)
    assert people(sound.content)


# segments


def test_segments_come_a_hundred_a_page_without_the_archived(braze: Braze, control: FlaskClient) -> None:
    for i in range(101):
        control.put(f"/segments/s{i}", json={"archived": i == 5, "tags": ["crm"]})

    def ids(**query: Any) -> list[str]:
        return [row["id"] for row in braze.get("/segments/list", **query).get_json()["segments"]]

    assert (len(ids()), len(ids(page="1")), ids(page="2")) == (100, 1, [])
    assert "s5" not in ids() + ids(page="1")
    told = braze.get("/segments/list", page="1").get_json()["segments"]
    assert told == [{"id": "s100", "name": "s100", "analytics_tracking_enabled": False, "tags": ["crm"]}]


def test_the_words_of_a_segment_stand_in_its_details(braze: Braze, control: FlaskClient) -> None:
    braze.later(60)
    control.put(f"/segments/{SEGMENT}", json={"description": "Last opened > 30 days", "text_description": "Quiet"})

    told = braze.get("/segments/details", segment_id=SEGMENT).get_json()

    assert (told["name"], told["description"], told["text_description"]) == ("Silent", "Last opened > 30 days", "Quiet")
    assert (told["created_at"], told["updated_at"]) == ("2026-11-24T10:00:00+00:00", "2026-11-24T10:01:00+00:00")
    assert "members" not in told
    assert braze.get("/segments/details", segment_id="x").status_code == 400


# engagement, and answers to a survey


def test_what_somebody_received_and_did_with_it_is_set_from_outside(braze: Braze, control: FlaskClient) -> None:
    received = [{"id": CAMPAIGN, "engaged": ["opened_email"], "converted": True}, {"id": CANVAS, "steps": ["a", "b"]}]
    control.put("/users/u1", json={"received": received, "at": "2026-11-01T08:00:00Z"})

    (told,) = braze.export("campaigns_received", "canvases_received", external_ids=["u1"]).get_json()["users"]

    at = "2026-11-01T08:00:00.000+00:00"
    assert told["campaigns_received"] == [
        {
            "name": "Campaign",
            "api_campaign_id": CAMPAIGN,
            "last_received": at,
            "engaged": {"opened_email": True},
            "converted": True,
        }
    ]
    (canvas,) = told["canvases_received"]
    assert [step["api_canvas_step_id"] for step in canvas["steps_received"]] == ["a", "b"]
    assert "engaged" not in canvas


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"},
        {"id": CAMPAIGN, "engaged": ["opened"]},
        {"engaged": ["opened_email"]},
        {"id": CAMPAIGN, "opened": 1},
    ],
)
def test_a_wrong_engagement_is_400(control: FlaskClient, wrong: dict[str, Any]) -> None:
    assert control.put("/users/u1", json={"received": [wrong]}).status_code == 400


def test_the_export_of_a_segment_leaves_out_what_was_received_90_days_ago(braze: Braze, control: FlaskClient) -> None:
    control.put("/users/u1", json={"received": [{"id": CAMPAIGN}], "at": "2026-08-01T08:00:00Z"})

    asked = {"fields_to_export": ["external_id", "campaigns_received"]}
    rows = [row for file in files(finished(braze, **asked)) for row in file]

    assert all("campaigns_received" not in row for row in rows)
    assert "campaigns_received" in braze.export("campaigns_received", external_ids=["u1"]).get_json()["users"][0]


def test_an_answer_to_a_survey_is_stored_like_any_attribute(braze: Braze, control: FlaskClient) -> None:
    answer = {"survey_score": 4, "survey_answered_at": "2026-11-24", "survey_comment": "x" * 300}
    control.put("/users/u1", json={"custom_attributes": answer})

    assert braze.custom() == {"survey_score": 4, "survey_answered_at": "2026-11-24T00:00:00.000Z"}
    control.put("/users/u1", json={"custom_attributes": {"survey_score": None}})
    assert "survey_score" not in braze.custom()
