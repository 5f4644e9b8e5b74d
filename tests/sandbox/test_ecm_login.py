"""Tickets, tokens, renewal and expiry (api/ecm.md 2, section 13, 3)."""

from __future__ import annotations

import base64

import pytest
from werkzeug.test import TestResponse

from tests.sandbox.desk import BASE, Desk

WHO = "/v1/auth"


def token(desk: Desk) -> str:
    form = {"grant_type": "client_credentials", "client_id": "ecmbraze", "client_secret": desk.store.password}
    return str(desk.client.post("/otdsws/oauth2/token", data=form).get_json()["access_token"])


def walk(desk: Desk, pages: int) -> list[TestResponse]:
    return [desk.ask("GET", f"/v2/businessworkspaces?expanded_view=true&limit=7&page={n + 1}") for n in range(pages)]


def test_ping_needs_no_ticket_and_everything_else_does(desk: Desk) -> None:
    assert desk.raw("GET", "/v1/ping").get_json()["rest_api"][0]["href"] == "api/v1"
    answer = desk.raw("GET", "/v2/businessworkspacetypes")
    assert (answer.status_code, answer.get_json()) == (401, {"error": "Authentication Required"})


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_login_without_an_argument_is_a_500_not_a_401(desk: Desk, missing: str) -> None:
    form = {"username": "svc-ecmbraze", "password": "x"}
    del form[missing]
    answer = desk.raw("POST", WHO, form)
    assert (answer.status_code, answer.get_json()["error"]) == (500, f"Argument {missing} is required")


def test_a_wrong_password_is_a_401_with_its_own_text(desk: Desk) -> None:
    answer = desk.raw("POST", WHO, {"username": "svc-ecmbraze", "password": "wrong"})
    assert (answer.status_code, answer.get_json()["error"]) == (401, "Invalid username/password specified")


def test_a_login_may_carry_its_partition_but_no_domain(desk: Desk) -> None:
    form = {"username": f"{desk.store.username}@Content Server Members", "password": desk.store.password}
    assert desk.raw("POST", WHO, form).status_code == 200
    assert desk.raw("POST", WHO, {**form, "domain": "CORP"}).get_json()["error"] == "Domain support is disabled"


def test_the_ticket_header_is_case_insensitive_and_a_cookie_will_do(desk: Desk) -> None:
    assert desk.raw("GET", WHO, headers={"otcsticket": desk.ticket}).status_code == 200
    assert desk.raw("GET", WHO, headers={"Cookie": f"LLCookie={desk.ticket}"}).status_code == 200
    assert desk.raw("HEAD", WHO, headers={"OTCSTicket": desk.ticket}).status_code == 200
    assert desk.raw("HEAD", WHO).status_code == 401


def test_logging_out_ends_the_ticket(desk: Desk) -> None:
    assert desk.ask("DELETE", WHO).status_code == 200
    assert desk.ask("GET", WHO).status_code == 401


def test_the_path_of_the_second_version_serves_logins_too(desk: Desk) -> None:
    form = {"username": desk.store.username, "password": desk.store.password}
    assert desk.raw("POST", "/v2/auth", form).get_json()["ticket"]


@pytest.mark.parametrize("header", ["Authorization", "OTDSTicket"])
def test_a_token_is_exchanged_for_a_ticket_in_the_response_header_not_the_body(desk: Desk, header: str) -> None:
    value = token(desk) if header == "OTDSTicket" else f"Bearer {token(desk)}"
    answer = desk.raw("GET", WHO, headers={header: value})
    assert "ticket" not in answer.get_json()
    assert desk.raw("GET", WHO, headers={"OTCSTicket": answer.headers["OTCSTicket"]}).status_code == 200


def test_a_bearer_token_opens_every_endpoint_until_it_expires(desk: Desk) -> None:
    desk.store.switches.change({"otds_expires_in": 30})
    bearer = {"Authorization": f"Bearer {token(desk)}"}
    assert desk.raw("GET", "/v2/businessworkspacetypes", headers=bearer).status_code == 200
    desk.clock.advance(31)
    assert desk.raw("GET", "/v2/businessworkspacetypes", headers=bearer).status_code == 401


def test_the_token_endpoint_takes_basic_authentication_and_refuses_a_wrong_secret(desk: Desk) -> None:
    def ask(secret: str) -> TestResponse:
        basic = base64.b64encode(f"ecmbraze:{secret}".encode()).decode()
        form = {"grant_type": "client_credentials"}
        return desk.client.post("/otdsws/oauth2/token", data=form, headers={"Authorization": f"Basic {basic}"})

    assert ask(desk.store.password).get_json()["expires_in"] == 3600
    assert ask("wrong").status_code == 401
    assert desk.client.post("/otdsws/oauth2/token", data={"grant_type": "magic"}).status_code == 400


def test_otds_gives_a_ticket_for_a_name_and_password_sent_as_json(desk: Desk) -> None:
    url = "/otdsws/rest/authentication/credentials"
    good = {"userName": desk.store.username, "password": desk.store.password}
    ticket = desk.client.post(url, json=good).get_json()["ticket"]
    assert desk.raw("GET", WHO, headers={"OTDSTicket": ticket}).headers["OTCSTicket"]
    assert desk.client.post(url, json={**good, "password": "x"}).status_code == 401


def test_an_idle_ticket_dies_and_a_used_one_lives_on(desk: Desk) -> None:
    for _ in range(3):
        desk.clock.advance(7000)
        assert desk.ask("GET", WHO).status_code == 200
    desk.clock.advance(7201)
    assert desk.ask("GET", WHO).status_code == 401


def test_an_absolute_lifetime_counts_from_the_login(desk: Desk) -> None:
    desk.store.switches.change({"ticket_absolute": True})
    desk.clock.advance(7000)
    assert desk.ask("GET", WHO).status_code == 200
    desk.clock.advance(300)
    assert desk.ask("GET", WHO).status_code == 401


def test_a_ticket_can_die_between_two_pages(desk: Desk) -> None:
    desk.store.switches.change({"ticket_ttl_requests": 2})
    desk.ticket = desk.login()
    assert [answer.status_code for answer in walk(desk, 4)] == [200, 200, 401, 401]
    desk.ticket = desk.login()
    assert walk(desk, 1)[0].status_code == 200


def test_a_rotating_server_outlives_only_clients_that_take_the_new_ticket(desk: Desk) -> None:
    desk.store.switches.change({"rotate_ticket": True, "ticket_grace_s": 60})
    fresh = desk.ask("GET", WHO).headers["OTCSTicket"]
    desk.clock.advance(30)
    assert desk.ask("GET", WHO).status_code == 200
    desk.clock.advance(31)
    assert desk.ask("GET", WHO).status_code == 401
    assert desk.raw("GET", WHO, headers={"OTCSTicket": fresh}).status_code == 200


def test_in_a_storm_even_a_fresh_login_is_refused(desk: Desk) -> None:
    desk.store.switches.change({"ticket_storm": 3})
    seen = []
    for _ in range(4):
        desk.ticket = desk.login()
        seen.append(desk.ask("GET", WHO).status_code)
    assert seen == [401, 401, 401, 200]


def test_serverinfo_tells_version_and_a_date_without_zone(desk: Desk) -> None:
    info = desk.get("/v1/serverinfo")
    assert info["server"]["current_date"] == "2026-06-01T10:00:00"  # 08:00 UTC in Berlin
    assert info["server"]["version"] == "25.4"
    assert info["sessions"]["session_timeout"] == 7_200_000


def test_credentials_never_show_in_answers(desk: Desk) -> None:
    everything = desk.client.get(f"{BASE}/v1/auth", headers={"OTCSTicket": desk.ticket}).get_data(as_text=True)
    assert desk.ticket not in everything
    assert desk.store.password not in everything
