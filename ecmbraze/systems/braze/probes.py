"""What `check` asks Braze: objects by id, permissions of the key; no probe can write or send."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ecmbraze.errors import ConfigurationError, CredentialRefused
from ecmbraze.model import MessageInfo
from ecmbraze.systems.braze import catalogue, refusals
from ecmbraze.systems.braze.asking import Asking, odd
from ecmbraze.systems.braze.permissions import NEEDED
from ecmbraze.systems.shapes import ShapeError, listing, mapping, text

# A request that is complete enough to be refused by permission, and too empty to do anything: no person is named,
# no campaign is named, and a date range of one day in the past.
_NOBODY = "ecmbraze-permission-probe"
_NIL = "00000000-0000-0000-0000-000000000000"
# What lies beyond so many pages of custom attributes is not suggested.
_MOST_PAGES = 50
_NEXT = re.compile(r'<(?P<url>[^>]*)>\s*;\s*rel="?next')
_ONE_DAY = {"start_date": "2020-01-01", "end_date": "2020-01-02", "limit": "1"}
_PROBES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "/users/track": ("POST", {"json": {}}),
    "/campaigns/trigger/send": ("POST", {"json": {"broadcast": False, "recipients": []}}),
    "/canvas/trigger/send": ("POST", {"json": {"broadcast": False, "recipients": []}}),
    "/users/export/ids": ("POST", {"json": {"external_ids": [_NOBODY], "fields_to_export": ["external_id"]}}),
    "/subscription/status/get": ("GET", {"params": {"subscription_group_id": _NIL, "external_id[]": _NOBODY}}),
    "/email/hard_bounces": ("GET", {"params": _ONE_DAY}),
    "/email/unsubscribes": ("GET", {"params": _ONE_DAY}),
    "/sms/invalid_phone_numbers": ("GET", {"params": _ONE_DAY}),
    "/users/export/segment": ("POST", {"json": {"segment_id": _NIL, "fields_to_export": ["external_id"]}}),
    "/campaigns/details": ("GET", {"params": {"campaign_id": _NIL}}),
    "/canvas/details": ("GET", {"params": {"canvas_id": _NIL}}),
    "/campaigns/list": ("GET", {}),
    "/canvas/list": ("GET", {}),
    "/templates/email/list": ("GET", {"params": {"limit": "1"}}),
    "/templates/email/info": ("GET", {"params": {"email_template_id": _NIL}}),
    "/content_blocks/list": ("GET", {"params": {"limit": "1"}}),
    "/content_blocks/info": ("GET", {"params": {"content_block_id": _NIL}}),
    "/custom_attributes": ("GET", {}),
}


# Of `/campaigns/details` and `/canvas/details` (api/braze.md 7.3, 7.4): what keeps a message from being sent.
_STOPPING = {("archived", True): "archived", ("draft", True): "a draft", ("enabled", False): "paused"}


def details(asking: Asking, kind: str, message_id: str) -> Mapping[str, Any]:
    """Return `/campaigns/details` or `/canvas/details` (api/braze.md 7.3, 7.4); an unknown id is a 400."""
    path, name = ("/campaigns/details", "campaign_id") if kind == "campaign" else ("/canvas/details", "canvas_id")
    answer = asking.answer("GET", path, params={name: message_id}, about=message_id)
    if answer.status >= 400:
        raise ConfigurationError(f"Braze has no {kind} {message_id!r}.")
    return answer.json()


def message(asking: Asking, kind: str, message_id: str) -> MessageInfo:
    """Return the name of a campaign or Canvas, and why it would send nothing; empty when nothing says so.

    Braze may answer a trigger of a draft or an archived campaign with 201 and send nothing (api/braze.md 3.1).
    """
    try:
        found = details(asking, kind, message_id)
    except ConfigurationError:
        return MessageInfo(title=message_id, stopped=f"{kind} {message_id} is not in Braze")
    title = str(found.get("name") or message_id)
    words = [word for (field, stopping), word in _STOPPING.items() if found.get(field) is stopping]
    return MessageInfo(title=title, stopped=f"{kind} {title!r} ({message_id}) is {words[0]} in Braze" if words else "")


def listed(asking: Asking, kind: str) -> Mapping[str, str]:
    """Return id → name of every campaign, Canvas or segment that is not archived (api/braze.md 7.3 to 7.5)."""
    return {row.id: row.name for row in catalogue.rows(asking, kind)}


def attributes(asking: Asking) -> Mapping[str, str]:
    """Return name → status of every custom attribute, 50 a page by cursor (api/braze.md 7.9)."""
    found: dict[str, str] = {}
    cursor = ""
    for _ in range(_MOST_PAGES):
        answer = asking.answer("GET", "/custom_attributes", params={"cursor": cursor} if cursor else {})
        try:
            for row in listing(answer.json().get("attributes"), "attributes"):
                held = mapping(row, "attribute")
                found[text(held.get("name"), "name")] = str(held.get("status", ""))
        except ShapeError as error:
            raise odd("/custom_attributes", error) from None
        link = _NEXT.search(answer.headers.get("link", ""))
        cursor = parse_qs(urlsplit(link["url"]).query).get("cursor", [""])[0] if link else ""
        if not cursor:
            break
    return found


def missing(asking: Asking, paths: Sequence[str]) -> Mapping[str, str]:
    """Return path → permission for those answered 403; raises CredentialRefused when the key itself is refused."""
    lacking: dict[str, str] = {}
    for path in paths:
        method, request = _PROBES[path]
        try:
            asking.answer(method, path, **request)
        except CredentialRefused as error:
            if error.happened == refusals.key_refused().happened:
                raise
            lacking[path] = NEEDED[path]
    return lacking


def group_exists(asking: Asking, group_id: str) -> bool:
    """Say whether the group is known: an unknown one is a 400 (api/braze.md 5.3)."""
    params = {"subscription_group_id": group_id, "external_id[]": _NOBODY}
    return asking.answer("GET", "/subscription/status/get", params=params, about=group_id).status < 400
