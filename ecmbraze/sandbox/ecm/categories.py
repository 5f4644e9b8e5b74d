"""Serve category values of nodes: read, apply, change, remove (api/ecm.md 5); keys are read by ``keys``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm import shapes
from ecmbraze.sandbox.ecm.answers import answer, self_link
from ecmbraze.sandbox.ecm.asking import as_whole, flag, form, seen, store, writable
from ecmbraze.sandbox.ecm.keys import Changes, sent_token, stale
from ecmbraze.sandbox.ecm.model import Category, Node
from ecmbraze.sandbox.ecm.refusals import RefusalError

categories = Blueprint("categories", __name__)
_ALL = "/v2/nodes/<int(signed=True):node_id>/categories"
_ONE = "/v2/nodes/<int(signed=True):node_id>/categories/<int:category_id>"


def checked(category: Category, stored: dict[Any, Any], fields: dict[str, Any], *, new: bool) -> dict[Any, Any]:
    """Return ``stored`` overlaid with the written fields. Raises RefusalError for a field or value not allowed."""
    changes = Changes(category, stored, store().switches)
    found = changes.read(fields)
    if new or store().switches.required_on_update:
        changes.required()
    return {**stored, **found}


@categories.get(_ALL)
def all_categories(node_id: int) -> Response:
    """Return a list with one flat entry per category; empty when the node has none."""
    node = seen(node_id, 500)
    wanted = flag("metadata")
    return answer(
        {
            "links": self_link(),
            "results": [shapes.entry(c, values, wanted) for c, values in shapes.of_node(store(), node)],
        }
    )


@categories.get(_ONE)
def one_category(node_id: int, category_id: int) -> Response:
    """Return one category as an object; with ``state`` also its lock token."""
    node = seen(node_id, 500)
    category = applied(node, category_id)
    values = shapes.flat_values(category, node.values[category_id], store().switches.empty_values_absent)
    results = shapes.entry(category, values, flag("metadata"))
    if "state" in request.args:
        results["state"] = store().locks.state(node, category.id)
    return answer({"links": self_link(), "results": results})


@categories.put(_ONE)
def change(node_id: int, category_id: int) -> Response:
    """Change the named attributes of one category; the others keep their values."""
    node = writable(seen(node_id, 500), "edit_attributes")
    category = applied(node, category_id)
    fields = form()
    if not set(fields) - {"category_id"}:
        raise RefusalError(400, "parameters")
    if stale(category, fields, store().locks.of_category(node, category.id)):
        raise RefusalError(409, "conflict")
    store().write(node, category, checked(category, node.values[category_id], fields, new=False), "api")
    results: dict[str, Any] = {}
    if sent_token(category, fields) is not None:
        results["state"] = store().locks.state(node, category.id)
    return answer({"links": self_link(), "results": results})


@categories.post(_ALL)
def apply(node_id: int) -> Response:
    """Apply a category with values; required attributes without a default must be among them."""
    node = writable(seen(node_id, 500), "edit_attributes")
    fields = form()
    if "category_id" not in fields:
        raise RefusalError(400, "argument", name="category_id")
    category_id = as_whole("category_id", fields["category_id"])
    category = store().definitions.categories.get(category_id)
    if category is None:
        raise RefusalError(400, "node", id=category_id)
    if category_id in node.values:
        raise RefusalError(400, "category_exists", name=category.name)
    values = checked(category, category.blank(), fields, new=True)
    store().apply(node, category, "api")
    store().write(node, category, values, "api")
    return answer({"links": self_link(), "results": {}})


@categories.delete(_ONE)
def remove(node_id: int, category_id: int) -> Response:
    """Take a category off a node."""
    node = writable(seen(node_id, 500), "edit_attributes")
    store().strip(node, applied(node, category_id), "api")
    return answer({"links": self_link(), "results": {}})


def applied(node: Node, category_id: int) -> Category:
    """Return a category that a node carries. Raises RefusalError for another."""
    if category_id not in node.values:
        raise RefusalError(400, "category_missing", id=category_id)
    return store().definitions.categories[category_id]
