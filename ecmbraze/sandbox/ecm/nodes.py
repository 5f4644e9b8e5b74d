"""Serve single nodes: read, create, change, delete (api/ecm.md 4.1, 4.4); lists are ``children``'s work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm import shapes, tasks
from ecmbraze.sandbox.ecm.answers import answer, self_link
from ecmbraze.sandbox.ecm.asking import as_whole, flag, form, groups, seen, store, writable
from ecmbraze.sandbox.ecm.categories import checked
from ecmbraze.sandbox.ecm.keys import flat, nested, stale
from ecmbraze.sandbox.ecm.model import BELOW_A_TASK_LIST, CONTAINERS, DOCUMENT, TASK_LIST, WORKSPACE, Node
from ecmbraze.sandbox.ecm.moving import move, reserve
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.rows import EXTERNAL, narrowed, node_properties
from ecmbraze.sandbox.ecm.values import TRUE
from ecmbraze.sandbox.ecm.versions import newest

nodes = Blueprint("nodes", __name__)
_ONE = "/v2/nodes/<int(signed=True):node_id>"
_NEEDS = {
    "modify": {"name", "description", "parent_id", "versions_control_advanced", *tasks.FIELDS},
    "edit_attributes": {"roles"},
    "reserve": {"reserved_user_id"},
}


def shown(node: Node, default: tuple[str, ...] = ("properties",)) -> dict[str, Any]:
    """Return a node's ``data`` and ``metadata`` by the requested field groups; categories in list shape."""
    asked = groups(default)
    data: dict[str, Any] = {}
    found: dict[str, Any] = {"data": data}
    if "properties" in asked:
        data["properties"] = narrowed(node_properties(store(), node), asked["properties"])
    if "categories" in asked:
        pairs = shapes.of_node(store(), node)
        data["categories"] = [values for _, values in pairs]
        if flag("metadata"):
            found["metadata"] = {"categories": [shapes.definition(category) for category, _ in pairs]}
    if "versions" in asked:
        data["versions"] = newest(node)
    return found


@nodes.get(_ONE)
def one_node(node_id: int) -> Response:
    """Return one node; with ``state`` also its lock token."""
    node = seen(node_id, 400)
    results = shown(node)
    if "state" in request.args:
        token = store().locks.of_node(node)
        own = {"metadata_token": token, "properties": {"metadata_token": token}}
        results["state"] = {**own, **store().locks.state(node, *node.values)}
    return answer({"links": self_link(), "results": results})


@nodes.put(_ONE)
def change(node_id: int) -> Response:
    """Rename, describe or move a node, or change its attributes (flat)."""
    node, fields = seen(node_id, 400, "sorry"), form()
    rights = [right for right, names in _NEEDS.items() if names & set(fields)]
    writable(node, *rights)
    if fields.get("metadata_token") not in (None, "", store().locks.of_node(node)):
        raise RefusalError(409, "conflict")
    values = _roles(flat(fields.get("roles")), node)
    task = tasks.read(store(), fields) if node.subtype == tasks.TASK else {}
    parent_id = as_whole("parent_id", fields.get("parent_id") or node.parent_id)
    if parent_id != node.parent_id:
        _container(parent_id, node.subtype)
    name = str(fields.get("name") or node.name)
    store().tree.check_name(name, parent_id, store().switches.taken_name_status, node.id)
    if "reserved_user_id" in fields:
        reserve(store(), node, as_whole("reserved_user_id", fields["reserved_user_id"] or 0))
    if parent_id != node.parent_id:
        move(store(), node, parent_id)
    if name != node.name:
        store().rename(node, name, "api")
    if "description" in fields:
        node.put("description", str(fields["description"] or ""))
        store().touch(node)
    if task:
        tasks.put(store(), node, task)
        store().touch(node)
    if "versions_control_advanced" in fields:
        node.put("advanced", str(fields["versions_control_advanced"]).lower() in TRUE)
        store().touch(node)
    for category_id, changes in values.items():
        store().write(node, store().definitions.categories[category_id], changes, "api")
    return answer({"links": self_link(), "results": shown(node)})


@nodes.delete(_ONE)
def delete(node_id: int) -> Response:
    """Move a node to the recycle bin; from then on it answers like a forbidden one. A hold below it prevents that."""
    node = writable(seen(node_id, store().switches.delete_missing_status), "delete")
    for below in store().tree.all_below(node.id):
        writable(below)
    store().bin.remove(node, "api")
    return answer({"links": self_link(), "results": {}})


@nodes.post("/v2/nodes")
def create() -> Response:
    """Create a node below ``parent_id``: a taken name is a 500, attributes are flat, a document needs its file."""
    fields = form()
    node = _created(fields, 500, _roles(flat(fields.get("roles")), None))
    return answer({"links": self_link(), "results": {"data": {"properties": node_properties(store(), node)}}})


@nodes.post("/v1/nodes")
def create_v1() -> Response:
    """Create a node as the older API does: a taken name is a 400, attributes are nested, the id lies on top."""
    fields = form()
    node = _created(fields, 400, _roles(nested(fields.get("roles")), None))
    return answer({"id": node.id, "name": node.name, "type": node.subtype, "parent_id": node.parent_id})


@nodes.post("/v1/validation/nodes/names")
def taken_names() -> Response:
    """Return those of some names that are taken below a parent (4.4)."""
    fields = form()
    parent = seen(as_whole("parent_id", fields.get("parent_id")), 500)
    raw = fields.get("names", [])
    below = store().children.get(parent.id, {})
    asked = [str(name) for name in (raw if isinstance(raw, list) else [raw])]
    found = [{"name": name, "id": below[name.casefold()]} for name in asked if name.casefold() in below]
    return answer({"links": self_link(), "results": found})


@nodes.get("/v1/nodes/<int(signed=True):node_id>/businessworkspace")
def enclosing_workspace(node_id: int) -> Response:
    """Return the workspace that encloses a node."""
    node: Node | None = seen(node_id, 400)
    while node is not None and node.subtype != WORKSPACE:
        node = store().visible(node.parent_id)
    if node is None:
        raise RefusalError(400, "node", id=node_id)
    return answer({"id": node.id, "isLinked": False, "type": WORKSPACE, "workspace_type_id": node.type_id})


def _created(fields: dict[str, Any], collision: int, values: dict[int, dict[Any, Any]]) -> Node:
    for name in ("type", "parent_id", "name"):
        if fields.get(name) in (None, ""):
            raise RefusalError(400, "argument", name=name)
    subtype, parent_id = as_whole("type", fields["type"]), as_whole("parent_id", fields["parent_id"])
    if subtype == WORKSPACE:
        raise RefusalError(400, "action", name="create")
    _container(parent_id, subtype)
    upload = request.files.get("file")
    if subtype == DOCUMENT and upload is None:
        raise RefusalError(400, "missing_file")
    name = str(fields["name"])
    task = tasks.read(store(), fields) if subtype == tasks.TASK else {}
    if upload is not None and subtype == DOCUMENT:
        node = store().shelf.add(
            name,
            parent_id,
            upload.read(),
            mime_type=upload.mimetype or "application/octet-stream",
            file_name=upload.filename,
            values=values,
            collision=collision,
        )
    else:
        node = store().add(subtype, name, parent_id, values=values, collision=collision)
        tasks.put(store(), node, task)
    if fields.get("description"):
        node.put("description", str(fields["description"]))
    external = {key: fields[key] for key in EXTERNAL if fields.get(key) not in (None, "")}
    if external:
        node.put("external", external)
    return node


def _container(parent_id: int, subtype: int) -> None:
    """Refuse a parent that cannot hold a node of this subtype: tasks lie below a task list and nowhere else (8.2)."""
    parent = writable(seen(parent_id, 500), "create")
    fits = parent.subtype == TASK_LIST if subtype in BELOW_A_TASK_LIST else parent.subtype in CONTAINERS
    if not fits:
        raise RefusalError(400, "action", name="create")


def _roles(sent: dict[int, dict[str, Any]], node: Node | None) -> dict[int, dict[Any, Any]]:
    """Return the checked values of the sent categories: of a new node, or of one that carries them already."""
    values: dict[int, dict[Any, Any]] = {}
    for category_id, fields in sent.items():
        category = store().definitions.categories.get(category_id)
        if category is None:
            raise RefusalError(400, "node", id=category_id)
        stored = node.values.get(category_id) if node else None
        if node and stored is not None and stale(category, fields, store().locks.of_category(node, category_id)):
            raise RefusalError(409, "conflict")
        values[category_id] = checked(category, stored or category.blank(), fields, new=stored is None)
    return values
