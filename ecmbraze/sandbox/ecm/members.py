"""Serve the members of the simulated ECM, twenty at most a page (api/ecm.md 9); changes none."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, collection, cut, self_link
from ecmbraze.sandbox.ecm.asking import store, whole
from ecmbraze.sandbox.ecm.directory import GROUP, Member
from ecmbraze.sandbox.ecm.refusals import RefusalError

members = Blueprint("members", __name__)

_DEFAULT, _CAP = 10, 20  # api/ecm.md 9
_PREFIXED = {
    "where_name": "name",
    "where_first_name": "first_name",
    "where_last_name": "last_name",
    "where_business_email": "business_email",
}


@members.get("/v2/members")
def list_members() -> Response:
    """List members; an unknown filter is ignored, an unknown sort falls back to ``asc_id``."""
    limit, page = whole("limit", _DEFAULT), whole("page", 1)
    if limit < 1:
        raise RefusalError(400, "limit")
    if page < 1:
        raise RefusalError(400, "minimum", name="page", value=page)
    if "query" in request.args and any(name.startswith("where_") for name in request.args):
        raise RefusalError(400, "query_and_where")
    asked = request.args.get("sort", "asc_id")
    sort = asked if asked.partition("_")[2] in ("id", "name", "last_name", "first_name") else "asc_id"
    direction, _, column = sort.partition("_")
    found = sorted(_chosen(), key=lambda m: (str(m[column] or ""), m["id"]) if column != "id" else m["id"])
    chosen = cut(found[::-1] if direction == "desc" else found, page, min(limit, _CAP))
    return answer(collection(chosen, [{"data": {"properties": m}} for m in chosen.rows], sort))


@members.get("/v2/members/<int(signed=True):member_id>")
def one_member(member_id: int) -> Response:
    """Return any member by id, whatever its type."""
    properties = _found(member_id).properties()
    return answer({"links": self_link(), "results": {"data": {"properties": properties}}})


@members.get("/v2/members/<int:member_id>/members")
def inside(member_id: int) -> Response:
    """List who is directly in a group, page by page as all members are."""
    member = _found(member_id)
    return _listed([one for number in member.members if (one := store().directory.get(number)) is not None])


@members.get("/v2/members/<int:member_id>/memberof")
def around(member_id: int) -> Response:
    """List the groups that a member is directly in."""
    return _listed([one for one in store().directory.holding(_found(member_id).id) if one.kind == GROUP])


def _found(member_id: int) -> Member:
    member = store().directory.get(member_id)
    if member is None:
        raise RefusalError(500, "member", id=member_id)
    return member


def _listed(found: list[Member]) -> Response:
    limit, page = whole("limit", _DEFAULT), whole("page", 1)
    if limit < 1 or page < 1:
        raise RefusalError(400, "limit")
    part = cut(sorted(found, key=lambda one: one.id), page, min(limit, _CAP))
    return answer(collection(part, [{"data": {"properties": one.properties()}} for one in part.rows], "asc_id"))


def _chosen() -> list[dict[str, Any]]:
    kinds = {int(kind) for kind in request.args.getlist("where_type") if kind.isdigit()}
    found = [m.properties() for m in store().directory.all() if not m.deleted and (not kinds or m.kind in kinds)]
    for parameter, key in _PREFIXED.items():
        text = request.args.get(parameter, "").casefold()
        if text:
            found = [m for m in found if str(m[key] or "").casefold().startswith(text)]
    query = request.args.get("query", "").casefold()
    return [m for m in found if query in f"{m['name']} {m['name_formatted']}".casefold()]
