"""Judge one attempt of a write: the table of delivery.md, whole; pure, sends nothing.

*Not processed* needs proof; everything else is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.exchange import Exchange, NotJson

_MISSING = (
    "invalid campaign id",
    "campaign_id",
    "canvas_id",
    "archived",
    "paused",
    "message variant",
    "no message to send",
)
_OURS = ("max number of", "max input length", "no recipients")


def judge(answer: Exchange, permission: str, sizes: Mapping[str, int], where: str) -> Answer:
    """Return the judged outcome of a whole answer.

    ``sizes`` is array → number of objects sent, to attribute single errors; ``permission`` is what the path needs;
    ``where`` names the request for messages.
    """
    try:
        body: Mapping[str, Any] | None = answer.json()
    except NotJson:
        body = None
    if 200 <= answer.status < 300:
        return _success(body, sizes, answer)
    if answer.status in (401, 403):
        return _not_processed("key refused", _credential(answer.status, permission))
    if answer.status == 429:
        return _not_processed("rate-limited")
    if 300 <= answer.status < 400:
        stop = _wrong(f"Braze answers {where} with a redirect; refusing to follow it.", "Check braze.url.")
        return Answer(verdict=Verdict.UNKNOWN, reason=f"redirect {answer.status}", stop=stop)
    if 400 <= answer.status < 500 and answer.status != 408 and body is not None:
        return _client_error(answer.status, str(body.get("message", "")), where)
    kind = "Braze JSON" if body is not None else "no Braze JSON"
    return Answer(verdict=Verdict.UNKNOWN, reason=f"status {answer.status} with {kind}")


def _success(body: Mapping[str, Any] | None, sizes: Mapping[str, int], answer: Exchange) -> Answer:
    if body is None:
        return Answer(verdict=Verdict.UNKNOWN, reason="answer is not Braze JSON; is a proxy in between?")
    if notice := body.get("notice"):
        stop = _wrong(f"Braze did not send: {notice}", "Resume the Canvas in Braze; the messages wait.")
        return _not_processed(str(notice), stop)
    if body.get("message") not in ("success", "queued"):
        return Answer(verdict=Verdict.UNKNOWN, reason=f"message is {str(body.get('message'))[:80]!r}, not success")
    refused: dict[tuple[str, int], str] = {}
    errors = body.get("errors") or []
    for entry in errors if isinstance(errors, list) else [errors]:
        slot = _slot(entry, sizes)
        if slot is None:
            return Answer(verdict=Verdict.UNKNOWN, reason="Braze reported an error we cannot assign")
        refused[slot] = str(entry.get("type", "refused"))[:200]
    reason = "accepted for later processing" if answer.status == 202 else "accepted"
    return Answer(verdict=Verdict.ACCEPTED, reason=reason, refused=refused)


def _slot(entry: object, sizes: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the object an error names: the index counts inside its own array (api/braze.md 1.4)."""
    if not isinstance(entry, Mapping):
        return None
    array, index = entry.get("input_array"), entry.get("index")
    if not isinstance(array, str) or not isinstance(index, int) or isinstance(index, bool):
        return None
    return (array, index) if 0 <= index < sizes.get(array, 0) else None


def _client_error(status: int, message: str, where: str) -> Answer:
    said = message.lower()
    if status == 404:
        return _not_processed("no such address", _wrong(f"Braze does not know {where}.", "Check braze.url."))
    if any(text in said for text in _OURS):
        bug = EcmbrazeError(f"Braze refused how {where} was built: {message[:200]}", undone="Nothing of it was sent.")
        return _not_processed(message[:200], bug)
    if any(text in said for text in _MISSING):
        stop = _wrong(f"Braze refuses {where}: {message[:200]}", "Check the id in the configuration, and that it runs.")
        return _not_processed(message[:200], stop)
    return Answer(verdict=Verdict.REFUSED, reason=message[:200] or f"status {status}")


def _not_processed(reason: str, stop: Exception | None = None) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=reason, stop=stop)


def _credential(status: int, permission: str) -> CredentialRefused:
    if status == 401:
        happened, advice = "Braze refuses the API key.", "Check the secret behind braze.api_key, and braze.url."
    else:
        happened = f"The Braze key lacks the permission {permission}."
        advice = "Make a key with it: permissions of a key cannot be edited."
    return CredentialRefused(happened, undone="Nothing of this request was sent.", advice=advice)


def _wrong(happened: str, advice: str) -> ConfigurationError:
    return ConfigurationError(happened, undone="Nothing of this request was sent.", advice=advice)
