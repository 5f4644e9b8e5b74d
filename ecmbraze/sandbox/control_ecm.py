"""Serve the ECM part of the control API: what people and administrators do there; holds no content itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore


def create_control(store: EcmStore) -> Blueprint:
    """Return the blueprint; every request holds the store's lock."""
    ecm = Blueprint("ecm", __name__)
    _workspaces(ecm, store, Person(store))
    _definitions(ecm, store, Person(store))
    return ecm


def _sent() -> Any:
    return request.get_json(force=True) if request.content_length else {}


def _workspaces(ecm: Blueprint, store: EcmStore, person: Person) -> None:
    @ecm.get("/edits")
    def edits() -> Response:
        with store.lock:
            return jsonify(store.edits.read(int(request.args.get("since", 0))))

    @ecm.get("/workspaces")
    def listing() -> Response:
        with store.lock:
            name = request.args.get("type")
            kinds = [store.definitions.type_named(name).id] if name else list(store.definitions.types)
            return jsonify([person.describe(node) for node in store.tree.workspaces(kinds)])

    @ecm.post("/workspaces")
    def create() -> Response:
        with store.lock:
            return jsonify(id=person.create(_sent()))

    @ecm.get("/workspaces/<int:node_id>")
    def show(node_id: int) -> Response:
        with store.lock:
            return jsonify(person.describe(_any(store, node_id)))

    @ecm.patch("/workspaces/<int:node_id>")
    def edit(node_id: int) -> Response:
        return _performed({**_sent(), "do": "edit", "id": node_id})

    @ecm.delete("/workspaces/<int:node_id>")
    def delete(node_id: int) -> Response:
        return _performed({"do": "delete", "id": node_id})

    @ecm.post("/workspaces/<int:node_id>/<any(restore,hide,show,hold,release):action>")
    def act(node_id: int, action: str) -> Response:
        return _performed({**_sent(), "do": action, "id": node_id})

    @ecm.post("/bulk")
    def bulk() -> Response:
        with store.lock:
            return jsonify(person.perform(_sent()))

    def _performed(operation: dict[str, Any]) -> Response:
        with store.lock:
            return jsonify(person.perform([operation])[0])


def _definitions(ecm: Blueprint, store: EcmStore, person: Person) -> None:
    definitions = store.definitions

    @ecm.post("/attributes/rename")
    def rename() -> Response:
        with store.lock:
            wanted = _sent()
            definitions.change_attribute(wanted["from"], {"name": wanted["to"].rsplit(".", 1)[-1]})
            store.version += 1
            return jsonify(ok=True)

    @ecm.post("/attributes")
    def add() -> Response:
        """Add ``{category, name, …}``; existing workspaces have no value for it."""
        with store.lock:
            wanted = dict(_sent())
            category = definitions.category_named(wanted.pop("category"))
            if category is None:
                raise ValueError("no such category")
            return jsonify(id=definitions.add_attribute(category, wanted, person.gap).id)

    @ecm.post("/attributes/change")
    def change() -> Response:
        """Change how ``{attribute: "Category.Attribute", …}`` is defined."""
        with store.lock:
            wanted = dict(_sent())
            definitions.change_attribute(wanted.pop("attribute"), wanted)
            store.version += 1
            return jsonify(ok=True)

    @ecm.post("/attributes/drop")
    def drop() -> Response:
        with store.lock:
            definitions.drop_attribute(_sent()["attribute"])
            store.version += 1
            return jsonify(ok=True)

    @ecm.post("/categories")
    def add_category() -> Response:
        """Define ``{name, attributes}``."""
        with store.lock:
            wanted = _sent()
            return jsonify(id=definitions.add_category(wanted["name"], wanted["attributes"], person.gap).id)

    @ecm.post("/types")
    def add_type() -> Response:
        """Define ``{name, categories, german?}``."""
        with store.lock:
            wanted = _sent()
            return jsonify(id=person.add_type(wanted["name"], wanted["categories"], wanted.get("german")).id)

    @ecm.post("/types/rename")
    def rename_type() -> Response:
        with store.lock:
            wanted = _sent()
            kind = definitions.type_named(wanted["from"])
            kind.name = kind.names["en"] = wanted["to"]
            store.version += 1
            store.shape += 1
            return jsonify(ok=True)


def _any(store: EcmStore, node_id: int) -> Node:
    node = store.nodes.get(node_id) or store.recycled.get(node_id)
    if node is None:
        raise ValueError(f"no workspace {node_id}")
    return node
