"""The judging table of delivery.md, row by row: *not processed* needs proof, everything else is unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.braze.writes import judge
from ecmbraze.systems.exchange import (
    CertificateRefusedError,
    Exchange,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
)

TRACK, SEND, CANVAS = "/users/track", "/campaigns/trigger/send", "/canvas/trigger/send"
SIZES = {"attributes": 5, "events": 10}
HTML = b"<html><title>Sign in to the Wi-Fi</title></html>"


def judged(status: int, body: Any = None, path: str = TRACK, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verdict_of(Exchange(status=status, headers=headers, body=raw), path)


def verdict_of(outcome: Exchange | TransportError, path: str = TRACK) -> Answer:
    return judge(outcome, host="rest.test", path=path, sizes=SIZES if path == TRACK else {}, told=str)


@pytest.mark.parametrize(
    "error", [NotSentError("rest.test not reachable (DNS)"), NotSentError("no connection in 10 s")]
)
def test_b01_b02_a_request_that_was_not_sent_may_go_again(error: TransportError) -> None:
    answer = verdict_of(error)
    assert (answer.verdict, answer.reason, answer.stop) == (Verdict.NOT_PROCESSED, str(error), None)


@pytest.mark.parametrize("why", ["no whole answer within 60 s", "connection lost", "answer larger than 20 MB"])
def test_b03_b04_b05_b33_b34_a_request_without_a_whole_answer_is_unknown(why: str) -> None:
    assert verdict_of(OutcomeUnknownError(why)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [200, 201, 202])
def test_b06_a_web_page_with_a_good_status_is_unknown(status: int) -> None:
    answer = judged(status, HTML)
    assert answer.verdict is Verdict.UNKNOWN
    assert "is a proxy in between?" in answer.reason


@pytest.mark.parametrize("body", [b"", b"  ", b'{"message":"succ', b"[]", {}, {"message": None}, {"ok": True}])
def test_b07_an_empty_or_foreign_answer_is_unknown(body: Any) -> None:
    assert judged(201, body).verdict is Verdict.UNKNOWN


def test_b08_an_error_with_an_index_refuses_one_object_and_accepts_the_others() -> None:
    error = {"index": 3, "input_array": "events", "type": "'external_id' must be fewer than 988 bytes"}
    answer = judged(201, {"message": "success", "events_processed": 9, "errors": [error]})
    assert answer.verdict is Verdict.ACCEPTED
    assert answer.refused == {("events", 3): "'external_id' must be fewer than 988 bytes"}


def test_b08_the_index_counts_inside_its_own_array() -> None:
    errors = [
        {"index": 0, "input_array": "attributes", "type": "a"},
        {"index": 0, "input_array": "events", "type": "b"},
    ]
    assert judged(201, {"message": "success", "errors": errors}).refused == {("attributes", 0): "a", ("events", 0): "b"}


@pytest.mark.parametrize(
    "errors",
    [
        [{"input_array": "events", "type": "x"}],
        [{"index": 99, "input_array": "events"}],
        [{"index": -1, "input_array": "events"}],
        [{"index": 0}],
        [{"index": 0, "input_array": "purchases"}],
        [{"index": "0", "input_array": "events"}],
        [{"index": True, "input_array": "events"}],
        ["invalid"],
        "invalid",
        {"index": 0},
        [None],
        [{"index": 0, "input_array": "events"}, {"type": "no index"}],
        [{"index": 0.0, "input_array": "events"}],
    ],
)
def test_b09_an_error_without_index_makes_the_whole_request_unknown(errors: Any) -> None:
    answer = judged(201, {"message": "success", "errors": errors})
    assert (answer.verdict, answer.refused) == (Verdict.UNKNOWN, {})
    assert "cannot assign" in answer.reason


def test_b09_an_error_beside_a_triggered_send_cannot_be_assigned() -> None:
    assert judged(201, {"message": "success", "errors": [{"index": 0}]}, SEND).verdict is Verdict.UNKNOWN


def test_b10_queued_is_accepted_and_says_so() -> None:
    answer = judged(202, {"message": "success"})
    assert (answer.verdict, answer.reason) == (Verdict.ACCEPTED, "accepted for later processing (maintenance)")


@pytest.mark.parametrize("extra", [{}, {"errors": []}, {"errors": None}, {"dispatch_id": "x", "new_field": [1]}])
def test_b36_fields_we_do_not_know_and_fields_that_are_missing_are_no_trouble(extra: dict[str, Any]) -> None:
    assert judged(201, {"message": "success", **extra}).verdict is Verdict.ACCEPTED


def test_a_message_that_is_not_success_is_unknown_whatever_the_status() -> None:
    assert judged(201, {"message": "something else"}).verdict is Verdict.UNKNOWN


def test_b11_a_refused_request_is_told_so_that_it_can_be_halved() -> None:
    answer = judged(400, {"message": "Valid data must be provided in the 'attributes' fields.", "errors": []})
    assert (answer.verdict, answer.stop) == (Verdict.REFUSED, None)
    assert answer.reason.startswith("Valid data")


def test_a_request_that_is_too_large_is_halved_too() -> None:
    assert judged(413, {"message": "Request Entity Too Large"}).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "The max number of ids per request was exceeded"),
        (400, "Max Input Length Exceeded"),
        (400, "The max number of external_ids and aliases per request was exceeded"),
        (400, "No Recipients"),
        (415, "Unsupported Media Type"),
    ],
)
def test_b12_b13_a_request_we_built_wrong_is_a_bug_and_is_not_halved(status: int, message: str) -> None:
    answer = judged(status, {"message": message}, SEND)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, EcmbrazeError)
    assert answer.stop.exit_code == 1


@pytest.mark.parametrize("body", [{"message": "Invalid API key: k"}, HTML, b""])
def test_b14_a_refused_key_stops_with_exit_7_whatever_the_body(body: Any) -> None:
    answer = judged(401, body)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)
    assert "braze.api_key" in answer.stop.advice


def test_b14_an_unknown_address_with_brazes_json_is_not_processed() -> None:
    answer = judged(404, {"message": "Invalid URL"})
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)


@pytest.mark.parametrize(
    ("path", "permission"),
    [(TRACK, "users.track"), (SEND, "campaigns.trigger.send"), (CANVAS, "canvas.trigger.send")],
)
def test_b15_a_missing_permission_is_named(path: str, permission: str) -> None:
    answer = judged(403, {"message": "Access Denied"}, path)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)
    assert permission in answer.stop.happened


@pytest.mark.parametrize(
    "message",
    [
        "Invalid Campaign ID",
        "The campaign is archived",
        "The campaign is paused",
        "Message Variant Unspecified",
        "canvas_id must be a string of the Canvas api identifier",
        "No message to send",
    ],
)
def test_b16_an_unknown_or_paused_campaign_stops_with_exit_15(message: str) -> None:
    answer = judged(400, {"message": message}, SEND)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, ConfigurationError)
    assert message in answer.stop.happened


def test_b16_a_person_whose_data_speak_of_a_campaign_does_not_stop_the_flow() -> None:
    assert judged(400, {"message": "attribute 'paused' is invalid"}, TRACK).verdict is Verdict.REFUSED


@pytest.mark.parametrize("state", ["paused", "archived"])
def test_b16_a_notice_with_201_means_that_nothing_was_sent(state: str) -> None:
    notice = f"The Canvas is {state}. Resume the Canvas to ensure trigger requests will take effect."
    answer = judged(201, {"notice": notice, "dispatch_id": "x", "message": "success"}, CANVAS)
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, ConfigurationError)
    assert state in answer.stop.happened


def test_a_notice_we_do_not_know_proves_nothing() -> None:
    answer = judged(201, {"notice": "canvas_entry_properties is deprecated", "message": "success"}, CANVAS)
    assert (answer.verdict, answer.stop) == (Verdict.UNKNOWN, None)


@pytest.mark.parametrize("body", [{"message": "rate limited"}, HTML, b""])
def test_b17_429_is_proof_of_not_processed_whatever_the_body(body: Any) -> None:
    assert judged(429, body).verdict is Verdict.NOT_PROCESSED


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520])
@pytest.mark.parametrize("body", [{"message": "Internal error"}, HTML, b""])
def test_b20_b22_every_5xx_is_unknown_whatever_the_body(status: int, body: Any) -> None:
    assert (judged(status, body).verdict, judged(status, body).stop) == (Verdict.UNKNOWN, None)


def test_408_is_unknown_though_it_is_a_4xx() -> None:
    assert judged(408, {"message": "timeout"}).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 418])
@pytest.mark.parametrize("body", [HTML, b"", {"error": "from a gateway"}, b'{"message":NaN}'])
def test_another_4xx_without_brazes_json_is_unknown(status: int, body: Any) -> None:
    assert judged(status, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [402, 409, 422])
def test_another_4xx_with_brazes_json_was_not_processed(status: int) -> None:
    answer = judged(status, {"message": "try later"})
    assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_b23_a_redirect_leaves_the_rows_in_doubt_and_stops_with_exit_15(status: int) -> None:
    answer = judged(status, b"", location="https://evil.example/users/track?key=x")
    assert answer.verdict is Verdict.UNKNOWN
    assert isinstance(answer.stop, ConfigurationError)
    assert "redirect to evil.example; refusing" in answer.stop.happened


def test_b23_a_malformed_redirect_is_one_too() -> None:
    assert judged(302, b"", location="http://[::1").verdict is Verdict.UNKNOWN


def test_b24_a_bad_certificate_is_not_sent_and_stops_with_exit_7() -> None:
    answer = verdict_of(CertificateRefusedError("certificate of rest.test not valid: hostname mismatch"))
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)
    assert "hostname mismatch" in answer.stop.happened


@pytest.mark.parametrize(
    "body", [b'{"message":"success","x":NaN}', b'{"message":"success","message":"success"}', b'{"message":"\\ud800"}']
)
def test_b35_json_that_cannot_be_trusted_is_unknown(body: bytes) -> None:
    assert judged(201, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", range(100, 600))
def test_nothing_but_2xx_is_ever_accepted_and_nothing_but_4xx_or_a_notice_not_processed(status: int) -> None:
    verdict = judged(status, {"message": "success"}).verdict
    if 200 <= status < 300:
        assert verdict is Verdict.ACCEPTED
    elif 400 <= status < 500 and status != 408:
        assert verdict in (Verdict.NOT_PROCESSED, Verdict.REFUSED)
    else:
        assert verdict is Verdict.UNKNOWN
