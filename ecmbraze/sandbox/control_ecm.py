"""Serve the ECM part of the control API: what people and administrators do there; holds no content itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ecmbraze.sandbox.ecm.filing import Filing
from ecmbraze.sandbox.ecm.model import ENTERPRISE
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore


def create_control(store: EcmStore) -> Blueprint:
    """Return the blueprint; every request holds the store's lock."""
    ecm, work, office = Blueprint("ecm", __name__), _Workspaces(store), _Definitions(store)
    files = _Documents(store)
    routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
        ("GET", "/edits", work.edits),
        ("GET", "/workspaces", work.listing),
        ("POST", "/workspaces", work.create),
        ("POST", "/bulk", work.bulk),
        ("GET", "/workspaces/<int:node_id>", work.show),
        ("PATCH", "/workspaces/<int:node_id>", work.edit),
        ("DELETE", "/workspaces/<int:node_id>", work.delete),
        ("POST", "/workspaces/<int:node_id>/<any(restore,hide,show,hold,release):action>", work.act),
        ("GET", "/documents", files.listing),
        ("POST", "/documents", files.perform),
        ("GET", "/documents/<int:node_id>", files.show),
        ("POST", "/index/flush", files.flush),
        ("POST", "/attributes", office.add_attribute),
        ("POST", "/attributes/rename", office.rename_attribute),
        ("POST", "/attributes/change", office.change_attribute),
        ("POST", "/attributes/drop", office.drop_attribute),
        ("POST", "/categories", office.add_category),
        ("POST", "/types", office.add_type),
        ("POST", "/types/rename", office.rename_type),
    )
    for method, path, view in routes:
        ecm.add_url_rule(path, f"{method} {path}".replace(".", ""), _locked(store, view), methods=[method])
    return ecm


def _locked(store: EcmStore, view: Callable[..., Any]) -> Callable[..., Response]:
    @wraps(view)
    def inner(**arguments: Any) -> Response:
        with store.lock:
            return jsonify(view(**arguments))

    return inner


def _sent() -> Any:
    return request.get_json(force=True) if request.content_length else {}


class _Workspaces:
    """What people do to workspaces."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person = store, Person(store)

    def edits(self) -> Any:
        """Return the book of edits after number ``since``."""
        return self._store.edits.read(int(request.args.get("since", 0)))

    def listing(self) -> Any:
        """Return the workspaces, those of ``type`` when it is given."""
        name, definitions = request.args.get("type"), self._store.definitions
        kinds = [definitions.type_named(name).id] if name else list(definitions.types)
        return [self._person.describe(node) for node in self._store.tree.workspaces(kinds)]

    def create(self) -> Any:
        """Make a workspace of ``type`` with ``name``, ``values``, ``references``, ``created``, ``modified``."""
        return self._person.perform([{**_sent(), "do": "create"}])[0]

    def bulk(self) -> Any:
        """Make several edits in one call."""
        return self._person.perform(_sent())

    def show(self, node_id: int) -> Any:
        """Return one workspace, also a deleted one."""
        node = self._store.nodes.get(node_id) or self._store.bin.nodes.get(node_id)
        if node is None:
            raise ValueError(f"no workspace {node_id}")
        return self._person.describe(node)

    def edit(self, node_id: int) -> Any:
        """Edit ``values``, ``name``, ``references``, ``modified`` … as a person would, now."""
        return self._person.perform([{**_sent(), "do": "edit", "id": node_id}])[0]

    def delete(self, node_id: int) -> Any:
        """Move a workspace to the recycle bin."""
        return self._person.perform([{"do": "delete", "id": node_id}])[0]

    def act(self, node_id: int, action: str) -> Any:
        """Restore, hide, show, hold or release a workspace."""
        return self._person.perform([{**_sent(), "do": action, "id": node_id}])[0]


class _Documents:
    """What people do to documents, and the index that finds them."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._filing = store, Filing(store)

    def perform(self) -> Any:
        """File, version, edit, move, delete: a list of operations, see :class:`Filing`."""
        return self._filing.perform(_sent())

    def listing(self) -> Any:
        """Return the documents at any depth below the workspace or folder ``below``."""
        return self._filing.below(int(request.args.get("below", ENTERPRISE)))

    def show(self, node_id: int) -> Any:
        """Return one document with its versions, each with size and SHA-256, also a deleted one."""
        return self._filing.show(node_id)

    def flush(self) -> Any:
        """Index everything now."""
        self._store.index.flush()
        return {"ok": True}


class _Definitions:
    """What administrators do to categories and workspace types."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person, self._known = store, Person(store), store.definitions

    def add_attribute(self) -> Any:
        """Add ``{category, name, …}``; existing workspaces have no value for it."""
        wanted = dict(_sent())
        category = self._known.category_named(wanted.pop("category"))
        if category is None:
            raise ValueError("no such category")
        return {"id": self._known.add_attribute(category, wanted, self._person.gap).id}

    def rename_attribute(self) -> Any:
        """Rename ``{from: "Category.Old", to: "New"}``; ``to`` may carry the category too."""
        wanted = _sent()
        category, _ = self._known.attribute(wanted["from"])
        self._known.change_attribute(wanted["from"], {"name": wanted["to"].removeprefix(f"{category.name}.")})
        return self._changed()

    def change_attribute(self) -> Any:
        """Change how ``{attribute: "Category.Attribute", …}`` is defined; stored values stay."""
        wanted = dict(_sent())
        self._known.change_attribute(wanted.pop("attribute"), wanted)
        return self._changed()

    def drop_attribute(self) -> Any:
        """Remove ``{attribute: "Category.Attribute"}``."""
        self._known.drop_attribute(_sent()["attribute"])
        return self._changed()

    def add_category(self) -> Any:
        """Define ``{name, attributes}``."""
        wanted = _sent()
        return {"id": self._known.add_category(wanted["name"], wanted["attributes"], self._person.gap).id}

    def add_type(self) -> Any:
        """Define ``{name, categories, german?}``."""
        wanted = _sent()
        return {"id": self._person.add_type(wanted["name"], wanted["categories"], wanted.get("german")).id}

    def rename_type(self) -> Any:
        """Rename a workspace type ``{from, to}``."""
        wanted = _sent()
        kind = self._known.type_named(wanted["from"])
        kind.name = kind.names["en"] = wanted["to"]
        return self._changed()

    def _changed(self) -> Any:
        """Let no remembered selection outlive a changed definition."""
        self._store.version += 1
        self._store.shape += 1
        return {"ok": True}
