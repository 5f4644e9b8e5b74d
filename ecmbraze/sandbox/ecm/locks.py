"""Give out the optimistic-lock tokens of nodes and of their categories, and compare them; knows no HTTP."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ecmbraze.sandbox.ecm.model import Node

if TYPE_CHECKING:
    from ecmbraze.sandbox.ecm.store import EcmStore


class Locks:
    """The tokens of one server (api/ecm.md 5.2). Guarded by the store's lock.

    A category has a token of its own, which moves with the writes to that category: the token of the node in its
    place is a stale one. Whether other changes of the node move it too is a switch (UNCONFIRMED).
    """

    def __init__(self, store: EcmStore) -> None:
        self._store = store
        self._writes: dict[tuple[int, int], int] = {}

    def written(self, node: Node, category_id: int) -> None:
        """Note that the values of a category changed; the seeding of a world asks for no token and is not counted."""
        if self._store.edits.open:
            self._writes[node.id, category_id] = self._writes.get((node.id, category_id), 0) + 1

    def of_node(self, node: Node) -> str:
        """Return the token of a node's current revision."""
        return _text(f"{node.id}/{node.revision}")

    def of_category(self, node: Node, category_id: int) -> str:
        """Return the token of the present values of one category."""
        moved = node.revision if self._store.switches.token_moves_with_node else 0
        return _text(f"{node.id}/{category_id}/{self._writes.get((node.id, category_id), 0)}/{moved}")

    def state(self, node: Node, *category_ids: int) -> dict[str, object]:
        """Return the tokens of categories as ``state`` carries them: ``categories[0][<category>]``."""
        tokens = {str(number): {"metadata_token": self.of_category(node, number)} for number in category_ids}
        return {"categories": [tokens]}


def _text(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:24]
