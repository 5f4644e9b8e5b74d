"""Turn a detail read into the record the ledger keeps: only the facts that rules name, and whom it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import load_facts
from ecmbraze.model import Fact, Record, WorkspaceDetail
from ecmbraze.planning.customers import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeNeeds:
    """What all flows of a run together read of one workspace type."""

    name: str
    facts: frozenset[str]
    customers: tuple[Customer, ...]

    @property
    def names(self) -> frozenset[str]:
        """Everything the mirror must hold of each workspace: the facts and the people under each mapping."""
        return self.facts | {customer.fact for customer in self.customers}


def together(needs: Sequence[Needs]) -> tuple[TypeNeeds, ...]:
    """Merge what several flows need, so that each type is listed and read once."""
    names = dict.fromkeys(name for need in needs for name in need.types)
    return tuple(
        TypeNeeds(
            name=name,
            facts=frozenset().union(*(need.facts for need in needs if name in need.types)),
            customers=tuple({need.customer.fact: need.customer for need in needs if name in need.types}.values()),
        )
        for name in names
    )


def as_record(detail: WorkspaceDetail, needs: TypeNeeds) -> tuple[Record, Mapping[str, tuple[str, ...]]]:
    """Return the record and its people by mapping.

    An attribute the workspace does not carry is empty. Raises RecordUnreadable when the customer cannot be told.
    """
    people = {customer.fact: customer.people(detail) for customer in needs.customers}
    facts: dict[str, Fact] = {name: detail.facts.get(name) for name in needs.facts}
    facts.update(people)
    row = detail.row
    record = Record(
        id=row.id, type=needs.name, name=row.name, created_at=row.created_at, modified_at=row.modified_at, facts=facts,
        customers=next(iter(people.values()), ()),
    )  # fmt: skip
    return record, people


def for_flow(record: Record, customer: Customer) -> Record:
    """Return the record with the people of one flow's mapping."""
    people = record.facts.get(customer.fact) or ()
    names = tuple(str(person) for person in people) if isinstance(people, tuple) else (str(people),)
    return Record(
        id=record.id, type=record.type, name=record.name, created_at=record.created_at,
        modified_at=record.modified_at, facts=record.facts, customers=names,
    )  # fmt: skip


def refuse_vanished(record: Record, detail: WorkspaceDetail, before: str | None) -> None:
    """Quarantine a record that lost an attribute which held a value: a renamed attribute is not an empty one (E20)."""
    for name, value in load_facts(before or "{}").items():
        if value not in (None, ()) and name in record.facts and name not in detail.facts and "." in name:
            if name.startswith("customer: "):
                continue
            raise RecordUnreadable(f"attribute {name!r} not found any more; template changed?")
