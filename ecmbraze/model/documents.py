"""What Extended ECM says of the documents of a workspace, as typed values; asks nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.model.vocabulary import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """One document as a folder listing or a bulk read shows it: no categories, no versions.

    ``folder`` is its path under the workspace, ``"Correspondence/Incoming"``, empty at the top and where the source
    does not tell. Times are aware, whole seconds.
    """

    id: int
    name: str
    mime_type: str
    created_at: datetime
    modified_at: datetime
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The newest version of a document. ``number`` only grows; ``minor`` is 0 for a major version.

    Without advanced versioning ECM counts numbers only: then ``major`` is 0 as well (api/ecm.md 7).
    """

    number: int
    major: int
    minor: int
    created_at: datetime
    told: str
    """The version as people write it: ``2`` or, with advanced versioning, ``1.3``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document read whole: its newest version, its category values by name, its classifications by name."""

    row: DocumentRow
    version: Version
    facts: Facts = field(default_factory=dict)
    """``Category.Attribute`` → value, as for workspaces."""
    classifications: tuple[str, ...] = ()
    missed: bool = False
    """Whether the last look did not find it any more; after the second it is gone (delivery.md)."""

    @property
    def named(self) -> Facts:
        """Return its facts by the names rules and texts use: ``document.name`` and so on, and its attributes."""
        return {
            **{f"document.{name}": value for name, value in self.facts.items()},
            "document.id": self.row.id,
            "document.name": self.row.name,
            "document.folder": self.row.folder,
            "document.mime": self.row.mime_type,
            "document.version": self.version.told,
            "document.created": self.row.created_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHit:
    """What a search says of a document: which one, and among which containers it lies, outermost first.

    ``paths`` may be two: where the database has it, and where the index does (api/ecm.md 6.1).
    """

    id: int
    paths: tuple[tuple[int, ...], ...]
    modified_at: datetime | None = None
    """As the hit's row says, where it does; the index itself knows only the day."""
