"""What failed all its attempts is not asked again in this round; one record that fails silences no other."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
import responses

from ecmbraze.errors import TemporaryError, TimeBudgetUsed
from ecmbraze.systems.http import Http
from tests.systems.ecm_answers import LIST, client, page, ready, row
from tests.systems.rig import BRAZE_URL, FakeClock, http

EXPORT, RECORDS = "/users/export/ids", "/api/v2/nodes/{}/categories"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


def fails(asking: Http, path: str, *, requests: int, about: str = "") -> str:
    """Read what cannot be read, make sure how many requests that took, and return what was said."""
    before = asking.counters.as_dict()["braze"]
    with pytest.raises(TemporaryError) as caught:
        asking.read("GET", path, about=about)
    assert asking.counters.as_dict()["braze"] - before == requests
    return str(caught.value)


def records(net: responses.RequestsMock, *dead: int) -> None:
    """Serve records, of which some can never be answered."""
    for number in range(1, 9):
        status, body = (502, "<html>") if number in dead else (200, "{}")
        net.add(responses.GET, BRAZE_URL + RECORDS.format(number), status=status, body=body)


def test_a_second_read_of_a_dead_endpoint_fails_at_once_with_the_same_words(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BRAZE_URL + EXPORT, status=502, body="<html>gateway")
    asking = http(BRAZE_URL)
    first = fails(asking, EXPORT, requests=4)
    assert fails(asking, EXPORT, requests=0) == first
    assert "failed 4 times, last: status 502 with a web page" in first


def test_a_rate_limit_without_end_is_waited_for_once_in_a_round(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BRAZE_URL + EXPORT, status=429)
    clock = FakeClock()
    asking = http(BRAZE_URL, clock=clock)
    waits, words = [], []
    for _ in range(2):
        began = clock.monotonic()
        with pytest.raises(TimeBudgetUsed) as caught:
            asking.read("GET", EXPORT)
        waits.append(clock.monotonic() - began)
        words.append(str(caught.value))

    assert 800 < waits[0] <= 900
    assert waits[1] == 0
    assert words[0] == words[1]


def test_another_endpoint_of_the_same_system_is_asked(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BRAZE_URL + EXPORT, status=502, body="<html>gateway")
    net.add(responses.GET, f"{BRAZE_URL}/canvas/details", json={"message": "success"})
    asking = http(BRAZE_URL)
    fails(asking, EXPORT, requests=4)
    assert asking.read("GET", "/canvas/details").status == 200


def test_another_process_asks_again(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BRAZE_URL + EXPORT, status=502, body="<html>gateway")
    for _ in range(2):
        fails(http(BRAZE_URL), EXPORT, requests=4)


def test_a_system_without_connection_is_not_asked_for_anything_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    asking = http(f"http://127.0.0.1:{port}")
    first = fails(asking, EXPORT, requests=4)
    assert fails(asking, "/canvas/details", requests=0) == first


def test_a_dead_endpoint_keeps_no_write_back(net: responses.RequestsMock) -> None:
    net.add(responses.GET, BRAZE_URL + EXPORT, status=502, body="<html>gateway")
    net.add(responses.POST, BRAZE_URL + EXPORT, status=201, json={"message": "success"})
    asking = http(BRAZE_URL)
    fails(asking, EXPORT, requests=4)
    assert asking.write("POST", EXPORT, fresh=True, json={}).status == 201


def test_one_record_that_always_fails_silences_no_other(net: responses.RequestsMock) -> None:
    records(net, 3, 5)
    asking = http(BRAZE_URL)
    fails(asking, RECORDS.format(3), requests=4)
    assert asking.read("GET", RECORDS.format(4)).status == 200
    fails(asking, RECORDS.format(5), requests=4)  # the second, but not in a row
    assert asking.read("GET", RECORDS.format(6)).status == 200
    for number in (3, 5):
        fails(asking, RECORDS.format(number), requests=0)


def test_records_that_fail_in_a_row_are_an_endpoint_that_is_dead(net: responses.RequestsMock) -> None:
    records(net, 3, 4)
    asking = http(BRAZE_URL)
    for number, requests in ((3, 4), (4, 4), (5, 0), (6, 0)):
        fails(asking, RECORDS.format(number), requests=requests)


def test_a_campaign_that_cannot_be_looked_up_silences_no_other(net: responses.RequestsMock) -> None:
    net.add(responses.GET, f"{BRAZE_URL}/campaigns/details", status=500, json={"message": "broken"})
    asking = http(BRAZE_URL)
    for _ in range(2):
        with pytest.raises(TemporaryError):
            asking.read("GET", "/campaigns/details", json_errors_final=False, about="3f0c")
    assert len(net.calls) == 4
    net.replace(responses.GET, f"{BRAZE_URL}/campaigns/details", json={"message": "success"})
    assert asking.read("GET", "/campaigns/details", about="3f0d").status == 200


def test_a_type_that_cannot_be_listed_silences_no_other(net: responses.RequestsMock) -> None:
    ready(net)
    net.add(responses.GET, re.compile(f"{re.escape(LIST)}.*_id=33"), status=500, json={"error": "database"})
    good = page(1, 1, [row(1, wnf_wksp_type_id=34)], 1)
    net.add(responses.GET, re.compile(f"{re.escape(LIST)}.*_id=34"), json=good)
    ecm = client()
    for _ in range(2):
        with pytest.raises(TemporaryError, match="type 33 failed"):
            list(ecm.list_workspaces(33))
    assert len(list(ecm.list_workspaces(34))) == 1
    assert sum("_id=33" in str(call.request.url) for call in net.calls) == 3
