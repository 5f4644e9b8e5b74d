"""One write to Braze: the body that goes out, and what its answer proves (the table of delivery.md, whole); pure.

A broadcast, a segment or a trigger without people cannot come out of here. *Not processed* needs proof; everything else
is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError
from ecmbraze.model import Answer, Json, Kind, TrackBatch, TriggerBatch, Verdict
from ecmbraze.systems.braze import refusals
from ecmbraze.systems.braze.identifiers import identifier, trigger_identifier
from ecmbraze.systems.exchange import CertificateRefusedError, Exchange, NotSentError, RateLimitedError, TransportError

MAX_OBJECTS = 75  # both arrays together (api/braze.md 1.2)
MAX_RECIPIENTS = 50  # api/braze.md 3.1

Body = Mapping[str, Json]


def path_of(kind: Kind) -> str:
    """Return the endpoint that takes a kind of write; raises ValueError for one that does not go to Braze."""
    match kind:
        case Kind.ATTRIBUTE | Kind.ATTRIBUTES | Kind.EVENT | Kind.WITHDRAWAL:
            return "/users/track"
        case Kind.CAMPAIGN:
            return "/campaigns/trigger/send"
        case Kind.CANVAS:
            return "/canvas/trigger/send"
        case (
            Kind.CATEGORY
            | Kind.DOCUMENT
            | Kind.FOLLOW_UP
            | Kind.COMPLETION
            | Kind.ARCHIVE
            | Kind.VERSION
            | Kind.RENAME
            | Kind.METADATA
        ):
            raise ValueError(f"{kind} is not written to Braze")


def track(batch: TrackBatch) -> tuple[Body, Mapping[str, int]]:
    """Return the body of `/users/track` and array → number of objects; raises EcmbrazeError beyond 75.

    Every object updates existing people only, but the attributes of ``create_profiles``: without the switch Braze
    makes a profile of every mistyped id.
    """
    objects = len(batch.attributes) + len(batch.events)
    if not 1 <= objects <= MAX_OBJECTS:
        raise _wrong(f"a track request of {objects} objects", f"1 to {MAX_OBJECTS}")
    body: dict[str, Json] = {}
    if batch.attributes:
        body["attributes"] = [
            {**values, **identifier(person), "_update_existing_only": person not in batch.create_profiles}
            for person, values in batch.attributes
        ]
    if batch.events:
        body["events"] = [
            {**event, **identifier(person), "_update_existing_only": True} for person, event in batch.events
        ]
    return body, {"attributes": len(batch.attributes), "events": len(batch.events)}


def withdrawal(recipients: Sequence[str], channel: str) -> tuple[Body, Mapping[str, int]]:
    """Return the body of `/users/track` that unsubscribes existing people, and array → number of objects.

    No state but ``unsubscribed`` can come out of here, and nobody is created: a state kept for an address that has no
    profile would be inherited by whoever gets it (api/braze.md 5.2). Raises EcmbrazeError beyond 75 or for an unknown
    channel.
    """
    if not 1 <= len(recipients) <= MAX_OBJECTS:
        raise _wrong(f"a withdrawal of {len(recipients)} people", f"1 to {MAX_OBJECTS}")
    said = _unsubscribed(channel)
    people: list[Json] = [{**said, **identifier(person), "_update_existing_only": True} for person in recipients]
    return {"attributes": people}, {"attributes": len(people)}


def _unsubscribed(channel: str) -> Mapping[str, Json]:
    """Return the subscription fields of an attributes object (api/braze.md 1.9)."""
    kind, _, group = channel.partition(":")
    if channel in ("email", "push"):
        return {f"{channel}_subscribe": "unsubscribed"}
    if kind == "group" and group:
        return {"subscription_groups": [{"subscription_group_id": group, "subscription_state": "unsubscribed"}]}
    raise _wrong(f"a withdrawal from {channel!r}", "email, push and group:<id>")


def trigger(batch: TriggerBatch) -> tuple[str, Body]:
    """Return path and body of a campaign or Canvas send to named people; raises EcmbrazeError beyond 50."""
    if not 1 <= len(batch.recipients) <= MAX_RECIPIENTS:
        raise _wrong(f"a trigger for {len(batch.recipients)} people", f"1 to {MAX_RECIPIENTS}")
    campaign = batch.kind is Kind.CAMPAIGN
    properties = "trigger_properties" if campaign else "context"
    recipients: list[Json] = []
    for entry in batch.recipients:
        told: dict[str, Json] = {**trigger_identifier(entry.recipient), properties: dict(entry.properties)}
        if entry.attributes:
            told["attributes"] = dict(entry.attributes)
        if "user_alias" not in told:  # not usable with aliases (api/braze.md 3.1)
            told["send_to_existing_only"] = True
        recipients.append(told)
    name = "campaign_id" if campaign else "canvas_id"
    return path_of(batch.kind), {name: batch.message_id, "broadcast": False, "recipients": recipients}


def _wrong(what: str, allowed: str) -> EcmbrazeError:
    return EcmbrazeError(
        f"The request builder made {what}; Braze takes {allowed}.",
        undone="It was not sent; it waits.",
        advice="This is a bug in ecmbraze; report it with this line.",
    )


# Texts of 400 that speak of the campaign or Canvas, not of a person (api/braze.md 3.6, 7.4, 9.3).
_OBJECT = (
    "invalid campaign id",
    "campaign_id",
    "canvas_id",
    "archived",
    "paused",
    "message variant",
    "mismatched message type",
    "no message to send",
    "not a transactional",
)
# Texts of 400 that say we built the request wrong (faults B12, B13).
_OURS = ("max number of", "max input length", "no recipients")
# A notice that says nothing is sent (api/braze.md 3.3); any other may stand beside a send that happened.
_NOTHING_SENT = ("paused", "archived")


def judge(
    outcome: Exchange | TransportError, *, host: str, path: str, sizes: Mapping[str, int], told: Callable[[object], str]
) -> Answer:
    """Return the judged outcome of one attempt.

    ``sizes`` is array → number of objects sent, to attribute single errors. ``told`` shortens a text and removes
    secrets: a 401 echoes the key.
    """
    if isinstance(outcome, TransportError):
        return _failed(outcome, told)
    status, body = outcome.status, outcome.json() if outcome.has_json() else None
    if 200 <= status < 300:
        return _success(outcome, body, path, sizes, told)
    if 300 <= status < 400:
        target = told(refusals.host_of(outcome.headers.get("location", "")))
        return _unknown(f"status {status}, a redirect", refusals.redirected(host, path, target))
    said = told(body.get("message", "")) if _is_braze(body) and body else ""
    match status:
        case 401:
            return _not_processed("the API key was refused", refusals.key_refused())
        case 403:
            return _not_processed("the key lacks a permission", refusals.permission_missing(path))
        case 429:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason="rate-limited", limited=True)
    if not 400 <= status < 500 or status == 408 or not said:
        return _unknown(f"status {status} with {outcome.kind}")
    return _refusal(status, said, path)


def _failed(failure: TransportError, told: Callable[[object], str]) -> Answer:
    said = told(failure)
    if isinstance(failure, CertificateRefusedError):
        stop = CredentialRefused(
            f"Braze: {said}.", undone="Nothing was sent.", advice="Check braze.url and braze.ca_file."
        )
        return _not_processed(said, stop)
    if isinstance(failure, RateLimitedError):
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=said, limited=True)
    return _not_processed(said) if isinstance(failure, NotSentError) else _unknown(said)


def _success(
    outcome: Exchange,
    body: Mapping[str, Any] | None,
    path: str,
    sizes: Mapping[str, int],
    told: Callable[[object], str],
) -> Answer:
    if body is None or not _is_braze(body):
        return _unknown(f"status {outcome.status} with {outcome.kind}, not Braze's answer; is a proxy in between?")
    if notice := body.get("notice"):
        said = told(notice)
        if any(word in said.lower() for word in _NOTHING_SENT):
            return _not_processed(said, refusals.object_refused(path, said))
        return _unknown(f"accepted with a notice we do not know: {said}")
    if body["message"] != "success":
        return _unknown(f"status {outcome.status}, but the message is {told(body['message'])!r}")
    refused: dict[tuple[str, int], str] = {}
    errors = body.get("errors") or []
    for entry in errors if isinstance(errors, list) else [errors]:
        slot = _slot(entry, sizes)
        if slot is None:
            return _unknown("Braze reported an error we cannot assign to an object")
        refused[slot] = told(entry.get("type") or entry.get("message") or "refused without a reason")
    reason = "accepted for later processing (maintenance)" if outcome.status == 202 else "accepted"
    return Answer(verdict=Verdict.ACCEPTED, reason=reason, refused=refused)


def _slot(entry: object, sizes: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the object an error names: the index counts inside its own array (api/braze.md 1.4)."""
    if not isinstance(entry, Mapping):
        return None
    array, index = entry.get("input_array"), entry.get("index")
    if not isinstance(array, str) or not isinstance(index, int) or isinstance(index, bool):
        return None
    return (array, index) if 0 <= index < sizes.get(array, 0) else None


def _refusal(status: int, said: str, path: str) -> Answer:
    """Judge a 4xx with Braze's JSON: nothing was processed; the text says whose fault it is."""
    lower = said.lower()
    if status == 404:
        return _not_processed(said, refusals.key_refused())
    if status == 415 or (status == 400 and any(text in lower for text in _OURS)):
        bug = EcmbrazeError(
            f"Braze refused how {path} was built: {said}.",
            undone="Nothing of this request was processed; it waits.",
            advice="This is a bug in ecmbraze; report it with this line.",
        )
        return _not_processed(said, bug)
    if status == 400 and path != "/users/track" and any(text in lower for text in _OBJECT):
        return _not_processed(said, refusals.object_refused(path, said))
    if status in (400, 413):
        return Answer(verdict=Verdict.REFUSED, reason=said)
    return _not_processed(f"status {status}: {said}")


def _is_braze(body: Mapping[str, Any] | None) -> bool:
    """Say whether this is Braze's envelope: an object with a text under ``message`` (api/braze.md 9.3)."""
    return body is not None and isinstance(body.get("message"), str)


def _not_processed(reason: str, stop: Exception | None = None) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=reason, stop=stop)


def _unknown(reason: str, stop: ConfigurationError | None = None) -> Answer:
    return Answer(verdict=Verdict.UNKNOWN, reason=reason, stop=stop)
