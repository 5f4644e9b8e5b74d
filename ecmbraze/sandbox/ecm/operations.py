"""Say which fields each thing takes that people can do to workspaces and documents; does none of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.fields import (
    ANY,
    FLAG,
    IDS,
    INSTANT,
    NAME,
    NAMES,
    NATURAL,
    OBJECT,
    TEXT,
    Kind,
    checked,
    unknown,
)

Fields = Mapping[str, Kind]
_REFERENCES = Kind(
    "a list of [external system, type, id]",
    lambda value: isinstance(value, list) and all(NAMES.fits(one) and len(one) == 3 for one in value),
)
MEMBER = Kind("the id or login of a user", lambda value: NATURAL.fits(value) or NAME.fits(value))
_ANY: Fields = {"do": TEXT, "by_user": MEMBER}
_ONE: Fields = {**_ANY, "id": NATURAL}
_CONTENT: Fields = {
    "name": NAME,
    "values": OBJECT,
    "references": _REFERENCES,
    "related_to": IDS,
    "modified": INSTANT,
    "raw_modified": ANY,
}
Table = Mapping[str, tuple[Fields, tuple[str, ...]]]
_GUARDING: Table = {
    "hold": ({**_ONE, "status": NATURAL}, ("id",)),
    "deny": ({**_ONE, "rights": NAMES}, ("id", "rights")),
    "grant": ({**_ONE, "rights": NAMES}, ("id",)),
    **dict.fromkeys(("release", "reserve", "unreserve"), (_ONE, ("id",))),
}
_WORKSPACE: Table = {
    "create": ({**_ANY, **_CONTENT, "type": TEXT, "created": INSTANT}, ("type",)),
    "edit": ({**_ONE, **_CONTENT}, ("id",)),
    **_GUARDING,
    **dict.fromkeys(("delete", "restore", "hide", "show"), (_ONE, ("id",))),
}
_MADE: Fields = {**_ANY, "parent": NATURAL, "name": NAME}
_FILED: Fields = {
    **_MADE,
    "mime": NAME,
    "content": TEXT,
    "values": OBJECT,
    "categories": NAMES,
    "classification": NAME,
    "created": INSTANT,
    "modified": INSTANT,
    "advanced": FLAG,
}
_DOCUMENT: Table = {
    "folder": (_MADE, ("parent", "name")),
    "document": (_FILED, ("parent", "name")),
    "version": ({**_ONE, "major": FLAG, "content": TEXT, "mime": NAME}, ("id",)),
    "edit": ({**_ONE, "name": NAME, "values": OBJECT}, ("id",)),
    "move": ({**_ONE, "parent": NATURAL}, ("id", "parent")),
    **{action: ({**_ONE, "name": NAME}, ("id", "name")) for action in ("classify", "declassify")},
    **_GUARDING,
    **dict.fromkeys(("delete", "restore", "hide", "show", "conceal"), (_ONE, ("id",))),
}


def workspace_edits(raw: Any) -> list[dict[str, Any]]:
    """Return the given fields of edits to workspaces. Raises ValueError for one that nobody can make."""
    return [operation(one, _WORKSPACE, "a workspace") for one in listed(raw)]


def filings(raw: Any) -> list[dict[str, Any]]:
    """Return the given fields of things done to folders and documents. Raises ValueError as the other does."""
    return [operation(one, _DOCUMENT, "a document") for one in listed(raw)]


def any_edits(raw: Any) -> list[dict[str, Any]]:
    """Return the given fields of edits of either kind; what is known for both is one to a workspace."""
    return [(filings if is_filing(one) else workspace_edits)([one])[0] for one in listed(raw)]


def is_filing(raw: Any) -> bool:
    """Say whether an operation can only be one to a folder or document."""
    action = raw.get("do") if isinstance(raw, Mapping) else None
    return isinstance(action, str) and action in _DOCUMENT and action not in _WORKSPACE


def listed(raw: Any) -> list[Any]:
    """Return a list of operations. Raises ValueError for anything else."""
    if not isinstance(raw, list | tuple):
        raise ValueError('edits are a list of objects such as [{"do": "delete", "id": 1}]')
    return list(raw)


def operation(raw: Any, table: Table, what: str) -> dict[str, Any]:
    """Return the given fields of one operation. Raises ValueError for one that is not in the table."""
    action = raw.get("do") if isinstance(raw, Mapping) else None
    if not isinstance(action, str) or action not in table:
        raise unknown(f'unknown "do" for {what}', action, table)
    fields, required = table[action]
    return checked(raw, fields, f'"do": "{action}"', required)
