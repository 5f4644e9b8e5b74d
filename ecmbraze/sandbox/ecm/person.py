"""Do to the simulated ECM what people and administrators do: edit by name, without REST; for the control API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from ecmbraze.sandbox.ecm import permissions
from ecmbraze.sandbox.ecm.byname import named_value, second, stored_value
from ecmbraze.sandbox.ecm.directory import PERSON, USER
from ecmbraze.sandbox.ecm.model import (
    ENTERPRISE,
    FOLDER,
    ROLES,
    WORKSPACE,
    Node,
    Reference,
    WorkspaceType,
)
from ecmbraze.sandbox.ecm.moving import reserve
from ecmbraze.sandbox.ecm.operations import workspace_edits
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.fields import unknown


class Person:
    """Somebody who works in the simulated ECM. Every method raises ValueError for what makes no sense."""

    def __init__(self, store: EcmStore) -> None:
        self._store = store

    def perform(self, operations: Any) -> list[dict[str, Any]]:
        """Make several edits; each is ``{"do": create|edit|delete|restore|hide|show|hold|release|deny|…, "id"?, …}``.

        What they say is checked before the first is made.
        """
        return [self._acting(operation) for operation in workspace_edits(operations)]

    def create(self, raw: Mapping[str, Any]) -> int:
        """Make a workspace of ``type`` with ``name``, ``values``, ``references``, ``created``, ``modified``."""
        kind = self._store.definitions.type_named(str(raw.get("type")))
        created = second(raw.get("created"), self._store.now())
        name = raw.get("name") or f"{kind.name} {len(self._store.of_type.get(kind.id, {})) + 1:06d}"
        node = self._store.add(
            WORKSPACE,
            str(name),
            kind.folder_id,
            by="person",
            type_id=kind.id,
            created=created,
            modified=second(raw.get("modified"), created),
            values={cid: self._store.definitions.categories[cid].blank() for cid in kind.category_ids},
        )
        stamps = node.modified
        self.write(node, raw.get("values") or {})
        self._relate(node, raw)
        node.modified = stamps
        if "raw_modified" in raw:
            node.put("raw_modified", raw["raw_modified"])
        self._store.index.note(node)
        return node.id

    def edit(self, node_id: int, raw: Mapping[str, Any]) -> None:
        """Change ``values``, ``name``, ``references``, ``related``, ``modified`` (an instant) or ``raw_modified``.

        ``raw_modified`` is served as the modify date as it stands, null and nonsense included (fault E16).
        """
        node = self._workspace(node_id)
        self.write(node, raw.get("values") or {})
        if raw.get("name"):
            self._store.rename(node, str(raw["name"]), "person")
        self._relate(node, raw)
        if raw.get("modified"):
            node.modified = second(raw["modified"], 0)
            self._store.version += 1
            self._store.index.note(node)
        if "raw_modified" in raw:
            node.put("raw_modified", raw["raw_modified"])

    def add_type(
        self, name: str, categories: Iterable[str], german: str | None = None, roles: Iterable[str] = ROLES
    ) -> WorkspaceType:
        """Define a workspace type whose template carries the named categories and roles, and its folder."""
        store, found = self._store, []
        for category_name in categories:
            category = store.definitions.category_named(category_name)
            if category is None:
                raise self._no_category(category_name)
            found.append(category.id)
        folder = store.add(FOLDER, name, ENTERPRISE, by="person")
        taken = set(store.definitions.types)
        type_id = next(i for i in iter(lambda: store.random.randrange(11, 400), None) if i not in taken)
        kind = WorkspaceType(
            id=type_id,
            name=name,
            names={"en": name, "de": german or name},
            template_id=store.next_id(),
            folder_id=folder.id,
            config_node_id=store.next_id(),
            category_ids=tuple(found),
            roles=tuple(roles),
        )
        store.definitions.types[type_id] = kind
        return kind

    def gap(self) -> int:
        """Return the distance to the next attribute id: seldom more than three."""
        return self._store.random.choice((1, 1, 1, 2, 3))

    def describe(self, node: Node) -> dict[str, Any]:
        """Return a workspace with its values by name, deleted and hidden ones too."""
        kind = self._store.type_of(node)
        values: dict[str, Any] = {}
        for category_id, stored in node.values.items():
            category = self._store.definitions.categories[category_id]
            for attribute in category.attributes:
                values[f"{category.name}.{attribute.name}"] = named_value(attribute, stored.get(attribute.id))
        return {
            "id": node.id,
            "type": kind.name if kind else None,
            "name": node.name,
            "created": datetime.fromtimestamp(node.created, UTC).isoformat(),
            "modified": datetime.fromtimestamp(node.modified, UTC).isoformat(),
            "hidden": node.id in self._store.invisible,
            "deleted": node.id in self._store.bin.nodes,
            "held": node.id in self._store.held,
            "reserved_by": node.get("reserved_by"),
            "denied": sorted(node.get("denied", ())),
            "values": values,
            "references": [[r.ext_system_id, r.bo_type, r.bo_id] for r in node.get("references", ())],
            "related": [list(relation) for relation in self._store.links.of(node.id)],
        }

    def put_on(self, node: Node, category_name: str) -> None:
        """Put a category on a node, empty."""
        category = self._store.definitions.category_named(category_name)
        if category is None:
            raise self._no_category(category_name)
        self._store.apply(node, category, "person")

    def _no_category(self, name: str) -> ValueError:
        return unknown("no category", name, (one.name for one in self._store.definitions.categories.values()))

    def _acting(self, raw: dict[str, Any]) -> dict[str, Any]:
        with self.acting(raw):
            return self._perform(raw)

    def _perform(self, raw: dict[str, Any]) -> dict[str, Any]:
        action, node_id = raw.pop("do", None), int(raw.pop("id", 0))
        match action:
            case "create":
                node_id = self.create(raw)
            case "edit":
                self.edit(node_id, raw)
            case "delete":
                self._store.bin.remove(self._workspace(node_id), "person")
            case "restore":
                self._store.bin.restore(node_id, "person")
            case "hide" | "show":
                self._store.show(self._workspace(node_id), action == "show")
            case _:
                self.guard(action, self._workspace(node_id), raw)
        return {"id": node_id}

    def acting(self, raw: dict[str, Any]) -> AbstractContextManager[None]:
        """Let what follows be the work of ``by_user``, an id or a login; of a colleague where none is named."""
        return self._store.acting(self._store.directory.named(raw.pop("by_user", PERSON), USER).id)

    def guard(self, action: str | None, node: Node, raw: Mapping[str, Any]) -> None:
        """Put a node on hold, reserve it, take permissions on it away from the account, or undo that."""
        match action:
            case "hold":
                self._store.held[node.id] = int(raw.get("status", 403))
            case "release":
                self._store.held.pop(node.id, None)
            case "reserve" | "unreserve":
                reserve(self._store, node, self._store.actor if action == "reserve" else 0)
            case "deny":
                permissions.deny(node, raw["rights"])
            case "grant":
                permissions.grant(node, raw.get("rights") or ())
        self._store.version += 1

    def _workspace(self, node_id: int) -> Node:
        node = self._store.nodes.get(node_id)
        if node is None or node.subtype != WORKSPACE:
            raise ValueError(f"no workspace {node_id}; GET /ecm/workspaces lists them")
        return node

    def write(self, node: Node, values: Mapping[str, Any]) -> None:
        """Store values by ``Category.Attribute``; a whole category as ``None`` is taken off the node."""
        for dotted, raw in values.items():
            category = self._store.definitions.category_named(dotted)
            if category is not None and raw is None:
                if category.id in node.values:
                    self._store.strip(node, category, "person")
                continue
            category, attribute = self._store.definitions.attribute(dotted)
            self._store.write(node, category, {attribute.id: stored_value(category, attribute, raw)}, "person")

    def _relate(self, node: Node, raw: Mapping[str, Any]) -> None:
        if "references" in raw:
            found = [Reference(ext_system_id=r[0], bo_type=r[1], bo_id=r[2]) for r in raw["references"]]
            node.put("references", tuple(found))
        for parent_id in raw.get("related_to") or ():
            self._store.links.relate(self._workspace(int(parent_id)).id, node.id)
