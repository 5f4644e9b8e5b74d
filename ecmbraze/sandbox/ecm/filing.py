"""Do to the documents of the simulated ECM what people do: file, version, move, delete by hand; for the control API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.ecm.byname import second
from ecmbraze.sandbox.ecm.model import DOCUMENT, FOLDER, Node
from ecmbraze.sandbox.ecm.moving import move
from ecmbraze.sandbox.ecm.operations import filings
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore

_KEPT = ("id", "name", "created", "modified", "hidden", "deleted", "held", "reserved_by", "denied", "values")


class Filing:
    """Somebody who files documents. Every method raises ValueError for what makes no sense."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person = store, Person(store)

    def perform(self, operations: Any) -> list[dict[str, Any]]:
        """Do several things in order: ``{"do": folder|document|version|edit|move|delete|restore|…, "id"?, …}``."""
        return [self._perform(operation) for operation in filings(operations)]

    def describe(self, node: Node) -> dict[str, Any]:
        """Return a document or folder with its values by name; each version with size and SHA-256 of its bytes."""
        shown = self._person.describe(node)
        versions = [
            {
                "number": one.number,
                "name": f"{one.major}.{one.minor}" if node.get("advanced") else str(one.number),
                "file_name": one.file_name,
                "mime": one.mime_type,
                "size": len(one.content),
                "sha256": hashlib.sha256(one.content).hexdigest(),
                "description": one.description,
                "by": one.by,
            }
            for one in node.get("versions", ())
        ]
        path = [one.name for one in self._store.tree.path(node)[1:-1]]
        classified = [name for _, name in node.get("classifications", ())]
        kept = {name: shown[name] for name in _KEPT}
        return {**kept, "path": path, "classifications": classified, "versions": versions}

    def below(self, parent_id: int) -> list[dict[str, Any]]:
        """Return the documents below a workspace or folder, at any depth."""
        parent = self._node(parent_id)
        return [self.describe(node) for node in self._store.tree.all_below(parent.id) if node.subtype == DOCUMENT]

    def show(self, node_id: int) -> dict[str, Any]:
        """Return one document or folder, also a deleted one."""
        return self.describe(self._store.bin.nodes.get(node_id) or self._node(node_id))

    def _perform(self, raw: dict[str, Any]) -> dict[str, Any]:
        action, node_id = str(raw.pop("do", "")), int(raw.pop("id", 0))
        with self._person.acting(raw):
            if action == "folder":
                return {"id": self._store.add(FOLDER, str(raw["name"]), int(raw["parent"]), by="person").id}
            if action == "document":
                return {"id": self._document(raw).id}
            if action == "restore":
                return {"id": self._store.bin.restore(node_id, "person").id}
            return {"id": node_id, **self._change(action, self._node(node_id), raw)}

    def _change(self, action: str, node: Node, raw: Mapping[str, Any]) -> dict[str, Any]:
        match action:
            case "version":
                mime_type = raw.get("mime") or node.get("mime_type", "application/octet-stream")
                content = str(raw.get("content", f"version of {node.name}")).encode()
                made = self._store.shelf.add_version(
                    node, content, mime_type=mime_type, file_name=node.name, major=bool(raw.get("major"))
                )
                return {"version": made.number}
            case "edit":
                self._person.write(node, raw.get("values") or {})
                if raw.get("name"):
                    self._store.rename(node, str(raw["name"]), "person")
            case "move":
                move(self._store, node, self._node(int(raw["parent"])).id)
            case "delete":
                self._store.bin.remove(node, "person")
            case "hide" | "show":
                self._store.show(node, action == "show")
            case "conceal":
                node.put("hidden", True)
                self._store.shape += 1
                self._store.touch(node, False)
            case "classify" | "declassify":
                shelf = self._store.shelf
                (shelf.classify if action == "classify" else shelf.declassify)(node, str(raw["name"]))
            case _:
                self._person.guard(action, node, raw)
        return {}

    def _document(self, raw: Mapping[str, Any]) -> Node:
        """File a document with ``name``, ``parent``, ``mime``, ``values``, ``classification``, ``created``."""
        created = second(raw.get("created"), self._store.now())
        node = self._store.shelf.add(
            str(raw["name"]),
            int(raw["parent"]),
            str(raw.get("content", raw["name"])).encode(),
            mime_type=str(raw.get("mime", "application/pdf")),
            by="person",
            created=created,
            modified=second(raw.get("modified"), created),
            advanced=bool(raw.get("advanced")),
        )
        stamp = node.modified
        for category in raw.get("categories") or ():
            self._person.put_on(node, str(category))
        self._person.write(node, raw.get("values") or {})
        if raw.get("classification"):
            self._store.shelf.classify(node, str(raw["classification"]))
        node.modified = stamp
        self._store.index.note(node)
        return node

    def _node(self, node_id: int) -> Node:
        node = self._store.nodes.get(node_id)
        if node is None:
            raise ValueError(f"no node {node_id}")
        return node
