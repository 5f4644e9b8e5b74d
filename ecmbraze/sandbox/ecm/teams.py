"""Hold the roles of workspaces and who is in them (api/ecm.md 3.6); knows no HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecmbraze.sandbox.ecm.directory import GROUP, ROLE, USER, Member
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.fields import unknown

if TYPE_CHECKING:
    from ecmbraze.sandbox.ecm.store import EcmStore


class Teams:
    """The roles of one server's workspaces, made when somebody first asks: most worlds never do.

    Each workspace has roles of its own, with ids of their own, by the names that its type gives.
    """

    def __init__(self, store: EcmStore) -> None:
        self._store = store
        self._roles: dict[int, dict[str, Member]] = {}

    def of(self, node: Node) -> list[Member]:
        """Return the roles of a workspace in the order of its type."""
        kind, found = self._store.type_of(node), self._roles.setdefault(node.id, {})
        for position, name in enumerate(kind.roles if kind else ()):
            if name not in found:
                found[name] = self._store.directory.add(name, ROLE, node_id=node.id, leader=position == 0)
        return list(found.values())

    def named(self, node: Node, name: str) -> Member:
        """Find a role of a workspace. Raises ValueError when there is none."""
        for role in self.of(node):
            if role.name == name:
                return role
        raise unknown("no role", name, (role.name for role in self.of(node)))

    def can_join(self, number: int) -> bool:
        """Say whether a member can be in a role: users and groups who are there."""
        member = self._store.directory.get(number)
        return member is not None and not member.deleted and member.kind in (USER, GROUP)
