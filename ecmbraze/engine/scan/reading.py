"""Read one workspace with its related ones and its documents, as far as rules speak of them; keeps nothing else."""

from __future__ import annotations

from dataclasses import replace

from ecmbraze.engine.scan.records import TypeNeeds
from ecmbraze.model import BY_US, Document, WorkspaceDetail
from ecmbraze.ports import WorkspaceReader


def read_whole(
    reader: WorkspaceReader, number: int, needs: TypeNeeds, known: dict[int, WorkspaceDetail]
) -> WorkspaceDetail:  # fmt: skip
    """Return a workspace, with the related workspaces that a customer mapping names and the documents of the kinds.

    ``known`` holds related workspaces that were read already, many belong to one. Raises RecordUnreadable when the
    workspace, a related one, a folder or a document cannot be read: whom it belongs to and what is approved is never
    guessed.
    """
    detail = reader.workspace(number)
    if BY_US in needs.facts:
        facts = {**detail.facts, BY_US: detail.row.modified_by == reader.account_id()}
        detail = replace(detail, facts=facts)
    related: dict[str, tuple[WorkspaceDetail, ...]] = {}
    for type_name in dict.fromkeys(customer.related for customer in needs.customers if customer.related):
        others = reader.related(number, type_name)
        for other in others:
            if other not in known:
                known[other] = reader.workspace(other)
        related[type_name] = tuple(known[other] for other in others)
    return replace(detail, related=related, documents=_documents(reader, number, needs))


def _documents(reader: WorkspaceReader, number: int, needs: TypeNeeds) -> tuple[Document, ...]:
    """Read the documents that may be of one of the kinds, each with only the values that rules name.

    A document no rule names costs no request and is not kept.
    """
    if not needs.documents:
        return ()
    rows = [row for row in reader.documents(number) if any(kind.may_be(row) for kind in needs.documents)]
    classified = any(kind.classification for kind in needs.documents)
    names = needs.document_facts.union(*(kind.when or () for kind in needs.documents))
    documents = [reader.document(row, classified=classified) for row in sorted(rows, key=lambda row: row.id)]
    return tuple(
        replace(one, facts={name: value for name, value in one.facts.items() if name in names}) for one in documents
    )
