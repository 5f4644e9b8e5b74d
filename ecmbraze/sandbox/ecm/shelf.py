"""Keep the documents of the simulated ECM: versions, classifications; knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ecmbraze.sandbox.ecm.model import DOCUMENT, Node, Version

if TYPE_CHECKING:
    from ecmbraze.sandbox.ecm.store import EcmStore


class Shelf:
    """What documents have and other nodes have not. Guarded by the store's lock."""

    def __init__(self, store: EcmStore, next_id: Callable[[], int]) -> None:
        self._store, self._next_id = store, next_id
        self._classifications: dict[str, int] = {}

    def add(
        self,
        name: str,
        parent_id: int,
        content: bytes,
        *,
        mime_type: str,
        file_name: str | None = None,
        by: str = "api",
        created: int | None = None,
        modified: int | None = None,
        values: dict[int, dict[object, object]] | None = None,
        collision: int = 500,
        advanced: bool = False,
    ) -> Node:
        """Make a document with its first version. Raises RefusalError when its name is taken."""
        store = self._store
        node = store.add(
            DOCUMENT, name, parent_id, by=by, created=created, modified=modified, values=values, collision=collision
        )
        node.put("advanced", advanced)
        self._append(node, content, mime_type, file_name or name, major=False, description="", at=node.created)
        store.index.note(node)
        return node

    def add_version(
        self, node: Node, content: bytes, *, mime_type: str, file_name: str, major: bool = False, description: str = ""
    ) -> Version:
        """Add a version: categories are kept as they are, an approval among them (mission.md 5's trap)."""
        now = self._store.now()
        version = self._append(node, content, mime_type, file_name, major=major, description=description, at=now)
        self._store.touch(node)
        return version

    def classify(self, node: Node, name: str) -> None:
        """Put a classification on a node; it is the same node of the classification tree for all of that name."""
        if name not in self._classifications:
            self._classifications[name] = self._next_id()
        found = dict(node.get("classifications", ()))
        node.put("classifications", tuple({**found, self._classifications[name]: name}.items()))
        self._store.touch(node, self._store.switches.classification_bumps_modify_date)

    def declassify(self, node: Node, name: str) -> None:
        """Take a classification off a node."""
        node.put("classifications", tuple(pair for pair in node.get("classifications", ()) if pair[1] != name))
        self._store.touch(node, self._store.switches.classification_bumps_modify_date)

    def _append(
        self, node: Node, content: bytes, mime_type: str, file_name: str, *, major: bool, description: str, at: int
    ) -> Version:
        found = node.get("versions", ())
        last = found[-1] if found else None
        major_number = last.major if last else 0
        version = Version(
            id=self._next_id(),
            number=len(found) + 1,
            major=major_number + 1 if major else major_number,
            minor=0 if major else (last.minor if last else 0) + 1,
            created=at,
            content=content,
            mime_type=mime_type,
            file_name=file_name,
            description=description,
            by=self._store.actor,
        )
        node.put("versions", (*found, version))
        node.put("mime_type", mime_type)
        return version
