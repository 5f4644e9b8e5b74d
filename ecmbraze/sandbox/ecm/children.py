"""Serve lists of nodes: children, many by id, the recycle bin (api/ecm.md 4.2, 4.3); never recursive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, collection, cut, scattered
from ecmbraze.sandbox.ecm.asking import allowed, as_whole, flag, form, paging, seen, store
from ecmbraze.sandbox.ecm.listing import listings
from ecmbraze.sandbox.ecm.model import CONTAINERS, Node
from ecmbraze.sandbox.ecm.nodes import shown
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.rows import node_properties

children = Blueprint("children", __name__)

_MOST_IDS = 250  # api/ecm.md 4.3
_SORTS: dict[str, Any] = {
    "name": lambda node: node.name.casefold(),
    "modify_date": lambda node: node.modified,
    "create_date": lambda node: node.created,
    "type": lambda node: node.subtype,
    "id": lambda node: node.id,
}


@children.get("/v2/nodes/<int(signed=True):node_id>/nodes")
def list_children(node_id: int) -> Response:
    """List direct children; filters that do not exist, ``where_modify_date`` among them, are ignored."""
    parent = allowed(seen(node_id, 500), "see_contents")
    switches = store().switches
    page, limit = paging(switches.children_default_limit)
    sort = _sort()
    asked = tuple((k, tuple(v)) for k, v in request.args.lists() if k.startswith("where_") or k == "show_hidden")
    version = store().shape if sort.endswith("_name") else store().version
    key = ("children", parent.id, sort, asked, version, switches.total_count_includes_invisible)
    found = listings().remembered(key, lambda: _selected(parent.id, sort))
    limit = min(limit, switches.children_page_cap)
    part = cut(found, page, limit, last_again=switches.repeat_last_page)
    visible = [store().nodes[node_id] for node_id in part.rows if node_id not in store().invisible]
    return answer(collection(part, [shown(node) for node in visible], sort))


@children.post("/v2/nodes/list")
def many() -> Response:
    """Return the nodes of up to 250 ids; what may not be seen is left out without a word, the order is any."""
    raw = form().get("ids", [])
    ids = [as_whole("ids", item) for item in (raw if isinstance(raw, list) else [raw])]
    if len(ids) > _MOST_IDS:
        raise RefusalError(400, "too_many")
    found = [node for node_id in sorted(set(ids), key=scattered) if (node := store().visible(node_id)) is not None]
    if store().switches.nodes_list_fields:
        results = [shown(node) for node in found]
    else:
        results = [{"data": {"properties": node_properties(store(), node)}} for node in found]
    return answer(collection(cut(found, 1, _MOST_IDS), results, "asc_name"))


@children.get("/v2/volumes/recyclebin/nodes")
def recycle_bin() -> Response:
    """List what was deleted."""
    page, limit = paging(store().switches.children_default_limit)
    part = cut(list(store().bin.nodes.values()), page, limit)
    results = [{"data": {"properties": node_properties(store(), node)}} for node in part.rows]
    return answer(collection(part, results, "asc_name"))


@children.post("/v2/volumes/recyclebin/nodes/restore")
def restore() -> Response:
    """Bring nodes back under their old ids; 200 even when some could not be, told per id (1.5)."""
    return _each(lambda node_id: store().bin.restore(node_id, "api"))


@children.post("/v2/volumes/recyclebin/nodes/purge")
def purge() -> Response:
    """Destroy what lies in the bin for good; 200 even when some could not be, told per id."""
    return _each(store().bin.purge)


def _each(what: Callable[[int], object]) -> Response:
    raw = form().get("ids", [])
    good: list[int] = []
    bad: dict[str, Any] = {}
    for node_id in [as_whole("ids", item) for item in (raw if isinstance(raw, list) else [raw])]:
        try:
            what(node_id)
            good.append(node_id)
        except RefusalError as refusal:
            bad[str(node_id)] = {"message": refusal.text(store().switches.error_language)}
    failure = {"ids": [int(node_id) for node_id in bad], "errors": bad}
    return answer({"results": {"data": {"success": {"ids": good}, "failure": failure}}})


def _wanted(found: Iterable[Node]) -> list[Node]:
    types = [as_whole("where_type", text) for text in request.args.getlist("where_type")]
    name = request.args.get("where_name", "").casefold()
    unseen = store().switches.total_count_includes_invisible
    concealed = flag("show_hidden")
    return [
        node
        for node in found
        if (unseen or node.id not in store().invisible)
        and (concealed or not node.get("hidden"))
        and name in node.name.casefold()
        and (not types or any(_is_of(node, kind) for kind in types))
    ]


def _is_of(node: Node, kind: int) -> bool:
    """Compare a subtype; -1 means containers, -2 searchable objects, -3 what is no container."""
    match kind:
        case -1:
            return node.subtype in CONTAINERS
        case -2:
            return True
        case -3:
            return node.subtype not in CONTAINERS
        case _:
            return node.subtype == kind


def _sort() -> str:
    """Return the order asked for, ``asc_name`` when there is no such column."""
    sort = request.args.get("sort", "asc_name")
    direction, _, column = sort.partition("_")
    return sort if direction in ("asc", "desc") and column in _SORTS else "asc_name"


def _selected(parent_id: int, sort: str) -> list[int]:
    direction, _, column = sort.partition("_")
    key = _SORTS[column]
    found = _wanted(store().tree.below(parent_id))
    found.sort(key=lambda node: (key(node), node.id), reverse=direction == "desc")
    return [node.id for node in found]
