"""The content of the twin of Braze: assets that people edit, with dates of edits that do not tell every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Asset, ContentKind, ContentRow, Json
from tests.twins.wire import Wire


@dataclass(slots=True, kw_only=True)
class Written:
    """One asset as it is now."""

    name: str
    tags: tuple[str, ...]
    parts: dict[str, Json]
    edited: datetime
    archived: bool = False
    channels: tuple[str, ...] = ("email",)


@dataclass(slots=True)
class TwinContent:
    """Implements ContentReader."""

    wire: Wire
    assets: dict[tuple[ContentKind, str], Written] = field(default_factory=dict)
    reads: int = 0
    before_read: Callable[[ContentRow], None] = lambda row: None
    """What people do just before an asset is read."""

    def put(self, kind: ContentKind, number: str, *, unlisted: bool = False, **fields: Any) -> None:
        """Make or edit an asset: ``name``, ``tags``, ``archived``, ``channels``; anything else is a part of it."""
        known = self.assets.get((kind, number))
        now = self.wire.clock.true().replace(microsecond=0)
        one = known or Written(name=number, tags=(), parts={}, edited=now)
        own = {name: fields.pop(name) for name in ("name", "tags", "archived", "channels") if name in fields}
        own |= {name: tuple(own[name]) for name in ("tags", "channels") if name in own}
        edited = one.edited if unlisted and known else now
        self.assets[kind, number] = replace(one, **own, parts={**one.parts, **fields}, edited=edited)

    def delete(self, kind: ContentKind, number: str) -> None:
        del self.assets[kind, number]

    def content_rows(self, kind: ContentKind, since: datetime | None) -> Sequence[ContentRow]:
        self.wire.read("braze content list")
        after = since - timedelta(microseconds=1) if since else None
        return [
            _row(kind, number, one)
            for (of, number), one in self.assets.items()
            if of is kind and (after is None or one.edited > after)
        ]

    def asset(self, row: ContentRow) -> Asset:
        self.wire.read("braze content detail")
        self.reads += 1
        self.before_read(row)
        one = self.assets.get((row.kind, row.id))
        if one is None:
            raise RecordUnreadable(f"Braze does not give the {row.kind.one} {row.id} (status 400)")
        return Asset(
            row=_row(row.kind, row.id, one),
            parts=dict(one.parts),
            about={},
            channels=one.channels,
            archived=one.archived,
        )


def _row(kind: ContentKind, number: str, one: Written) -> ContentRow:
    return ContentRow(kind=kind, id=number, name=one.name, tags=one.tags, edited=one.edited)
