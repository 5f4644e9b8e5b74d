"""Keep nodes findable by id, parent, name and workspace type; knows no permission, category or clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ecmbraze.sandbox.ecm.model import WORKSPACE, Node
from ecmbraze.sandbox.ecm.refusals import RefusalError

NAME_LIMIT = 248  # api/ecm.md 4.4


class Tree:
    """The indexes over all nodes that are not in the recycle bin. Guarded by the store's lock."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.children: dict[int, dict[str, int]] = {}
        self.of_type: dict[int, dict[int, None]] = {}

    def check_name(self, name: str, parent_id: int, collision: int, self_id: int | None = None) -> None:
        """Refuse a taken name with status ``collision``, a malformed one with 400 (choice)."""
        if not name or len(name) > NAME_LIMIT or ":" in name or name != name.strip():
            raise RefusalError(400, "name", name=name)
        if self.children.get(parent_id, {}).get(name.casefold(), self_id) != self_id:
            raise RefusalError(collision, "exists", name=name)

    def below(self, node_id: int) -> Iterator[Node]:
        """Yield the direct children, also those the account may not see."""
        return (self.nodes[child] for child in self.children.get(node_id, {}).values())

    def all_below(self, node_id: int) -> Iterator[Node]:
        """Yield everything below, at any depth."""
        for child in self.below(node_id):
            yield child
            yield from self.all_below(child.id)

    def workspaces(self, type_ids: Iterable[int]) -> Iterator[Node]:
        """Yield all workspaces of some types, visible or not."""
        return (self.nodes[node_id] for type_id in type_ids for node_id in self.of_type.get(type_id, {}))

    def path(self, node: Node) -> list[Node]:
        """Return the nodes from the root down to this one."""
        found = [node]
        while (parent := self.nodes.get(found[-1].parent_id)) is not None:
            found.append(parent)
        return found[::-1]

    def put_in(self, node: Node) -> None:
        """Index a node under its present name and parent."""
        self.nodes[node.id] = node
        self.children.setdefault(node.parent_id, {})[node.name.casefold()] = node.id
        if node.subtype == WORKSPACE:
            self.of_type.setdefault(node.type_id, {})[node.id] = None

    def take_out(self, node: Node) -> None:
        """Remove a node from the indexes; what lies below it stays indexed under its id."""
        del self.nodes[node.id]
        del self.children[node.parent_id][node.name.casefold()]
        self.of_type.get(node.type_id, {}).pop(node.id, None)
