"""Judge one attempt of a write to Extended ECM: a table of its own; pure, sends nothing.

*Not processed* needs proof: no byte left, or Content Server's own JSON with a 4xx. Everything else is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecmbraze.errors import CredentialRefused
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.ecm.login import redirected
from ecmbraze.systems.exchange import CertificateRefusedError, Exchange, NotSentError, RateLimitedError, TransportError


def judge(outcome: Exchange | TransportError, *, host: str, path: str, told: Callable[[object], str]) -> Answer:
    """Return the judged outcome of one attempt; ``told`` shortens a text and removes secrets."""
    if isinstance(outcome, TransportError):
        return _failed(outcome, told)
    status = outcome.status
    if 200 <= status < 300:
        return _success(outcome)
    if 300 <= status < 400:
        return _unknown(f"status {status}, a redirect", redirected(host, path))
    if status == 429:  # no answer of Content Server, but gateways give it, with any body (api/ecm.md 13, 4)
        return Answer(verdict=Verdict.NOT_PROCESSED, reason="rate-limited", limited=True)
    said = refusal(outcome, told)
    if not said or status == 408 or not 400 <= status < 500:
        return _unknown(f"status {status} with {outcome.kind}" + (f": {said}" if said else ""))
    if status in (400, 409):
        return Answer(verdict=Verdict.REFUSED, reason=said)
    return _not_processed("ECM ended the ticket twice" if status == 401 else f"status {status}: {said}")


def refusal(outcome: Exchange, told: Callable[[object], str]) -> str:
    """Return what Content Server says is wrong; empty when it is not its answer (api/ecm.md 1.5)."""
    body = outcome.json() if outcome.has_json() else {}
    error = body.get("error")
    return told(error) or "no reason given" if isinstance(error, str) else ""


def _failed(failure: TransportError, told: Callable[[object], str]) -> Answer:
    said = told(failure)
    if isinstance(failure, CertificateRefusedError):
        stop = CredentialRefused(
            f"Extended ECM: {said}.", undone="Nothing was written.", advice="Check ecm.url and ecm.ca_file."
        )
        return _not_processed(said, stop)
    if isinstance(failure, RateLimitedError):
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=said, limited=True)
    return _not_processed(said) if isinstance(failure, NotSentError) else _unknown(said)


def _success(outcome: Exchange) -> Answer:
    """Judge a 2xx: only an envelope with results is Content Server's; a restarting one answers 200 with a page."""
    body: Mapping[str, Any] = outcome.json() if outcome.has_json() else {}
    if not isinstance(body.get("results"), Mapping | list) or "error" in body:
        return _unknown(f"status {outcome.status} with {outcome.kind}, not Content Server's answer")
    return Answer(verdict=Verdict.ACCEPTED, reason="accepted")


def _not_processed(reason: str, stop: Exception | None = None) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=reason, stop=stop)


def _unknown(reason: str, stop: Exception | None = None) -> Answer:
    return Answer(verdict=Verdict.UNKNOWN, reason=reason, stop=stop)
