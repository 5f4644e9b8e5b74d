"""Read one workspace with the related ones that say whom it belongs to; keeps nothing but what it is handed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ecmbraze.model import WorkspaceDetail
from ecmbraze.planning.customers import Customer
from ecmbraze.ports import WorkspaceReader


def read_whole(
    reader: WorkspaceReader, number: int, customers: Iterable[Customer], known: dict[int, WorkspaceDetail]
) -> WorkspaceDetail:  # fmt: skip
    """Return a workspace, with the related workspaces that a customer mapping names.

    ``known`` holds related workspaces that were read already, many belong to one. Raises RecordUnreadable when the
    workspace or one of the related ones cannot be read: whom it belongs to is never guessed.
    """
    detail = reader.workspace(number)
    related: dict[str, tuple[WorkspaceDetail, ...]] = {}
    for type_name in dict.fromkeys(customer.related for customer in customers if customer.related):
        others = reader.related(number, type_name)
        for other in others:
            if other not in known:
                known[other] = reader.workspace(other)
        related[type_name] = tuple(known[other] for other in others)
    return replace(detail, related=related) if related else detail
