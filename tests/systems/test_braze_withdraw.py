"""A withdrawal goes to Braze for people it knows, says nothing but *unsubscribed*, and its answer is judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.errors import CredentialRefused, EcmbrazeError
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.braze import writes
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.braze.profiles import read_user
from tests.systems.rig import API_KEY, BRAZE_URL, http

TRACK = f"{BRAZE_URL}/users/track"
GROUP = "ed060000-0000-4000-8000-00000000000a"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


def withdraw(*recipients: str, channel: str = "email") -> Answer:
    return BrazeClient(http(BRAZE_URL), api_key=API_KEY).withdraw(recipients, channel)


def sent(net: responses.RequestsMock) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(net.calls[0].request.body or b"")
    return body


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("email", {"email_subscribe": "unsubscribed"}),
        ("push", {"push_subscribe": "unsubscribed"}),
        (
            f"group:{GROUP}",
            {"subscription_groups": [{"subscription_group_id": GROUP, "subscription_state": "unsubscribed"}]},
        ),
    ],
)
def test_each_channel_is_left_by_its_own_field(net: responses.RequestsMock, channel: str, said: dict[str, Any]) -> None:
    net.add(responses.POST, TRACK, json={"message": "success", "attributes_processed": 2}, status=201)
    answer = withdraw("C-1", "alias:crm:A-1", channel=channel)
    assert answer.verdict is Verdict.ACCEPTED
    assert sent(net) == {
        "attributes": [
            {"external_id": "C-1", "_update_existing_only": True, **said},
            {"user_alias": {"alias_label": "crm", "alias_name": "A-1"}, "_update_existing_only": True, **said},
        ]
    }


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from(["email", "push"]) | st.text(max_size=12) | st.text(max_size=8).map("group:{}".format),
    st.lists(st.text(min_size=1), max_size=80),
)
def test_nothing_can_subscribe_or_create_anybody(channel: str, people: list[str]) -> None:
    try:
        body, sizes = writes.withdrawal(people, channel)
    except (EcmbrazeError, ValueError):
        return
    entries: Any = body["attributes"]
    assert list(body) == ["attributes"]
    assert 1 <= len(entries) == sizes["attributes"] <= 75
    for entry in entries:
        assert entry["_update_existing_only"] is True
        states = [entry.get("email_subscribe"), entry.get("push_subscribe")]
        states += [group["subscription_state"] for group in entry.get("subscription_groups", [])]
        assert [state for state in states if state is not None] == ["unsubscribed"]


@pytest.mark.parametrize("channel", ["", "sms", "group:", "group", "Email", "email "])
def test_an_unknown_channel_is_a_bug_and_nothing_is_sent(net: responses.RequestsMock, channel: str) -> None:
    answer = withdraw("C-1", channel=channel)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert type(answer.stop) is EcmbrazeError
    assert len(net.calls) == 0


@pytest.mark.parametrize("number", [0, 76])
def test_no_request_is_made_of_nobody_or_of_more_than_braze_takes(net: responses.RequestsMock, number: int) -> None:
    answer = withdraw(*(f"C-{one}" for one in range(number)))
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert answer.stop is not None
    assert len(net.calls) == 0


def test_one_bad_person_is_refused_and_the_others_are_taken(net: responses.RequestsMock) -> None:
    error = {"index": 1, "input_array": "attributes", "type": "provided external_id is blacklisted and disallowed"}
    net.add(responses.POST, TRACK, json={"message": "success", "errors": [error]}, status=201)
    answer = withdraw("C-1", "C-2")
    assert answer.verdict is Verdict.ACCEPTED
    assert answer.refused == {("attributes", 1): "provided external_id is blacklisted and disallowed"}


def test_a_lost_answer_leaves_the_withdrawal_unknown(net: responses.RequestsMock) -> None:
    net.add(responses.POST, TRACK, body="<html>busy</html>", status=503)
    assert withdraw("C-1").verdict is Verdict.UNKNOWN


def test_a_key_without_the_permission_stops_the_flow(net: responses.RequestsMock) -> None:
    net.add(responses.POST, TRACK, json={"message": "Access Denied"}, status=403)
    answer = withdraw("C-1")
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)


class TestTimesOfChoices:
    """What some accounts export beside the global states."""

    @pytest.mark.parametrize(
        ("told", "moment"),
        [
            ("2024-11-22T12:12:24.712Z", datetime(2024, 11, 22, 12, 12, 24, 712000, tzinfo=UTC)),
            ("2020-07-10 15:00:00.000 UTC", datetime(2020, 7, 10, 15, tzinfo=UTC)),
            ("2020-06-17 19:27:44 +0000", datetime(2020, 6, 17, 19, 27, 44, tzinfo=UTC)),
            ("2021-06-28T17:02:43.032+02:00", datetime(2021, 6, 28, 15, 2, 43, 32000, tzinfo=UTC)),
        ],
    )
    def test_every_format_of_the_export_is_read(self, told: str, moment: datetime) -> None:
        profile = read_user({"external_id": "C-1", "email_unsubscribed_at": told}).profile("C-1")
        assert profile.email_unsubscribed_at == moment

    @pytest.mark.parametrize(
        "told", [None, "", "yesterday", 1732277544, "2024-11-22T12:12:24", "0001-01-01T00:00+14:00"]
    )
    def test_what_is_no_instant_is_left_out_and_the_profile_stands(self, told: object) -> None:
        user = {"external_id": "C-1", "email_subscribe": "unsubscribed", "email_unsubscribed_at": told}
        profile = read_user(user).profile("C-1")
        assert profile.email_subscribe == "unsubscribed"
        assert profile.email_unsubscribed_at is None

    def test_all_four_are_kept_apart(self) -> None:
        names = ("email_opted_in_at", "email_unsubscribed_at", "push_opted_in_at", "push_unsubscribed_at")
        user = {name: f"2024-01-0{day}T00:00:00Z" for day, name in enumerate(names, 1)}
        profile = read_user({"external_id": "C-1", **user}).profile("C-1")
        assert [getattr(profile, name) for name in names] == [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 5)]
