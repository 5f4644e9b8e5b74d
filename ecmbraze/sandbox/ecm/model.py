"""The things the simulated ECM holds: definitions and nodes; no behaviour that needs the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FOLDER, VOLUME, DOCUMENT, WORKSPACE, CATEGORY = 0, 141, 144, 848, 131
TASK_LIST, BELOW_A_TASK_LIST = 204, frozenset({205, 206, 212})  # groups, tasks, milestones
CONTAINERS = frozenset({0, 132, 136, 141, 202, 751, 848, 862, 899})
TYPE_NAMES = {
    FOLDER: "Folder",
    CATEGORY: "Category",
    VOLUME: "Enterprise Workspace",
    140: "URL",
    DOCUMENT: "Document",
    TASK_LIST: "Task List",
    205: "Task Group",
    206: "Task",
    212: "Milestone",
    WORKSPACE: "Business Workspace",
}
ENTERPRISE = 2000
ROLES = ("Account Manager", "Member")  # of workspace types for which none are said
MOST_VALUES, MOST_ROWS = 50, 100  # of an attribute with several values, of a set (choice)

# Attribute id → value, set id → list of rows, each attribute id → value. A text key "<id>_multilingual" holds the
# languages of a multilingual attribute.
Values = dict[Any, Any]


@dataclass(slots=True, kw_only=True)
class Attribute:
    """One attribute of a category; a set when ``inner`` is not None (its rows carry those attributes)."""

    id: int
    name: str
    type_name: str = "String"
    multi_value: bool = False
    required: bool = False
    max_length: int = 254
    read_only: bool = False
    with_time: bool = False
    """A date keeps its time of day only where it is defined with a time field (5.3)."""
    valid_values: tuple[str, ...] = ()
    multilingual: bool = False
    default: Any = None
    empty: str | None = None
    """What an empty single value looks like: null or "" (5.2: it depends on the attribute)."""
    inner: list[Attribute] | None = None

    @property
    def is_set(self) -> bool:
        return self.inner is not None

    def blank_row(self) -> dict[int, Any]:
        """Return a fresh row of a set, all of it empty."""
        return {inner.id: inner.nothing() for inner in self.inner or ()}

    def nothing(self) -> Any:
        """Return a fresh empty value of this attribute."""
        if self.is_set or self.multi_value:
            return []
        return self.empty if self.type_name == "String" else None


@dataclass(slots=True, kw_only=True)
class Category:
    """A category definition; its id is that of its node."""

    id: int
    name: str
    attributes: list[Attribute] = field(default_factory=list)
    last_id: int = 1
    """The last attribute id that was given away; none is given twice (5.2)."""

    def by_id(self, attribute_id: int) -> Attribute | None:
        """Return the attribute or set with this id, or None."""
        return next((a for a in self.attributes if a.id == attribute_id), None)

    def by_name(self, name: str) -> Attribute | None:
        """Return the attribute or set with this name, or None."""
        return next((a for a in self.attributes if a.name == name), None)

    def blank(self) -> Values:
        """Return the values of a freshly applied category: defaults, otherwise empty."""
        values: Values = {}
        for attribute in self.attributes:
            values[attribute.id] = attribute.nothing() if attribute.default is None else attribute.default
            if attribute.multilingual:
                values[f"{attribute.id}_multilingual"] = {}
        return values


@dataclass(slots=True, kw_only=True)
class WorkspaceType:
    """A business workspace type with its template's categories and the folder its workspaces are made in."""

    id: int
    name: str
    names: dict[str, str]
    template_id: int
    folder_id: int
    config_node_id: int
    category_ids: tuple[int, ...]
    roles: tuple[str, ...]
    """The roles that each of its workspaces has, by name; the first one leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The business object behind a workspace; ``bo_id`` is text, zeros and all (3.4)."""

    ext_system_id: str
    bo_type: str
    bo_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a document; ``created`` in epoch seconds. Without advanced versioning only ``number`` counts."""

    id: int
    number: int
    major: int
    minor: int
    created: int
    content: bytes
    mime_type: str
    file_name: str
    description: str = ""
    by: int = 1000


@dataclass(slots=True)
class Node:
    """One item. Times are whole seconds since 1970, UTC (1.4: no finer stamp exists).

    ``rare`` holds what few nodes have: description, content, references, a raw modify date …
    """

    id: int
    subtype: int
    name: str
    parent_id: int
    created: int
    modified: int
    type_id: int = 0
    values: dict[int, Values] = field(default_factory=dict)
    revision: int = 1
    rare: dict[str, Any] | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return a rare property."""
        return default if self.rare is None else self.rare.get(key, default)

    def put(self, key: str, value: Any) -> None:
        """Set a rare property."""
        self.rare = {**(self.rare or {}), key: value}
