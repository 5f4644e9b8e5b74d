"""The search index of the simulated ECM: fed late, by snapshot, one entry per version; parses no query."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ecmbraze.sandbox.ecm.model import DOCUMENT, Node
from ecmbraze.sandbox.ecm.switches import Switches
from ecmbraze.sandbox.ecm.tree import Tree


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index holds of one version of a node, as it was when the change was noted. Times in epoch seconds."""

    id: int
    version: int
    subtype: int
    name: str
    created: int
    modified: int
    path: tuple[int, ...]
    values: dict[int, dict[object, object]]


class Index:
    """Entries by node and version, and the queue of what is not indexed yet (api/ecm.md 6.1, section 13, 12)."""

    def __init__(self, tree: Tree, switches: Switches, now: Callable[[], int]) -> None:
        self._tree, self._switches, self._now = tree, switches, now
        self._entries: dict[int, dict[int, Entry]] = {}
        self._queue: deque[tuple[int, int, Entry | None]] = deque()

    def note(self, node: Node, *, deleted: bool = False) -> None:
        """Queue the state of a node as it is now, or that it is gone; a document is one only with its first version."""
        if node.subtype == DOCUMENT and not node.get("versions"):
            return
        self._queue.append((self._now(), node.id, None if deleted else self._entry(node)))

    def flush(self) -> None:
        """Index everything at once, as after a quiet night."""
        self._feed(float("inf"))

    def entries(self) -> Iterator[Entry]:
        """Yield what a search sees now."""
        if not self._switches.index_stopped:
            lag = self._switches.index_lag_s
            self._feed(self._now() - lag if lag else float("inf"))  # without lag a clock set back delays nothing
        for versions in self._entries.values():
            yield from versions.values()

    def _feed(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            _, number, entry = self._queue.popleft()
            if entry is None:
                self._entries.pop(number, None)
            else:
                self._entries.setdefault(number, {})[entry.version] = entry

    def _entry(self, node: Node) -> Entry:
        versions = node.get("versions", ())
        return Entry(
            node.id,
            versions[-1].number if versions else 0,
            node.subtype,
            node.name,
            node.created,
            node.modified,
            tuple(one.id for one in self._tree.path(node)),
            {key: dict(stored) for key, stored in node.values.items()},
        )
