"""Say what the REST account may do to a node, and let administrators change it; refuses nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable

from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.fields import unknown

# What rests on another right goes with it. The properties of a node tell each as perm_<right> (api/ecm.md 3.2).
_RESTS_ON = {
    "see_contents": (),
    "modify": (),
    "edit_attributes": ("modify",),
    "create": (),
    "add_major_version": ("modify",),
    "reserve": ("modify",),
    "delete": (),
    "delete_versions": (),
    "edit_permissions": (),
}
_NEVER = frozenset({"delete_versions"})  # a service account has no use for it
RIGHTS = frozenset(_RESTS_ON) - _NEVER


_ALL = {f"perm_{right}": right not in _NEVER for right in _RESTS_ON}


def may(node: Node, right: str) -> bool:
    """Say whether the account has a right on a node that it may see."""
    denied: frozenset[str] = node.get("denied", frozenset())
    return not denied or (right not in denied and not denied.intersection(_RESTS_ON[right]))


def deny(node: Node, rights: Iterable[str]) -> None:
    """Take rights on a node away. Raises ValueError for one that does not exist."""
    node.put("denied", node.get("denied", frozenset()) | _known(rights))


def grant(node: Node, rights: Iterable[str]) -> None:
    """Give rights back, all of them when none is named."""
    node.put("denied", node.get("denied", frozenset()) - (_known(rights) or RIGHTS))


def inherit(node: Node, parent: Node | None) -> None:
    """Let a new node begin with what its parent has, as Content Server copies it; later changes are not passed on."""
    if parent is not None and parent.get("denied"):
        node.put("denied", parent.get("denied"))


def shown(node: Node) -> dict[str, bool]:
    """Return the rights as the properties of a node tell them."""
    if not node.get("denied"):
        return _ALL
    return {f"perm_{right}": right not in _NEVER and may(node, right) for right in _RESTS_ON}


def _known(rights: Iterable[str]) -> frozenset[str]:
    found = frozenset(rights)
    for right in sorted(found - RIGHTS):
        raise unknown("no right", right, RIGHTS)
    return found
