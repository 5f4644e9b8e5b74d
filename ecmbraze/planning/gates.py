"""A gate: the documents that must be approved, whether they are, and since when; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from pydantic import Field, model_validator

from ecmbraze.model import Kind, Record
from ecmbraze.planning.approval import Approval, Requirement, first_seen_by, judge
from ecmbraze.planning.document_kinds import DocumentKind, attributes_of
from ecmbraze.planning.naming import Scope
from ecmbraze.planning.rule_language import When, named, satisfied
from ecmbraze.planning.rules import Properties, Rule, Section, Send, refuse_unusable

# How the occurrence of a closing ends.
CLOSED = ".closed"


class Closing(Section):
    """What is recorded when a gate closes."""

    event: str = Field(max_length=255, description="custom event to record")
    properties: Properties = Field(
        default_factory=dict, description="name → text with ${fact}; ${document.name} is the one it rested on"
    )
    liquid: bool = Field(False, description="true: values that Braze may run as Liquid may go out")

    @model_validator(mode="after")
    def _sendable(self) -> Closing:
        refuse_unusable(self.properties, liquid=self.liquid)
        return self

    def facts(self) -> frozenset[str]:
        """Return the facts the properties name."""
        return frozenset().union(*(named(text) for text in self.properties.values()))


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

    def scope(self) -> Scope:
        return {"about": self.kinds}

    def facts(self) -> frozenset[str]:
        """Return every fact the gate names, also at its closing."""
        return Rule.facts(self) | (self.closed.facts() if self.closed else frozenset())

    def document_facts(self) -> frozenset[str]:
        """Return the ``Category.Attribute`` of documents that it judges, and that its texts name."""
        judged = frozenset[str]().union(*(one.facts() for one in self.requirements))
        return judged | attributes_of(self.facts())

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return (*self.all_of, *self.any_of)

    @property
    def kinds(self) -> tuple[DocumentKind, ...]:
        return tuple(requirement.document for requirement in self.requirements)

    def closing(self) -> Gate:
        """Return the rule whose event says that the gate closed."""
        return self.model_copy(update={"send": self._closing, "all_of": (), "any_of": ()})

    @property
    def _closing(self) -> Send:
        if self.closed is None:
            return Send.model_construct()
        properties = {"gate": self.name, **self.closed.properties}
        return Send.model_construct(event=self.closed.event, properties=properties, liquid=self.closed.liquid)

    def sending(self, kind: Kind, name: str) -> Send | None:
        """Return what sends this message: at the opening, or at the closing."""
        return Rule.sending(self, kind, name) or (self._closing if self._closing.names(kind) == name else None)

    def told(self) -> str:
        """Return the gate in words."""
        every = [one.document.told() for one in self.all_of]
        either = " or ".join(one.document.told() for one in self.any_of)
        names = " and ".join([*every, *([either] if either else [])])
        return f"approved: {names}" if names else ""

    def ended(self, record: Record, occurrence: str, zone: tzinfo, now: datetime) -> str | None:
        """Return why the documents an opening rests on are not what they were; a closing is never taken back.

        The version in the occurrence stands for the one first seen as approved. Another document that is approved
        beside them, by now, takes nothing back.
        """
        if occurrence.endswith(CLOSED):
            return None
        resting = dict(entry.split(".v") for entry in occurrence.partition(":")[2].split("+"))
        noted = {number: int(version) for number, version in resting.items()}
        mine = tuple(document for document in record.documents if str(document.row.id) in resting)
        if stand(self, replace(record, documents=mine), noted, zone, now).is_open:
            return self.stopped_by(record.named)
        standing = stand(self, record, noted, zone, now)
        moved = "other documents than planned are approved now"
        return moved if standing.is_open else f"the gate is closed: {standing.why}"


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
    def missed(self) -> bool:
        """Whether it rests on a document that the last look did not find."""
        return any(one.document.missed for one in self.approvals)

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
    # A document out of sight keeps its version: it may come back as another one with its category copied.
    there = {str(document.row.id) for document in record.documents}
    away = {number: version for number, version in noted.items() if number not in there}
    seen = away | dict(_seen(gate, record, noted, zone))
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


def _seen(gate: Gate, record: Record, noted: Mapping[str, int], zone: tzinfo) -> Iterable[tuple[str, int]]:
    for document in record.documents:
        for requirement in gate.requirements:
            if not requirement.document.fits(document):
                continue
            if version := first_seen_by(requirement, document, noted, zone):
                yield str(document.row.id), version


def _each_once(approvals: Iterable[Approval]) -> Iterable[Approval]:
    return {one.document.row.id: one for one in approvals}.values()
