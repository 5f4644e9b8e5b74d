"""Listing one workspace type: the server's own paging, every gap a failure, every odd row named."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from ecmbraze.errors import ConfigurationError, EcmbrazeError, TemporaryError
from ecmbraze.model import WorkspacePage
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.partitions import Ids
from tests.forking.sandboxes import sandbox
from tests.systems.ecm_answers import AUTH, HTML, INFO, LIST, TYPE, client, page, ready, row
from tests.systems.rig import NOW, FakeClock, http


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


def serve(net: responses.RequestsMock, *pages: dict[str, Any] | str) -> None:
    for body in pages:
        if isinstance(body, str):
            net.add(responses.GET, LIST, body=body)
        else:
            net.add(responses.GET, LIST, json=body)


def asked(net: responses.RequestsMock) -> list[dict[str, list[str]]]:
    urls = [str(call.request.url) for call in net.calls]
    return [parse_qs(urlsplit(url).query) for url in urls if urlsplit(url).path.endswith("/businessworkspaces")]


def ids(pages: list[WorkspacePage]) -> list[int]:
    return [entry.id for one in pages for entry in one.rows]


def test_pages_are_followed_until_the_next_link_ends(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 3, [row(1), row(2)], 5), page(2, 3, [row(3), row(4)], 5), page(3, 3, [row(5)], 5))
    pages = list(client(page_size=2).list_workspaces(TYPE))
    assert ids(pages) == [1, 2, 3, 4, 5]
    assert {one.total for one in pages} == {5}
    first = asked(net)[0]
    assert first["expanded_view"] == ["true"]
    assert first["where_workspace_type_id"] == ["33"]
    assert [query["page"] for query in asked(net)] == [["1"], ["2"], ["3"]]
    assert {query["limit"][0] for query in asked(net)} == {"2"}


def test_the_limit_the_server_applied_is_used_from_then_on(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 2, [row(1), row(2)], 3, limit=2), page(2, 2, [row(3)], 3))
    list(client(page_size=500).list_workspaces(TYPE))
    assert [query["limit"] for query in asked(net)] == [["500"], ["2"]]


def test_a_page_total_that_promises_more_than_the_next_link_is_not_believed(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 1, [row(1)], 1, page_total=9))
    assert ids(list(client().list_workspaces(TYPE))) == [1]


def test_without_actions_the_page_total_decides(net: responses.RequestsMock) -> None:
    ready(net)
    first, second = page(1, 2, [row(1)], 2), page(2, 2, [row(2)], 2)
    del first["paging"]["actions"], second["paging"]["actions"]
    serve(net, first, second)
    assert ids(list(client().list_workspaces(TYPE))) == [1, 2]


def test_the_next_page_is_fetched_while_this_one_is_worked_on(net: responses.RequestsMock) -> None:
    ready(net)
    fetched = threading.Event()

    def second(_: object) -> tuple[int, dict[str, str], str]:
        fetched.set()
        return 200, {}, '{"paging":{"actions":{},"page":2,"page_total":2},"results":[]}'

    serve(net, page(1, 2, [row(1)], None))
    net.add_callback(responses.GET, LIST, second)
    listing = client().list_workspaces(TYPE)
    next(listing)
    assert fetched.wait(timeout=60)  # page 2 was asked for, though nobody took it yet
    assert list(listing) == []


def test_columns_carry_attribute_values_by_their_raw_name(net: responses.RequestsMock) -> None:
    ready(net)
    columns = {
        "wnf_att_4f_2": "Approved",
        "wnf_att_4f_2_formatted": "APPROVED",
        "wnf_att_4f_3": "",
        "wnf_att_4f_4": ["a", ""],
    }
    serve(net, page(1, 1, [row(1, **columns)], 1))
    (only,) = list(client().list_workspaces(TYPE))
    assert only.rows[0].columns == {"wnf_att_4f_2": "Approved", "wnf_att_4f_3": None, "wnf_att_4f_4": ("a",)}


def test_e04_a_page_that_fails_three_times_fails_the_scan_and_is_named(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 9, [row(1)], 9))
    for _ in range(3):
        net.add(responses.GET, LIST, status=500, json={"error": "database"})
    with pytest.raises(TemporaryError, match="Page 2/9 of the listing") as caught:
        list(client().list_workspaces(TYPE))
    assert (caught.value.exit_code, len(asked(net))) == (5, 4)
    assert "nothing of it was kept or sent" in caught.value.undone


def test_e05_a_web_page_is_asked_again_and_then_fails_the_scan(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, HTML)
    with pytest.raises(TemporaryError, match="a web page"):
        list(client().list_workspaces(TYPE))
    assert len(asked(net)) == 3


def test_a_page_that_failed_twice_goes_on(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, HTML, "", page(1, 1, [row(1)], 1))
    assert ids(list(client().list_workspaces(TYPE))) == [1]


@pytest.mark.parametrize(
    "body",
    [
        {"paging": {"page": 1}},
        {"paging": {"page": 1}, "results": None},
        {"results": []},
        {"paging": [], "results": []},
        {"paging": {"page": 1}, "results": [{}]},
        {"paging": {"page": 1}, "results": [row(1, id=None)]},
        {"paging": {"page": "x", "total_count": []}, "results": []},
    ],
)
def test_e06_an_answer_without_a_result_list_is_a_failure_and_not_zero_rows(
    body: dict[str, Any], net: responses.RequestsMock
) -> None:
    ready(net)
    serve(net, body)
    with pytest.raises(TemporaryError, match="Page 1 of the listing"):
        list(client().list_workspaces(TYPE))


@pytest.mark.parametrize(("received", "total"), [(480, 500), (7, 10), (1, 100_000), (0, 3)])
def test_e08_a_listing_that_ends_short_of_its_total_is_a_failure(
    received: int, total: int, net: responses.RequestsMock
) -> None:
    ready(net)
    serve(net, page(1, 1, [row(number + 1) for number in range(received)], total))
    with pytest.raises(TemporaryError, match=f"{total - received} rows are missing"):
        list(client().list_workspaces(TYPE))


def test_e10_one_row_that_moved_between_pages_does_not_fail_the_scan(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 2, [row(1), row(2)], 4), page(2, 2, [row(4)], 4))
    assert ids(list(client().list_workspaces(TYPE))) == [1, 2, 4]


def test_a_total_that_is_not_told_is_not_missed(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 1, [row(1)], None))
    (only,) = list(client().list_workspaces(TYPE))
    assert only.total is None


def test_e09_pages_that_repeat_past_the_end_are_not_followed_for_ever(net: responses.RequestsMock) -> None:
    ready(net)
    last = page(2, 9, [row(3)], 3)
    serve(net, page(1, 9, [row(1), row(2)], 3), last, last, last)
    assert ids(list(client().list_workspaces(TYPE))) == [1, 2, 3]


def test_e09_empty_pages_are_not_followed_for_ever(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 9, [row(1)], None), page(2, 9, [], None))
    assert ids(list(client().list_workspaces(TYPE))) == [1]


def test_e17_rows_of_another_type_are_dropped_and_counted(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 1, [row(1), row(2, wnf_wksp_type_id=34), row(3, wnf_wksp_type_id=35)], 3))
    (only,) = list(client().list_workspaces(TYPE))
    assert (ids([only]), only.foreign) == ([1], 2)


@pytest.mark.parametrize(
    "date",
    [
        "2099-01-01T00:00:00",
        "1970-01-01T00:00:00",
        "0001-01-01T00:00:00",
        None,
        "",
        "soon",
        20260301,
        "2026-02-30T00:00:00",
    ],
)
def test_e16_an_implausible_date_makes_one_row_unreadable(date: object, net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 1, [row(1), row(2, modify_date=date)], 2))
    (only,) = list(client().list_workspaces(TYPE))
    assert ids([only]) == [1]
    assert only.unreadable[0][0] == 2
    assert "implausible modify date" in only.unreadable[0][1]


def test_e16_a_row_edited_while_we_list_is_held_against_a_fresh_look_at_the_clock(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t"})
    net.add(responses.GET, INFO, json={"server": {"current_date": "2026-03-10T10:00:00"}})
    net.add(responses.GET, INFO, json={"server": {"current_date": "2026-03-10T12:00:00"}})
    serve(net, page(1, 1, [row(1, modify_date="2026-03-10T11:59:00")], 1))
    ecm = client()
    ecm.server_now()
    (only,) = list(ecm.list_workspaces(TYPE))
    assert ids([only]) == [1]


def test_e14_times_without_a_zone_need_the_configured_one(net: responses.RequestsMock) -> None:
    ready(net)
    net.replace(responses.GET, INFO, json={"server": {}}, headers={"Date": "Tue, 10 Mar 2026 09:00:00 GMT"})
    serve(net, page(1, 1, [row(1)], 1))
    with pytest.raises(ConfigurationError, match="without a zone") as caught:
        list(client(zone=None).list_workspaces(TYPE))
    assert caught.value.exit_code == 15
    assert "ecm.timezone" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-03-01T09:00:06", 8),
        ("2026-03-01T09:00:06Z", 9),
        ("2026-03-01T09:00:06+02:00", 7),
        ("2026-03-01T09:00:06.999Z", 9),
    ],
)
def test_both_dialects_of_time_become_utc_in_whole_seconds(text: str, hour: int, net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 1, [row(1, modify_date=text)], 1))
    (only,) = list(client().list_workspaces(TYPE))
    assert only.rows[0].modified_at == datetime(2026, 3, 1, hour, 0, 6, tzinfo=UTC)


def test_the_clock_of_the_server_comes_from_serverinfo_in_the_configured_zone(net: responses.RequestsMock) -> None:
    ready(net, "2026-07-10T10:00:00")
    assert client().server_now() == datetime(2026, 7, 10, 8, 0, tzinfo=UTC)


def test_k09_without_a_usable_clock_the_date_header_counts_and_without_it_nothing_does(
    net: responses.RequestsMock,
) -> None:
    ready(net)
    net.replace(responses.GET, INFO, json={"server": {}}, headers={"Date": "Tue, 10 Mar 2026 09:00:00 GMT"})
    assert client().server_now() == datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    net.replace(responses.GET, INFO, json={"server": {}}, headers={"Date": "garbage"})
    with pytest.raises(TemporaryError, match="its clock"):
        client().server_now()


def test_a_listing_that_is_given_up_ends_quietly(net: responses.RequestsMock) -> None:
    ready(net)
    serve(net, page(1, 2, [row(1)], 2), page(2, 2, [row(2)], 2))
    listing = client(FakeClock()).list_workspaces(TYPE)
    next(listing)
    listing.close()  # type: ignore[attr-defined]  # the port promises an iterator, this one is a generator
    assert list(listing) == []


def test_an_error_while_listing_is_one_of_ours(net: responses.RequestsMock) -> None:
    ready(net)
    net.add(responses.GET, LIST, status=403, json={"error": "no"})
    with pytest.raises(EcmbrazeError):
        list(client().list_workspaces(TYPE))


@pytest.mark.long
class TestBeyondTheWindow:
    """A type with more workspaces than the server serves pages of, on the real simulated server."""

    @pytest.fixture
    def box(self) -> Iterator[RemoteSandbox]:
        with sandbox("--seed", "3", "--workspaces", "0") as box:
            box.add_category("C", [{"name": "A"}])
            box.add_type("Wide", ["C"])
            names = [f"{first}{second} {n}" for n in range(4) for first in "Aß7z" for second in "aéB"]
            box.bulk({"do": "create", "type": "Wide", "name": name} for name in [*names, "Ökobau", "東京"])
            yield box

    def _listed(self, box: RemoteSandbox, page_size: int = 5) -> list[int]:
        ecm = EcmClient(
            http(box.ecm, "ecm"), username=box.username, password=box.password, page_size=page_size, zone=UTC
        )
        return ids(list(ecm.list_workspaces(ecm.workspace_types()["Wide"])))

    @pytest.mark.parametrize("window", [45, 20, 15])
    def test_all_of_it_is_listed_by_the_beginnings_of_names(self, box: RemoteSandbox, window: int) -> None:
        box.switch(window_cap=window)
        assert set(self._listed(box)) == {int(one["id"]) for one in box.workspaces("Wide")}

    def test_names_nobody_can_guess_are_a_gap_and_not_a_small_listing(self, box: RemoteSandbox) -> None:
        box.bulk({"do": "create", "type": "Wide", "name": f"[{n}]"} for n in range(6))
        box.switch(window_cap=10)  # these are neither among the first ten names nor among the last

        with pytest.raises(TemporaryError, match="of 56 workspaces: 6 rows are missing"):
            self._listed(box)

    def test_names_that_all_begin_alike_are_told_apart_by_what_follows(self, box: RemoteSandbox) -> None:
        made = box.bulk({"do": "create", "type": "Wide", "name": f"Case file no. {n:02}"} for n in range(60))
        box.bulk({"do": "delete", "id": int(one["id"])} for one in box.workspaces("Wide") if one["id"] not in made)
        box.switch(window_cap=15)
        assert set(self._listed(box)) == set(made)

    def test_no_row_is_asked_for_by_its_name_that_the_pages_before_the_window_showed(self, box: RemoteSandbox) -> None:
        """Of 50 rows 20 come first and 20 last: what lies between begins with a letter, and is 12 rows."""
        box.switch(window_cap=20)
        box.clear_journal()
        self._listed(box)
        asked = [parse_qs(one["query"]) for one in box.journal(system="ecm") if one["path"].endswith("spaces")]
        pages = Counter(one["where_name"][0] for one in asked if "where_name" in one)
        assert (pages["startswith_7"], max(pages.values())) == (1, 3)


@pytest.mark.parametrize("name", ["{}", "Case {}"], ids=["of many beginnings", "of one beginning"])
def test_a_filter_by_name_that_the_server_ignores_is_a_gap_and_not_asked_for_ever(
    name: str, net: responses.RequestsMock
) -> None:
    """An unknown parameter means "everything" (api/ecm.md 0.2, 11)."""
    ready(net)
    rows = [row(number, name=name.format(letter * 3)) for number, letter in enumerate("abcdefghijkl", 1)]

    def ignoring(request: Any) -> tuple[int, dict[str, str], str]:
        query = parse_qs(urlsplit(request.url).query)
        number, shown = int(query["page"][0]), rows[::-1] if "sort" in query else rows
        served = page(number, 2, shown[number * 2 - 2 : number * 2], 12, page_total=6)
        return 200, {}, json.dumps(served)

    net.add_callback(responses.GET, LIST, ignoring)

    with pytest.raises(TemporaryError, match="8 of 12 workspaces: 4 rows are missing"):
        list(client(page_size=2).list_workspaces(TYPE))

    by_name = [query for query in asked(net) if "where_name" in query]
    assert {query["page"][0] for query in by_name} == {"1"}
    assert len(by_name) < 30


def test_ids_are_told_apart_and_take_little_memory() -> None:
    """A set of Python takes 4 MB for so many."""
    tracemalloc.start()
    try:
        ids, fresh = Ids(), 0
        for first in range(0, 60_000, 500):
            fresh += len(ids.add(number * 7 for number in range(first, first + 500)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (fresh, len(ids)) == (60_000, 60_000)
    assert ids.add([7, 8, 2**62]) == {8, 2**62}
    assert peak < 1_500_000


@pytest.mark.parametrize(
    ("ahead", "behind", "allowed"),
    [(0, 7, True), (7, 7, False), (0, 0, False), (None, None, False)],
    ids=["answers rightly", "ignores the query", "finds nothing", "refuses it"],
)
def test_a_date_query_is_believed_only_when_it_selects(
    net: responses.RequestsMock, ahead: int | None, behind: int, allowed: bool
) -> None:
    """A parameter the server does not know means "everything" (api/ecm.md 0.2, 11)."""
    ready(net)
    for total in (ahead, behind):
        if total is None:
            net.add(responses.GET, LIST, status=400, json={"error": "unknown column"})
        else:
            net.add(responses.GET, LIST, json=page(1, 1, [row(1)] if total else [], total))

    assert client().lists_by_date(TYPE, NOW) is allowed
    if ahead == 0:
        queries = [one["where_column_query"] for one in asked(net)]
        assert queries[1] == ["modify_date >= 2026-03-08T10:00:00"]  # in the server's own zone, without saying so
