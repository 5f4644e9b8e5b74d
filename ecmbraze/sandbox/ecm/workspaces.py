"""Serve business workspaces: list, read, create (api/ecm.md 3.2 to 3.5); selecting rows is ``listing``'s work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm import shapes
from ecmbraze.sandbox.ecm.answers import answer, cut, self_link, top_level
from ecmbraze.sandbox.ecm.asking import as_whole, flag, form, groups, paging, seen, store, writable
from ecmbraze.sandbox.ecm.categories import checked
from ecmbraze.sandbox.ecm.columns import cells, configured, meta_data
from ecmbraze.sandbox.ecm.keys import nested
from ecmbraze.sandbox.ecm.listing import listings
from ecmbraze.sandbox.ecm.model import WORKSPACE, Node, Reference, WorkspaceType
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.rows import narrowed, workspace_properties, workspace_row

workspaces = Blueprint("workspaces", __name__)

_DEFAULT_GROUPS = ("properties", "business_properties", "workspace_references", "display_urls", "wksp_info")


@workspaces.get("/v2/businessworkspaces")
def list_workspaces() -> Response:
    """List workspaces: the recently accessed ones unless ``expanded_view``, never with categories."""
    switches = store().switches
    page, limit = paging(500)
    ids = listings().ids(store(), request.args)
    limit = min(limit, switches.page_cap)
    part = cut(ids, page, limit, window=switches.window_cap, last_again=switches.repeat_last_page)
    members = narrowing()
    columns = configured(store())
    shown = [store().nodes[node_id] for node_id in part.rows if node_id not in store().invisible]
    results = [
        row(node, {**workspace_row(store(), node), **cells(columns, node, switches.columns_cut)}, members)
        for node in shown
    ]
    envelope = top_level(part, results, flag("include_total_count", default=True))
    if switches.meta_data_always or flag("metadata") or flag("global_metadata"):
        envelope["meta_data"] = meta_data(store())
    envelope["wksp_info"] = {"wksp_type_icon": None}
    return answer(envelope)


def row(node: Node, properties: dict[str, Any], members: frozenset[str] | None) -> dict[str, Any]:
    """Return one element of a workspace list."""
    return {
        "actions": {"data": {}, "map": {"default_action": "open"}, "order": []},
        "data": {"properties": narrowed(properties, members)},
    }


def narrowing() -> frozenset[str] | None:
    """Return the properties to show: ``fields`` counts only as a single string beside ``action=properties-``."""
    if len(request.args.getlist("fields")) != 1 or request.args.get("action") != "properties-":
        return None
    return groups(()).get("properties")


@workspaces.get("/v2/businessworkspaces/<int(signed=True):node_id>")
def one_workspace(node_id: int) -> Response:
    """Return one workspace; categories only on demand, as a dict keyed by category id."""
    node = workspace(node_id)
    if flag("add_recently_accessed"):
        store().opened(node_id)
    asked = groups(_DEFAULT_GROUPS)
    data = _groups_shown(node, asked)
    results: dict[str, Any] = {"data": data}
    if "categories" in asked and flag("metadata"):
        defined = [store().definitions.categories[category_id] for category_id in node.values]
        results["metadata"] = {"categories": {str(c.id): shapes.definition(c) for c in defined}}
        results["metadata_order"] = {"categories": [str(c.id) for c in defined]}
    as_list = store().switches.results_as_list
    return answer({"links": self_link(), "results": [results] if as_list else results})


def workspace(node_id: int) -> Node:
    """Return a visible workspace. Raises RefusalError for anything else: one answer for all reasons."""
    status = store().switches.missing_workspace_status
    node = seen(node_id, status)
    if node.subtype != WORKSPACE:
        raise RefusalError(status, "node", id=node_id)
    return node


def _groups_shown(node: Node, asked: dict[str, frozenset[str] | None]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    references = [_reference(node, r) for r in node.get("references", ())]
    if "properties" in asked:
        data["properties"] = narrowed(workspace_properties(store(), node), asked["properties"])
    if "categories" in asked:
        data["categories"] = {str(c.id): values for c, values in shapes.of_node(store(), node)}
    if "business_properties" in asked:
        data["business_properties"] = _business(references[0]) if references else {}
    if "workspace_references" in asked:
        data["workspace_references"] = references
    if "display_urls" in asked:
        data["display_urls"] = []
    if "wksp_info" in asked:
        data["wksp_info"] = {"wksp_type_icon": None}
    return data


def _reference(node: Node, reference: Reference) -> dict[str, Any]:
    return {
        "business_object_id": reference.bo_id,
        "business_object_type": reference.bo_type,
        "business_object_type_id": 37,
        "external_system_id": reference.ext_system_id,
        "has_default_display": True,
        "has_default_search": True,
        "workspace_type_id": node.type_id,
    }


def _business(reference: dict[str, Any]) -> dict[str, Any]:
    return {
        **reference,
        "business_object_type_name": reference["business_object_type"],
        "display_url": "",
        "external_system_name": reference["external_system_id"],
        "isEarly": False,
    }


@workspaces.post("/v2/businessworkspaces")
def create_workspace() -> Response:
    """Create a workspace; its id lies directly in ``results``. Attributes are nested per category."""
    fields = form()
    for name in ("template_id", "wksp_type_id", "name"):
        if not fields.get(name):
            raise RefusalError(400, "argument", name=name)
    kind = store().definitions.types.get(as_whole("wksp_type_id", fields["wksp_type_id"]))
    if kind is None or kind.template_id != as_whole("template_id", fields["template_id"]):
        raise RefusalError(400, "no_type", id=fields["wksp_type_id"])
    parent_id = as_whole("parent_id", fields.get("parent_id") or kind.folder_id)
    writable(seen(parent_id, 500), "create")
    values = _born_with(kind, fields)
    now = store().now()
    node = store().add(
        WORKSPACE,
        str(fields["name"]),
        parent_id,
        type_id=kind.id,
        created=now - store().switches.create_gap_s,
        modified=now,
        values=values,
    )
    if fields.get("description"):
        node.put("description", str(fields["description"]))
    if fields.get("bo_id"):
        node.put("references", (reference_of(fields),))
    return answer({"links": self_link(), "results": {"direct_open": True, "id": node.id, "sub_folder_id": 0}})


def reference_of(fields: dict[str, Any]) -> Reference:
    """Read the business object of a form. Raises RefusalError when a part is missing."""
    for name in ("ext_system_id", "bo_type", "bo_id"):
        if not fields.get(name):
            raise RefusalError(400, "argument", name=name)
    return Reference(
        ext_system_id=str(fields["ext_system_id"]), bo_type=str(fields["bo_type"]), bo_id=str(fields["bo_id"])
    )


def _born_with(kind: WorkspaceType, fields: dict[str, Any]) -> dict[int, dict[Any, Any]]:
    """Return the values of a new workspace: the template's categories overlaid with those sent."""
    sent = nested(fields.get("roles"))
    values: dict[int, dict[Any, Any]] = {}
    for category_id in (*kind.category_ids, *sent):
        category = store().definitions.categories.get(category_id)
        if category is None:
            raise RefusalError(400, "node", id=category_id)
        values[category_id] = checked(category, category.blank(), sent.get(category_id, {}), new=True)
    return values
