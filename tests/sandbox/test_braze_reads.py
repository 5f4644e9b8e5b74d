"""What the simulated Braze gives to read: people, states, addresses, messages (api/braze.md 13.5 to 13.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, GROUP, Braze, event

DAYS = {"start_date": "2026-11-01", "end_date": "2026-11-25"}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"external_ids": "u1"},
        {"external_ids": ["u1"], "email_address": "u1@example.com"},
        {"email_address": "u1@example.com", "phone": "+49301"},
        {"external_ids": []},
        {"external_ids": ["x"] * 26, "user_aliases": [{"alias_label": "a", "alias_name": "b"}] * 25},
    ],
)
def test_an_export_of_nobody_of_two_kinds_or_of_too_many_is_400(braze: Braze, query: dict[str, Any]) -> None:
    assert braze.export("email", **query).status_code == 400


def test_an_older_account_may_leave_out_the_fields(braze: Braze) -> None:
    braze.store.switches.change({"require_fields": False})

    users = braze.post("/users/export/ids", {"external_ids": ["u1"]}).get_json()["users"]

    assert {"braze_id", "created_at", "email"} <= users[0].keys()


def test_the_answer_keeps_no_order_and_names_nobody_twice(braze: Braze) -> None:
    ids = [f"n{i}" for i in range(20)]
    for person in ids:
        braze.store.put_user(person, {"user_aliases": [{"alias_label": "crm", "alias_name": person}]})

    alias = [{"alias_label": "crm", "alias_name": "n1"}]
    users = braze.export("external_id", external_ids=ids, user_aliases=alias).get_json()["users"]

    told = [user["external_id"] for user in users]
    assert (sorted(told), told == ids) == (sorted(ids), False)  # who zips it with the question mixes people up


def test_nothing_tells_groups_or_when_a_profile_changed(braze: Braze) -> None:
    names = ("groups", "subscription_groups", "updated_at", "last_modified", "twitter", "marked_email_as_spam_at")
    braze.store.put_user("u2", {"twitter": "x", "marked_email_as_spam_at": "2026-11-01"})

    assert braze.export(*names, external_ids=["u2"]).get_json()["users"] == [{}]


def test_a_profile_nobody_set_has_its_states_and_an_empty_list_of_aliases(braze: Braze) -> None:
    braze.track({"external_id": "new", "first_name": "Ann"})
    fields = ("user_aliases", "push_subscribe", "email_subscribe", "first_name", "email", "custom_attributes")

    exported = braze.export(*fields, external_ids=["new"]).get_json()["users"]

    states = {"push_subscribe": "subscribed", "email_subscribe": "subscribed"}
    assert exported == [{"user_aliases": [], **states, "first_name": "Ann"}]


def test_dates_of_one_profile_come_in_three_formats(braze: Braze) -> None:
    braze.track(events=[event("u1")])
    braze.trigger({"external_user_id": "u1"})

    user = braze.export("created_at", "custom_events", "campaigns_received", external_ids=["u1"]).get_json()["users"][0]

    assert user["created_at"] == "2026-11-24 10:00:00.000 UTC"
    assert user["custom_events"][0]["last"] == "2026-11-20T10:00:00.000Z"
    assert user["campaigns_received"][0]["last_received"] == "2026-11-24T10:00:00.000+00:00"
    braze.store.switches.change({"created_at": "iso"})
    assert braze.export("created_at", external_ids=["u1"]).get_json()["users"][0]["created_at"].endswith("00.000Z")


def test_events_older_than_90_days_are_left_out_and_the_count_is_of_all_time(braze: Braze) -> None:
    braze.track(events=[event("u1", time="2026-01-01"), event("u1", name="old", time="2026-01-01"), event("u1")])

    (row,) = braze.user("u1")["custom_events"]

    assert (row["name"], row["count"], row["first"]) == ("happened", 2, "2026-01-01T00:00:00.000Z")


def test_engagement_is_left_out_when_false_and_never_has_a_time(braze: Braze) -> None:
    braze.trigger({"external_user_id": "u1"}, {"external_user_id": "u2"})
    braze.store.put_user("u1", {"engaged": {CAMPAIGN: ["opened_email"]}})

    def received(person: str) -> dict[str, Any]:
        (row,) = braze.export("campaigns_received", external_ids=[person]).get_json()["users"][0]["campaigns_received"]
        found: dict[str, Any] = row
        return found

    assert received("u1")["engaged"] == {"opened_email": True}
    assert "engaged" not in received("u2")


def test_a_canvas_tells_what_was_received_and_no_engagement(braze: Braze) -> None:
    braze.trigger({"external_user_id": "u1"}, kind="canvas")
    braze.store.put_user("u1", {"engaged": {CANVAS: ["opened_email"]}})

    (row,) = braze.export("canvases_received", external_ids=["u1"]).get_json()["users"][0]["canvases_received"]

    assert (row["api_canvas_id"], "engaged" in row, len(row["steps_received"])) == (CANVAS, False, 1)


def test_what_a_campaign_left_behind_goes_three_months_after_it_stopped(braze: Braze) -> None:
    braze.trigger({"external_user_id": "u1"})
    braze.store.put_campaign(CAMPAIGN, "Campaign", paused=True)
    braze.clock.moment += timedelta(days=80)
    assert braze.export("campaigns_received", external_ids=["u1"]).get_json()["users"] != [{}]

    braze.clock.moment += timedelta(days=20)

    assert braze.export("campaigns_received", external_ids=["u1"]).get_json()["users"] == [{}]


def test_an_external_id_goes_before_an_address_and_address_and_phone_do_not_go_together(braze: Braze) -> None:
    def ask(**query: Any) -> Any:
        return braze.get("/subscription/status/get", subscription_group_id=GROUP, **query)

    assert ask(**{"external_id[]": "u2", "email[]": "u1@example.com"}).get_json()["status"] == {"u2": "Subscribed"}
    both = ask(email="u1@example.com", phone="+49301")
    assert (both.status_code, "but not both" in both.get_json()["message"]) == (400, True)
    assert [ask().status_code, ask(**{"email[]": [f"{i}@example.com" for i in range(51)]}).status_code] == [400, 400]
    assert ask(email="nobody@example.com").get_json()["status"] == {"nobody@example.com": "Unknown"}


def test_an_unknown_state_may_be_lower_case(braze: Braze) -> None:
    braze.store.switches.change({"unknown_group_state": "unknown"})

    query = {"subscription_group_id": GROUP, "external_id": "u1"}
    assert braze.get("/subscription/status/get", **query).get_json()["status"] == {"u1": "unknown"}


@pytest.mark.parametrize("path", ["/email/hard_bounces", "/email/unsubscribes"])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start_date": "2026-11-01"},
        {"end_date": "2026-11-25"},
        {**DAYS, "limit": "501"},
        {**DAYS, "limit": "x"},
        {**DAYS, "offset": "-1"},
        {**DAYS, "end_date": "2026-11-25T00:00:00Z"},
        {**DAYS, "end_date": "2026-11-31"},
    ],
)
def test_a_list_of_addresses_needs_days_and_a_page_of_at_most_500(
    braze: Braze, path: str, query: dict[str, str]
) -> None:
    assert braze.get(path, **query).status_code == 400


def bounced(braze: Braze, count: int) -> list[str]:
    """Let people bounce a second apart; return their addresses, the oldest first."""
    emails = [f"b{i:03}@example.com" for i in range(count)]
    for email in emails:
        braze.later(1)
        braze.store.put_user(email, {"email": email, "hard_bounced": True})
    return emails


def test_a_limit_beyond_500_may_be_cut_to_500(braze: Braze) -> None:
    bounced(braze, 501)
    braze.store.switches.change({"limit_too_high": "clamp"})

    assert len(braze.get("/email/hard_bounces", **DAYS, limit="1000").get_json()["emails"]) == 500
    assert len(braze.get("/email/hard_bounces", **DAYS).get_json()["emails"]) == 100


def test_the_newest_come_first_so_that_a_new_row_shifts_the_pages(braze: Braze) -> None:
    old = bounced(braze, 4)
    first = braze.get("/email/hard_bounces", **DAYS, limit="2").get_json()["emails"]
    braze.later(1)
    braze.store.put_user("u1", {"hard_bounced": True})
    second = braze.get("/email/hard_bounces", **DAYS, limit="2", offset="2").get_json()["emails"]
    upwards = braze.get("/email/hard_bounces", **DAYS, limit="2", sort_direction="asc").get_json()["emails"]

    assert [row["email"] for row in first] == [old[3], old[2]]
    assert [row["email"] for row in second] == [old[2], old[1]]  # once more; the last one is on a third page
    assert [row["email"] for row in upwards] == old[:2]


def test_asking_bounces_by_address_the_dates_count_for_nothing_and_paging_finds_nothing(braze: Braze) -> None:
    (email,) = bounced(braze, 1)
    past = {"end_date": "2020-01-01", "email": email}

    assert len(braze.get("/email/hard_bounces", **past).get_json()["emails"]) == 1
    assert braze.get("/email/hard_bounces", **past, limit="10").get_json()["emails"] == []


def test_what_the_list_of_unsubscribes_leaves_open_are_switches(braze: Braze) -> None:
    def listed() -> list[str]:
        return [row["email"] for row in braze.get("/email/unsubscribes", **DAYS).get_json()["emails"]]

    braze.store.switches.change({"list_api_unsubscribes": False})
    braze.track({"external_id": "u1", "email_subscribe": "unsubscribed"})
    braze.store.put_user("u2", {"email_subscribe": "unsubscribed"})
    assert listed() == ["u2@example.com"]

    braze.track({"external_id": "u2", "email_subscribe": "subscribed"})
    assert listed() == ["u2@example.com"]
    braze.store.switches.change({"list_resubscribed": False})
    braze.track({"external_id": "u2", "email_subscribe": "opted_in"})
    assert listed() == []


@pytest.mark.parametrize("kind", ["campaign", "canvas"])
def test_details_tell_no_approval_and_an_unknown_id_is_400(braze: Braze, kind: str) -> None:
    path, known = ("/campaigns/details", CAMPAIGN) if kind == "campaign" else ("/canvas/details", CANVAS)

    told = braze.get(path, **{f"{kind}_id": known}).get_json()
    unknown = braze.get(path, **{f"{kind}_id": "x"})

    assert not [name for name in told if "approv" in name]
    assert (told["draft"], told["enabled"], told["archived"]) == (False, True, False)
    assert (unknown.status_code, f"{kind}_id must be a string" in unknown.get_json()["message"]) == (400, True)
    assert braze.get(path).status_code == 400


@pytest.mark.parametrize(
    ("kind", "message", "names"),
    [("campaign", CAMPAIGN, ("first_sent", "last_sent")), ("canvas", CANVAS, ("first_entry", "last_entry"))],
)
def test_details_tell_when_it_was_first_and_last_sent(
    braze: Braze, kind: str, message: str, names: tuple[str, str]
) -> None:
    def sent_at() -> list[str | None]:
        path = "/campaigns/details" if kind == "campaign" else "/canvas/details"
        found = braze.get(path, **{f"{kind}_id": message}).get_json()
        return [found[name] for name in names]

    assert sent_at() == [None, None]
    braze.trigger({"external_user_id": "nobody"}, kind=kind)
    assert sent_at() == [None, None]
    for _ in range(2):
        braze.trigger({"external_user_id": "u1"}, kind=kind)
        braze.later(3600)
    assert sent_at() == ["2026-11-24T10:00:00+00:00", "2026-11-24T11:00:00+00:00"]


def test_a_draft_is_not_enabled_and_tags_are_plain_names(braze: Braze) -> None:
    braze.store.put_campaign(CAMPAIGN, "Campaign", draft=True, tags=["approved"])

    told = braze.get("/campaigns/details", campaign_id=CAMPAIGN).get_json()

    assert (told["draft"], told["enabled"], told["tags"]) == (True, False, ["approved"])


def test_a_listing_hides_the_archived_and_ends_with_an_empty_page(braze: Braze) -> None:
    for number in range(100):
        braze.store.put_campaign(f"c{number}", "More", archived=number == 0)

    def ids(**query: Any) -> list[str]:
        return [row["id"] for row in braze.get("/campaigns/list", **query).get_json()["campaigns"]]

    assert (len(ids()), "c0" in ids()) == (100, False)
    assert (len(ids(page="1")), len(ids(page="1", include_archived="true")), ids(page="7")) == (0, 1, [])
    assert braze.get("/campaigns/list", page="-1").status_code == 400


def test_last_edit_is_strictly_after(braze: Braze) -> None:
    braze.later(60)
    braze.store.put_canvas("canv-2", "Later")

    def ids(after: str) -> list[str]:
        return [row["id"] for row in braze.get("/canvas/list", **{"last_edit.time[gt]": after}).get_json()["canvases"]]

    assert (ids("2026-11-24T10:00:00"), ids("2026-11-24T10:01:00")) == (["canv-2"], [])
