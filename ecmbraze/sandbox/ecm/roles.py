"""Serve the roles of workspaces and their members (api/ecm.md 3.6); shapes beyond the paths are a choice."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, collection, cut, self_link
from ecmbraze.sandbox.ecm.asking import as_whole, form, groups, paging, store, whole, writable
from ecmbraze.sandbox.ecm.directory import Member
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.workspaces import workspace

roles = Blueprint("roles", __name__)
_ONE = "/v2/businessworkspaces/<int(signed=True):node_id>"
_PERMISSIONS = ["see", "see_contents"]


@roles.get(f"{_ONE}/roles")
def listing(node_id: int) -> Response:
    """List the roles of a workspace, with ``fields=members`` all of their members."""
    found = store().teams.of(workspace(node_id))
    wanted = groups(("properties",))
    rows: list[dict[str, Any]] = [{"data": {"properties": _shown(role)}} for role in found]
    if "members" in wanted:
        for row, role in zip(rows, found, strict=True):
            row["data"]["members"] = _members(role)
    return answer({"links": self_link(), "results": rows})


@roles.get(f"{_ONE}/members")
def everybody(node_id: int) -> Response:
    """List the roles page by page, each with its first ``limit_members`` members, ten unless asked otherwise."""
    page, limit = paging(100)
    most = whole("limit_members", 10)
    part = cut(store().teams.of(workspace(node_id)), page, limit)
    rows = [{"data": {"properties": _shown(role), "members": _members(role)[:most]}} for role in part.rows]
    return answer(collection(part, rows, "asc_name"))


@roles.get(f"{_ONE}/roles/<int:role_id>/members")
def members(node_id: int, role_id: int) -> Response:
    """List the members of a role, all at once; groups are not resolved."""
    rows = [{"data": {"properties": one}} for one in _members(_role(workspace(node_id), role_id))]
    return answer({"links": self_link(), "results": rows})


@roles.post(f"{_ONE}/roles/<int:role_id>/members")
def join(node_id: int, role_id: int) -> Response:
    """Put a user or group into a role; who is in it already is refused (choice)."""
    node = writable(workspace(node_id), "edit_permissions")
    role, number = _role(node, role_id), as_whole("id", form().get("id"))
    if not store().teams.can_join(number):
        raise RefusalError(500, "member", id=number)
    if number in role.members:
        raise RefusalError(400, "action", name="addmember")
    role.members[number] = None
    return answer({"links": self_link(), "results": {"data": {"properties": _of(number)}}})


@roles.delete(f"{_ONE}/roles/<int:role_id>/members/<int:number>")
def leave(node_id: int, role_id: int, number: int) -> Response:
    """Take a member out of a role."""
    role = _role(writable(workspace(node_id), "edit_permissions"), role_id)
    if number not in role.members:
        raise RefusalError(500, "member", id=number)
    del role.members[number]
    return answer({"links": self_link(), "results": {}})


@roles.delete(f"{_ONE}/roles/<int:role_id>/members")
def leave_by_field(node_id: int, role_id: int) -> Response:
    """Take the member of the field ``id`` out of a role."""
    return leave(node_id, role_id, as_whole("id", request.values.get("id")))


def _role(node: Node, role_id: int) -> Member:
    for role in store().teams.of(node):
        if role.id == role_id:
            return role
    raise RefusalError(500, "member", id=role_id)


def _shown(role: Member) -> dict[str, Any]:
    return {
        "id": role.id,
        "name": role.name,
        "description": "",
        "leader": role.leader,
        "perms": _PERMISSIONS,
        "inherited_from_id": None,
    }


def _members(role: Member) -> list[dict[str, Any]]:
    """Return who is in a role; a user who left stays in it and says so by ``deleted``."""
    return [_of(number) for number in role.members]


def _of(number: int) -> dict[str, Any]:
    member = store().directory.get(number)
    return member.properties() if member else {}
