"""Turn a detail read into the record the ledger keeps: only the facts that rules name, and whom it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import load_facts
from ecmbraze.ledger.recordrow import people as led_to
from ecmbraze.model import Document, Fact, Record, WorkspaceDetail, WorkspaceKey, keys
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.document_kinds import DocumentKind, marker, relevant


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


def as_record(detail: WorkspaceDetail, needs: TypeNeeds) -> tuple[Record, Mapping[str, tuple[str, ...]]]:
    """Return the record and its people by mapping.

    An attribute the workspace does not carry is empty. Raises RecordUnreadable when the customer cannot be told.
    """
    people = {customer.fact: customer.people(detail) for customer in needs.customers}
    facts: dict[str, Fact] = {name: detail.facts.get(name) for name in needs.facts}
    facts.update(people)
    facts.update(dict.fromkeys(needs.markers, True))
    row = detail.row
    record = Record(
        key=WorkspaceKey(id=row.id), stream=needs.stream, name=row.name, created_at=row.created_at,
        modified_at=row.modified_at, facts=facts, customers=next(iter(people.values()), ()), documents=detail.documents,
    )  # fmt: skip
    return record, people


def for_flow(record: Record, needs: Needs) -> Record:
    """Return the record with the people and the documents of one flow."""
    people = led_to(record.key, record.facts, needs.mapping_of(record.stream))
    return replace(record, customers=people, documents=relevant(record.documents, needs.documents))


def with_missed(record: Record, before: Sequence[Document]) -> Record:
    """Return the record with the documents that were there before and are not found now, for one more look.

    Absence counts after two looks (delivery.md): what this look misses may be hidden or moving.
    """
    found = {document.row.id for document in record.documents}
    missed = [replace(old, missed=True) for old in before if not old.missed and old.row.id not in found]
    return replace(record, documents=tuple(sorted((*record.documents, *missed), key=lambda one: one.row.id)))


def refuse_vanished(record: Record, detail: WorkspaceDetail, before: str) -> None:
    """Quarantine a record that lost an attribute which held a value: a renamed attribute is not an empty one (E20)."""
    for name, value in load_facts(before).items():
        if value not in (None, ()) and name in record.facts and name not in detail.facts and "." in name:
            if name.startswith(("customer: ", "document")):
                continue
            raise RecordUnreadable(f"attribute {name!r} not found any more; template changed?")
