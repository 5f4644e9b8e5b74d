"""What an Extended ECM in memory holds: types, categories, workspaces, documents, relations; answers nobody.

People work in it by the methods of :class:`EcmWorld`; each edit moves the modify date unless it is ``silent``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.model import Fact, Facts, Json

PERSON, ACCOUNT = 1000, 2000
"""Member ids: somebody at work, and the account of the product."""
_FIRST = 90_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute of a category; ``inner`` makes it a set of rows."""

    name: str
    type_name: str = "String"
    multi_value: bool = False
    valid_values: tuple[str, ...] = ()
    inner: tuple[Attribute, ...] = ()
    with_time: bool = True
    """Whether a date keeps its time of day."""


@dataclass(slots=True, kw_only=True)
class Paper:
    """A document, with all its versions: (number, made at, content)."""

    id: int
    name: str
    parent: int
    """The workspace it lies in."""
    folder: str
    mime: str
    created: datetime
    modified: datetime
    values: dict[str, Fact]
    categories: tuple[str, ...]
    classifications: tuple[str, ...]
    versions: list[tuple[int, datetime, bytes]]
    held: str = ""
    """Why nobody can write to it at the moment."""


@dataclass(slots=True, kw_only=True)
class Space:
    """A business workspace. ``values`` by ``Category.Attribute``, ``rows`` by ``Category.Set``."""

    id: int
    type: str
    name: str
    created: datetime
    modified: datetime
    values: dict[str, Fact]
    rows: dict[str, tuple[Facts, ...]]
    references: tuple[tuple[str, str, str], ...] = ()
    modified_by: int = PERSON
    hidden: bool = False
    """Whether our account no longer sees it."""
    unreadable: str = ""
    """Why its details cannot be read although it is listed."""
    held: str = ""
    """Why nobody can write to it at the moment."""
    lock: int = 1
    """Moves with each edit of a category: what the form is saved against."""
    related: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One thing our account wrote: an attribute, or a document with its folder."""

    kind: str
    node: int
    name: str
    value: Json
    folder: str = ""
    marker: str = ""
    """How the name of the document of an asset ends, where it was written there."""


class EcmWorld:
    """The tenant, and the people at work in it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.categories: dict[str, tuple[Attribute, ...]] = {}
        self.types: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.spaces: dict[int, Space] = {}
        self.papers: dict[int, Paper] = {}
        self.bin: dict[int, Space] = {}
        self._next = _FIRST
        self._book: list[Written] = []

    @property
    def book(self) -> tuple[Written, ...]:
        """Return what was written over the API so far, oldest first; no test can edit it."""
        return tuple(self._book)

    def now(self) -> datetime:
        """Return the server's instant; ECM keeps whole seconds (api/ecm.md 1.4)."""
        return self._now().replace(microsecond=0)

    def add_category(self, name: str, attributes: Sequence[Attribute | str]) -> None:
        """Define a category; a bare name is a text attribute."""
        self.categories[name] = tuple(Attribute(name=one) if isinstance(one, str) else one for one in attributes)

    def add_type(self, name: str, categories: Sequence[str]) -> None:
        """Define a workspace type with the categories of its template."""
        self.types[name] = (len(self.types) + 30, tuple(categories))

    def create(
        self,
        type_name: str,
        values: Mapping[str, Fact] | None = None,
        *,
        name: str = "",
        number: int = 0,
        rows: Mapping[str, Sequence[Facts]] | None = None,
        references: Sequence[tuple[str, str, str]] = (),
        created: datetime | None = None,
    ) -> int:
        """Make a workspace; return its id."""
        number = number or self._number()
        at = created or self.now()
        self.spaces[number] = Space(
            id=number,
            type=type_name,
            name=name or f"{type_name} {number}",
            created=at,
            modified=at,
            values={fact: kept(value) for fact, value in (values or {}).items()},
            rows={fact: tuple(found) for fact, found in (rows or {}).items()},
            references=tuple(references),
        )
        return number

    def edit(
        self,
        number: int,
        values: Mapping[str, Fact] | None = None,
        *,
        name: str = "",
        silent: bool = False,
        rows: Mapping[str, Sequence[Facts]] | None = None,
        by: int = PERSON,
    ) -> None:
        """Edit a workspace. ``silent`` moves no modify date, as a category edit need not (api/ecm.md 6)."""
        space = self.spaces[number]
        space.values |= {fact: kept(value) for fact, value in (values or {}).items()}
        space.rows |= {fact: tuple(found) for fact, found in (rows or {}).items()}
        space.name = name or space.name
        space.lock += 1
        if not silent:
            space.modified, space.modified_by = self.now(), by

    def delete(self, number: int) -> None:
        """Move a workspace to the recycle bin."""
        self.bin[number] = self.spaces.pop(number)

    def restore(self, number: int) -> None:
        self.spaces[number] = self.bin.pop(number)

    def relate(self, one: int, other: int) -> None:
        self.spaces[one].related.add(other)
        self.spaces[other].related.add(one)

    def file(
        self,
        parent: int,
        name: str,
        *,
        folder: str = "",
        mime: str = "application/pdf",
        content: bytes = b"",
        values: Mapping[str, Fact] | None = None,
        classifications: Sequence[str] = (),
        number: int = 0,
        categories: Sequence[str] = (),
        created: datetime | None = None,
    ) -> int:
        """File a document below a workspace; return its id. Its categories follow from its values."""
        number, at = number or self._number(), created or self.now()
        given = {fact: kept(value) for fact, value in (values or {}).items()}
        on = dict.fromkeys((*categories, *(fact.partition(".")[0] for fact in given)))
        self.papers[number] = Paper(
            id=number,
            name=name,
            parent=parent,
            folder=folder,
            mime=mime,
            created=at,
            modified=at,
            values=given,
            categories=tuple(on),
            classifications=tuple(classifications),
            versions=[(1, at, content or name.encode())],
        )
        return number

    def revise(self, number: int, content: bytes = b"") -> None:
        """Add a version to a document."""
        paper, at = self.papers[number], self.now()
        paper.versions.append((len(paper.versions) + 1, at, content or f"version of {paper.name}".encode()))
        paper.modified = at

    def mark(self, number: int, values: Mapping[str, Fact] | None = None, *, name: str = "") -> None:
        """Edit the values, or the name, of a document."""
        paper = self.papers[number]
        paper.values |= {fact: kept(value) for fact, value in (values or {}).items()}
        paper.name, paper.modified = name or paper.name, self.now()

    def move(self, number: int, parent: int, folder: str = "") -> None:
        """Move a document into another workspace, or another folder."""
        paper = self.papers[number]
        paper.parent, paper.folder, paper.modified = parent, folder, self.now()

    def remove(self, number: int) -> None:
        """Delete a document."""
        del self.papers[number]

    def carried(
        self, categories: Sequence[str], values: Mapping[str, Fact], rows: Mapping[str, Sequence[Facts]] | None = None
    ) -> dict[str, Fact]:
        """Return every attribute of the categories by name, what is not filled in empty; of a set, its columns."""
        found: dict[str, Fact] = {}
        for category in categories:
            for one in self.categories[category]:
                name = f"{category}.{one.name}"
                for inner in one.inner:
                    column = [row.get(inner.name) for row in (rows or {}).get(name, ())]
                    found[f"{name}.{inner.name}"] = kept([value for value in column if value is not None])
                if not one.inner:
                    found[name] = _several(one, values.get(name))
        return found

    def sets(self, space: Space) -> dict[str, tuple[Facts, ...]]:
        """Return ``Category.Set`` → its rows, each with every inner attribute."""
        return {
            f"{category}.{one.name}": tuple(
                {inner.name: kept(row.get(inner.name)) for inner in one.inner}
                for row in space.rows.get(f"{category}.{one.name}") or ({},)  # an empty set shows one empty row
            )
            for category in self.types[space.type][1]
            for one in self.categories[category]
            if one.inner
        }

    def _number(self) -> int:
        self._next += 1
        return self._next


def kept(value: Fact | list[Fact]) -> Fact:
    """Return a value as ECM gives it back: empty spellings are one, several are a tuple."""
    if isinstance(value, list | tuple):
        return tuple(value) or None  # type: ignore[arg-type]  # scalars, as tests write them
    return None if value == "" else value


def _several(attribute: Attribute, value: Fact) -> Fact:
    return (value,) if attribute.multi_value and value is not None and not isinstance(value, tuple) else value
