"""Delete what a probe made in a workspace until a look shows none of it, and name what stays; makes nothing.

What is ours is told by its name, which bears the token of this probe: a create that got no answer may have made
something. What others put into our folder is theirs, and keeps the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ecmbraze.cli.check.probe.place import MARK
from ecmbraze.cli.logs import tell
from ecmbraze.errors import CredentialRefused, EcmbrazeError
from ecmbraze.model import Verdict
from ecmbraze.ports import Clock
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.filing import Child

TRIES, BACK_OFF_S = 5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A node of ours that is still there. ``lasting`` where asking again would change nothing."""

    node: Child
    why: str
    denied: bool = False
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What is left. ``unlisted`` is why nobody can say whether there is more; empty where that is known."""

    left: tuple[Left, ...] = ()
    unlisted: str = ""


@dataclass(slots=True, kw_only=True)
class _Look:
    """What the workspace and our folders in it show."""

    ours: dict[int, Child] = field(default_factory=dict)
    theirs: dict[int, Child] = field(default_factory=dict)
    """Folder of ours → something in it that is not."""
    failed: str = ""
    refused: bool = False
    """Whether ECM does not let the account in any more: a further login could lock it."""


def clear(
    ecm: EcmClient,
    renewed: Callable[[], EcmClient],
    workspace_id: int,
    token: str,
    made: Mapping[int, Child],
    clock: Clock,
) -> Cleared:
    """Delete everything of ours; raises nothing of what ECM answers.

    ``renewed`` gives a client that remembers no failure.
    """
    found = Cleared()
    for attempt in range(TRIES):
        look = _look(ecm, workspace_id, token)
        left = _deleted(ecm, look, made)
        found = Cleared(left=tuple(left), unlisted=look.failed)
        if look.refused:
            break
        if look.failed or not all(one.lasting for one in left):
            clock.sleep(BACK_OFF_S * 2**attempt)
            ecm = renewed()
        elif len(look.ours) <= len(left):  # nothing was deleted just now: this look is the proof
            break
    return found


def _look(ecm: EcmClient, workspace_id: int, token: str) -> _Look:
    look = _Look()
    try:
        look.ours = {one.id: one for one in ecm.probing.below(workspace_id, MARK) if token in one.name}
        for folder in [one for one in look.ours.values() if one.is_folder]:
            for one in ecm.probing.below(folder.id):
                if token in one.name:
                    look.ours[one.id] = one
                else:
                    look.theirs[folder.id] = one
    except EcmbrazeError as error:
        look.failed, look.refused = error.happened, isinstance(error, CredentialRefused)
    return look


def _deleted(ecm: EcmClient, look: _Look, made: Mapping[int, Child]) -> list[Left]:
    """Delete each node of ours, documents before folders; return those that are left."""
    nodes = {**made, **look.ours}.values()
    tried = (_delete(ecm, look, node) for node in sorted(nodes, key=lambda one: (one.is_folder, one.id)))
    return [one for one in tried if one is not None]


def _delete(ecm: EcmClient, look: _Look, node: Child) -> Left | None:
    if not look.failed and node.id not in look.ours:
        return _elsewhere(ecm, node)
    if node.is_folder and look.failed:
        return Left(node=node, why=f"what lies in it cannot be told ({look.failed.rstrip('.')})")
    if node.id in look.theirs:
        return Left(node=node, why=f"somebody put {look.theirs[node.id].name!r} into it", lasting=True)
    answer = ecm.probing.delete(node.id)
    if answer.verdict is Verdict.ACCEPTED:
        tell("probe.deleted", node=node.id)
        return None
    denied = answer.denied is not None
    left = Left(node=node, why=answer.reason, denied=denied, lasting=denied)
    return None if _is_there(ecm, node) is False else left


def _elsewhere(ecm: EcmClient, node: Child) -> Left | None:
    """Return a node that was made and does not lie there any more: deleted, or moved by somebody, who is heeded."""
    there = _is_there(ecm, node)
    if there is None:
        return Left(
            node=node, why="it does not lie in the workspace any more, and ECM does not tell whether it is gone"
        )
    return Left(node=node, why="somebody moved it elsewhere or renamed it", lasting=True) if there else None


def _is_there(ecm: EcmClient, node: Child) -> bool | None:
    """Say whether a node is there; ``None`` where that cannot be told."""
    try:
        return ecm.probing.is_there(node.id)
    except EcmbrazeError:
        return None
