"""Serve what workspaces are linked with: related items and business objects (api/ecm.md 3.4, 3.6)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, cut, self_link, top_level
from ecmbraze.sandbox.ecm.asking import as_whole, braced, form, paging, store, writable
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.rows import workspace_row
from ecmbraze.sandbox.ecm.workspaces import narrowing, reference_of, row, workspace

relations = Blueprint("relations", __name__)


@relations.get("/v2/businessworkspaces/<int(signed=True):node_id>/relateditems")
def list_related(node_id: int) -> Response:
    """List related workspaces with ``rel_type``; each relation is seen from both of its ends."""
    node = workspace(node_id)
    page, limit = paging(500)
    kinds = set(braced("where_rel_types") or braced("where_relationtype") or ("child", "parent"))
    types = {as_whole("where_workspace_type_ids", text) for text in braced("where_workspace_type_ids")}
    start = request.args.get("where_name", "").casefold()
    found: list[tuple[Node, str]] = []
    for other_id, kind in store().links.of(node.id):
        other = store().visible(other_id)
        if other is None or kind not in kinds or (types and other.type_id not in types):
            continue
        if other.name.casefold().startswith(start):
            found.append((other, kind))
    found.sort(key=lambda pair: (pair[0].name.casefold(), pair[0].id), reverse=request.args.get("sort") == "desc_name")
    switches = store().switches
    part = cut(found, page, min(limit, switches.page_cap), last_again=switches.repeat_last_page)
    members = narrowing()
    results = [row(other, {**workspace_row(store(), other), "rel_type": kind}, members) for other, kind in part.rows]
    return answer(top_level(part, results))


@relations.post("/v2/businessworkspaces/<int(signed=True):node_id>/relateditems")
def relate(node_id: int) -> Response:
    """Relate two workspaces; ``rel_type`` says what the other one is to this one."""
    node = writable(workspace(node_id), "modify")
    fields = form()
    other = workspace(as_whole("rel_bw_id", fields.get("rel_bw_id")))
    parent, child = _ends(node, other, fields.get("rel_type"))
    store().links.relate(parent.id, child.id)
    return answer({"links": self_link(), "results": {}})


@relations.delete("/v2/businessworkspaces/<int(signed=True):node_id>/relateditems/<int:other_id>")
def unrelate(node_id: int, other_id: int) -> Response:
    """Undo a relation."""
    parent, child = _ends(workspace(node_id), workspace(other_id), request.args.get("rel_type"))
    if not store().links.unrelate(parent.id, child.id):
        raise RefusalError(400, "action", name="relateditems")
    return answer({"links": self_link(), "results": {}})


@relations.put("/v2/businessworkspaces/<int(signed=True):node_id>/workspacereferences")
def set_reference(node_id: int) -> Response:
    """Set or replace the business object of one external system and type."""
    node, new = writable(workspace(node_id), "modify"), reference_of(form())
    kept = [r for r in node.get("references", ()) if (r.ext_system_id, r.bo_type) != (new.ext_system_id, new.bo_type)]
    node.put("references", (*kept, new))
    store().touch(node)
    return answer({"links": self_link(), "results": {}})


@relations.delete("/v2/businessworkspaces/<int(signed=True):node_id>/workspacereferences")
def drop_reference(node_id: int) -> Response:
    """Take a business object off a workspace."""
    node, gone = writable(workspace(node_id), "modify"), reference_of({**request.args, **request.form})
    node.put("references", tuple(r for r in node.get("references", ()) if r != gone))
    store().touch(node)
    return answer({"links": self_link(), "results": {}})


def _ends(node: Node, other: Node, rel_type: object) -> tuple[Node, Node]:
    """Return (parent, child)."""
    if rel_type not in ("child", "parent"):
        raise RefusalError(400, "datatype", name="rel_type")
    return (node, other) if rel_type == "child" else (other, node)
