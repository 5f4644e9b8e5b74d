"""Reads are repeated within a budget, and never beyond the time of the run."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
import responses

from ecmbraze.errors import CredentialRefused, TemporaryError, TimeBudgetUsed
from ecmbraze.systems.http import Http
from tests.systems.rig import BRAZE_URL, NOW, FakeClock, http

URL = f"{BRAZE_URL}/users/export/ids"
GOOD = {"message": "success"}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def counts(client: Http) -> dict[str, int]:
    return client.counters.as_dict()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502, "body": "<html>"},
        {"status": 500, "body": "<html>Please try again"},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": ""},
        {"status": 503, "json": {"message": "busy"}},
        {"body": ConnectionResetError(104, "reset")},
    ],
)
def test_a_read_that_fails_in_passing_is_repeated(fault: dict[str, object], net: responses.RequestsMock) -> None:
    client = http(BRAZE_URL)
    net.add(responses.POST, URL, **fault)  # type: ignore[arg-type]  # several kinds of fault in one table
    net.add(responses.POST, URL, json=GOOD)
    assert client.read("POST", "/users/export/ids", json_errors_final=False).json() == GOOD
    assert counts(client) == {"ecm": 0, "braze": 2, "retried": 1, "rate_limited": 0}


def test_a_json_error_of_ecm_is_final(net: responses.RequestsMock) -> None:
    net.add(responses.GET, URL, status=500, json={"error": "Could not get a node for 1"})
    client = http(BRAZE_URL)
    assert client.read("GET", "/users/export/ids").status == 500
    assert counts(client)["retried"] == 0


def test_a_read_gives_up_after_four_attempts_and_says_what_came_last(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, status=502, body="<html>gateway")
    with pytest.raises(TemporaryError, match="failed 4 times, last: status 502 with a web page"):
        http(BRAZE_URL, clock=clock).read("GET", "/users/export/ids")
    assert len(net.calls) == 4
    assert 3.5 <= clock.slept <= 7  # 1 + 2 + 4, each with jitter


@pytest.mark.parametrize("status", [301, 401, 403])
def test_an_answer_that_will_not_change_is_returned_at_once(status: int, net: responses.RequestsMock) -> None:
    net.add(responses.GET, URL, status=status, body="<html>")
    assert http(BRAZE_URL).read("GET", "/users/export/ids").status == status
    assert len(net.calls) == 1


def test_b17_a_rate_limit_is_waited_out_and_counted(net: responses.RequestsMock) -> None:
    clock, reset = FakeClock(), str(int(NOW.timestamp()) + 20)
    net.add(responses.GET, URL, status=429, headers={"X-RateLimit-Reset": reset})
    net.add(responses.GET, URL, json=GOOD)
    client = http(BRAZE_URL, clock=clock)
    client.read("GET", "/users/export/ids")
    assert 20 <= clock.slept <= 22
    assert counts(client)["rate_limited"] == 1


def test_b19_a_rate_limit_for_ever_ends_with_the_time_budget(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, status=429, headers={"X-Ratelimit-Retry-After": "10"})
    client = http(BRAZE_URL, clock=clock, deadline=lambda: 35 - clock.elapsed)
    with pytest.raises(TimeBudgetUsed, match="limits the rate"):
        client.read("GET", "/users/export/ids")
    assert clock.slept <= 35


def test_b19_without_a_time_budget_patience_ends_after_a_quarter_of_an_hour(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, status=429)
    with pytest.raises(TimeBudgetUsed):
        http(BRAZE_URL, clock=clock).read("GET", "/users/export/ids")
    assert 600 <= clock.slept <= 900


def test_a_signal_ends_a_long_wait(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, status=429, headers={"Retry-After": "600"})
    client = http(BRAZE_URL, clock=clock, deadline=lambda: 0.0 if clock.elapsed >= 3 else float("inf"))
    with pytest.raises(TimeBudgetUsed):
        client.read("GET", "/users/export/ids")
    assert clock.slept <= 4


def test_b38_the_next_request_waits_for_a_window_that_is_used_up(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, json=GOOD, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"})
    net.add(responses.GET, URL, json=GOOD)
    client = http(BRAZE_URL, clock=clock)
    client.read("GET", "/users/export/ids")
    assert clock.slept == 0
    client.read("GET", "/users/export/ids")
    assert 30 <= clock.slept <= 31
    assert counts(client)["rate_limited"] == 0


@pytest.mark.parametrize("limited", [False, True])
def test_b38_a_window_that_an_earlier_process_found_used_up_is_waited_for(
    limited: bool, net: responses.RequestsMock
) -> None:
    told = {"X-Ratelimit-Retry-After": "40"} if limited else {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "40"}
    net.add(responses.POST, URL, status=429 if limited else 201, json=GOOD, headers=told)
    net.add(responses.POST, URL, status=201, json=GOOD)
    clock = FakeClock()
    earlier = http(BRAZE_URL, clock=clock)
    earlier.once("POST", "/users/export/ids")
    closed = earlier.closed_windows()
    clock.advance(10)

    later = http(BRAZE_URL, clock=clock)
    later.close_windows(closed)
    later.wait_for_turn("/users/export/ids")
    later.write("POST", "/users/export/ids", fresh=True)

    assert closed == {"/users/export/ids": NOW + timedelta(seconds=40)}
    assert (30 <= clock.slept <= 31, len(net.calls), counts(later)["rate_limited"]) == (True, 2, 0)


def test_a_window_that_is_over_or_further_ahead_than_any_is_not_believed(net: responses.RequestsMock) -> None:
    net.add(responses.GET, URL, json=GOOD)
    clock = FakeClock()
    for distance in (timedelta(seconds=-1), timedelta(hours=2)):
        client = http(BRAZE_URL, clock=clock)
        client.close_windows({"/users/export/ids": NOW + distance})
        client.read("GET", "/users/export/ids")
        assert (client.closed_windows(), clock.slept) == ({}, 0)


def test_another_path_does_not_wait_for_that_window(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    net.add(responses.GET, URL, json=GOOD, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"})
    net.add(responses.GET, f"{BRAZE_URL}/canvas/details", json=GOOD)
    client = http(BRAZE_URL, clock=clock)
    client.read("GET", "/users/export/ids")
    client.read("GET", "/canvas/details")
    assert clock.slept == 0


def test_b24_a_bad_certificate_ends_the_run_at_once(net: responses.RequestsMock) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "Hostname mismatch"
    net.add(responses.GET, URL, body=requests.exceptions.SSLError(error))
    with pytest.raises(CredentialRefused, match=r"certificate of rest\.test not valid: Hostname mismatch") as caught:
        http(BRAZE_URL).read("GET", "/users/export/ids")
    assert caught.value.exit_code == 7
    assert len(net.calls) == 1


def test_an_error_names_the_path_but_never_the_query(net: responses.RequestsMock) -> None:
    net.add(responses.GET, URL, status=502, body="<html>")
    with pytest.raises(TemporaryError) as caught:
        http(BRAZE_URL).read("GET", "/users/export/ids", params={"email": "ann@example.com"})
    assert "/users/export/ids" in str(caught.value)
    assert "ann" not in str(caught.value)


def test_counters_lose_nothing_between_threads() -> None:
    client = http(BRAZE_URL)

    def count() -> None:
        for _ in range(1000):
            client.counters.add("ecm")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(client)["ecm"] == 4000
