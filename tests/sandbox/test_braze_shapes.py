"""Bodies of any shape: the simulated Braze says 400 or takes them, and is never at its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, GROUP, Braze, event

SHAPES: tuple[Any, ...] = (None, True, 5, -1.5, "", "d7", [], [5], ["u1"], [None], [[]], {}, {"a": 1}, [{"a": []}])
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/users/track", {"attributes": [{"external_id": "u1"}], "events": [event("u1")], "purchases": []}),
    (
        "/campaigns/trigger/send",
        {
            "campaign_id": CAMPAIGN,
            "broadcast": False,
            "trigger_properties": {},
            "recipients": [{"external_user_id": "u1"}],
        },
    ),
    (
        "/canvas/trigger/send",
        {
            "canvas_id": CANVAS,
            "broadcast": False,
            "context": {},
            "canvas_entry_properties": {},
            "recipients": [{"external_user_id": "u1"}],
        },
    ),
    (
        "/users/export/ids",
        {
            "external_ids": ["u1"],
            "user_aliases": [],
            "email_address": None,
            "phone": None,
            "braze_id": None,
            "fields_to_export": ["email"],
        },
    ),
    ("/users/delete", {"external_ids": ["u9"], "user_aliases": None, "braze_ids": None}),
    (
        "/subscription/status/set",
        {
            "subscription_group_id": GROUP,
            "subscription_state": "subscribed",
            "external_id": ["u1"],
            "email": None,
            "phone": None,
        },
    ),
    ("/email/status", {"email": "u1@example.com", "subscription_state": "subscribed"}),
)
OBJECTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "/users/track",
        "attributes",
        dict.fromkeys(
            (
                "external_id",
                "user_alias",
                "braze_id",
                "email",
                "phone",
                "time_zone",
                "country",
                "email_subscribe",
                "custom",
                "subscription_groups",
                "current_location",
                "_update_existing_only",
                "_merge_objects",
                "push_tokens",
            )
        ),
    ),
    ("/users/track", "events", {**event("u1"), "email": None, "properties": {}}),
    (
        "/users/track",
        "purchases",
        {
            "external_id": "u1",
            "product_id": "p",
            "currency": "EUR",
            "price": 1,
            "quantity": 1,
            "time": "2026-01-01",
            "properties": {},
        },
    ),
    (
        "/campaigns/trigger/send",
        "recipients",
        dict.fromkeys(
            (
                "external_user_id",
                "user_alias",
                "braze_id",
                "email",
                "prioritization",
                "trigger_properties",
                "attributes",
                "send_to_existing_only",
            )
        ),
    ),
)


def spoiled() -> list[tuple[str, dict[str, Any]]]:
    """Return each body with each of its fields, and each object in it, replaced by each shape."""
    found = [(path, {**body, name: shape}) for path, body in BODIES for name in body for shape in SHAPES]
    for path, array, entry in OBJECTS:
        good = dict(next(body for known, body in BODIES if known == path))
        given_ids = {name: value for name, value in entry.items() if value is not None}
        for name in entry:
            for shape in SHAPES:
                for who in ({}, {"external_id": "u1"}) if array == "attributes" else ({},):
                    found.append((path, {**good, array: [{**given_ids, **who, name: shape}]}))
    return found


def test_no_field_of_any_body_has_a_shape_that_is_a_500(braze: Braze) -> None:
    wrong = []
    for path, body in spoiled():
        braze.later(1)  # the next rate window
        answers = braze.post(path, body).status_code, braze.get("/campaigns/list").status_code
        if answers not in ((201, 200), (400, 200)):
            wrong.append((path, body, answers))
    assert wrong == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "add",
                    "remove",
                    "inc",
                    "$add",
                    "$remove",
                    "$update",
                    "$identifier_key",
                    "$identifier_value",
                    "$new_object",
                    "$time",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values=st.lists(_JSON, min_size=1, max_size=4), merge=st.booleans())
def test_no_value_of_an_attribute_is_a_500(values: list[Any], merge: bool) -> None:
    braze = Braze()
    for value in values:
        body = {"attributes": [{"external_id": "u1", "custom": value, "_merge_objects": merge}]}
        assert braze.post("/users/track", body).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/campaigns/trigger/send", {"campaign_id": CAMPAIGN, "trigger_properties": 5}, "trigger_properties"),
        ("/canvas/trigger/send", {"canvas_id": CANVAS, "context": "x"}, "context"),
        ("/users/delete", {"external_ids": "d7"}, "external_ids"),
        ("/users/export/ids", {"external_ids": "d7", "fields_to_export": ["email"]}, "external_ids"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(braze: Braze, path: str, body: dict[str, Any], text: str) -> None:
    sends = {"broadcast": False, "recipients": [{"external_user_id": "u1"}]} if "trigger" in path else {}
    answer = braze.post(path, {**sends, **body})

    assert (answer.status_code, text in answer.get_json()["message"]) == (400, True)
    assert braze.sent() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"$update": [{"$identifier_key": "id", "$identifier_value": 1, "$new_object": 5}]},
        {"$remove": [5]},
        {"$remove": [{"$identifier_key": [], "$identifier_value": 1}]},
        {"$add": 5},
        {"add": [[]]},
        {"remove": "x"},
    ],
)
def test_an_operator_on_the_wrong_thing_changes_nothing_and_breaks_nothing(braze: Braze, wrong: Any) -> None:
    held: list[Any] = [{"id": 1}] if any(name.startswith("$") for name in wrong) else ["x"]
    braze.track({"external_id": "u1", "held": held})

    braze.track({"external_id": "u1", "held": wrong, "_merge_objects": True})

    assert braze.custom()["held"] == held


def test_a_text_where_a_list_of_ids_belongs_deletes_nobody(braze: Braze) -> None:
    braze.store.put_user("d", {})
    braze.store.put_user("7", {})

    assert braze.post("/users/delete", {"external_ids": "d7"}).status_code == 400
    assert {"d", "7"} <= braze.store.by_external.keys()
