"""Logging in to Extended ECM, keeping the ticket, and giving up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests
import responses
from responses.matchers import header_matcher, urlencoded_params_matcher

from ecmbraze.errors import ConfigurationError, CredentialRefused, TemporaryError
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.login import OtdsLogin
from tests.systems.ecm_answers import AUTH, HTML, INFO, LIST, client
from tests.systems.rig import ECM_URL, PASSWORD, http

ME = {"data": {"name": "svc"}}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def logins(net: responses.RequestsMock) -> int:
    return sum(call.request.method == "POST" for call in net.calls)


def tickets(net: responses.RequestsMock) -> list[str]:
    return [str(call.request.headers["OTCSTicket"]) for call in net.calls if "OTCSTicket" in call.request.headers]


def test_the_login_is_a_form_and_happens_once(net: responses.RequestsMock) -> None:
    form = {"username": "svc", "password": PASSWORD, "domain": "north"}
    net.add(responses.POST, AUTH, json={"ticket": "t1"}, match=[urlencoded_params_matcher(form)])
    net.add(responses.GET, AUTH, json=ME)
    ecm = client(domain="north")
    assert [ecm.whoami(), ecm.whoami()] == ["svc", "svc"]
    assert logins(net) == 1


def test_a_ticket_in_an_answer_replaces_the_old_one(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, json=ME, headers={"OTCSTicket": "t2"})
    net.add(responses.GET, AUTH, json=ME)
    ecm = client()
    for _ in range(3):
        ecm.whoami()
    assert tickets(net) == ["t1", "t2", "t2"]


def test_e01_an_expired_ticket_is_renewed_and_the_request_sent_again(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, json=ME)
    net.add(responses.GET, AUTH, status=401, json={"error": "Authentication Required"})
    net.add(responses.POST, AUTH, json={"ticket": "t2"})
    net.add(responses.GET, AUTH, json=ME)
    ecm = client()
    assert [ecm.whoami(), ecm.whoami()] == ["svc", "svc"]
    assert tickets(net) == ["t1", "t1", "t2"]


def test_e01_several_threads_with_a_dead_ticket_log_in_once(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, json=ME, match=[header_matcher({"OTCSTicket": "t1"})])
    ecm = client()
    ecm.whoami()
    net.reset()
    together = threading.Barrier(3)

    def expired(request: object) -> tuple[int, dict[str, str], str]:
        together.wait(timeout=60)
        return 401, {}, '{"error":"Authentication Required"}'

    net.add_callback(responses.GET, AUTH, expired, match=[header_matcher({"OTCSTicket": "t1"})])
    net.add(responses.GET, AUTH, json=ME, match=[header_matcher({"OTCSTicket": "t2"})])
    net.add(responses.POST, AUTH, json={"ticket": "t2"})
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(ecm.whoami())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["svc"] * 3
    assert logins(net) == 1


def test_e02_a_refusal_right_after_the_login_ends_the_run(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, status=401, json={"error": "Authentication Required"})
    ecm = client()
    for _ in range(2):
        with pytest.raises(CredentialRefused, match="logs in to ECM but is refused right after") as caught:
            ecm.whoami()
        assert "licence" in caught.value.advice
    assert (logins(net), len(net.calls)) == (1, 2)


def test_a_401_that_never_ends_does_not_log_in_for_ever(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, INFO, json={"server": {"current_date": "2026-03-10T10:00:00"}})
    net.add(responses.GET, AUTH, status=401, json={"error": "Authentication Required"})
    ecm = client()
    ecm.server_now()
    with pytest.raises(CredentialRefused):
        ecm.whoami()
    assert logins(net) == 2


class _OneUse:
    """A server whose tickets are good for one request each; ``spoils`` requests die of a web page all the same."""

    def __init__(self, net: responses.RequestsMock, *, spoils: int = 0) -> None:
        self._good: set[str] = set()
        self._spoils, self._logins, self._lock = spoils, 0, threading.Lock()
        net.add_callback(responses.POST, AUTH, self._login)
        net.add_callback(responses.GET, AUTH, self._me)

    def _login(self, _: object) -> tuple[int, dict[str, str], str]:
        with self._lock:
            self._logins += 1
            self._good.add(f"t{self._logins}")
            return 200, {}, f'{{"ticket":"t{self._logins}"}}'

    def _me(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        with self._lock:
            ticket = str(request.headers["OTCSTicket"])
            if ticket not in self._good:
                return 401, {}, '{"error":"Authentication Required"}'
            self._good.discard(ticket)
            if self._spoils:
                self._spoils -= 1
                return 500, {}, HTML
            return 200, {}, '{"data":{"name":"svc"}}'


@pytest.mark.parametrize("spoils", [0, 1, 3])
def test_tickets_that_die_after_one_use_are_no_refused_account(net: responses.RequestsMock, spoils: int) -> None:
    _OneUse(net, spoils=spoils)
    ecm = client()
    assert [ecm.whoami() for _ in range(3)] == ["svc"] * 3


def test_tickets_that_die_after_one_use_under_several_threads_are_no_refused_account(
    net: responses.RequestsMock,
) -> None:
    _OneUse(net)
    ecm, ended = client(), list[object]()

    def ask() -> None:
        for _ in range(5):
            try:
                ended.append(ecm.whoami())
            except TemporaryError as error:  # others were quicker with each ticket; the next run tries again
                ended.append(error.exit_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ended), {*ended} <= {"svc", 5}, "svc" in ended) == (20, True, True)


def test_tickets_that_end_again_and_again_are_temporary(net: responses.RequestsMock) -> None:
    """Each is taken at first, by a request that fails in passing, and refused at its second attempt."""
    _OneUse(net, spoils=1_000)
    with pytest.raises(TemporaryError, match="ended 4 tickets in turn") as caught:
        client().whoami()
    assert caught.value.exit_code == 5


def test_e02_threads_that_begin_together_learn_of_a_refused_account_from_one_login(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, status=401, json={"error": "Authentication Required"})
    ecm, ended = client(), list[int]()

    def ask() -> None:
        with pytest.raises(CredentialRefused) as caught:
            ecm.whoami()
        ended.append(caught.value.exit_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ended, len(net.calls)) == ([7, 7, 7], 2)


def test_e03_a_wrong_password_is_tried_exactly_once(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, status=401, json={"error": "Invalid username/password specified"})
    ecm = client()
    for _ in range(3):
        with pytest.raises(CredentialRefused, match="refused the login of 'svc'") as caught:
            ecm.whoami()
        assert caught.value.exit_code == 7
    assert logins(net) == 1


def test_a_login_answered_by_a_restarting_server_is_tried_again(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, status=500, body=HTML)
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, json=ME)
    assert client().whoami() == "svc"


@pytest.mark.parametrize(
    ("status", "error"), [(400, ConfigurationError), (404, ConfigurationError), (500, TemporaryError)]
)
def test_another_json_error_at_the_login_says_where_to_look(
    status: int, error: type[Exception], net: responses.RequestsMock
) -> None:
    net.add(responses.POST, AUTH, status=status, json={"error": "The REST API URL could not be found"})
    with pytest.raises(error):
        client().whoami()


def test_a_web_page_with_404_at_the_login_means_a_wrong_base_path(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, status=404, body="<html>not found")
    with pytest.raises(ConfigurationError, match="no Content Server REST API"):
        client().whoami()


@pytest.mark.parametrize("status", [301, 302, 307])
def test_b23_a_redirect_is_not_followed_with_the_ticket(status: int, net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, status=status, headers={"Location": "https://evil.example/"})
    with pytest.raises(ConfigurationError, match="redirect") as caught:
        client().whoami()
    assert caught.value.exit_code == 15
    assert len(net.calls) == 2


def test_e05_a_web_page_with_403_is_no_answer(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, AUTH, status=403, body="<html>blocked")
    with pytest.raises(TemporaryError, match="Content Server answers with a web page"):
        client().whoami()


def test_otds_gives_a_ticket_in_a_response_header(net: responses.RequestsMock) -> None:
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s3cr3t-otds"}
    token = "http://otds.test/otdsws/oauth2/token"
    net.add(responses.POST, token, json={"access_token": "token-1"}, match=[urlencoded_params_matcher(form)])
    bearer = header_matcher({"Authorization": "Bearer token-1"})
    net.add(responses.GET, AUTH, json=ME, headers={"OTCSTicket": "t1"}, match=[bearer])
    net.add(responses.GET, AUTH, json=ME, match=[header_matcher({"OTCSTicket": "t1"})])
    login = OtdsLogin(http("http://otds.test", "ecm"), client_id="app", client_secret="s3cr3t-otds")
    assert EcmClient(http(ECM_URL, "ecm"), username="", password="", otds=login).whoami() == "svc"


def test_otds_refusing_the_client_is_exit_7(net: responses.RequestsMock) -> None:
    net.add(responses.POST, "http://otds.test/otdsws/oauth2/token", status=401, json={"error": "invalid_client"})
    login = OtdsLogin(http("http://otds.test", "ecm"), client_id="app", client_secret="s3cr3t-otds")
    with pytest.raises(CredentialRefused, match="'app'"):
        EcmClient(http(ECM_URL, "ecm"), username="", password="", otds=login).whoami()


def test_a_ping_needs_no_login(net: responses.RequestsMock) -> None:
    net.add(responses.GET, f"{ECM_URL}/api/v1/ping", json={"rest_api": [{"version": 1}]})
    client().ping()
    assert "OTCSTicket" not in net.calls[0].request.headers


def test_an_href_of_the_server_is_never_followed(net: responses.RequestsMock) -> None:
    net.add(responses.POST, AUTH, json={"ticket": "t1"})
    net.add(responses.GET, INFO, json={"server": {"current_date": "2026-03-10T10:00:00"}})
    evil = {"next": {"href": "https://evil.example/api/v2/businessworkspaces?page=2"}}
    first = {"paging": {"actions": evil, "page": 1, "page_total": 2, "limit": 2}, "results": []}
    net.add(responses.GET, LIST, json=first)
    list(client().list_workspaces(33))
    assert all(str(call.request.url).startswith(ECM_URL) for call in net.calls)
