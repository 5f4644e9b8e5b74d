"""Hold the nodes of the simulated ECM and change them consistently; knows no HTTP and no names of attributes.

One lock guards everything: the applications take it around each request.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from ecmbraze.sandbox.ecm import permissions
from ecmbraze.sandbox.ecm.definitions import Definitions
from ecmbraze.sandbox.ecm.directory import API_USER, PERSON, Directory
from ecmbraze.sandbox.ecm.editbook import EditBook
from ecmbraze.sandbox.ecm.index import Index
from ecmbraze.sandbox.ecm.links import Links
from ecmbraze.sandbox.ecm.locks import Locks
from ecmbraze.sandbox.ecm.model import ENTERPRISE, VOLUME, WORKSPACE, Category, Node, WorkspaceType
from ecmbraze.sandbox.ecm.recycling import RecycleBin
from ecmbraze.sandbox.ecm.reminders import Reminders
from ecmbraze.sandbox.ecm.shelf import Shelf
from ecmbraze.sandbox.ecm.switches import Switches
from ecmbraze.sandbox.ecm.teams import Teams
from ecmbraze.sandbox.ecm.tree import Tree

USERNAME = "svc-ecmbraze"
__all__ = ["API_USER", "PERSON", "EcmStore"]


class TellsTime(Protocol):
    """What the store asks of a clock."""

    def now(self) -> datetime: ...


class EcmStore:
    """The whole content of one simulated Content Server."""

    def __init__(self, clock: TellsTime, seed: int = 7, password: str | None = None) -> None:
        self.clock, self.seed = clock, seed
        self.lock, self.version, self.shape = threading.RLock(), 0, 0
        self.random = random.Random(f"ecm-{seed}")  # noqa: S311 - a repeatable world, not a secret
        self.username = USERNAME
        self.password = password or f"sandbox-{hashlib.sha256(f'ecm-{seed}'.encode()).hexdigest()[:16]}"
        self.switches = Switches()
        self.directory = Directory(self.username)
        self.locks = Locks(self)
        self.teams = Teams(self)
        self.edits = EditBook()
        self._last_id = 40_000 + self.random.randrange(40_000)
        self.definitions = Definitions(self.next_id)
        self.tree = Tree()
        self.nodes, self.children, self.of_type = self.tree.nodes, self.tree.children, self.tree.of_type
        self.invisible: set[int] = set()
        self.held: dict[int, int] = {}
        self.links = Links()
        self.actor = API_USER
        self.reminders = Reminders(self)
        self.index = Index(self.tree, self.switches, self.now)
        self.shelf = Shelf(self, self.next_id)
        self.bin = RecycleBin(self)
        self.place(Node(ENTERPRISE, VOLUME, "Enterprise", -1, self.now(), self.now()))

    def now(self) -> int:
        """Return the current second since 1970."""
        return int(self.clock.now().timestamp())

    def next_id(self) -> int:
        """Return a fresh node id; ids grow with gaps, as those of a busy server do."""
        self._last_id += self.random.randrange(1, 9)
        return self._last_id

    # looking

    def visible(self, node_id: int) -> Node | None:
        """Return a node the account may see; missing, deleted and forbidden are indistinguishable (0.2, 13)."""
        node = self.nodes.get(node_id)
        if node is None or not self.invisible:
            return node
        path = self.tree.path(node) if self.switches.hiding_covers_below else [node]
        return None if any(one.id in self.invisible for one in path) else node

    def hold_on(self, node: Node) -> int | None:
        """Return the status with which a node on hold refuses changes, None for one that is on none."""
        if not self.held:
            return None
        path = self.tree.path(node) if self.switches.hold_covers_below else [node]
        return next((self.held[one.id] for one in path if one.id in self.held), None)

    def type_of(self, node: Node) -> WorkspaceType | None:
        """Return the workspace type of a workspace, None for any other node."""
        return self.definitions.types.get(node.type_id)

    # changing

    def add(
        self,
        subtype: int,
        name: str,
        parent_id: int,
        *,
        by: str = "api",
        type_id: int = 0,
        created: int | None = None,
        modified: int | None = None,
        values: dict[int, dict[Any, Any]] | None = None,
        collision: int = 500,
    ) -> Node:
        """Make a node. Raises RefusalError when its name is taken or not allowed."""
        self.tree.check_name(name, parent_id, collision)
        now = self.now()
        born = now if created is None else created
        node = Node(self.next_id(), subtype, name, parent_id, born, now if modified is None else modified, type_id)
        node.values = values if values is not None else {}
        if self.actor != API_USER:
            node.put("created_by", self.actor)
            node.put("modified_by", self.actor)
        permissions.inherit(node, self.nodes.get(parent_id))
        self.place(node)
        self.child_changed(node)
        self.note(node, "created", None, name, by)
        return node

    def rename(self, node: Node, name: str, by: str) -> None:
        """Give a node another name."""
        self.tree.check_name(name, node.parent_id, self.switches.taken_name_status, node.id)
        old = node.name
        self.tree.take_out(node)
        node.name = name
        self.tree.put_in(node)
        self.shape += 1
        self.touch(node)
        self.note(node, "renamed", old, name, by)

    def show(self, node: Node, visible: bool) -> None:
        """Grant or take away the account's permission to see a node."""
        (self.invisible.discard if visible else self.invisible.add)(node.id)
        self.shape += 1
        self.version += 1
        self.note(node, "shown" if visible else "hidden", None, None, "person")

    def write(self, node: Node, category: Category, changes: Mapping[Any, Any], by: str) -> None:
        """Store checked attribute values; those not named stay. Keys are attribute ids."""
        values = node.values.setdefault(category.id, category.blank())
        for key, new in changes.items():
            old = values.get(key)
            values[key] = new
            attribute = category.by_id(key) if isinstance(key, int) else None
            if attribute is not None and old != new:
                self.note(node, f"{category.name}.{attribute.name}", old, new, by)
        self._valued(node, category)

    def apply(self, node: Node, category: Category, by: str) -> None:
        """Put a category on a node with its defaults."""
        node.values[category.id] = category.blank()
        self._valued(node, category)
        self.note(node, "category", None, category.name, by)

    def strip(self, node: Node, category: Category, by: str) -> None:
        """Take a category off a node."""
        del node.values[category.id]
        self._valued(node, category)
        self.note(node, "category", category.name, None, by)

    def _valued(self, node: Node, category: Category) -> None:
        self.locks.written(node, category.id)
        self.touch(node, self.switches.category_write_bumps_modify_date)

    def touch(self, node: Node, bump: bool = True) -> None:
        """Note that a node changed; its modify date moves only with ``bump``."""
        self._mark(node, bump)
        self.child_changed(node)

    def _mark(self, node: Node, bump: bool) -> None:
        node.revision += 1
        self.version += 1
        if bump:
            node.modified = self.now()
            if node.get("modified_by", API_USER) != self.actor:
                node.put("modified_by", self.actor)
        self.index.note(node)

    @contextmanager
    def acting(self, user: int) -> Iterator[None]:
        """Let what happens inside be the work of somebody else than the REST account."""
        before, self.actor = self.actor, user
        try:
            yield
        finally:
            self.actor = before

    def opened(self, workspace_id: int) -> None:
        """Put a workspace on top of the account's recently accessed ones."""
        self.links.opened(workspace_id, self.switches.recent_cap)
        self.version += 1

    def place(self, node: Node) -> None:
        """Index a node that is there now."""
        self.tree.put_in(node)
        self.index.note(node)
        self.shape += 1
        self.version += 1

    def child_changed(self, node: Node) -> None:
        """Let a change show at the parent, where the switch says so."""
        parent = self.nodes.get(node.parent_id)
        if parent is not None and self.switches.child_change_bumps_parent:
            self._mark(parent, True)

    def note(self, node: Node, what: str, old: Any, new: Any, by: str) -> None:
        """Write an edit of a workspace into the book."""
        if node.subtype == WORKSPACE:
            self.edits.note(self.clock.now().isoformat(), node.id, what, old, new, by, self.actor)
