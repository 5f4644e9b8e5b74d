"""Read one workspace with its categories by name; learns definitions once, not with every workspace."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, WorkspaceDetail
from ecmbraze.systems.ecm.categories import Definitions, flatten
from ecmbraze.systems.ecm.listing import read_row
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

_FIELDS = ("properties", "categories", "workspace_references")  # repeatable here (api/ecm.md 3.3)


class Details:
    """The detail reads of one client. Thread-safe."""

    def __init__(self, session: Session, zone: tzinfo | None) -> None:
        self._session, self._zone = session, zone
        self._lock, self._definitions, self._learned = threading.Lock(), Definitions(), False

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        """Return one workspace; raises RecordUnreadable when ECM says no, or says it in no known shape."""
        try:
            data, values = self._read(workspace_id)
            references = tuple(
                _reference(entry) for entry in listing(data.get("workspace_references") or [], "references")
            )
            row = read_row(inner(data, "properties"), _type_id(data), self._zone, None)
        except ShapeError as error:
            raise RecordUnreadable(f"workspace {workspace_id}: {error}") from None
        if row.id != workspace_id:
            raise RecordUnreadable(f"ECM answered with workspace {row.id} when asked for {workspace_id}")
        with self._lock:
            facts, sets = self._definitions.facts(values, self._zone)
        return WorkspaceDetail(row=row, facts=facts, sets=sets, references=references)

    def attributes(self, workspace_id: int) -> Mapping[str, AttributeInfo]:
        """Return the attributes of the categories this workspace carries."""
        own = Definitions()
        try:
            self._learn(own, self._answer(workspace_id, metadata=True))
        except ShapeError as error:
            raise RecordUnreadable(f"workspace {workspace_id}: {error}") from None
        if not own.attributes():
            self._learn_from_node(own, workspace_id)
        return own.attributes()

    def _read(self, workspace_id: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Return the workspace and its category values, all of whose keys have a definition if ECM gives one."""
        with self._lock:
            learned = self._learned
        for metadata in (not learned, True):
            answer = self._answer(workspace_id, metadata=metadata)
            result = _only(answer)
            data = inner(result, "data")
            values = flatten(data.get("categories") or {})
            with self._lock:
                self._learn(self._definitions, answer)
                self._learned = True
                if self._definitions.knows(values):
                    return data, values
            if metadata:
                break
        self._learn_from_node(self._definitions, workspace_id)
        return data, values

    def _answer(self, workspace_id: int, *, metadata: bool) -> Exchange:
        params = [("fields", name) for name in _FIELDS] + ([("metadata", "")] if metadata else [])
        return self._ask(f"/api/v2/businessworkspaces/{int(workspace_id)}", params)

    def _ask(self, path: str, params: list[tuple[str, str]]) -> Exchange:
        answer = self._session.get(path, params=params)
        if answer.status != 200:  # missing and forbidden look alike, with any status (E23, api/ecm.md 1.5)
            said = self._session.http.redactor.excerpt(answer.json().get("error", ""))
            raise RecordUnreadable(f"ECM answers {answer.status}: {said or 'no reason given'}")
        return answer

    def _learn(self, into: Definitions, answer: Exchange) -> None:
        """Take the metadata from wherever this version puts it."""
        result = _only(answer)
        for holder in (result, result.get("data"), answer.json()):
            metadata = holder.get("metadata") if isinstance(holder, Mapping) else None
            into.learn(metadata.get("categories") if isinstance(metadata, Mapping) else None)

    def _learn_from_node(self, into: Definitions, workspace_id: int) -> None:
        """Ask the generic node, which names its categories in a list (api/ecm.md 5.1)."""
        results = self._ask(f"/api/v2/nodes/{int(workspace_id)}/categories", [("metadata", "")]).json().get("results")
        for result in results if isinstance(results, list) else [results]:
            metadata = result.get("metadata") if isinstance(result, Mapping) else None
            with self._lock:
                into.learn(metadata.get("categories", metadata) if isinstance(metadata, Mapping) else None)


def _only(answer: Exchange) -> Mapping[str, Any]:
    """Return the one result, which is an object or a list of one (api/ecm.md 3.3)."""
    results = answer.json().get("results")
    if isinstance(results, list) and len(results) == 1:
        results = results[0]
    return mapping(results, "results")


def _type_id(data: Mapping[str, Any]) -> int:
    """Return the workspace type where the answer tells it; 0 where only the listing does."""
    own = inner(data, "properties").get("wnf_wksp_type_id")
    for holder in data.get("workspace_references") or []:
        own = own if own is not None else mapping(holder, "reference").get("workspace_type_id")
    return 0 if own is None else whole(own, "workspace type id")


def _reference(raw: object) -> tuple[str, str, str]:
    """Return (system, type, id); the id stays text, zeros and all (api/ecm.md 3.4)."""
    entry = mapping(raw, "reference")
    system, kind, number = (
        entry.get(name) for name in ("external_system_id", "business_object_type", "business_object_id")
    )  # fmt: skip
    return str(system or ""), str(kind or ""), "" if number is None else str(number)
