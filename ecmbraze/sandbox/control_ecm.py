"""Serve the ECM part of the control API: what people and administrators do there; holds no content itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from ecmbraze.sandbox.control_definitions import DefinitionViews
from ecmbraze.sandbox.control_office import OfficeViews
from ecmbraze.sandbox.ecm.filing import Filing
from ecmbraze.sandbox.ecm.model import ENTERPRISE, WORKSPACE
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.fields import NATURAL, TEXT, body, query
from ecmbraze.sandbox.routes import Route, mount


def create_control(store: EcmStore) -> Blueprint:
    """Return the blueprint; every request holds the store's lock."""
    ecm, work, files, office = Blueprint("ecm", __name__), _Workspaces(store), _Documents(store), DefinitionViews(store)
    routes: tuple[Route, ...] = (
        ("GET", "/types", office.types),
        ("POST", "/types", office.add_type),
        ("POST", "/types/rename", office.rename_type),
        ("GET", "/categories", office.categories),
        ("POST", "/categories", office.add_category),
        ("POST", "/attributes", office.add_attribute),
        ("POST", "/attributes/rename", office.rename_attribute),
        ("POST", "/attributes/change", office.change_attribute),
        ("POST", "/attributes/drop", office.drop_attribute),
        ("GET", "/workspaces", work.listing),
        ("POST", "/workspaces", work.create),
        ("GET", "/workspaces/<int:node_id>", work.show),
        ("PATCH", "/workspaces/<int:node_id>", work.edit),
        ("DELETE", "/workspaces/<int:node_id>", work.delete),
        (
            "POST",
            "/workspaces/<int:node_id>/<any(restore,hide,show,hold,release,reserve,unreserve,deny,grant):action>",
            work.act,
        ),
        ("POST", "/bulk", work.bulk),
        ("GET", "/edits", work.edits),
        ("GET", "/documents", files.listing),
        ("POST", "/documents", files.perform),
        ("GET", "/documents/<int:node_id>", files.show),
        ("POST", "/index/flush", files.flush),
    )
    mount(ecm, (*routes, *OfficeViews(store).routes()), store.lock)
    return ecm


class _Workspaces:
    """What people do to workspaces."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person = store, Person(store)

    def edits(self) -> Any:
        """List every edit made to workspaces after number ?since=."""
        return self._store.edits.read(query(since=NATURAL).get("since", 0))

    def listing(self) -> Any:
        """List the workspaces with their values by name, those of ?type=."""
        name, definitions = query(type=TEXT).get("type"), self._store.definitions
        kinds = [definitions.type_named(name).id] if name else list(definitions.types)
        return [self._person.describe(node) for node in self._store.tree.workspaces(kinds)]

    def create(self) -> Any:
        """Make a workspace of "type" with "name", "values", "references", "related_to", "created", "modified"."""
        return self._person.perform([self._one("create")])[0]

    def bulk(self) -> Any:
        """Make several edits in one call: [{"do": create|edit|delete|hold|reserve|deny|..., "id", ...}]."""
        return self._person.perform(body())

    def show(self, node_id: int) -> Any:
        """Show one workspace, also a deleted one."""
        node = self._store.nodes.get(node_id) or self._store.bin.nodes.get(node_id)
        if node is None or node.subtype != WORKSPACE:
            raise ValueError(f"no workspace {node_id}; GET /ecm/workspaces lists them")
        return self._person.describe(node)

    def edit(self, node_id: int) -> Any:
        """Edit "values", "name", "references", "related_to", "modified" as a person would, now."""
        return self._person.perform([self._one("edit", id=node_id)])[0]

    def delete(self, node_id: int) -> Any:
        """Move a workspace to the recycle bin."""
        return self._person.perform([self._one("delete", id=node_id)])[0]

    def act(self, node_id: int, action: str) -> Any:
        """Restore, hide or show, hold or release, reserve or unreserve; deny or grant "rights" to the account."""
        return self._person.perform([self._one(action, id=node_id)])[0]

    def _one(self, action: str, **more: int) -> dict[str, Any]:
        sent = body()
        if not isinstance(sent, dict):
            raise ValueError(f"{action} of a workspace takes an object")
        return {**sent, "do": action, **more}


class _Documents:
    """What people do to documents, and the index that finds them."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._filing = store, Filing(store)

    def perform(self) -> Any:
        """Do things to folders and documents: [{"do": folder|document|version|edit|move|delete|classify, ...}]."""
        return self._filing.perform(body())

    def listing(self) -> Any:
        """List the documents at any depth, all of them or those ?below= a workspace or folder."""
        return self._filing.below(query(below=NATURAL).get("below", ENTERPRISE))

    def show(self, node_id: int) -> Any:
        """Show one document with its versions, each with size and SHA-256, also a deleted one."""
        return self._filing.show(node_id)

    def flush(self) -> Any:
        """Let the search index catch up at once."""
        self._store.index.flush()
        return {"ok": True}
