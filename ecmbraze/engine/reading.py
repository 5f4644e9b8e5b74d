"""Read one workspace whole: its details, and the documents that a rule may speak of; keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ecmbraze.model import Document, WorkspaceDetail
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.ports import DocumentReader, WorkspaceReader


class Reader(WorkspaceReader, DocumentReader, Protocol):
    """Extended ECM as the engine reads it."""


def read_whole(reader: Reader, number: int, kinds: Sequence[DocumentKind]) -> WorkspaceDetail:
    """Return a workspace with the documents that may be of one of the kinds, each with only the values kinds name.

    A document no rule names costs no request and is not kept. Raises RecordUnreadable when the workspace, one of its
    folders or one of these documents cannot be read: a missing document closes gates, so it is never guessed.
    """
    detail = reader.workspace(number)
    if not kinds:
        return detail
    names = frozenset().union(*(kind.names() for kind in kinds))
    rows = [row for row in reader.documents(number) if any(kind.may_be(row) for kind in kinds)]
    documents = (reader.document(row) for row in sorted(rows, key=lambda row: row.id))
    return replace(detail, documents=tuple(_only(document, names) for document in documents))


def _only(document: Document, names: frozenset[str]) -> Document:
    return replace(document, facts={name: value for name, value in document.facts.items() if name in names})
