"""Reading people back: consent that is not read for certain is never consent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import responses

from ecmbraze.errors import ConfigurationError, CredentialRefused, TemporaryError
from ecmbraze.model import AddressList, Profile
from ecmbraze.systems.braze.client import BrazeClient
from tests.systems.rig import BRAZE_URL, NOW, FakeClock, http

EXPORT, GROUPS = f"{BRAZE_URL}/users/export/ids", f"{BRAZE_URL}/subscription/status/get"
BOUNCES, CAMPAIGN = f"{BRAZE_URL}/email/hard_bounces", f"{BRAZE_URL}/campaigns/details"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def braze() -> BrazeClient:
    return BrazeClient(http(BRAZE_URL, clock=FakeClock()), api_key="fake-key-1234")


def users(net: responses.RequestsMock, *found: dict[str, Any]) -> None:
    net.add(responses.POST, EXPORT, status=201, json={"users": list(found), "message": "success"})


def bodies(net: responses.RequestsMock) -> list[Any]:
    return [json.loads(call.request.body or b"") for call in net.calls]


def query(net: responses.RequestsMock, number: int = 0) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(str(net.calls[number].request.url)).query)


def test_a_profile_is_read_whole_and_defaults_are_filled_in(net: responses.RequestsMock) -> None:
    event = {"name": "approved", "first": "2026-01-01T00:00:00.000Z", "last": "2026-02-01T00:00:00.000Z", "count": 2}
    users(
        net,
        {"external_id": "C-1", "email": "ann@example.com", "custom_attributes": {"a": 1}, "custom_events": [event]},
        {"external_id": "C-2", "email_subscribe": "opted_in", "push_subscribe": "unsubscribed"},
    )
    found = braze().profiles(["C-1", "C-2", "C-3"])
    assert found["C-1"] == [
        Profile(
            recipient="C-1",
            email="ann@example.com",
            phone=None,
            email_subscribe="subscribed",
            push_subscribe="subscribed",
            custom_attributes={"a": 1},
            custom_events={"approved": (2, "2026-02-01T00:00:00.000Z")},
        )
    ]
    assert (found["C-2"][0].email_subscribe, found["C-2"][0].push_subscribe) == ("opted_in", "unsubscribed")
    assert "C-3" not in found


def test_ids_and_aliases_share_a_request_and_an_address_has_its_own(net: responses.RequestsMock) -> None:
    alias = {"alias_label": "crm", "alias_name": "A:1"}
    users(net, {"external_id": "C-1"}, {"user_aliases": [alias]})
    users(net, {"external_id": "C-9", "email": "Ann@Example.com"})
    found = braze().profiles(["C-1", "alias:crm:A:1", "email:ann@example.com"])
    assert {name: len(profiles) for name, profiles in found.items()} == {
        "C-1": 1,
        "alias:crm:A:1": 1,
        "email:ann@example.com": 1,
    }
    first, second = bodies(net)
    assert (first["external_ids"], first["user_aliases"]) == (["C-1"], [alias])
    assert second["email_address"] == "ann@example.com"
    assert "custom_attributes" in first["fields_to_export"]
    assert "campaigns_received" not in first["fields_to_export"]


def test_more_than_fifty_people_are_asked_for_in_several_requests(net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-0"})
    users(net, {"external_id": "C-50"})
    found = braze().profiles([f"C-{number}" for number in range(51)])
    assert sorted(len(sent["external_ids"]) for sent in bodies(net)) == [1, 50]  # at once, in no order
    assert set(found) == {"C-0", "C-50"}


def test_b26_a_person_returned_twice_is_a_tie(net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-1"}, {"external_id": "C-1"})
    assert len(braze().profiles(["C-1"])["C-1"]) == 2


def test_b26_b30_an_address_of_two_profiles_is_a_tie(net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-1", "email": "a@b.c"}, {"external_id": "C-2", "email": "a@b.c"})
    assert len(braze().profiles(["email:a@b.c"])["email:a@b.c"]) == 2


def test_b26_a_person_that_braze_does_not_know_is_missing(net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, status=201, json={"users": [], "invalid_user_ids": ["C-1"], "message": "success"})
    assert braze().profiles(["C-1"]) == {}


def test_engagement_is_a_flag_without_a_time_and_left_out_where_it_is_false(net: responses.RequestsMock) -> None:
    at = "2026-03-01T08:00:00.000+00:00"
    users(
        net,
        {
            "external_id": "C-1",
            "campaigns_received": [
                {"name": "A", "api_campaign_id": "a", "last_received": at, "engaged": {"clicked_email": True}},
                {"name": "B", "api_campaign_id": "b", "last_received": at},
                {"name": "C", "api_campaign_id": "c", "engaged": {"opened_email": False}, "converted": True},
            ],
        },
        {"external_id": "C-2"},
    )

    found = braze().received(["C-1", "C-2", "C-3"])

    assert [(one.campaign, one.engaged) for one in found["C-1"]] == [("a", True), ("b", False), ("c", False)]
    assert (found["C-2"], "C-3" in found) == ([], False)
    assert bodies(net)[0]["fields_to_export"] == ["external_id", "user_aliases", "campaigns_received"]


def test_engagement_is_asked_for_fifty_people_at_once_and_profiles_of_one_recipient_add_up(
    net: responses.RequestsMock,
) -> None:
    row = {"name": "A", "api_campaign_id": "a", "last_received": "2026-03-01T08:00:00.000+00:00"}
    users(net, {"external_id": "C-0", "campaigns_received": [row]})
    users(net, {"external_id": "C-50"})
    users(net, *({"external_id": f"D-{number}", "email": "a@b.c", "campaigns_received": [row]} for number in (1, 2)))

    found = braze().received([*(f"C-{number}" for number in range(51)), "email:a@b.c"])

    assert [len(sent.get("external_ids", ())) for sent in bodies(net)] == [50, 1, 0]
    assert {person: len(rows) for person, rows in found.items()} == {"C-0": 1, "C-50": 0, "email:a@b.c": 2}


@pytest.mark.parametrize("odd", [[{"name": "A"}], "a", [{"api_campaign_id": "a", "engaged": "yes"}]])
def test_engagement_of_another_shape_proves_nothing(net: responses.RequestsMock, odd: Any) -> None:
    users(net, {"external_id": "C-1", "campaigns_received": odd})
    with pytest.raises(TemporaryError, match="unknown shape"):
        braze().received(["C-1"])


def test_a_number_as_external_id_comes_back_as_text(net: responses.RequestsMock) -> None:
    users(net, {"external_id": 12345})
    assert "12345" in braze().profiles(["12345"])


def test_ids_that_differ_in_case_only_are_two_people(net: responses.RequestsMock) -> None:
    told = {"AB1": "Unsubscribed", "ab1": "Subscribed"}
    net.add(responses.GET, GROUPS, json={"status": told, "message": "success"})
    assert braze().group_states("g-1", ["AB1", "ab1", "Ab1"]) == {
        "AB1": "unsubscribed",
        "ab1": "subscribed",
        "Ab1": "unknown",
    }
    users(net, {"external_id": "AB1", "email_subscribe": "unsubscribed"}, {"external_id": "ab1"})
    found = braze().profiles(["AB1", "ab1", "Ab1"])
    assert {name: [one.email_subscribe for one in profiles] for name, profiles in found.items()} == {
        "AB1": ["unsubscribed"],
        "ab1": ["subscribed"],
    }


def test_aliases_that_differ_in_case_only_are_two_people(net: responses.RequestsMock) -> None:
    aliases = [{"alias_label": "crm", "alias_name": name} for name in ("A", "a")]
    users(net, {"external_id": "AB1", "user_aliases": aliases[:1]}, {"external_id": "ab1", "user_aliases": aliases[1:]})
    net.add(responses.GET, GROUPS, json={"status": {"AB1": "Unsubscribed", "ab1": "Subscribed"}, "message": "success"})
    states = braze().group_states("g-1", ["alias:crm:A", "alias:crm:a"])
    assert states == {"alias:crm:A": "unsubscribed", "alias:crm:a": "subscribed"}


def test_two_states_of_one_address_are_none(net: responses.RequestsMock) -> None:
    told = {"Ann@X.org": "Unsubscribed", "ann@x.org": "Subscribed"}
    net.add(responses.GET, GROUPS, json={"status": told, "message": "success"})
    assert braze().group_states("g-1", ["email:ann@x.org"]) == {"email:ann@x.org": "unknown"}


ODD_STATES: list[Any] = [
    "paused",
    "7",
    "",
    " ",
    "opted in",
    "subscribed ",
    "true",
    False,
    True,
    0,
    1,
    [],
    ["subscribed"],
    {},
    {"state": 1},
]


@pytest.mark.parametrize("name", ["email_subscribe", "push_subscribe"])
@pytest.mark.parametrize("state", ODD_STATES, ids=repr)
def test_a_global_state_that_nobody_documented_is_unknown(name: str, state: Any, net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-1", name: state})
    assert getattr(braze().profiles(["C-1"])["C-1"][0], name) == "unknown"


@pytest.mark.parametrize("user", [{}, {"email_subscribe": None}, {"email_subscribe": "subscribed"}])
def test_a_global_state_left_out_is_the_documented_default(user: dict[str, Any], net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-1", **user})
    assert braze().profiles(["C-1"])["C-1"][0].email_subscribe == "subscribed"


@pytest.mark.parametrize("state", [None, *ODD_STATES], ids=repr)
def test_a_group_state_that_nobody_documented_is_unknown(state: Any, net: responses.RequestsMock) -> None:
    net.add(responses.GET, GROUPS, json={"status": {"C-1": state}, "message": "success"})
    assert braze().group_states("g-1", ["C-1"]) == {"C-1": "unknown"}


@pytest.mark.parametrize("email", [None, "", " ", 0, False, ["a@b.c"], "nobody"], ids=repr)
def test_a_bounce_without_an_address_leaves_no_conclusion(email: Any, net: responses.RequestsMock) -> None:
    emails = [{"email": "A@b.c", "hard_bounced_at": "2026-01-01"}, {"email": email, "hard_bounced_at": "2026-01-01"}]
    net.add(responses.GET, BOUNCES, json={"emails": emails, "message": "success"})
    with pytest.raises(TemporaryError, match="unknown shape"):
        braze().hard_bounces(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "odd",
    [
        {"user_aliases": False},
        {"user_aliases": {}},
        {"user_aliases": ""},
        {"user_aliases": [{"alias_label": "crm"}]},
        {"user_aliases": [{"alias_label": 0, "alias_name": "A"}]},
        {"custom_attributes": False},
        {"custom_attributes": []},
        {"custom_events": 0},
        {"custom_events": {}},
        {"external_id": False},
        {"external_id": ["C-1"]},
        {"email": False},
        {"email": 0},
        {"email": []},
    ],
    ids=repr,
)
def test_an_odd_field_of_a_profile_is_not_an_absent_one(odd: dict[str, Any], net: responses.RequestsMock) -> None:
    users(net, {"external_id": "C-1", **odd})
    with pytest.raises(TemporaryError, match="unknown shape"):
        braze().profiles(["C-1"])


def test_nobody_asked_for_is_no_request() -> None:
    assert braze().profiles([]) == {}
    assert braze().group_states("g", []) == {}


@pytest.mark.parametrize("said", ["failure", "queued", None, 5])
def test_nobody_is_unknown_by_an_answer_that_does_not_say_success(net: responses.RequestsMock, said: object) -> None:
    net.post(EXPORT, json={"users": [], "invalid_user_ids": ["C-1"], "message": said}, status=201)

    with pytest.raises(TemporaryError, match="unknown shape: it says"):
        braze().profiles(["C-1"])


def test_b27_consent_that_cannot_be_read_stops_with_exit_5(net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, body=TimeoutError())
    with pytest.raises(TemporaryError, match="Consent could not be read") as caught:
        braze().profiles(["C-1"])
    assert caught.value.exit_code == 5
    assert "they wait" in caught.value.undone


@pytest.mark.parametrize("body", [{}, {"users": None}, {"users": ["C-1"]}, {"users": [{"user_aliases": ["x"]}]}])
def test_an_unknown_shape_is_no_empty_answer(body: dict[str, Any], net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, status=201, json=body)
    with pytest.raises(TemporaryError, match="unknown shape"):
        braze().profiles(["C-1"])


def test_b15_a_missing_permission_of_the_screen_is_named(net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, status=403, json={"message": "Access Denied"})
    with pytest.raises(CredentialRefused, match=r"users\.export\.ids \(needed for the consent check\)"):
        braze().profiles(["C-1"])


@pytest.mark.parametrize("status", [401, 404])
def test_b14_a_refused_key_is_exit_7(status: int, net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, status=status, json={"message": "Invalid API key: fake-key-1234"})
    with pytest.raises(CredentialRefused) as caught:
        braze().profiles(["C-1"])
    assert "fake-key" not in str(caught.value)


def test_b23_a_redirect_of_a_read_is_refused_with_exit_15(net: responses.RequestsMock) -> None:
    net.add(responses.POST, EXPORT, status=302, headers={"Location": "https://evil.example/x"})
    with pytest.raises(ConfigurationError, match=r"redirect to evil\.example; refusing"):
        braze().profiles(["C-1"])


def test_b28_group_states_are_lower_case_and_unknown_for_whom_braze_does_not_name(net: responses.RequestsMock) -> None:
    net.add(responses.GET, GROUPS, json={"status": {"C-1": "Subscribed", "C-2": "Unsubscribed"}, "message": "success"})
    states = braze().group_states("g-1", ["C-1", "C-2", "C-3"])
    assert states == {"C-1": "subscribed", "C-2": "unsubscribed", "C-3": "unknown"}
    names = [("external_id[]", f"C-{number}") for number in (1, 2, 3)]
    assert query(net) == [("subscription_group_id", "g-1"), *names]


def test_an_address_is_asked_for_as_one_whatever_its_case(net: responses.RequestsMock) -> None:
    net.add(responses.GET, GROUPS, json={"status": {"Ann@Example.com": "Subscribed"}, "message": "success"})
    assert braze().group_states("g-1", ["email:ann@example.com"]) == {"email:ann@example.com": "subscribed"}
    assert query(net)[1] == ("email[]", "ann@example.com")


def test_an_alias_is_looked_up_first_since_groups_know_none(net: responses.RequestsMock) -> None:
    aliases = [{"alias_label": "crm", "alias_name": name} for name in ("A", "B", "C")]
    users(
        net,
        {"external_id": "C-1", "user_aliases": aliases[:1]},
        {"email": "b@b.c", "user_aliases": aliases[1:2]},
        {"user_aliases": aliases[2:]},
    )
    net.add(responses.GET, GROUPS, json={"status": {"C-1": "Subscribed"}, "message": "success"})
    net.add(responses.GET, GROUPS, json={"status": {"b@b.c": "Subscribed"}, "message": "success"})
    states = braze().group_states("g-1", ["alias:crm:A", "alias:crm:B", "alias:crm:C", "alias:crm:D"])
    assert list(states.values()) == ["subscribed", "subscribed", "unknown", "unknown"]


def test_an_unknown_group_is_exit_15(net: responses.RequestsMock) -> None:
    net.add(responses.GET, GROUPS, status=400, json={"message": "Invalid subscription group ID"})
    with pytest.raises(ConfigurationError, match="Invalid subscription group ID"):
        braze().group_states("g-1", ["C-1"])


def bounced(count: int, start: int = 0) -> dict[str, Any]:
    emails = [{"email": f"User{start + number}@X.org", "hard_bounced_at": "2026-01-01"} for number in range(count)]
    return {"emails": emails, "message": "success"}


def test_bounces_are_paged_to_the_end_and_include_today(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BOUNCES, json=bounced(500))
    net.add(responses.GET, BOUNCES, json=bounced(53, start=450))
    found = braze().hard_bounces(datetime(2026, 1, 1, tzinfo=UTC))
    assert len(found) == 503
    assert "user502@x.org" in found
    first, second = (dict(query(net, number)) for number in (0, 1))
    assert (first["start_date"], first["end_date"], first["offset"]) == ("2026-01-01", "2026-03-11", "0")
    assert (second["offset"], second["limit"], second["sort_direction"]) == ("450", "500", "asc")


def test_a_bounce_list_that_never_ends_is_not_read_for_ever(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BOUNCES, json=bounced(500))
    with pytest.raises(TemporaryError, match="same page came twice"):
        braze().hard_bounces(datetime(2026, 1, 1, tzinfo=UTC))


def test_an_unreadable_bounce_list_is_not_an_empty_one(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BOUNCES, json={"message": "success"})
    with pytest.raises(TemporaryError):
        braze().hard_bounces(datetime(2026, 1, 1, tzinfo=UTC))


def test_the_details_of_a_campaign_are_told_and_an_unknown_one_is_exit_15(net: responses.RequestsMock) -> None:
    net.add(responses.GET, CAMPAIGN, json={"name": "Welcome", "draft": False, "message": "success"})
    net.add(responses.GET, CAMPAIGN, status=400, json={"message": "campaign_id must be a string"})
    client = braze()
    assert client.names("campaign", "3f0c")["name"] == "Welcome"
    with pytest.raises(ConfigurationError, match="no campaign '3f0d'"):
        client.names("campaign", "3f0d")


def test_missing_permissions_are_found_without_writing_anything(net: responses.RequestsMock) -> None:
    net.add(responses.POST, f"{BRAZE_URL}/users/track", status=400, json={"message": "Valid data must be provided"})
    net.add(responses.POST, f"{BRAZE_URL}/canvas/trigger/send", status=403, json={"message": "Access Denied"})
    net.add(responses.GET, BOUNCES, json=bounced(0))
    missing = braze().missing_permissions(["/users/track", "/canvas/trigger/send", "/email/hard_bounces"])
    assert missing == {"/canvas/trigger/send": "canvas.trigger.send"}
    sent = [json.loads(call.request.body) for call in net.calls if call.request.body]
    assert sent == [{}, {"broadcast": False, "recipients": []}]


def test_a_refused_key_is_not_a_missing_permission(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BOUNCES, status=401, json={"message": "Invalid API key"})
    with pytest.raises(CredentialRefused, match="refuses the API key"):
        braze().missing_permissions(["/email/hard_bounces"])


def test_a_group_exists_or_not(net: responses.RequestsMock) -> None:
    net.add(responses.GET, GROUPS, json={"status": {}, "message": "success"})
    net.add(responses.GET, GROUPS, status=400, json={"message": "Invalid subscription group ID"})
    client = braze()
    assert [client.group_exists("g-1"), client.group_exists("g-2")] == [True, False]
    assert parse_qs(urlsplit(str(net.calls[0].request.url)).query)["subscription_group_id"] == ["g-1"]


UNSUBSCRIBES = f"{BRAZE_URL}/email/unsubscribes"


def left(*names: str, at: str = "2026-03-09 19:27:44 +0000") -> dict[str, Any]:
    return {"emails": [{"email": f"{name}@x.org", "unsubscribed_at": at} for name in names], "message": "success"}


def listed(first: int, after: int) -> dict[str, Any]:
    return left(*(str(number) for number in range(first, after)))


def read_list() -> dict[str, datetime]:
    since = datetime(2026, 3, 9, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    return dict(braze().address_list(AddressList.UNSUBSCRIBES, since))


def test_the_list_of_unsubscribes_is_asked_for_by_utc_days_up_to_tomorrow(net: responses.RequestsMock) -> None:
    net.add(responses.GET, UNSUBSCRIBES, json=left("A", "a", "b"))
    moment = datetime(2026, 3, 9, 19, 27, 44, tzinfo=UTC)
    assert read_list() == {"a@x.org": moment, "b@x.org": moment}
    assert dict(query(net)) == {
        "start_date": "2026-03-08",
        "end_date": "2026-03-11",
        "limit": "500",
        "offset": "0",
        "sort_direction": "asc",
    }


def test_of_several_entries_of_one_address_the_newest_counts_and_an_odd_moment_is_now(
    net: responses.RequestsMock,
) -> None:
    entries = [*left("a", at="2026-03-09T10:00:00Z")["emails"], *left("a", at="2026-03-09 08:00:00 +0000")["emails"]]
    net.add(responses.GET, UNSUBSCRIBES, json={"emails": [*entries, *left("b", at="yesterday")["emails"]]})
    assert read_list() == {"a@x.org": datetime(2026, 3, 9, 10, tzinfo=UTC), "b@x.org": NOW}


def test_a_list_of_exactly_one_page_is_known_to_end(net: responses.RequestsMock) -> None:
    net.add(responses.GET, UNSUBSCRIBES, json=listed(0, 500))
    net.add(responses.GET, UNSUBSCRIBES, json=listed(450, 500))
    assert len(read_list()) == 500


def test_rows_that_leave_the_list_between_two_pages_hide_nobody(net: responses.RequestsMock) -> None:
    net.add(responses.GET, UNSUBSCRIBES, json=listed(0, 500))
    net.add(responses.GET, UNSUBSCRIBES, json=listed(503, 520))  # 53 of the first page are gone
    net.add(responses.GET, UNSUBSCRIBES, json=listed(3, 503))
    net.add(responses.GET, UNSUBSCRIBES, json=listed(502, 520))
    assert set(read_list()) == {f"{number}@x.org" for number in range(3, 520)}


def test_a_list_that_empties_between_two_pages_is_read_anew(net: responses.RequestsMock) -> None:
    net.add(responses.GET, UNSUBSCRIBES, json=listed(0, 500))
    net.add(responses.GET, UNSUBSCRIBES, json=left())
    net.add(responses.GET, UNSUBSCRIBES, json=listed(7, 30))
    assert len(read_list()) == 23


def test_a_list_that_changes_as_fast_as_it_is_read_is_no_list(net: responses.RequestsMock) -> None:
    for number in (0, 700) * 3:
        net.add(responses.GET, UNSUBSCRIBES, json=listed(number, number + 500))
    with pytest.raises(TemporaryError, match="changed each time"):
        read_list()
    assert len(net.calls) == 6


def test_a_key_without_the_right_to_the_list_is_told_so(net: responses.RequestsMock) -> None:
    net.add(responses.GET, UNSUBSCRIBES, status=403, json={"message": "Access Denied"})
    with pytest.raises(CredentialRefused, match=r"lacks the permission email\.unsubscribe "):
        read_list()
