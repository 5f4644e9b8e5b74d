"""Move nodes of the simulated ECM: both parents change, and the index learns of all that moved along; knows no HTTP."""

from __future__ import annotations

from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.store import EcmStore


def move(store: EcmStore, node: Node, parent_id: int) -> None:
    """Put a node below another parent; whether its modify date moves is a switch (UNCONFIRMED).

    Raises RefusalError when the name is taken there, or when a container would come to lie in itself.
    """
    if node.id in {one.id for one in store.tree.path(store.nodes[parent_id])}:
        raise RefusalError(400, "action", name="move")
    store.tree.check_name(node.name, parent_id, 500, node.id)
    store.child_changed(node)
    store.tree.take_out(node)
    node.parent_id = parent_id
    store.tree.put_in(node)
    store.touch(node, store.switches.move_bumps_modify_date)
    store.shape += 1
    for below in store.tree.all_below(node.id):
        store.index.note(below)
