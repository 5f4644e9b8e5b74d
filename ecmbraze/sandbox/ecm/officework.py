"""Say which fields each thing takes that people do to members and follow-ups; does none of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from ecmbraze.sandbox.ecm.operations import MEMBER, Fields, Table, listed, operation
from ecmbraze.sandbox.fields import NAME, NATURAL, TEXT, Kind


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_DAY = Kind("a day such as 2026-11-24", _is_day)
_MEMBERS = Kind(
    "a list of ids or names", lambda value: isinstance(value, list) and all(MEMBER.fits(one) for one in value)
)
_ANY: Fields = {"do": TEXT, "by_user": MEMBER}
_STEP: Fields = {**_ANY, "reminder": NATURAL, "task": NATURAL}
_FOLLOW_UP: Table = {
    "remind": ({**_ANY, "node": NATURAL, "type": NAME, "text": TEXT, "assign": _MEMBERS, "due": _DAY}, ("node",)),
    "task_list": ({**_ANY, "parent": NATURAL, "name": NAME}, ("parent", "name")),
    "task": (
        {**_ANY, "parent": NATURAL, "name": NAME, "text": TEXT, "assign": MEMBER, "due": _DAY},
        ("parent", "name"),
    ),
    **dict.fromkeys(("activate", "start", "complete", "reopen", "remove"), (_STEP, ())),
}
_STAFF: Table = {
    "user": ({"do": TEXT, "name": NAME, "first": TEXT, "last": TEXT}, ("name",)),
    "group": ({"do": TEXT, "name": NAME, "members": _MEMBERS}, ("name",)),
    **dict.fromkeys(("join", "leave"), ({"do": TEXT, "group": MEMBER, "member": MEMBER}, ("group", "member"))),
    **dict.fromkeys(("delete", "restore"), ({"do": TEXT, "user": MEMBER}, ("user",))),
}
MEMBERS = _MEMBERS
_ONLY_TASKS, _ONLY_REMINDERS = frozenset({"reopen"}), frozenset({"activate", "start"})


def follow_ups(raw: Any) -> list[dict[str, Any]]:
    """Return the given fields of things done to follow-ups. Raises ValueError for one that nobody can do."""
    found = [operation(one, _FOLLOW_UP, "a follow-up") for one in listed(raw)]
    for one in found:
        if _FOLLOW_UP[one["do"]][0] is not _STEP:
            continue
        if ("reminder" in one) is ("task" in one):
            raise ValueError(f'"do": "{one["do"]}" wants "reminder" or "task"')
        if one["do"] in (_ONLY_REMINDERS if "task" in one else _ONLY_TASKS):
            raise ValueError(f'"do": "{one["do"]}" is for a {"reminder" if "task" in one else "task"} only')
    return found


def staff_changes(raw: Any) -> list[dict[str, Any]]:
    """Return the given fields of changes to users and groups. Raises ValueError as the other does."""
    return [operation(one, _STAFF, "a member") for one in listed(raw)]
