"""The judging table of writes to Extended ECM, row by row: *not processed* needs proof, everything else is unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.errors import ConfigurationError, CredentialRefused
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.ecm.judging import judge
from ecmbraze.systems.exchange import (
    CertificateRefusedError,
    Exchange,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    TransportError,
)

HTML = b"<html>Error Processing Request. Please try again</html>"
ERROR = {"error": "Could not process object, invalid action 'x'"}


def judged(status: int, body: Any = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verdict_of(Exchange(status=status, headers={}, body=raw))


def verdict_of(outcome: Exchange | TransportError) -> Answer:
    return judge(outcome, host="ecm.test", path="/api/v2/nodes", told=str)


@pytest.mark.parametrize("error", [NotSentError("ecm.test not reachable (DNS)"), NotSentError("no connection in 10 s")])
def test_a_request_that_was_not_sent_may_go_again(error: TransportError) -> None:
    answer = verdict_of(error)
    assert (answer.verdict, answer.reason, answer.stop) == (Verdict.NOT_PROCESSED, str(error), None)


def test_a_bad_certificate_is_not_sent_and_stops_the_flow() -> None:
    answer = verdict_of(CertificateRefusedError("certificate of ecm.test not valid: hostname mismatch"))
    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, CredentialRefused)


def test_a_closed_rate_limit_is_not_sent() -> None:
    answer = verdict_of(RateLimitedError("nothing was sent"))
    assert (answer.verdict, answer.limited) == (Verdict.NOT_PROCESSED, True)


@pytest.mark.parametrize("why", ["no whole answer within 60 s", "connection lost", "answer larger than 20 MB"])
def test_e26_e27_a_request_without_a_whole_answer_is_unknown(why: str) -> None:
    answer = verdict_of(OutcomeUnknownError(why))
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, why)


@pytest.mark.parametrize("results", [{}, [], {"data": {"properties": {"id": 1}}}])
def test_the_envelope_of_content_server_is_accepted(results: Any) -> None:
    assert judged(200, {"links": {}, "results": results}).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "body", [HTML, b"", b'{"results":', b"[]", {}, {"results": None}, {"results": {}, "error": "no"}, {"ok": True}]
)
def test_a_success_that_is_not_content_servers_is_unknown(body: Any) -> None:
    assert judged(200, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [400, 409])
def test_what_content_server_refuses_was_not_written(status: int) -> None:
    answer = judged(status, ERROR)
    assert (answer.verdict, answer.reason, answer.stop) == (Verdict.REFUSED, ERROR["error"], None)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 422])
def test_other_refusals_in_its_own_words_were_not_processed(status: int) -> None:
    assert judged(status, ERROR).verdict is Verdict.NOT_PROCESSED


@pytest.mark.parametrize("body", [HTML, b"", {"message": "Forbidden"}, {"error": 7}, b'{"error": "cut'])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_in_other_words_is_unknown(status: int, body: Any) -> None:
    assert judged(status, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("body", [HTML, b"", ERROR])
def test_a_gateway_that_limits_the_rate_has_not_passed_it_on(body: Any) -> None:
    answer = judged(429, body)
    assert (answer.verdict, answer.limited) == (Verdict.NOT_PROCESSED, True)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_unknown_and_stops_the_flow(status: int) -> None:
    answer = judged(status, HTML)
    assert answer.verdict is Verdict.UNKNOWN
    assert isinstance(answer.stop, ConfigurationError)


@pytest.mark.parametrize("body", [HTML, b"", ERROR, {"error": "An item with the name 'x' already exists."}])
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_e29_trouble_on_the_server_is_unknown_whatever_it_says(status: int, body: Any) -> None:
    answer = judged(status, body)
    assert (answer.verdict, answer.stop) == (Verdict.UNKNOWN, None)


BODIES = st.binary(max_size=20) | st.sampled_from(
    [HTML, b"{}", b'{"results": {}}', b'{"error": "no"}', b'{"results": {}, "error": "no"}', b'{"error": ""}']
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.integers(200, 599), BODIES)
@pytest.mark.long
def test_the_table_is_total_and_proof_is_needed_for_everything_but_unknown(status: int, body: bytes) -> None:
    answer = verdict_of(Exchange(status=status, headers={}, body=body))
    parsed = json.loads(body) if body in (b'{"results": {}}', b'{"error": "no"}', b'{"error": ""}') else {}
    match answer.verdict:
        case Verdict.ACCEPTED:
            assert status < 300
            assert "results" in parsed
        case Verdict.REFUSED | Verdict.NOT_PROCESSED:
            assert 400 <= status < 500
            assert status != 408
            assert status == 429 or "error" in parsed or b'"error"' in body
        case Verdict.UNKNOWN:
            assert not (status < 300 and "results" in parsed)
    assert answer.reason
