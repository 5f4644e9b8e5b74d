"""What Extended ECM says of workspaces, as typed values; asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.model.documents import Document
from ecmbraze.model.vocabulary import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """One row of a workspace listing: no categories, only what the listing itself says.

    ``created_at`` and ``modified_at`` are aware, whole seconds. ``columns`` are the ``wnf_att_*`` values
    by their raw column name, dates as facts have them, empty where the tenant configured none.
    """

    id: int
    type_id: int
    name: str
    created_at: datetime
    modified_at: datetime
    columns: Facts = field(default_factory=dict)
    parent: int | None = None
    """The container it lies in, where ECM tells."""
    modified_by: int | None = None
    """Member id of who edited it last, where ECM tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspacePage:
    """One page of a listing. ``total`` is the server's own count when it gives one."""

    rows: tuple[WorkspaceRow, ...]
    total: int | None
    foreign: int = 0
    """Rows of another workspace type that were dropped (fault E17)."""
    unreadable: tuple[tuple[int, str], ...] = ()
    """Rows that cannot be used: (workspace id, reason), e.g. an implausible modify date (fault E16)."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column → its display name, on the first page and where the server tells; two may share a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceDetail:
    """One workspace with its category values.

    ``facts`` maps ``Category.Attribute`` and, for set rows, ``Category.Set`` to the values by *name*; see
    :class:`ecmbraze.ports.WorkspaceReader`.
    """

    row: WorkspaceRow
    facts: Facts
    sets: Mapping[str, tuple[Facts, ...]] = field(default_factory=dict)
    """``Category.Set`` → its rows in order, each a mapping of the inner attribute name to its value."""
    references: tuple[tuple[str, str, str], ...] = ()
    """Business objects: (external system, type, id); the id is text, zeros and all."""
    related: Mapping[str, tuple[WorkspaceDetail, ...]] = field(default_factory=dict)
    """Workspace type → the related workspaces of that type, where somebody asked for them."""
    documents: tuple[Document, ...] = ()
    """The documents that rules may speak of, in id order, where somebody asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeInfo:
    """What ECM says of one category attribute; ``type_name`` as in api/ecm.md 5.1 (String, Integer, Date, Boolean…)."""

    name: str
    """``Category.Attribute`` or ``Category.Set.Attribute``."""
    type_name: str
    multi_value: bool
    valid_values: tuple[str, ...] = ()
    """What a popup offers; empty for an attribute that takes anything."""
    set_name: str = ""
    """``Category.Set`` of an attribute that stands in the rows of a set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What keeps something from being written to a workspace. ``name`` is the attribute, empty for the workspace."""

    name: str
    said: str
    certain: bool = True
    """Whether nothing of it can be written while it stands; else it depends on the value, or on the server."""
    is_right: bool = False
