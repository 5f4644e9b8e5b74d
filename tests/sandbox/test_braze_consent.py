"""Consent in the simulated Braze: states, lists, what waits for an address, what comes late (api/braze.md 5, 13.6)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.sandbox.braze_desk import GROUP, Braze

SMS = "ed060000-0000-4000-8000-00000000000b"
DAYS = {"start_date": "2026-11-01", "end_date": "2026-11-25"}
TIMES = ("email_subscribe", "email_unsubscribed_at", "email_opted_in_at", "push_opted_in_at", "push_unsubscribed_at")


@pytest.fixture
def texting(braze: Braze) -> Braze:
    """A workspace with a group of text messages and two people who share a number."""
    braze.store.put_group(SMS, "Texts", "sms")
    for person in ("p1", "p2"):
        braze.store.put_user(person, {"phone": "+49301", "email": f"{person}@example.com"})
    return braze


def v2(braze: Braze, *entries: Any) -> int:
    return braze.post("/v2/subscription/status/set", {"subscription_groups": list(entries)}).status_code


def entry(state: str, group: str = GROUP, **whom: Any) -> dict[str, Any]:
    return {"subscription_group_id": group, "subscription_state": state, **whom}


def states(braze: Braze, group: str = GROUP, **whom: Any) -> Any:
    return braze.get("/subscription/status/get", subscription_group_id=group, **whom).get_json()["status"]


def exported(braze: Braze, person: str, *fields: str) -> dict[str, Any]:
    (found,) = braze.export(*fields, external_ids=[person]).get_json()["users"]
    return dict(found)


def listed(braze: Braze, path: str = "/email/unsubscribes", **query: Any) -> list[tuple[str, str]]:
    answer = braze.get(path, **{**DAYS, **query})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [tuple(row.values()) for row in next(iter(answer.get_json().values()))]


# groups, both versions


def test_v2_sets_several_groups_at_once_by_ids_or_numbers(texting: Braze) -> None:
    unsubscribed = entry("unsubscribed", SMS, phones=["+49301"])

    assert v2(texting, entry("subscribed", external_ids=["u1", "u2"]), unsubscribed) == 201

    assert states(texting, external_id=["u1", "u2"]) == {"u1": "Subscribed", "u2": "Subscribed"}
    assert states(texting, SMS, external_id=["p1", "p2"]) == {"p1": "Unsubscribed", "p2": "Unsubscribed"}


@pytest.mark.parametrize(
    "wrong",
    [
        entry("subscribed", external_id="u1"),
        entry("subscribed", email="u1@example.com"),
        entry("subscribed"),
        entry("subscribed", external_ids="u1"),
        entry("opted_in", external_ids=["u1"]),
        entry("subscribed", "x", emails=["a"]),
        entry("subscribed", SMS, phones=["+49301", "030 1"]),
        entry("subscribed", external_ids=["x"] * 51),
        "u1",
    ],
)
def test_one_wrong_entry_of_v2_is_400_and_nothing_is_set(texting: Braze, wrong: Any) -> None:
    assert v2(texting, entry("subscribed", external_ids=["u1"]), wrong) == 400

    assert states(texting, external_id="u1") == {"u1": "Unknown"}


def test_v2_takes_addresses_or_numbers_in_one_request_not_both(texting: Braze) -> None:
    both = (entry("subscribed", emails=["u1@example.com"]), entry("subscribed", SMS, phones=["+49301"]))

    assert v2(texting, *both) == 400
    assert [v2(texting, one) for one in both] == [201, 201]


def test_fifty_people_are_counted_over_the_request_or_over_each_entry(texting: Braze) -> None:
    entries = [entry("subscribed", group, external_ids=[f"n{i}" for i in range(26)]) for group in (GROUP, SMS)]

    assert v2(texting, *entries) == 400
    texting.store.switches.change({"v2_most_per": "entry"})
    assert v2(texting, *entries) == 201


@pytest.mark.parametrize("name", ["external_ids", "emails", "phones"])
def test_v1_does_not_know_the_names_of_v2(braze: Braze, name: str) -> None:
    body = {**entry("unsubscribed", external_id="u2"), name: ["u2@example.com"]}

    assert braze.post("/subscription/status/set", body).status_code == 400
    assert states(braze, external_id="u2") == {"u2": "Subscribed"}


def test_both_versions_count_in_one_window_of_a_minute(braze: Braze) -> None:
    def remaining(path: str, body: Any) -> int:
        return int(braze.post(path, body).headers["x-ratelimit-remaining"])

    first = remaining("/subscription/status/set", entry("subscribed", external_id="u1"))

    assert first == 4_999
    assert remaining("/v2/subscription/status/set", {"subscription_groups": []}) == 4_998


def test_in_an_archived_group_nothing_changes_and_the_answer_is_success(braze: Braze, control: FlaskClient) -> None:
    control.put(f"/groups/{GROUP}", json={"archived": True})

    assert v2(braze, entry("unsubscribed", external_ids=["u2"])) == 201

    assert states(braze, external_id="u2") == {"u2": "Subscribed"}


def test_a_write_reaches_a_hundred_profiles_of_an_address_and_no_more(braze: Braze) -> None:
    for i in range(101):
        braze.store.put_user(f"n{i:03}", {"email": "family@example.com"})

    braze.track({"external_id": "n100", "email_subscribe": "unsubscribed"})

    told = [exported(braze, f"n{i:03}", "email_subscribe", "canvases_received") for i in range(101)]
    assert (told.count({"email_subscribe": "unsubscribed"}), told[100]["email_subscribe"]) == (100, "unsubscribed")


# what groups somebody is in


def test_the_groups_of_a_person_are_those_that_were_ever_set(texting: Braze) -> None:
    v2(texting, entry("unsubscribed", external_ids=["u1"]))

    told = texting.get("/subscription/user/status", **{"external_id[]": ["u1", "p1", "nobody"]}).get_json()

    group = {"id": GROUP, "name": "News", "channel": "email", "status": "Unsubscribed"}
    assert told["users"] == [
        {"email": "u1@example.com", "phone": None, "external_id": "u1", "subscription_groups": [group]},
        {"email": "p1@example.com", "phone": "+49301", "external_id": "p1", "subscription_groups": []},
    ]
    assert told["total_count"] == 2


def test_a_shared_number_is_several_people_and_they_come_in_pages(texting: Braze) -> None:
    def ask(**query: Any) -> Any:
        return texting.get("/subscription/user/status", phone="+49301", **query).get_json()

    pages = [ask(limit=1, offset=offset) for offset in range(3)]

    assert [[user["external_id"] for user in page["users"]] for page in pages] == [["p1"], ["p2"], []]
    assert {page["total_count"] for page in pages} == {2}


@pytest.mark.parametrize("query", [{}, {"limit": 101}, {"email": "a@b.cd", "phone": "+491"}, {"limit": "x"}])
def test_the_groups_of_nobody_or_of_too_many_are_400(braze: Braze, query: dict[str, Any]) -> None:
    whom = {} if not query or "email" in query else {"external_id": "u1"}

    assert braze.get("/subscription/user/status", **whom, **query).status_code == 400


def test_reading_groups_of_people_needs_a_permission_of_its_own(braze: Braze) -> None:
    braze.store.keys["a-key"] = frozenset({"subscription.status.get"})
    assert braze.get("/subscription/user/status", external_id="u1").status_code == 403

    braze.store.keys["a-key"] = frozenset({"subscription.groups.get"})
    assert braze.get("/subscription/user/status", external_id="u1").status_code == 200


# addresses


@pytest.mark.parametrize("path", ["/email/blocklist", "/email/blacklist"])
def test_a_blocked_address_is_unsubscribed_and_bounced(braze: Braze, path: str) -> None:
    assert braze.post(path, {"email": ["U1@example.com", "nobody@example.com"]}).status_code == 201

    assert braze.user("u1")["email_subscribe"] == "unsubscribed"
    assert {email for email, _ in listed(braze, "/email/hard_bounces")} == {"u1@example.com", "nobody@example.com"}
    braze.trigger({"external_user_id": "u1"})
    assert braze.sent() == []


def test_a_bounce_that_is_removed_leaves_the_withdrawal(braze: Braze) -> None:
    braze.post("/email/blocklist", {"email": "u1@example.com"})

    assert braze.post("/email/bounce/remove", {"email": "u1@example.com"}).status_code == 201

    assert listed(braze, "/email/hard_bounces") == []
    assert braze.user("u1")["email_subscribe"] == "unsubscribed"


def test_who_reported_spam_gets_nothing_until_that_is_removed(braze: Braze) -> None:
    braze.store.put_user("u1", {"marked_email_as_spam_at": "2026-11-20T10:00:00Z"})
    braze.trigger({"external_user_id": "u1"})
    assert (braze.sent(), braze.told()) == ([], [("u1", "reported spam")])
    assert braze.user("u1")["email_subscribe"] == "subscribed"

    braze.post("/email/spam/remove", {"email": ["u1@example.com"]})
    braze.trigger({"external_user_id": "u1"})

    assert braze.sent() == ["u1"]


@pytest.mark.parametrize("path", ["/email/status", "/email/blocklist", "/email/bounce/remove", "/email/spam/remove"])
@pytest.mark.parametrize("email", [None, [], [1], ["a@example.com"] * 51])
def test_a_write_about_no_address_or_too_many_is_400(braze: Braze, path: str, email: Any) -> None:
    assert braze.post(path, {"email": email, "subscription_state": "unsubscribed"}).status_code == 400


def test_invalid_numbers_are_listed_by_day_by_number_and_by_reason(texting: Braze, control: FlaskClient) -> None:
    control.put("/users/p1", json={"invalid_phone": "deactivated", "at": "2026-11-10T23:59:59Z"})
    control.put("/users/u1", json={"phone": "+49302", "invalid_phone": "provider_error", "at": "2026-11-11T00:00:00Z"})

    def ask(**query: Any) -> list[tuple[str, ...]]:
        told = texting.get("/sms/invalid_phone_numbers", **query).get_json()["sms"]
        return [tuple(row.values()) for row in told]

    day = {"start_date": "2026-11-10", "end_date": "2026-11-11"}
    assert ask(**day) == [("+49301", "2026-11-10 23:59:59 +0000", "deactivated")]
    assert [row[0] for row in ask(**{"phone_numbers[]": ["+49302", "+49999"]})] == ["+49302"]
    assert [row[0] for row in ask(**DAYS, reason="provider_error")] == ["+49302"]
    assert texting.get("/sms/invalid_phone_numbers", start_date="2026-11-10").status_code == 400
    assert texting.get("/sms/invalid_phone_numbers", **DAYS, limit=501).status_code == 400

    texting.post("/sms/invalid_phone_numbers/remove", {"phone_numbers": ["+49301"]})
    assert ask(**day) == []


# dates of changes, order, and what is late


def test_a_day_begins_at_midnight_utc_and_the_last_one_is_not_in_it(braze: Braze, control: FlaskClient) -> None:
    for person, at in (("u1", "2026-11-24T00:30:00+01:00"), ("u2", "2026-11-24T00:00:00Z")):
        control.put(f"/users/{person}", json={"email_subscribe": "unsubscribed", "at": at})

    assert listed(braze, start_date="2026-11-23", end_date="2026-11-24") == [
        ("u1@example.com", "2026-11-23 23:30:00 +0000")
    ]
    assert [email for email, _ in listed(braze, start_date="2026-11-24")] == ["u2@example.com"]


def test_news_that_comes_late_appears_among_days_that_were_read(braze: Braze, control: FlaskClient) -> None:
    yesterday = {"start_date": "2026-11-23", "end_date": "2026-11-24"}
    assert listed(braze, **yesterday) == []

    control.put("/users/u1", json={"email_subscribe": "unsubscribed", "at": "2026-11-23T22:00:00Z"})

    assert len(listed(braze, **yesterday)) == 1  # a watermark without an overlap never sees it


def test_the_lists_may_show_later_what_the_profile_shows_at_once(braze: Braze) -> None:
    braze.store.switches.change({"lists_lag_s": 600})
    braze.store.put_user("u1", {"email_subscribe": "unsubscribed"})

    assert (braze.user("u1")["email_subscribe"], listed(braze)) == ("unsubscribed", [])
    braze.later(600)
    assert listed(braze) == [("u1@example.com", "2026-11-24 10:00:00 +0000")]


@pytest.mark.parametrize(
    ("path", "body", "before", "after"),
    [
        (
            "/email/status",
            {"email": "u1@example.com", "subscription_state": "unsubscribed"},
            "subscribed",
            "unsubscribed",
        ),
        ("/email/blocklist", {"email": "u1@example.com"}, "subscribed", "unsubscribed"),
        ("/subscription/status/set", entry("unsubscribed", external_id="u2"), "Subscribed", "Unsubscribed"),
        (
            "/v2/subscription/status/set",
            {"subscription_groups": [entry("unsubscribed", emails=["u2@example.com"])]},
            "Subscribed",
            "Unsubscribed",
        ),
    ],
)
def test_reads_lag_behind_a_write_of_consent(
    braze: Braze, path: str, body: dict[str, Any], before: str, after: str
) -> None:
    braze.store.switches.change({"lag_s": 300})

    def seen() -> str:
        email = path.startswith("/email")
        return str(braze.user("u1")["email_subscribe"] if email else states(braze, external_id="u2")["u2"])

    assert braze.post(path, body).status_code == 201
    assert seen() == before
    braze.later(300)
    assert seen() == after


def test_changes_are_made_in_the_order_given_and_the_last_one_stays(braze: Braze, control: FlaskClient) -> None:
    told = control.post(
        "/changes",
        json=[
            {"external_id": "u1", "email_subscribe": "unsubscribed", "at": "2026-11-20T08:00:00Z"},
            {"external_id": "u1", "email_subscribe": "opted_in", "at": "2026-11-21T08:00:00Z"},
            {"external_id": "u2", "groups": {GROUP: "unsubscribed"}, "push_subscribe": "opted_in"},
        ],
    ).get_json()

    assert told == {"changed": 3, "planned": 0}
    assert braze.user("u1")["email_subscribe"] == "opted_in"
    assert states(braze, external_id="u2") == {"u2": "Unsubscribed"}


def test_a_change_ahead_of_us_is_made_when_its_time_comes(braze: Braze, control: FlaskClient) -> None:
    told = control.post(
        "/changes", json=[{"external_id": "u1", "email_subscribe": "unsubscribed", "at": "2026-11-24T10:10:00Z"}]
    ).get_json()
    assert (told, braze.user("u1")["email_subscribe"]) == ({"changed": 0, "planned": 1}, "subscribed")

    braze.later(600)

    assert braze.user("u1")["email_subscribe"] == "unsubscribed"
    assert listed(braze) == [("u1@example.com", "2026-11-24 10:10:00 +0000")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"external_id": "u2", "groups": {"x": "subscribed"}},
        {"external_id": "u2", "email_subscribed": "x"},
        {"email_subscribe": "subscribed"},
        {"external_id": "u2", "invalid_phone": "gone"},
        {"external_id": "u2", "at": "x"},
    ],
)
def test_one_wrong_change_is_400_and_none_is_made(braze: Braze, control: FlaskClient, wrong: dict[str, Any]) -> None:
    answer = control.post("/changes", json=[{"external_id": "u1", "email_subscribe": "unsubscribed"}, wrong])

    assert answer.status_code == 400
    assert braze.user("u1")["email_subscribe"] == "subscribed"


def test_a_change_between_two_pages_shifts_the_second(sandbox: RemoteSandbox) -> None:
    sandbox.change(
        *(
            {
                "external_id": f"n{i}",
                "email": f"n{i}@example.com",
                "email_subscribe": "unsubscribed",
                "at": f"2026-05-2{i}T10:00:00Z",
            }
            for i in range(4)
        )
    )
    news = {"external_id": "n9", "email": "n9@example.com", "email_subscribe": "unsubscribed"}
    sandbox.fault("edit", system="braze", path="/email/unsubscribes", changes=[news])

    def page(offset: int) -> list[str]:
        query = f"start_date=2026-05-20&end_date=2026-06-02&limit=2&offset={offset}"
        told = requests.get(f"{sandbox.braze}/email/unsubscribes?{query}", headers=key, timeout=60).json()
        return [row["email"][:2] for row in told["emails"]]

    key = {"Authorization": f"Bearer {sandbox.api_key}"}
    assert [page(0), page(2), page(4)] == [["n3", "n2"], ["n2", "n1"], ["n0"]]  # n9 was never on a page


# times of global states, and what an e-mail change does


def test_only_the_opt_in_to_push_has_a_time_unless_the_tenant_gives_all(braze: Braze, control: FlaskClient) -> None:
    at = "2026-11-20T08:00:00Z"
    control.put("/users/u1", json={"email_subscribe": "unsubscribed", "push_subscribe": "opted_in", "at": at})
    assert exported(braze, "u1", *TIMES) == {
        "email_subscribe": "unsubscribed",
        "push_opted_in_at": "2026-11-20T08:00:00.000Z",
    }

    braze.store.switches.change({"state_times": "all"})
    assert exported(braze, "u1", *TIMES)["email_unsubscribed_at"] == "2026-11-20T08:00:00.000Z"
    braze.store.switches.change({"state_times": "none"})
    assert exported(braze, "u1", *TIMES) == {"email_subscribe": "unsubscribed"}


def test_the_time_of_a_state_comes_with_it_since_it_is_no_field_to_ask_for(braze: Braze, control: FlaskClient) -> None:
    braze.store.switches.change({"state_times": "all"})
    control.put("/users/u1", json={"email_subscribe": "unsubscribed", "at": "2026-11-20T08:00:00Z"})

    told = exported(braze, "u1", "email_subscribe")

    assert told == {"email_subscribe": "unsubscribed", "email_unsubscribed_at": "2026-11-20T08:00:00.000Z"}
    assert exported(braze, "u1", "push_subscribe") == {"push_subscribe": "subscribed"}


def test_the_time_of_an_older_state_stays_beside_a_newer_one(braze: Braze, control: FlaskClient) -> None:
    braze.store.switches.change({"state_times": "all"})
    control.put("/users/u1", json={"email_subscribe": "unsubscribed", "at": "2026-11-20T08:00:00Z"})
    braze.track({"external_id": "u1", "email_subscribe": "opted_in", "push_subscribe": "unsubscribed"})

    told = exported(braze, "u1", *TIMES)

    assert (told["email_subscribe"], told["email_unsubscribed_at"]) == ("opted_in", "2026-11-20T08:00:00.000Z")
    now = "2026-11-24T10:00:00.000Z"
    assert (told["email_opted_in_at"], told["push_unsubscribed_at"]) == (now, now)


@pytest.mark.parametrize("outside", [True, False])
def test_a_new_address_resets_the_withdrawal_and_the_old_one_stays_listed(
    braze: Braze, control: FlaskClient, outside: bool
) -> None:
    braze.track({"external_id": "u1", "email_subscribe": "unsubscribed"})

    if outside:
        control.put("/users/u1", json={"email": "new@example.com"})
    else:
        braze.track({"external_id": "u1", "email": "new@example.com"})

    assert braze.user("u1")["email_subscribe"] == "subscribed"
    assert [email for email, _ in listed(braze)] == ["u1@example.com"]


def test_a_tenant_may_keep_the_state_when_an_address_changes(braze: Braze) -> None:
    braze.store.switches.change({"resubscribe_on_email_change": False})
    braze.track({"external_id": "u1", "email_subscribe": "unsubscribed"})

    braze.track({"external_id": "u1", "email": "new@example.com"})

    assert braze.user("u1")["email_subscribe"] == "unsubscribed"


def test_what_a_person_chooses_outside_reaches_whoever_shares_the_address(texting: Braze, control: FlaskClient) -> None:
    control.put("/users/u2", json={"email": "u1@example.com"})

    control.put("/users/u2", json={"email_subscribe": "unsubscribed"})
    control.put("/users/p1", json={"groups": {SMS: "unsubscribed"}})

    assert texting.user("u1")["email_subscribe"] == "unsubscribed"
    assert states(texting, SMS, external_id="p2") == {"p2": "Unsubscribed"}
