"""Read one workspace with its categories by name; learns definitions once, not with every workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, Facts, WorkspaceDetail
from ecmbraze.systems.ecm.categories import flatten
from ecmbraze.systems.ecm.folders import WORKSPACE, children
from ecmbraze.systems.ecm.learning import Learning, ask, only
from ecmbraze.systems.ecm.listing import read_row
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

_FIELDS = ("properties", "categories", "workspace_references")  # repeatable here (api/ecm.md 3.3)


class Details:
    """The detail reads of one client. Thread-safe."""

    def __init__(self, session: Session, zone: tzinfo | None, learning: Learning) -> None:
        self._session, self._zone, self._learning = session, zone, learning

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
        facts, sets = self._learning.facts(values)
        return WorkspaceDetail(row=row, facts=facts, sets=sets, references=references)

    def below(self, parent_id: int) -> Iterator[tuple[int, Facts]]:
        """Yield (id, facts) of the workspaces directly in a folder; an unreadable one is left out."""
        asked = [("fields", "categories"), ("where_type", str(WORKSPACE)), ("metadata", "")]
        for data in children(self._session, parent_id, asked):
            number, values = (
                whole(inner(data, "properties").get("id"), "node id"),
                flatten(data.get("categories") or []),
            )
            if not self._learning.knows(values):
                self._learning.ask_node(number)
            with suppress(RecordUnreadable):
                yield number, self._learning.facts(values)[0]

    def attributes(self, node_id: int) -> Mapping[str, AttributeInfo]:
        """Return the attributes of the categories this workspace or document carries, by the generic node."""
        own = Learning(self._session, self._zone)
        own.ask_node(node_id)
        return own.attributes()

    def _read(self, workspace_id: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Return the workspace and its category values, all of whose keys have a definition if ECM gives one."""
        for metadata in (not self._learning.begun, True):
            answer = self._answer(workspace_id, metadata=metadata)
            data = inner(only(answer), "data")
            values = flatten(data.get("categories") or {})
            self._learning.take(answer)
            if self._learning.knows(values):
                return data, values
            if metadata:
                break
        self._learning.ask_node(workspace_id)
        return data, values

    def _answer(self, workspace_id: int, *, metadata: bool) -> Exchange:
        params = [("fields", name) for name in _FIELDS] + ([("metadata", "")] if metadata else [])
        return ask(self._session, f"/api/v2/businessworkspaces/{int(workspace_id)}", params)


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
    )
    return str(system or ""), str(kind or ""), "" if number is None else str(number)
