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
        # Node id → the node that was deleted with all below it: what lay here before does not come back with that one.
        self._with: dict[int, int] = {}

    def remove(self, node: Node, by: str, along: int | None = None) -> None:
        """Move a node and what is below it to the recycle bin; its name becomes free."""
        store, self._with[node.id] = self._store, along or node.id
        for child in list(store.tree.below(node.id)):
            self.remove(child, by, self._with[node.id])
        store.tree.take_out(node)
        store.links.recent.pop(node.id, None)
        self.nodes[node.id] = node
        store.shape += 1
        store.child_changed(node)
        store.index.note(node, deleted=True)
        store.note(node, "deleted", node.name, None, by)

    def purge(self, node_id: int) -> None:
        """Destroy what lies in the bin, and what was deleted with it. Raises RefusalError for what does not."""
        if node_id not in self.nodes:
            raise RefusalError(400, "node", id=node_id)
        for number in [n for n, along in self._with.items() if n == node_id or along == node_id]:
            del self.nodes[number], self._with[number]

    def restore(self, node_id: int, by: str) -> Node:
        """Bring a node and what was deleted with it back under their old ids. Raises RefusalError when it cannot be."""
        store = self._store
        node = self.nodes.get(node_id)
        if node is None or node.parent_id not in store.nodes:
            raise RefusalError(400, "node", id=node_id)
        store.tree.check_name(node.name, node.parent_id, 400)
        del self.nodes[node_id]
        along = self._with.pop(node_id)
        store.place(node)
        store.child_changed(node)
        store.note(node, "restored", None, node.name, by)
        for child_id in [n.id for n in self.nodes.values() if (n.parent_id, self._with[n.id]) == (node.id, along)]:
            self.restore(child_id, by)
        return node
