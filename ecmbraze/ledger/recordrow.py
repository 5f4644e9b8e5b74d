"""One mirror row as a flow sees it: only its own facts and people; holds no query of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ecmbraze.flow import Needs
from ecmbraze.ledger.codec import load_documents, load_facts, moment
from ecmbraze.model import Facts, Key, PersonKey, Record, WorkspaceKey, keys
from ecmbraze.planning.document_kinds import relevant

RECORD_COLUMNS = "key, stream, name, created_at, modified_at, facts, missed, documents"
# delivery.md, "Watermarks": absence counts after two complete listings.
GONE = 2
# Of one stream: workspaces by their number, since the text of none begins with a zero.
IN_ORDER = "ORDER BY length(key), key"


def read_record(row: Sequence[object], needs: Needs) -> Record:
    """Return the record of one row selected with ``RECORD_COLUMNS``."""
    text, stream, name, created, modified, facts, missed, documents = row
    key, held, names = keys.read(str(text)), load_facts(str(facts)), needs.names(str(stream))
    return Record(
        key=key, stream=str(stream), name=str(name), created_at=moment(str(created)),
        modified_at=moment(str(modified)), facts={name: value for name, value in held.items() if name in names},
        customers=people(key, held, needs.mapping_of(str(stream))), gone=int(str(missed)) >= GONE,
        documents=relevant(load_documents(str(documents)), needs.documents),
    )  # fmt: skip


def people(key: Key, facts: Facts, mapping: str) -> tuple[str, ...]:
    """Return whom a record leads to: a person to themselves, a workspace to what stands under a customer mapping."""
    match key:
        case PersonKey(recipient=recipient):
            return (recipient,)
        case WorkspaceKey():
            found = facts.get(mapping) or ()
            return tuple(str(person) for person in found) if isinstance(found, tuple) else (str(found),)
