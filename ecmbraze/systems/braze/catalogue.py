"""List what people built in Braze: campaigns, Canvases, segments, each list to its end; reads nobody's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from ecmbraze.model.listed import Listed, ListedGroup, MessageState
from ecmbraze.systems.braze.asking import Asking, odd
from ecmbraze.systems.shapes import ShapeError, listing, mapping, text

_PAGE = 100  # rows of a page, fixed (api/braze.md 7.3 to 7.5); also the most groups of an answer (5.4)
_LISTS = {
    "campaign": ("/campaigns/list", "campaigns"),
    "canvas": ("/canvas/list", "canvases"),
    "segment": ("/segments/list", "segments"),
}
_DETAILS = {"campaign": ("/campaigns/details", "campaign_id"), "canvas": ("/canvas/details", "canvas_id")}
_GROUPS = "/subscription/user/status"
# What keeps a message from being sent, the strongest first (api/braze.md 7.3, 7.4).
_RESTING = (("archived", True, "archived"), ("draft", True, "draft"), ("enabled", False, "stopped"))


def rows(asking: Asking, kind: str, *, archived: bool = False) -> list[Listed]:
    """Return every ``campaign``, ``canvas`` or ``segment`` of a list, the oldest first; archived ones only if asked.

    Raises CredentialRefused where the key may not list them, TemporaryError for a list that does not end.
    """
    path, key = _LISTS[kind]
    more = {"include_archived": "true"} if archived else {}
    found: dict[str, Listed] = {}
    last: list[Listed] = []
    for number in count():
        try:
            answer = asking.ask("GET", path, params={"page": str(number), **more})
            page = [_row(mapping(row, "row")) for row in listing(answer.get(key), key)]
            if page and page == last:
                raise ShapeError("the same page came twice")
        except ShapeError as error:
            raise odd(path, error) from None
        found |= {row.id: row for row in page}
        if len(page) < _PAGE:
            break
        last = page
    return list(found.values())


def everything(asking: Asking, kind: str) -> list[Listed]:
    """Return the same, archived campaigns and Canvases too, marked as such; archived segments are in no list.

    The list without the archived comes second: what is made between the two is not taken for archived.
    """
    if kind == "segment":
        return rows(asking, kind)
    found = {row.id: row for row in rows(asking, kind, archived=True)}
    live = {row.id: row for row in rows(asking, kind)}
    return [row if row.id in live else replace(row, archived=True) for row in (found | live).values()]


def states(asking: Asking, kind: str, ids: Sequence[str]) -> Iterator[MessageState]:
    """Yield the state of each ``campaign`` or ``canvas``, in their order, one request each (api/braze.md 7.3, 7.4)."""
    return asking.at_once(lambda message_id: _state(asking, kind, message_id), ids)


def groups_of(asking: Asking, external_id: str) -> list[ListedGroup]:
    """Return the subscription groups in which a profile ever had a state (api/braze.md 5.4), without that state."""
    found: dict[str, ListedGroup] = {}
    for number in count():
        params = {"external_id[]": external_id, "limit": str(_PAGE), "offset": str(number * _PAGE)}
        try:
            users = listing(asking.ask("GET", _GROUPS, params=params, about=external_id).get("users"), "users")
            held = [row for user in users for row in _groups(mapping(user, "user"))]
        except ShapeError as error:
            raise odd(_GROUPS, error) from None
        new = {row.id: row for row in held if row.id not in found}
        found |= new
        if len(held) < _PAGE or not new:
            break
    return list(found.values())


def _row(row: Mapping[str, Any]) -> Listed:
    api, tags = row.get("is_api_campaign"), row.get("tags")
    return Listed(
        id=text(row.get("id"), "id"),
        name=str(row.get("name") or ""),
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        is_api_campaign=api if isinstance(api, bool) else None,
    )


def _state(asking: Asking, kind: str, message_id: str) -> MessageState:
    path, name = _DETAILS[kind]
    answer = asking.answer("GET", path, params={name: message_id}, about=message_id)
    if answer.status >= 400:  # an unknown id is a 400: somebody deleted it since it was listed
        return MessageState(state="deleted")
    body = answer.json()
    word = next((word for field, resting, word in _RESTING if body.get(field) is resting), "")
    known = any(isinstance(body.get(field), bool) for field, _, _ in _RESTING)
    return MessageState(
        state=word or ("active" if known else "unknown"), schedule_type=str(body.get("schedule_type") or "")
    )


def _groups(user: Mapping[str, Any]) -> Iterator[ListedGroup]:
    for entry in listing(user.get("subscription_groups") or [], "subscription groups"):
        row = mapping(entry, "subscription group")
        words = {name: str(row.get(name) or "") for name in ("name", "channel")}
        yield ListedGroup(id=text(row.get("id"), "id"), **words)
