"""What `/users/track` of the simulated Braze refuses, keeps and drops without a word (api/braze.md 13.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.braze_desk import GROUP, Braze, event

UUID = "ed060000-0000-4000-8000-0000000000ff"
STATE = {"subscription_group_id": GROUP, "subscription_state": "opted_in"}


def refused(braze: Braze, array: str, value: Any) -> str:
    """Return the sentence for one object that is refused beside a good one."""
    body: dict[str, list[Any]] = {"attributes": [{"external_id": "u2", "ok": 1}]}
    body.setdefault(array, []).append(value)
    (told,) = braze.track(**body)["errors"]
    assert told["input_array"] == array
    return str(told["type"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "is required"),
        ({"external_id": "x" * 988}, "fewer than 988 bytes"),
        ({"external_id": "é" * 494}, "fewer than 988 bytes"),
        ({"external_id": "dummy"}, "blacklisted"),
        ({"user_alias": {"alias_name": "a"}}, "alias_label"),
        ({"external_id": "n1", "push_subscribe": "yes"}, "push_subscribe"),
        ({"external_id": "n1", "email_subscribe": "Subscribed"}, "email_subscribe"),
        ({"external_id": "n1", "email_subscription_info": 1}, "not an attribute"),
        ({"external_id": "n1", "current_location": [1, 2]}, "longitude"),
        ({"external_id": "n1", "subscription_groups": {}}, "array"),
        ({"external_id": "n1", "subscription_groups": ["x"]}, "array of objects"),
        ({"external_id": "n1", "subscription_groups": [{"subscription_group_id": UUID}]}, "group id"),
        ({"external_id": "n1", "subscription_groups": [STATE]}, "subscription_state"),
        ("text", "objects"),
    ],
)
def test_a_refused_object_says_why_and_writes_nothing(braze: Braze, value: Any, words: str) -> None:
    braze.store.switches.change({"blocked_ids": ["dummy"]})
    people = len(braze.store.users)

    assert words in refused(braze, "attributes", value)
    assert len(braze.store.users) == people


@pytest.mark.parametrize(
    "email",
    [
        "a b@example.com",
        ".a@example.com",
        "a.@example.com",
        '"a"@example.com',
        "a@example",
        "a@127.0.0.1",
        f"{'a' * 65}@example.com",
        "a@münchen.example",
        "",
        5,
    ],
)
def test_what_is_no_address_is_refused(braze: Braze, email: object) -> None:
    assert "valid email" in refused(braze, "attributes", {"external_id": "u1", "email": email})
    assert braze.user("u1")["email"] == "u1@example.com"


@pytest.mark.parametrize("email", ["a@example.com", "a.b+c@mail.example.co", f"{'a' * 64}@example.com"])
def test_what_is_an_address_is_taken(braze: Braze, email: str) -> None:
    assert "errors" not in braze.track({"external_id": "u1", "email": email})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": 5},
        {"time": ""},
        {"time": "yesterday"},
        {"time": "2026-13-45"},
        {"properties": []},
        {"properties": {"time": 1}},
        {"properties": {"event_name": 1}},
        {"properties": {"$a": 1}},
        {"properties": {"": 1}},
        {"properties": {"x" * 256: 1}},
        {"properties": {"list": ["x" * 200] * 600}},
    ],
)
def test_a_bad_event_is_refused(braze: Braze, wrong: dict[str, Any]) -> None:
    refused(braze, "events", event("u1", **wrong))

    assert braze.store.received["events"] == []


@pytest.mark.parametrize(
    "wrong", [{"product_id": "x" * 256}, {"currency": "euro"}, {"price": "1.5"}, {"quantity": 101}, {"time": None}]
)
def test_a_bad_purchase_is_refused_and_a_good_one_counts_its_quantity(braze: Braze, wrong: dict[str, Any]) -> None:
    good = {
        "external_id": "u1",
        "product_id": "p",
        "currency": "EUR",
        "price": 1.5,
        "time": "2026-11-20",
        "quantity": 3,
    }
    braze.track(purchases=[good])

    refused(braze, "purchases", {**good, **wrong})

    assert braze.export("purchases", external_ids=["u1"]).get_json()["users"][0]["purchases"][0]["count"] == 3


def test_the_product_of_a_purchase_may_be_a_number_and_is_kept_as_text(braze: Braze) -> None:
    purchase = {"external_id": "u1", "currency": "EUR", "price": 1, "time": "2026-11-20T10:00:00Z"}

    braze.track(purchases=[{**purchase, "product_id": 4711}, {**purchase, "product_id": "4711"}])

    bought = braze.export("purchases", external_ids=["u1"]).get_json()["users"][0]["purchases"]
    assert [(row["name"], row["count"]) for row in bought] == [("4711", 2)]


def test_errors_come_as_codes_or_without_an_index_too(braze: Braze) -> None:
    braze.store.switches.change({"error_sentences": False, "error_index": False})

    assert braze.track({"external_id": "u2", "ok": 1}, {"external_id": "u1", "email": "x"})["errors"] == [
        {"type": "EMAIL_BAD_FORMAT", "input_array": "attributes"}
    ]


def test_an_array_that_is_refused_as_a_whole_has_no_counter(braze: Braze) -> None:
    answer = braze.track({"external_id": "u1", "a": 1}, events=[{"external_id": "u1"}])

    assert ("attributes_processed" in answer, "events_processed" in answer) == (True, False)


def test_an_account_on_legacy_limits_counts_each_array_alone(braze: Braze) -> None:
    braze.store.switches.change({"legacy_limits": True, "too_many_text": "Too much"})

    answer = braze.post("/users/track", {"attributes": [{"external_id": "u1", "a": 1}] * 76})

    assert (answer.status_code, answer.get_json()["message"]) == (400, "Too much")


@pytest.mark.parametrize("body", [{}, {"attributes": []}, {"attributes": {}}, {"events": None}])
def test_nothing_to_do_is_400(braze: Braze, body: Any) -> None:
    answer = braze.post("/users/track", body)

    assert (answer.status_code, "Valid data" in answer.get_json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (5, "text", 5),
        (5, "", 5),
        (5, "7", 7),
        (5, True, 5),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("text", "2026-09-15", "2026-09-15"),
        ("text", ["a"], "text"),
        ("text", {"a": 1}, "text"),
        (True, "f", False),
        (True, "no", True),
        ("2026-09-15", "Approved", "2026-09-15T00:00:00.000Z"),
        ("2026-09-15", "", "2026-09-15T00:00:00.000Z"),
        ("2026-09-15", "09/16/2026", "2026-09-16T00:00:00.000Z"),
        (["a"], "a", ["a"]),
        ({"a": 1}, "a", {"a": 1}),
        ("text", "", ""),
    ],
)
def test_the_first_value_fixes_the_type_and_what_cannot_be_coerced_vanishes(
    braze: Braze, first: Any, then: Any, kept: Any
) -> None:
    braze.track({"external_id": "u2", "x": first})  # of another person: the type is the attribute's
    braze.track({"external_id": "u1", "x": first})

    assert "errors" not in braze.track({"external_id": "u1", "x": then})
    assert braze.custom()["x"] == kept


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-09-15T10:00:00+02:00", "2026-09-15T08:00:00.000Z"),
        ("2026-09-15 10:00:00", "2026-09-15T10:00:00.000Z"),
        ("2026-09-15T10:00:00.250Z", "2026-09-15T10:00:00.250Z"),
        ("2026-09-15T10:00:00:250Z", "2026-09-15T10:00:00.250Z"),
        ("2019-02-15 00:00:00 -0500", "2019-02-15T05:00:00.000Z"),
        ("2026-13-45", "2026-13-45"),
        ("3001-01-01", "3001-01-01"),
        ("20260915", "20260915"),
    ],
)
def test_what_looks_like_a_date_is_read_back_as_a_time(braze: Braze, sent: str, read: str) -> None:
    braze.track({"external_id": "u1", "x": sent})

    assert braze.custom()["x"] == read


def test_null_removes_and_the_empty_text_does_not(braze: Braze) -> None:
    braze.track({"external_id": "u1", "a": "x", "b": "y", "first_name": "Ann"})

    braze.track({"external_id": "u1", "a": None, "b": "", "first_name": None})

    assert braze.custom() == {"b": ""}
    assert "first_name" not in braze.export("first_name", external_ids=["u1"]).get_json()["users"][0]


@pytest.mark.parametrize(
    "bad",
    [
        {"a": None},
        {"a": {"b": None}},
        {"a": [{"b": None}]},
        {"a.b": 1},
        {"$a": 1},
        {"a b": 1},
        {"a": "x" * 256},
        {"a": {"$time": "soon"}},
        {"a": {"$time": "3001-01-01"}},
        {"a": ["x" * 200] * 600},
    ],
)
def test_one_bad_value_inside_keeps_the_old_object_and_answers_success(braze: Braze, bad: dict[str, Any]) -> None:
    braze.track({"external_id": "u1", "deal": {"a": "old"}})

    assert "errors" not in braze.track({"external_id": "u1", "deal": bad, "other": 1})
    assert braze.custom() == {"deal": {"a": "old"}, "other": 1}
    assert [reason for _, reason in braze.told("dropped")] != []


def test_a_bad_value_inside_drops_every_update_of_that_attribute_in_the_request(braze: Braze) -> None:
    braze.track({"external_id": "u1", "deal": {"a": 1}}, {"external_id": "u2", "deal": {"a": None}})

    assert braze.custom("u1") == {}


def test_an_object_is_overwritten_whole_unless_merging_is_asked_for_and_then_deeply(braze: Braze) -> None:
    braze.track({"external_id": "u1", "deal": {"a": {"b": 1, "c": 2}, "d": 3}})
    braze.track({"external_id": "u1", "deal": {"a": {"b": 9}}, "_merge_objects": True})
    assert braze.custom()["deal"] == {"a": {"b": 9, "c": 2}, "d": 3}

    braze.track({"external_id": "u1", "deal": {"a": {"b": 0}}})

    assert braze.custom()["deal"] == {"a": {"b": 0}}


def test_a_merge_that_grows_beyond_100_kb_is_dropped(braze: Braze) -> None:
    for name in ("a", "b"):
        braze.track({"external_id": "u1", "deal": {name: ["x" * 200] * 300}, "_merge_objects": True})

    assert list(braze.custom()["deal"]) == ["a"]


def test_a_simple_array_is_an_ordered_set_of_the_newest_500(braze: Braze) -> None:
    braze.track({"external_id": "u1", "tags": ["a", "b", "a"]})
    braze.track({"external_id": "u1", "tags": {"add": ["c", "a"]}})
    assert braze.custom()["tags"] == ["b", "c", "a"]
    braze.track({"external_id": "u1", "tags": {"remove": ["c", "nowhere"]}})
    assert braze.custom()["tags"] == ["b", "a"]

    braze.track({"external_id": "u1", "tags": {"add": [f"n{i}" for i in range(500)]}})

    assert (len(braze.custom()["tags"]), braze.custom()["tags"][0]) == (500, "n0")


def test_operators_on_objects_go_add_remove_update_whatever_their_order(braze: Braze) -> None:
    braze.track({"external_id": "u1", "deals": [{"id": 1, "s": "old"}, {"id": 2}]})
    chosen = {"$identifier_key": "id", "$identifier_value": 1}
    braze.track(
        {
            "external_id": "u1",
            "_merge_objects": True,
            "deals": {
                "$remove": [{**chosen, "$identifier_value": 3}],
                "$add": [{"id": 3}],
                "$update": [{**chosen, "$new_object": {"s": "new"}}],
            },
        }
    )

    assert braze.custom()["deals"] == [{"id": 1, "s": "new"}, {"id": 2}]


def test_add_of_objects_and_increments_repeat_when_they_are_repeated(braze: Braze) -> None:
    braze.track({"external_id": "u1", "deals": [{"id": 1}], "n": 1})
    for _ in range(2):
        braze.track({"external_id": "u1", "deals": {"$add": [{"id": 2}]}, "n": {"inc": 5}})

    assert braze.custom() == {"deals": [{"id": 1}, {"id": 2}, {"id": 2}], "n": 11}


def test_a_long_text_may_be_cut_instead_of_dropped(braze: Braze) -> None:
    braze.store.switches.change({"string_too_long": "truncate"})

    braze.track({"external_id": "u1", "t": "x" * 300})

    assert braze.custom()["t"] == "x" * 255


def test_what_is_blocklisted_vanishes_and_costs_nothing(braze: Braze) -> None:
    braze.store.switches.change({"blocklist": ["secret", "happened"]})

    assert braze.track({"external_id": "u1", "secret": 1}, events=[event("u1")])["message"] == "success"

    assert (braze.custom(), braze.store.received["events"], braze.store.data_points) == ({}, [], 0)


def test_a_bad_time_zone_is_ignored_and_an_unknown_country_empties_the_field(braze: Braze) -> None:
    braze.track({"external_id": "u1", "time_zone": "Europe/Berlin", "country": "DE"})
    braze.track({"external_id": "u1", "time_zone": "CEST", "country": "XX"})

    user = braze.export("time_zone", "country", "email", external_ids=["u1"]).get_json()["users"][0]

    assert user == {"time_zone": "Europe/Berlin", "email": "u1@example.com"}


def test_a_misspelt_standard_field_becomes_a_custom_attribute(braze: Braze) -> None:
    braze.track({"external_id": "u1", "Email": "x@example.com"})

    assert braze.custom() == {"Email": "x@example.com"}


def test_an_event_in_the_future_happens_now(braze: Braze) -> None:
    braze.track(events=[event("u1", time="2030-01-01T00:00:00Z")])

    assert braze.user("u1")["custom_events"][0]["last"] == "2026-11-24T10:00:00.000Z"
