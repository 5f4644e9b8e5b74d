"""What Braze says of its content: templates, Content Blocks, campaigns, Canvases; as typed values, asks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ecmbraze.model.vocabulary import Json, Kind


class ContentKind(StrEnum):
    """A sort of asset, by the name that the configuration has for it."""

    EMAIL_TEMPLATES = "email_templates"
    CONTENT_BLOCKS = "content_blocks"
    CAMPAIGNS = "campaigns"
    CANVASES = "canvases"

    @property
    def one(self) -> str:
        """What a report calls one of them."""
        match self:
            case ContentKind.EMAIL_TEMPLATES:
                return "template"
            case ContentKind.CONTENT_BLOCKS:
                return "Content Block"
            case ContentKind.CAMPAIGNS:
                return "campaign"
            case ContentKind.CANVASES:
                return "Canvas"

    @classmethod
    def of(cls, kind: Kind) -> ContentKind | None:
        """Return what a message of this kind shows people; ``None`` for what shows them nothing by itself."""
        return {Kind.CAMPAIGN: cls.CAMPAIGNS, Kind.CANVAS: cls.CANVASES}.get(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRow:
    """One asset as a list shows it. ``edited`` is what Braze says of its last edit: it does not tell every one."""

    kind: ContentKind
    id: str
    name: str
    tags: tuple[str, ...]
    edited: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One asset with everything that Braze gives of it."""

    row: ContentRow
    parts: Mapping[str, Json]
    """What people read or what makes it, by the names of the API; no dates, no state."""
    about: Mapping[str, Json] = field(default_factory=dict)
    """What else belongs into its manifest: when it was made, whether it is a draft, its schedule."""
    channels: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBytes:
    """The bytes of a document that is to be stored, without having all of them in memory."""

    sha256: str
    size: int
    pieces: Callable[[], Iterable[bytes]]
    """Yields them from the first on, each time it is called."""

    @classmethod
    def measured(cls, pieces: Callable[[], Iterable[bytes]]) -> DocumentBytes:
        """Return bytes that are made anew each time; they are made once to know them."""
        digest, size = hashlib.sha256(), 0
        for piece in pieces():
            digest.update(piece)
            size += len(piece)
        return cls(sha256=digest.hexdigest(), size=size, pieces=pieces)

    @classmethod
    def of(cls, content: bytes) -> DocumentBytes:
        """Return bytes that are in memory anyway."""
        return cls(sha256=hashlib.sha256(content).hexdigest(), size=len(content), pieces=lambda: (content,))
