"""What `check` asks to suggest a spelling: lists of campaigns and Canvases, and what a popup offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.ecm.categories import Definitions
from tests.systems.rig import BRAZE_URL, http

LISTS = {"campaign": (f"{BRAZE_URL}/campaigns/list", "campaigns"), "canvas": (f"{BRAZE_URL}/canvas/list", "canvases")}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def braze() -> BrazeClient:
    return BrazeClient(http(BRAZE_URL), api_key="fake-key-1234")


def _rows(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": f"id-{number}", "name": f"Name {number}", "tags": []} for number in range(first, first + count)]


@pytest.mark.parametrize("kind", ["campaign", "canvas"])
def test_a_list_is_read_page_by_page_until_one_is_not_full(net: responses.RequestsMock, kind: str) -> None:
    url, key = LISTS[kind]
    for first, count in ((0, 100), (100, 100), (200, 7)):
        net.add(responses.GET, url, json={key: _rows(first, count), "message": "success"})

    found = braze().listed(kind)

    assert len(found) == 207
    assert found["id-206"] == "Name 206"
    assert [parse_qs(urlsplit(str(call.request.url)).query)["page"] for call in net.calls] == [["0"], ["1"], ["2"]]


def test_a_list_of_many_thousands_is_read_to_its_end(net: responses.RequestsMock) -> None:
    pages = 60
    for page in range(pages):
        net.add(responses.GET, LISTS["campaign"][0], json={"campaigns": _rows(100 * page, 100), "message": "success"})
    net.add(responses.GET, LISTS["campaign"][0], json={"campaigns": [], "message": "success"})

    assert len(braze().listed("campaign")) == 100 * pages


def test_a_list_that_shows_the_same_page_for_ever_is_no_list(net: responses.RequestsMock) -> None:
    net.add(responses.GET, LISTS["campaign"][0], json={"campaigns": _rows(0, 100), "message": "success"})

    with pytest.raises(TemporaryError, match="the same page came twice"):
        braze().everything("campaign")


def test_what_is_made_between_two_readings_is_not_taken_for_archived(net: responses.RequestsMock) -> None:
    url, key = LISTS["canvas"]
    for first, count in ((0, 3), (1, 3)):
        net.add(responses.GET, url, json={key: _rows(first, count), "message": "success"})

    found = {one.id: one.archived for one in braze().everything("canvas")}

    assert found == {"id-0": True, "id-1": False, "id-2": False, "id-3": False}


@pytest.mark.parametrize(
    ("details", "state"),
    [
        ({}, "unknown"),
        ({"enabled": True}, "active"),
        ({"archived": False, "draft": False, "enabled": False}, "stopped"),
        ({"archived": False, "draft": True, "enabled": False}, "draft"),
        ({"archived": True, "draft": True, "enabled": True}, "archived"),
        ({"draft": "no"}, "unknown"),
    ],
)
def test_what_braze_does_not_say_of_a_message_is_unknown(
    net: responses.RequestsMock, details: dict[str, Any], state: str
) -> None:
    net.add(responses.GET, f"{BRAZE_URL}/canvas/details", json={**details, "message": "success"})

    assert [one.state for one in braze().states("canvas", ["id-1"])] == [state]


def test_the_groups_of_a_profile_are_read_page_by_page(net: responses.RequestsMock) -> None:
    for first, count in ((0, 100), (100, 2)):
        rows = [
            {"id": f"g{n}", "name": f"Group {n}", "channel": "email", "status": "x"}
            for n in range(first, first + count)
        ]
        users = [{"external_id": "canary", "subscription_groups": rows}]
        url = f"{BRAZE_URL}/subscription/user/status"
        net.add(responses.GET, url, json={"users": users, "total_count": 102, "message": "success"})

    found = braze().groups_of("canary")

    assert (len(found), found[-1].name, found[-1].channel) == (102, "Group 101", "email")


@pytest.mark.parametrize("answer", [{}, {"campaigns": {}}, {"campaigns": [{"name": "no id"}]}])
def test_a_list_of_another_shape_is_no_list(net: responses.RequestsMock, answer: dict[str, Any]) -> None:
    net.add(responses.GET, LISTS["campaign"][0], json=answer)

    with pytest.raises(TemporaryError):
        braze().listed("campaign")


def test_a_key_that_may_not_list_is_told_which_permission_it_lacks(net: responses.RequestsMock) -> None:
    net.add(responses.GET, LISTS["canvas"][0], status=403, json={"message": "Access Denied"})

    with pytest.raises(CredentialRefused, match=r"canvas\.list"):
        braze().listed("canvas")


@pytest.mark.parametrize(
    ("told", "offered"),
    [(["Draft", "Approved"], ("Draft", "Approved")), ([], ()), (None, ()), ("Draft", ()), ([1, 2, "", {}], ("1", "2"))],
)
def test_what_a_popup_offers_is_read_from_its_definition(told: object, offered: tuple[str, ...]) -> None:
    definitions = Definitions()
    entry = {"key": "16878_2", "name": "Status", "persona": "", "type_name": "String", "valid_values": told}
    definitions.learn({"16878": {"key": "16878", "name": "Contract", "persona": "category"}, "16878_2": entry})

    assert definitions.attributes()["Contract.Status"].valid_values == offered
