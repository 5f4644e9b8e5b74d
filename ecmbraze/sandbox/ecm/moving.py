"""Move and reserve nodes of the simulated ECM; knows no HTTP.

A move changes both parents, and the index learns of all that moved along.
"""

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
    store.tree.check_name(node.name, parent_id, store.switches.taken_name_status, node.id)
    store.child_changed(node)
    store.tree.take_out(node)
    node.parent_id = parent_id
    store.tree.put_in(node)
    store.touch(node, store.switches.move_bumps_modify_date)
    store.shape += 1
    for below in store.tree.all_below(node.id):
        store.index.note(below)


def reserve(store: EcmStore, node: Node, user: int) -> None:
    """Let somebody reserve a node for themselves, 0 for nobody. Raises RefusalError for a member who is not there."""
    if user and store.directory.get(user) is None:
        raise RefusalError(500, "member", id=user)
    node.put("reserved_by", user or None)
    node.put("reserved_at", store.now() if user else None)
    store.touch(node, False)
    store.shape += 1
