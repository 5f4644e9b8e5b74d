"""The recycle bin of the simulated ECM: what lies there answers like a forbidden node; knows no HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError

if TYPE_CHECKING:
    from ecmbraze.sandbox.ecm.store import EcmStore


class RecycleBin:
    """What was deleted, by id. Guarded by the store's lock."""

    def __init__(self, store: EcmStore) -> None:
        self._store = store
        self.nodes: dict[int, Node] = {}

    def remove(self, node: Node, by: str) -> None:
        """Move a node and what is below it to the recycle bin; its name becomes free."""
        store = self._store
        for child in list(store.tree.below(node.id)):
            self.remove(child, by)
        store.tree.take_out(node)
        store.links.recent.pop(node.id, None)
        self.nodes[node.id] = node
        store.shape += 1
        store.child_changed(node)
        store.index.note(node, deleted=True)
        store.note(node, "deleted", node.name, None, by)

    def restore(self, node_id: int, by: str) -> Node:
        """Bring a node and what was below it back under their old ids. Raises RefusalError when it cannot be."""
        store = self._store
        node = self.nodes.get(node_id)
        if node is None or node.parent_id not in store.nodes:
            raise RefusalError(400, "node", id=node_id)
        store.tree.check_name(node.name, node.parent_id, 400)
        del self.nodes[node_id]
        store.place(node)
        store.note(node, "restored", None, node.name, by)
        for child_id in [child.id for child in self.nodes.values() if child.parent_id == node.id]:
            self.restore(child_id, by)
        return node
