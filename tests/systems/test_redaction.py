"""Canary secrets: none of them may stand in anything the clients say, however it is spelled."""

from __future__ import annotations

import base64
import html
import json
import traceback
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import responses

from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import TrackBatch
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.redaction import Redactor
from tests.systems.rig import API_KEY, BRAZE_URL, ECM_URL, PASSWORD, http

KEY = "canary-key-7f3a91bd=/+"
TICKET, RENEWED = "canary-ticket-1/+=", "canary-ticket-2/+="


def spellings(secret: str) -> list[str]:
    raw = secret.encode()
    basic = base64.b64encode(b"user:" + raw).decode()
    return [
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(raw).decode(),
        basic,
        raw.hex(),
        json.dumps(secret),
        html.escape(secret),
        repr(secret),
    ]


@pytest.mark.parametrize("secret", [API_KEY, PASSWORD, KEY, 'quote"back\\slash'])
def test_a_secret_is_scrubbed_in_every_spelling(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret)
    plain = {secret[index : index + 6] for index in range(len(secret) - 5)}
    for spelling in spellings(secret):
        scrubbed = redactor.scrub(f"before {spelling} after")
        assert "***" in scrubbed
        assert scrubbed.startswith("before ")
        assert scrubbed.endswith(" after")
        assert not any(piece in scrubbed for piece in plain)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
def test_a_secret_inside_a_longer_base64_text_is_scrubbed(before: str) -> None:
    redactor = Redactor()
    redactor.add(KEY)
    code = base64.b64encode((before + KEY + "tail").encode()).decode()
    left = redactor.scrub(code).replace("***", "")
    assert len(left) <= len(before) * 2 + 10  # what stands around it, and nothing of its middle


def test_a_text_without_a_secret_stays_as_it_is() -> None:
    redactor = Redactor()
    redactor.add(KEY)
    redactor.add("abc")
    assert redactor.scrub("abc: page 5 of 9 failed") == "abc: page 5 of 9 failed"


def test_a_secret_at_the_edge_of_an_excerpt_is_not_cut_in_two() -> None:
    redactor = Redactor()
    redactor.add(KEY)
    for before in range(170, 205):
        assert "canary" not in redactor.excerpt("x" * before + KEY)


def test_tickets_do_not_fill_the_memory_and_never_push_out_the_key() -> None:
    redactor = Redactor()
    redactor.add(KEY)
    for number in range(1000):
        redactor.add(f"ticket-{number:04}", passing=True)
    assert redactor.scrub(f"{KEY} ticket-0999") == "*** ***"
    assert redactor.scrub("ticket-0001") == "ticket-0001"


def failures(client: EcmClient) -> list[Callable[[], object]]:
    return [
        client.workspace_types,
        lambda: client.workspace(7),
        lambda: list(client.list_workspaces(33)),
        client.whoami,
    ]


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 502])
def test_no_error_of_the_ecm_client_holds_password_or_ticket(status: int) -> None:
    echo = {"error": f"bad {PASSWORD} {TICKET} {RENEWED} {quote(PASSWORD, safe='')}"}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        net.add(responses.POST, f"{ECM_URL}/api/v1/auth", json={"ticket": TICKET})
        for path in (
            "v1/serverinfo",
            "v2/businessworkspacetypes",
            "v2/businessworkspaces",
            "v2/businessworkspaces/7",
            "v1/auth",
        ):
            net.add(responses.GET, f"{ECM_URL}/api/{path}", status=status, json=echo, headers={"OTCSTicket": RENEWED})
        client = EcmClient(http(ECM_URL, "ecm"), username="svc", password=PASSWORD)
        for call in failures(client):
            try:
                said = str(call())
            except EcmbrazeError as error:
                said = "".join(traceback.format_exception(error))
            assert "canary" not in said


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 429, 500])
def test_no_answer_of_the_braze_client_holds_the_key(status: int) -> None:
    echo = {"message": f"Invalid API key: {KEY}", "errors": [KEY]}
    with responses.RequestsMock() as net:
        net.add(responses.POST, f"{BRAZE_URL}/users/track", status=status, json=echo)
        client = BrazeClient(http(BRAZE_URL), api_key=KEY)
        answer = client.track(TrackBatch(attributes=(("C-1", {"a": 1}),)))
    assert "canary" not in f"{answer} {answer.stop!r} {answer.stop}"


def test_the_ticket_stands_in_a_header_and_never_in_an_address() -> None:
    with responses.RequestsMock() as net:
        net.add(responses.POST, f"{ECM_URL}/api/v1/auth", json={"ticket": TICKET})
        net.add(responses.GET, f"{ECM_URL}/api/v1/auth", json={"data": {"name": "svc"}})
        assert EcmClient(http(ECM_URL, "ecm"), username="svc", password=PASSWORD).whoami() == "svc"
        request = net.calls[1].request
    assert request.headers["OTCSTicket"] == TICKET
    assert "canary" not in str(request.url)
    assert "Cookie" not in request.headers
