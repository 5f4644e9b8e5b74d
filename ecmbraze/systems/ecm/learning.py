"""The category definitions one client has met, learned once and not with every node; reads no values itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, Facts
from ecmbraze.systems.ecm.categories import Definitions
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.shapes import mapping


class Learning:
    """Definitions shared by all reads of a client. Thread-safe."""

    def __init__(self, session: Session, zone: tzinfo | None) -> None:
        self._session, self._zone = session, zone
        self._lock, self._definitions = threading.Lock(), Definitions()
        self.begun = False
        """Whether any answer was learned from: before that every read asks for the metadata."""

    def take(self, answer: Exchange) -> None:
        """Take the metadata from wherever this version puts it."""
        with self._lock:
            result = only(answer)
            for holder in (result, result.get("data"), answer.json()):
                metadata = holder.get("metadata") if isinstance(holder, Mapping) else None
                self._definitions.learn(metadata.get("categories") if isinstance(metadata, Mapping) else None)
            self.begun = True

    def ask_node(self, node_id: int) -> Mapping[int, str]:
        """Ask the generic node, which names its categories in a list (api/ecm.md 5.1); return them by id."""
        answer = ask(self._session, f"/api/v2/nodes/{int(node_id)}/categories", [("metadata", "")])
        results, own = answer.json().get("results"), Definitions()
        for result in results if isinstance(results, list) else [results]:
            metadata = result.get("metadata") if isinstance(result, Mapping) else None
            learned = metadata.get("categories", metadata) if isinstance(metadata, Mapping) else None
            own.learn(learned)
            with self._lock:
                self._definitions.learn(learned)
        return own.categories()

    def categories(self) -> Mapping[int, str]:
        """Return category id → name of every category met so far."""
        with self._lock:
            return self._definitions.categories()

    def knows(self, values: Mapping[str, Any]) -> bool:
        """Say whether every key of the values can be named."""
        with self._lock:
            return self._definitions.knows(values)

    def facts(self, values: Mapping[str, Any]) -> tuple[Facts, Mapping[str, tuple[Facts, ...]]]:
        """Return facts by name and the rows of each set; raises RecordUnreadable for a key nothing defines."""
        with self._lock:
            return self._definitions.facts(values, self._zone)

    def attributes(self) -> Mapping[str, AttributeInfo]:
        """Return what is known of every attribute met so far."""
        with self._lock:
            return self._definitions.attributes()


def ask(session: Session, path: str, params: list[tuple[str, str]]) -> Exchange:
    """Return a good answer; raises RecordUnreadable for any other, missing and forbidden look alike (E23)."""
    answer = session.get(path, params=params)
    if answer.status != 200:
        said = session.http.redactor.excerpt(answer.json().get("error", ""))
        raise RecordUnreadable(f"ECM answers {answer.status}: {said or 'no reason given'}")
    return answer


def only(answer: Exchange) -> Mapping[str, Any]:
    """Return the one result, which is an object or a list of one (api/ecm.md 3.3)."""
    results = answer.json().get("results")
    if isinstance(results, list) and len(results) == 1:
        results = results[0]
    return mapping(results, "results")
