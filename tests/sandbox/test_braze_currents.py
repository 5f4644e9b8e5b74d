"""Currents files of the simulated Braze: what a client that only counts opens gets wrong (api/braze.md 6.3)."""

from __future__ import annotations

import base64
import io
from typing import Any

import fastavro
import pytest
from flask.testing import FlaskClient

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, Braze


def told(control: FlaskClient, *events: dict[str, Any], **more: Any) -> list[str]:
    answer = control.post("/currents", json={"events": list(events), **more})
    assert answer.status_code == 200, answer.get_json()
    found: list[str] = answer.get_json()["files"]
    return found


def content(control: FlaskClient, name: str) -> bytes:
    return base64.b64decode(control.get(f"/bucket/{name}").get_json()["base64"])


def rows(control: FlaskClient, name: str) -> list[dict[str, Any]]:
    return list(fastavro.reader(io.BytesIO(content(control, name))))  # type: ignore[arg-type]  # it yields objects here


def test_each_type_has_files_of_its_own_under_the_hour_in_which_it_was_queued(control: FlaskClient) -> None:
    late = {"external_id": "u1", "message": CAMPAIGN, "at": "2026-11-01T08:00:00Z"}
    opened, sent = told(control, {"event": "open", **late}, {"event": "send", **late})
    assert "/event_type=users.messages.email.Open/date=2026-11-24-10/version=4/" in opened
    assert "/event_type=users.messages.email.Send/" in sent
    (row,) = rows(control, opened)
    assert (row["time"], row["campaign_id"], row["email_address"]) == (1793520000, CAMPAIGN, "u1@example.com")
    assert control.get("/bucket").get_json() == sorted([opened, sent])


def test_what_machines_did_is_an_open_and_a_click_like_any_other_but_for_a_mark(control: FlaskClient) -> None:
    both = {"external_id": "u1", "message": CAMPAIGN, "machine_open": True, "suspected_bot_click": True}
    clicked, opened = told(control, {"event": "open", **both}, {"event": "click", **both})
    assert rows(control, opened)[0]["machine_open"] == "true"  # a text, of which "false" would be true as well
    assert rows(control, clicked)[0]["is_suspected_bot_click"] is True
    plain = {"external_id": "u1", "message": CAMPAIGN}
    clicked, opened = told(control, {"event": "open", **plain}, {"event": "click", **plain})
    assert rows(control, opened)[0]["machine_open"] is None
    assert rows(control, clicked)[0]["is_suspected_bot_click"] is None


def test_an_event_comes_twice_and_only_its_id_tells(control: FlaskClient) -> None:
    again = {"event": "open", "external_id": "u1", "message": CAMPAIGN, "id": "e-1"}
    (first,), (second,) = told(control, again), told(control, again, again)
    assert first != second
    assert [row["id"] for name in (first, second) for row in rows(control, name)] == ["e-1"] * 3


def test_an_event_may_name_nobody_but_an_address_and_a_canvas_instead_of_a_campaign(control: FlaskClient) -> None:
    (name,) = told(control, {"event": "click", "external_id": "u1", "message": CANVAS, "anonymous": True})
    (row,) = rows(control, name)
    assert (row["external_user_id"], row["email_address"]) == (None, "u1@example.com")
    assert (row["campaign_id"], row["canvas_id"]) == (None, CANVAS)


def test_a_file_may_lie_there_half_for_a_while(braze: Braze, control: FlaskClient) -> None:
    (name,) = told(control, {"event": "open", "external_id": "u1"}, half_for_s=60)
    half = content(control, name)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library says of half a file
        rows(control, name)
    braze.later(60)
    assert content(control, name).startswith(half)
    assert len(rows(control, name)) == 1


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "opne", "external_id": "u1"}, "one of send"),
        ({"event": "open", "external_id": "u11"}, "did you mean 'u1'?"),
        ({"event": "open", "external_id": "u1", "message": "camp-11"}, "did you mean 'camp-1'?"),
    ],
)
def test_an_event_that_cannot_be_says_why_and_no_file_is_written(
    control: FlaskClient, event: dict[str, Any], text: str
) -> None:
    answer = control.post("/currents", json={"events": [event]})
    assert (answer.status_code, text in answer.get_json()["error"]) == (400, True)
    assert control.get("/bucket").get_json() == []
