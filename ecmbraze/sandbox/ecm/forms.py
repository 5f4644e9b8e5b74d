"""Serve the forms in which categories are filled in: values, lock token, schema (api/ecm.md 5.4); changes nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm import shapes
from ecmbraze.sandbox.ecm.answers import answer
from ecmbraze.sandbox.ecm.asking import as_whole, seen, store
from ecmbraze.sandbox.ecm.categories import applied
from ecmbraze.sandbox.ecm.model import Category, Node, Values
from ecmbraze.sandbox.ecm.refusals import RefusalError

forms = Blueprint("forms", __name__)


@forms.get("/v1/forms/nodes/categories/update")
def update_form() -> Response:
    """Return the update form of one category that a node carries: its values with the lock token, its schema."""
    node, number = _asked()
    category = applied(node, number)
    token = {f"{category.id}_1": {"metadata_token": store().locks.of_category(node, category.id)}}
    return _form(category, node.values[category.id], token)


@forms.get("/v1/forms/nodes/categories/create")
def create_form() -> Response:
    """Return the form in which a category is put on a node: its defaults, no token, its schema."""
    node, number = _asked()
    category = store().definitions.categories.get(number)
    if category is None:
        raise RefusalError(400, "node", id=number)
    if category.id in node.values:
        raise RefusalError(400, "category_exists", name=category.name)
    return _form(category, category.blank(), {})


def _asked() -> tuple[Node, int]:
    for name in ("id", "category_id"):
        if not request.args.get(name):
            raise RefusalError(400, "argument", name=name)
    node = seen(as_whole("id", request.args["id"]), 500)
    return node, as_whole("category_id", request.args["category_id"])


def _form(category: Category, values: Values, token: dict[str, Any]) -> Response:
    options, properties = shapes.form(category)
    data = {**shapes.form_values(category, values), **token}
    schema = {"properties": properties, "type": "object"}
    return answer({"forms": [{"data": data, "options": {"fields": options}, "schema": schema}]})
