"""Remember which workspaces are related and which were opened last; changes no node."""

from __future__ import annotations


class Links:
    """Relations between workspaces and the account's recent list. Guarded by the store's lock."""

    def __init__(self) -> None:
        self._relations: dict[int, list[tuple[int, str]]] = {}
        self.recent: dict[int, None] = {}

    def of(self, node_id: int) -> tuple[tuple[int, str], ...]:
        """Return (other workspace, what it is to this one: ``child`` or ``parent``)."""
        return tuple(self._relations.get(node_id, ()))

    def relate(self, parent_id: int, child_id: int) -> None:
        """Relate two workspaces once; the relation is seen from both ends (api/ecm.md 3.6)."""
        if (child_id, "child") not in self._relations.get(parent_id, ()):
            self._relations.setdefault(parent_id, []).append((child_id, "child"))
            self._relations.setdefault(child_id, []).append((parent_id, "parent"))

    def unrelate(self, parent_id: int, child_id: int) -> bool:
        """Undo a relation; say whether there was one."""
        found = (child_id, "child") in self._relations.get(parent_id, ())
        if found:
            self._relations[parent_id].remove((child_id, "child"))
            self._relations[child_id].remove((parent_id, "parent"))
        return found

    def opened(self, workspace_id: int, most: int) -> None:
        """Put a workspace on top of the recent list, which keeps ``most`` of them."""
        self.recent.pop(workspace_id, None)
        self.recent[workspace_id] = None
        for oldest in list(self.recent)[:-most]:
            del self.recent[oldest]
