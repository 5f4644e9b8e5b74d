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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document read whole: its newest version, its category values by name, its classifications by name."""

    row: DocumentRow
    version: Version
    facts: Facts = field(default_factory=dict)
    """``Category.Attribute`` → value, as for workspaces."""
    classifications: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHit:
    """What a search says of a document: which one, and among which containers it lies, outermost first."""

    id: int
    ancestors: tuple[int, ...]
    modified_at: datetime | None = None
    """As the hit's row says, where it does; the index itself knows only the day."""
