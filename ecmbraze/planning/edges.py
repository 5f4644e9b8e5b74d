"""Tell when a gate opened or closed since the last look, and what to note of it; sends nothing, stores no verdicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Change, Json
from ecmbraze.planning.document_kinds import marker
from ecmbraze.planning.gates import CLOSED, Gate, Standing, stand
from ecmbraze.planning.messages import Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A gate that opened or closed."""

    hit: Hit
    standing: Standing

    @property
    def opened(self) -> bool:
        return self.standing.is_open


def edge(
    gate: Gate, change: Change, standing: Standing, zone: tzinfo, *, backfill: bool = False, told: Collection[str] = ()
) -> tuple[Edge | None, dict[str, Json]]:
    """Return what happened at the gate since the last look, and what to note of it.

    An edge needs facts that moved: the gate of today is held against the facts of the last look as well, so that one
    that is new or was edited tells nothing of the past, nor does a workspace that was out of sight. What is gone, the
    workspace or a document, closes its gates without a word (delivery.md: absence never sends an event), and opens them
    again without one when it is back as it was. A backfill takes an open gate as one that opened, under the occurrence
    that was ``told`` of this opening, if any.
    """
    noted = change.memory.get(gate.name)
    before = noted if isinstance(noted, Mapping) else {}
    was, count = bool(before.get("open")), _whole(before.get("n"))
    opens = standing.is_open and not was and not standing.missed
    closes = was and not standing.is_open
    lost = _without(gate, change, zone) if closes else ""
    back = opens and (before.get("lost") == standing.occurrence or _out_of_sight(gate, change, zone))
    count += opens and not back
    memory = _noted(standing, before, count, is_open=opens or (was and not closes))
    if not standing.is_open and (away := lost or _still_lost(before, change)):
        memory["lost"] = away
    if backfill and standing.is_open:
        known = (occurrence for occurrence in sorted(told) if occurrence.startswith(f"{count}:"))
        return _edge(gate, standing, next(known, f"{count}:{standing.occurrence}")), memory
    unreached = (gate.name, f"{count}:{standing.occurrence}") in change.unreached
    if unreached and change.fires and was and standing.is_open:
        return _edge(gate, standing, f"{count}:{standing.occurrence}"), memory
    silent = not change.fires or back or bool(lost)
    if silent or not (opens or closes) or not _moved(gate, change, zone, opens=opens):
        return None, memory
    return _edge(gate, standing, f"{count}:{standing.occurrence}" if opens else f"{count}{CLOSED}"), memory


def _edge(gate: Gate, standing: Standing, occurrence: str) -> Edge:
    return Edge(hit=Hit(gate if standing.is_open else gate.closing(), occurrence), standing=standing)


def _out_of_sight(gate: Gate, change: Change, zone: tzinfo) -> bool:
    """Say whether the workspace was gone at the last look, with the gate as open as now."""
    return change.before is not None and change.before.gone and _stood(gate, change, zone, opens=True) is True


def _without(gate: Gate, change: Change, zone: tzinfo) -> str:
    """Return on which documents and versions the gate would stand open, were none out of sight; else empty."""
    there = {document.row.id for document in change.record.documents}
    before = change.before.documents if change.before else ()
    away = tuple(replace(document, missed=False) for document in before if document.row.id not in there)
    if not away:
        return ""
    whole = replace(change.record, documents=(*change.record.documents, *away))
    return stand(gate, whole, first_seen_in(change.memory, gate), zone, change.since).occurrence


def _still_lost(noted: Mapping[str, Json], change: Change) -> str:
    """Return what the gate lost, while any of it is out of sight: what is back and was seen is judged anew."""
    lost = str(noted.get("lost") or "")
    there = {str(document.row.id) for document in change.record.documents}
    return "" if {entry.partition(".v")[0] for entry in lost.split("+")} <= there else lost


def _moved(gate: Gate, change: Change, zone: tzinfo, *, opens: bool) -> bool:
    """Say whether the facts made the edge, not the rule: the gate of today stood otherwise at the last look."""
    if change.before is None:
        return True
    stood = _stood(gate, change, zone, opens=opens)
    return stood is not None and stood is not opens


def _stood(gate: Gate, change: Change, zone: tzinfo, *, opens: bool) -> bool | None:
    """Say whether the gate of today stood open on the facts of the last look; ``None`` where they do not tell.

    For an opening it stood open only on documents that were in sight, and on approvals that had not ended.
    """
    before, attributes = change.before, frozenset[str]().union(*(one.facts() for one in gate.requirements))
    looked = {kind.fact for kind in gate.kinds} | {marker(name) for name in attributes}
    if before is None or gate.name not in change.memory or not looked <= before.facts.keys():
        return None
    try:
        noted = first_seen_in(change.memory, gate)
        stood = stand(gate, replace(before, gone=False), noted, zone, change.since if opens else None)
    except (KeyError, RecordUnreadable):
        return None
    return stood.is_open and not (opens and stood.missed)


def _noted(standing: Standing, before: Mapping[str, Json], count: int, *, is_open: bool) -> dict[str, Json]:
    memory: dict[str, Json] = {"open": is_open, "n": count, "first_seen": dict(standing.first_seen)}
    if is_open and standing.approvals:
        since = max(one.since for one in standing.approvals).isoformat()
        newest = max(standing.approvals, key=lambda one: one.since).document
        memory["since"] = before.get("since") if before.get("open") else since
        memory["document"], memory["version"] = newest.row.name, newest.version.told
    return memory


def first_seen_in(memory: Mapping[str, Json], gate: Gate) -> dict[str, int]:
    """Return document id → version first seen as approved, as noted at the last look."""
    noted = memory.get(gate.name)
    seen = noted.get("first_seen") if isinstance(noted, Mapping) else None
    return {number: _whole(version) for number, version in seen.items()} if isinstance(seen, Mapping) else {}


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 0
