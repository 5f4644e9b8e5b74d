"""Build the bodies of the writes; a broadcast, a segment or a trigger without people cannot come out of here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import Json, Kind, TrackBatch, TriggerBatch
from ecmbraze.systems.braze.identifiers import identifier, trigger_identifier

MAX_OBJECTS = 75  # both arrays together (api/braze.md 1.2)
MAX_RECIPIENTS = 50  # api/braze.md 3.1

Body = Mapping[str, Json]


def path_of(kind: Kind) -> str:
    """Return the endpoint that takes a kind of write."""
    match kind:
        case Kind.ATTRIBUTE | Kind.EVENT:
            return "/users/track"
        case Kind.CAMPAIGN:
            return "/campaigns/trigger/send"
        case Kind.CANVAS:
            return "/canvas/trigger/send"


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
        f"The request builder made {what}; Braze takes {allowed}.", undone="It was not sent; it waits.",
        advice="This is a bug in ecmbraze; report it with this line.",
    )  # fmt: skip
