"""One workspace row as a flow sees it: only its own facts and people; holds no query of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import load_documents, load_facts, moment
from ecmbraze.model import Facts, Record
from ecmbraze.planning.document_kinds import relevant

RECORD_COLUMNS = "id, type, name, created_at, modified_at, facts, missed, documents"
# delivery.md, "Watermarks": absence counts after two complete listings.
GONE = 2


def read_record(row: Sequence[object], needs: Needs) -> Record:
    """Return the record of one row selected with ``RECORD_COLUMNS``."""
    number, type_name, name, created, modified, facts, missed, documents = row
    held, names = load_facts(str(facts)), needs.names(str(type_name))
    return Record(
        id=int(str(number)), type=str(type_name), name=str(name), created_at=moment(str(created)),
        modified_at=moment(str(modified)), facts={name: value for name, value in held.items() if name in names},
        customers=people(held, needs.customer.fact), gone=int(str(missed)) >= GONE,
        documents=relevant(load_documents(str(documents)), needs.documents),
    )  # fmt: skip


def people(facts: Facts, customer: str) -> tuple[str, ...]:
    """Return whom facts lead to under a customer mapping."""
    found = facts.get(customer) or ()
    return tuple(str(person) for person in found) if isinstance(found, tuple) else (str(found),)
