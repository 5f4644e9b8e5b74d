"""Members and their small pages (api/ecm.md 9, section 13, 16)."""

from __future__ import annotations

import pytest

from tests.sandbox.desk import Desk, ids


def test_ten_members_a_page_by_default_and_never_more_than_twenty(desk: Desk) -> None:
    assert desk.get("/v2/members")["collection"]["paging"]["limit"] == 10
    answer = desk.get("/v2/members?limit=100")
    assert (answer["collection"]["paging"]["limit"], len(answer["results"])) == (20, 20)


@pytest.mark.parametrize("query", ["limit=0", "limit=-5", "page=0"])
def test_a_page_or_limit_below_one_is_refused(desk: Desk, query: str) -> None:
    assert desk.refused("GET", f"/v2/members?{query}")[0] == 400


def test_following_the_next_links_finds_everybody_once(desk: Desk) -> None:
    found: list[int] = []
    page = 1
    while True:
        answer = desk.get(f"/v2/members?limit=20&page={page}")
        found += ids(answer)
        if "links" not in answer["collection"]["paging"]:
            break
        page += 1
    assert len(found) == len(set(found)) == answer["collection"]["paging"]["total_count"] == 50
    assert ids(desk.get("/v2/members?limit=20&page=99")) == found[40:]


def test_an_unknown_filter_lists_everybody_and_an_unknown_sort_sorts_by_id(desk: Desk) -> None:
    answer = desk.get("/v2/members?where_login=user01&sort=asc_shoe_size")
    assert answer["collection"]["paging"]["total_count"] == 50
    assert answer["collection"]["sorting"]["sort"][0]["value"] == "asc_id"
    assert ids(answer) == sorted(ids(answer))


def test_names_match_as_prefixes_of_the_login(desk: Desk) -> None:
    found = desk.get("/v2/members?where_type=1&where_name=Case Workers")["results"]
    assert [m["data"]["properties"]["name"] for m in found] == ["Case Workers", "Case Workers Süd"]


def test_a_query_cannot_be_combined_with_a_filter(desk: Desk) -> None:
    assert desk.refused("GET", "/v2/members?query=user&where_type=0")[0] == 400


def test_any_member_is_read_by_id_and_a_missing_one_is_a_500(desk: Desk) -> None:
    assert desk.get("/v2/members/1002")["results"]["data"]["properties"]["type"] == 1
    assert desk.refused("GET", "/v2/members/999999") == (500, "Could not get a member for 999999")
