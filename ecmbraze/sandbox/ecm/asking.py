"""Read what a request asks, in the manner of the classic REST API (api/ecm.md 1.2); answers nothing."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from flask import current_app, request

from ecmbraze.sandbox.ecm import permissions
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.ecm.values import TRUE

_GROUP = re.compile(r"^(\w+)(?:\{([^}]*)\})?")


def store() -> EcmStore:
    """Return the store of the application that serves this request."""
    return cast(EcmStore, current_app.extensions["ecm"])


def form() -> dict[str, Any]:
    """Return the fields of an urlencoded or multipart body.

    ``body`` and ``data`` carry JSON text and are merged over the flat keys; a repeated key becomes a list.
    Raises RefusalError when there are no fields at all: so it is for a JSON content type, which is not read.
    """
    fields: dict[str, Any] = {}
    for key, values in request.form.lists():
        fields[key] = values[0] if len(values) == 1 else list(values)
    for carrier in ("body", "data"):
        if isinstance(fields.get(carrier), str):
            fields.update(_json_object(carrier, fields.pop(carrier)))
    if not fields and not request.files:
        raise RefusalError(400, "parameters")
    return fields


def flag(name: str, default: bool = False) -> bool:
    """Read a boolean query parameter: true, True and 1 are true; an empty value is a set flag."""
    text = request.args.get(name)
    return default if text is None else text == "" or text.lower() in TRUE


def whole(name: str, default: int) -> int:
    """Read an integer query parameter. Raises RefusalError for anything else."""
    return as_whole(name, request.args.get(name) or default)


def as_whole(name: str, raw: Any) -> int:
    """Read an id or number from a form or query. Raises RefusalError for anything else."""
    try:
        return int(raw)
    except (TypeError, ValueError) as error:
        raise RefusalError(400, "datatype", name=name) from error


def paging(default_limit: int) -> tuple[int, int]:
    """Return page and limit as asked. Raises RefusalError below 1 (choice: 1.5 documents it for members)."""
    page, limit = whole("page", 1), whole("limit", default_limit)
    for name, value in (("page", page), ("limit", limit)):
        if value < 1:
            raise RefusalError(400, "minimum", name=name, value=value)
    return page, limit


def groups(default: tuple[str, ...]) -> dict[str, frozenset[str] | None]:
    """Return the field groups asked for with ``fields``, each with its members or None for all of them.

    ``properties{id,name}``, ``categories``, ``versions.element(0)`` (1.2); a repeated group is united.
    """
    asked = request.args.getlist("fields")
    if not asked:
        return dict.fromkeys(default)
    found: dict[str, frozenset[str] | None] = {}
    for text in asked:
        match = _GROUP.match(text.strip())
        if match is None:
            continue
        name, members = match.groups()
        chosen = None if members is None else frozenset(m.strip() for m in members.split(","))
        earlier = found.get(name, frozenset())
        found[name] = None if chosen is None or earlier is None else chosen | earlier
    return found


def braced(name: str) -> list[str]:
    """Read a list parameter such as ``{1,2}`` or ``{'child','parent'}``, or a repeated one."""
    texts = ",".join(request.args.getlist(name)).strip()
    return [item.strip().strip("'\"") for item in texts.replace("{", "").replace("}", "").split(",") if item.strip()]


def seen(node_id: int, status: int, code: str = "node") -> Node:
    """Return a node the account may see. Raises RefusalError with the status and text of that endpoint."""
    node = store().visible(node_id)
    if node is None:
        raise RefusalError(status, code, id=node_id)
    return node


def allowed(node: Node, *rights: str) -> Node:
    """Return a node on which the account has some rights. Raises RefusalError otherwise (the status is a choice)."""
    if not all(permissions.may(node, right) for right in rights):
        raise RefusalError(store().switches.forbidden_status, "forbidden", name=node.name)
    return node


def writable(node: Node, *rights: str) -> Node:
    """Return a node that may be changed: the rights are there, no hold is (section 13, 19), nobody reserved it (5.3).

    Raises RefusalError otherwise, always; the status of a reserved one is a switch (UNCONFIRMED).
    """
    allowed(node, *rights)
    status = store().hold_on(node)
    if status is not None:
        raise RefusalError(status, "held", name=node.name)
    if (node.get("reserved_by") or store().actor) != store().actor:
        raise RefusalError(store().switches.reserved_status, "reserved", name=node.name)
    return node


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise RefusalError(400, "datatype", name=name) from error
    if not isinstance(found, dict):
        raise RefusalError(400, "datatype", name=name)
    return found
