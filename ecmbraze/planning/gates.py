"""A gate: the documents that must be approved, whether they are, and since when; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from pydantic import Field, model_validator

from ecmbraze.model import Change, Json, Record
from ecmbraze.planning.approval import Approval, Requirement, first_seen_by, judge
from ecmbraze.planning.conditions import When, satisfied
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.hits import Hit
from ecmbraze.planning.rules import Rule, Section, Send

CLOSED = ".closed"


class Closing(Section):
    """What is recorded when a gate closes."""

    event: str = Field(max_length=255, description="custom event to record")


class Gate(Rule):
    """Documents that must be approved before `send` goes out."""

    when: When = Field(default_factory=dict, description="fact of the workspace → value; all must hold")
    all_of: tuple[Requirement, ...] = Field((), description="every one of these documents")
    any_of: tuple[Requirement, ...] = Field((), description="at least one of these documents")
    closed: Closing | None = Field(None, description="what is recorded when the gate closes")

    @model_validator(mode="after")
    def _needs_documents(self) -> Gate:
        if not self.all_of and not self.any_of:
            raise ValueError("name the documents: all_of, any_of or both")
        return self

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return (*self.all_of, *self.any_of)

    @property
    def kinds(self) -> tuple[DocumentKind, ...]:
        return tuple(requirement.document for requirement in self.requirements)

    def closing(self) -> Gate:
        """Return the rule whose event says that the gate closed."""
        event = self.closed.event if self.closed else None
        send = Send.model_construct(event=event, properties={"gate": self.name})
        return self.model_copy(update={"send": send, "all_of": (), "any_of": ()})

    def told(self) -> str:
        """Return the gate in words."""
        every = [one.document.told() for one in self.all_of]
        either = " or ".join(one.document.told() for one in self.any_of)
        names = " and ".join([*every, *([either] if either else [])])
        return f"approved: {names}" if names else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a gate stands for one workspace. ``why`` says what keeps it closed."""

    approvals: tuple[Approval, ...] = ()
    why: str = ""
    first_seen: Mapping[str, int]

    @property
    def is_open(self) -> bool:
        return not self.why

    @property
    def until(self) -> datetime | None:
        """When the first of its approvals ends by itself."""
        return min((one.until for one in self.approvals if one.until), default=None)

    @property
    def occurrence(self) -> str:
        """The documents and versions it rests on: another version is another happening."""
        return "+".join(f"{one.document.row.id}.v{one.document.version.number}" for one in self.approvals)


def stand(gate: Gate, record: Record, noted: Mapping[str, int], zone: tzinfo, now: datetime | None) -> Standing:
    """Return where the gate stands, with ``noted`` from the last look: document id → version first seen as approved.

    Without ``now`` no approval has expired. Raises RecordUnreadable, KeyError for facts that cannot be judged.
    """
    seen = dict(_seen(gate, record, noted))
    if record.gone:
        return Standing(why="the workspace is gone", first_seen=seen)
    if not satisfied(gate.when, record.named):
        return Standing(why=f"not {Rule.told(gate)}", first_seen=seen)
    approvals: list[Approval] = []
    for one in gate.all_of:
        best, why = _best(one, record, seen, zone, now)
        if best is None:
            return Standing(why=why, first_seen=seen)
        approvals.append(best)
    either = [_best(one, record, seen, zone, now) for one in gate.any_of]
    found = [best for best, _ in either if best is not None]
    if gate.any_of and not found:
        return Standing(why="; ".join(why for _, why in either), first_seen=seen)
    return Standing(approvals=tuple(_each_once([*approvals, *found[:1]])), first_seen=seen)


def _best(
    requirement: Requirement, record: Record, seen: Mapping[str, int], zone: tzinfo, now: datetime | None
) -> tuple[Approval | None, str]:
    """Return the approval that lasts longest, or why there is none."""
    reasons, found = [], list[Approval]()
    for document in record.documents:
        if requirement.document.fits(document):
            judged = judge(requirement, document, seen.get(str(document.row.id)), zone)
            if isinstance(judged, str):
                reasons.append(judged)
            elif now is not None and judged.until is not None and judged.until <= now:
                reasons.append(f"the approval of {document.row.name!r} ended on {judged.until:%Y-%m-%d %H:%M} UTC")
            else:
                found.append(judged)
    if not found:
        return None, "; ".join(reasons) or f"no document {requirement.document.told()}"
    never = datetime.max.replace(tzinfo=zone)
    return max(found, key=lambda one: (not one.document.missed, one.until or never, one.document.row.id)), ""


def _seen(gate: Gate, record: Record, noted: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    for document in record.documents:
        for requirement in gate.requirements:
            if requirement.document.fits(document) and (version := first_seen_by(requirement, document, noted)):
                yield str(document.row.id), version


def _each_once(approvals: Iterable[Approval]) -> Iterable[Approval]:
    return {one.document.row.id: one for one in approvals}.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A gate that opened or closed."""

    hit: Hit
    standing: Standing

    @property
    def opened(self) -> bool:
        return self.standing.is_open


def edge(
    gate: Gate, change: Change, standing: Standing, *, backfill: bool = False
) -> tuple[Edge | None, dict[str, Json]]:
    """Return what happened at the gate since the last look, and what to note of it.

    A gate that is new to the record, or one of whose kinds was never looked for before, is noted as it stands. What is
    gone closes its gates without a word. A backfill takes an open gate as one that opened.
    """
    noted = change.memory.get(gate.name)
    before = noted if isinstance(noted, Mapping) else {}
    looked = change.before is None or {kind.fact for kind in gate.kinds} <= change.before.facts.keys()
    known = change.before is None or (noted is not None and looked)
    was, count = bool(before.get("open")), _whole(before.get("n"))
    missed = any(one.document.missed for one in standing.approvals)
    opens, closes = standing.is_open and not was and not missed, was and not standing.is_open
    count += opens
    memory = _noted(standing, before, count, is_open=opens or (was and not closes))
    happened = (opens or closes) and known and change.fires
    if not happened and not (backfill and standing.is_open):
        return None, memory
    occurrence = f"{count}{CLOSED}" if closes else f"{count}:{standing.occurrence}"
    return Edge(hit=Hit(gate.closing() if closes else gate, occurrence), standing=standing), memory


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
