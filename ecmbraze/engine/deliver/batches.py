"""Group outbox rows into requests: as large as allowed, a recipient in one request only; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TypeVar

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch
from ecmbraze.engine.setting import BatchLimits
from ecmbraze.ledger.outbox import Row

Entry = TypeVar("Entry")


def batched(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield the entries in lists of at most ``size``."""
    source = iter(entries)
    while part := list(islice(source, size)):
        yield part


def build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    """Return the one request of rows that belong together; see :func:`divide`."""
    return channel_of(rows[0].action.kind).build(rows, attempt)


def divide(rows: Iterable[Row], limits: BatchLimits) -> Iterator[tuple[Row, ...]]:
    """Yield rows that go out together: what their channel lets share a request, whole recipients, within its size.

    No recipient stands in two of the groups, so that all of them may be in flight at once; what does not fit is left
    for the next call.
    """
    taken: set[str] = set()
    for _, group in groupby(sorted(rows, key=_together), key=_together):  # within each, as they came
        mine = list(group)
        packing = channel_of(mine[0].action.kind).packing
        bundle: list[Row] = []
        size = 0
        for recipient, entries in _by_recipient(row for row in mine if row.action.recipient not in taken).items():
            fitting = packing.fitting(entries, limits)
            cost = packing.objects(fitting, limits)
            if bundle and size + cost > packing.most(limits):
                yield tuple(bundle)
                bundle, size = [], 0
            bundle.extend(fitting)
            size += cost
            taken.add(recipient)
        if bundle:
            yield tuple(bundle)


def _together(row: Row) -> str:
    return channel_of(row.action.kind).packing.together(row.action)


def _by_recipient(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.action.recipient, []).append(row)
    return found
