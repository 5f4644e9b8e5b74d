"""What a flow reads of each side, as values, and what several flows read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ecmbraze.model import ContentKind, Kind, keys
from ecmbraze.planning.assets import facts as assets
from ecmbraze.planning.context import Context as Context
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.document_kinds import DocumentKind, marker
from ecmbraze.planning.engagement import Engagement as Engagement


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How often people in Braze are looked at: everybody once ``within`` a span, those looked at longest ago first."""

    within: timedelta
    every: timedelta
    """How often the flow runs: each run takes its share."""
    requests: int
    """How many exports of 50 people one run may make."""
    segment: str = ""
    """Id of a segment through which everybody is looked at at once; empty for none."""
    currents: str = ""
    """Folder of Currents files, which say whom to look at first and since when; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentNeeds:
    """Which content of Braze a flow reads, and into which workspace it goes."""

    kinds: tuple[ContentKind, ...]
    tag: str
    """Only what carries it is read."""
    full_scan: timedelta
    """How often everything is read, whatever the lists say of edits."""
    place: tuple[str, str]
    """Type and name of the workspace."""
    rendering: bool
    """Whether e-mails are rendered too."""
    expected: tuple[str, ...] = ()
    """Names of assets that must be archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """How many writes of some kinds one run of a flow may make without a person, by the name of the setting."""

    name: str
    kinds: frozenset[Kind]
    most: int
    what: str
    """What is counted, in the words of the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """That only those people in Braze are looked at to whom a flow sent a message, for a span and once after it."""

    flow: str
    within: timedelta
    requests: int
    """How many exports of 50 people one run may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """That it is told of some people, and of no others, whether they are silent in Braze."""

    flow: str
    """Who they are is for the flow to say; see ``Flow.candidates``."""
    by: tuple[Engagement, ...]
    requests: int
    """How many exports of 50 people one run may make."""
    segment_files: str = ""
    """Folder with the exports of segments that Braze puts into storage of the customer; empty for none."""
    currents_files: str = ""
    """Folder of Currents files; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a flow reads: of workspaces the types, the facts and documents its rules name, and whom they belong to; of
    people in Braze the facts it names.
    """

    customers: Mapping[str, Customer] = field(default_factory=dict)
    """Workspace type → where its recipient stands; the types in the order of the configuration."""
    facts: frozenset[str] = frozenset()
    """``Category.Attribute`` of workspaces that rules and attributes name."""
    documents: tuple[DocumentKind, ...] = ()
    document_facts: frozenset[str] = frozenset()
    """``Category.Attribute`` of documents, beside those the kinds themselves ask for."""
    watched: bool = False
    """Whether its documents are looked at in every run: what they allow ends with them."""

    foreign: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Type → facts that only rules for other types name: its workspaces need not carry them."""
    people: frozenset[str] = frozenset()
    """Facts of people in Braze; a flow that names one plans people as it plans workspaces."""
    rotation: Rotation | None = None
    """How people are looked at; where ``people`` is set, this is or ``asked``."""
    asked: Asked | None = None
    """That of the people only those are looked at whom the flow asked something."""
    silence: Silence | None = None
    """That of some people it is told whether they are silent in Braze."""
    content: ContentNeeds | None = None
    """Content of Braze; a flow that names any plans assets as it plans workspaces."""
    _of_streams: dict[str, tuple[str, frozenset[str]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Stream → its mapping and its names: asked of every record."""

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(self.customers)

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams whose records the flow plans."""
        people = (keys.PEOPLE,) if self.people else ()
        kinds = self.content.kinds if self.content else ()
        return (*(keys.workspaces(name) for name in self.types), *people, *(keys.content(kind) for kind in kinds))

    @property
    def mappings(self) -> Mapping[str, Customer]:
        """The customer mappings, each once, by the fact under which the mirror keeps its people."""
        return {customer.fact: customer for customer in self.customers.values()}

    def mapping_of(self, stream: str) -> str:
        """Return the fact under which the mirror keeps whom records of a stream lead to; empty for people.

        Workspaces of a type that the flow ceased to name are still its first mapping's.
        """
        return self._of(stream)[0]

    def names(self, stream: str) -> frozenset[str]:
        """Return every name under which the mirror holds something of a record of this stream for this flow."""
        return self._of(stream)[1]

    def _of(self, stream: str) -> tuple[str, frozenset[str]]:
        if stream not in self._of_streams:
            mapping = self._mapping_of(stream)
            self._of_streams[stream] = mapping, self._names(stream, mapping)
        return self._of_streams[stream]

    def _mapping_of(self, stream: str) -> str:
        type_name = keys.type_of(stream)
        customer = self.customers.get(type_name) or next(iter(self.customers.values()), None)
        return customer.fact if type_name and customer else ""

    def of(self, type_name: str) -> frozenset[str]:
        """Return the facts that every workspace of one type is read for."""
        customer = self.customers.get(type_name)
        return self.facts - self.foreign.get(type_name, frozenset()) | (customer.attributes() if customer else set())

    def _names(self, stream: str, mapping: str) -> frozenset[str]:
        if stream == keys.PEOPLE:
            return self.people
        if keys.kind_of(stream):
            return assets.FACTS
        attributes = {marker(name) for name in self.document_facts}
        kinds = {kind.fact for kind in self.documents}
        return self.of(keys.type_of(stream)) | {mapping} | kinds | attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeNeeds:
    """What all flows of a run together read of one workspace type."""

    name: str
    facts: frozenset[str]
    customers: tuple[Customer, ...]
    documents: tuple[DocumentKind, ...] = ()
    document_facts: frozenset[str] = frozenset()
    watched: tuple[DocumentKind, ...] = ()

    @property
    def stream(self) -> str:
        return keys.workspaces(self.name)

    @property
    def names(self) -> frozenset[str]:
        """Everything the mirror must hold of each workspace: facts, people by mapping, documents by kind."""
        return self.facts | {customer.fact for customer in self.customers} | self.markers

    @property
    def markers(self) -> frozenset[str]:
        """The facts that say which documents were looked for, and what was read of them."""
        return frozenset({kind.fact for kind in self.documents} | {marker(name) for name in self.document_facts})


def together(needs: Sequence[Needs]) -> tuple[TypeNeeds, ...]:
    """Merge what several flows need, so that each type is listed and read once."""
    return tuple(
        of_type(name, [need for need in needs if name in need.types])
        for name in dict.fromkeys(name for need in needs for name in need.types)
    )


def of_type(name: str, needs: Sequence[Needs]) -> TypeNeeds:
    """Return what these flows together read of one workspace type."""
    return TypeNeeds(
        name=name,
        facts=frozenset().union(*(need.of(name) for need in needs)),
        customers=tuple({one.fact: one for need in needs if (one := need.customers.get(name))}.values()),
        documents=_kinds(needs),
        document_facts=frozenset().union(*(need.document_facts for need in needs)),
        watched=_kinds([need for need in needs if need.watched]),
    )


def _kinds(needs: Sequence[Needs]) -> tuple[DocumentKind, ...]:
    return tuple({kind.fact: kind for need in needs for kind in need.documents}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleNeeds:
    """What all flows of a round together read of people; ``mappings`` say which people take their turns."""

    mappings: tuple[str, ...]
    facts: frozenset[str]
    rotation: Rotation | None
    """``None`` where only people are looked at who were asked something."""
    asked: tuple[Asked, ...] = ()
    silence: tuple[Silence, ...] = ()

    @property
    def requests(self) -> int:
        """How many exports of 50 people one run may make."""
        others = sum(one.requests for one in self.asked) + sum(one.requests for one in self.silence)
        return (self.rotation.requests if self.rotation else 0) + others


def of_people(needs: Sequence[Needs]) -> PeopleNeeds | None:
    """Merge what several flows need of people, so that everybody is looked at once; ``None`` where none needs any."""
    mine = [need for need in needs if need.people]
    if not mine:
        return None
    turning = [need for need in mine if need.rotation]
    return PeopleNeeds(
        mappings=tuple(dict.fromkeys(mapping for need in turning for mapping in need.mappings)),
        facts=frozenset().union(*(need.people for need in mine)),
        rotation=_rotation([need.rotation for need in turning if need.rotation]),
        asked=tuple(dict.fromkeys(need.asked for need in mine if need.asked)),
        silence=tuple(dict.fromkeys(need.silence for need in mine if need.silence)),
    )


def _rotation(every: Sequence[Rotation]) -> Rotation | None:
    if not every:
        return None
    return Rotation(
        within=min(one.within for one in every),
        every=min(one.every for one in every),
        requests=max(one.requests for one in every),
        segment=next((one.segment for one in every if one.segment), ""),
        currents=next((one.currents for one in every if one.currents), ""),
    )
