"""List what a flow's section names in ECM and Braze, each with its place in the file; looks nothing up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

from ecmbraze.config.places import Path
from ecmbraze.planning import rule_language
from ecmbraze.planning.customers import BUSINESS_OBJECT, Customer
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.flow_options import MappedOptions
from ecmbraze.planning.naming import Names
from ecmbraze.planning.rule_language import Condition
from ecmbraze.planning.rules import Section

_TELLING = (Customer, Section, Mapping, tuple, str)
"""The values of settings that may name anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One name at one place. ``name`` is bare: of a document's attribute without the leading ``document.``."""

    sort: Names
    name: str
    path: Path
    types: tuple[str, ...]
    """The workspace types it is said of."""
    documents: tuple[DocumentKind, ...] = ()
    """The kinds of document it is said of; without any it is said of the workspace."""
    about: tuple[DocumentKind, ...] = ()
    """The kinds of document whose facts the texts of its rule may name."""
    timed: bool = False
    """Whether its rule comes due by time, so that its texts may name ``reminder.days``."""
    asks: bool = False
    """Whether its rule asks for an answer, so that its texts may name ``feedback.token``."""
    waits: bool = False
    """Whether it may be what the open cases of a customer say, such as ``customer.open_since``."""
    condition: Condition | None = None
    customer: Customer | None = None


def named(flow: str, section: Section) -> Iterator[Named]:
    """Yield every name in a flow's section, in the order of its settings."""
    yield from _section(section, Named(sort=Names.TYPE, name="", path=("flows", flow), types=()))


def _section(section: Section, here: Named) -> Iterator[Named]:
    here = _context(section, here)
    for name, key, sort in _fields(type(section)):
        if not isinstance(value := getattr(section, name), _TELLING):
            continue
        at = replace(here, path=(*here.path, key))
        if isinstance(section, MappedOptions) and name == "customer":  # the types of `also` have one each
            at = replace(at, types=section.workspace_types)
        yield from _value(key, value, at, sort)


@cache
def _fields(section: type[Section]) -> tuple[tuple[str, str, Names | None], ...]:
    """Return (attribute, key in the file, what it names) of each setting."""
    return tuple(
        (name, field.alias or name, _sort([field.annotation, *field.metadata]))
        for name, field in section.model_fields.items()
    )


def _sort(parts: Iterable[Any]) -> Names | None:
    """Return what a setting of this type names; ``None`` for what cannot be looked up."""
    for part in parts:
        if sort := part if isinstance(part, Names) else _sort(get_args(part)):
            return sort
    return None


def _context(section: Section, here: Named) -> Named:
    """Return of what the names in a section are said: narrower types, a kind of document."""
    types = tuple(getattr(section, "workspace_types", ())) or here.types
    return replace(replace(here, types=types), **section.scope())


def _value(key: str, value: Any, here: Named, sort: Names | None) -> Iterator[Named]:
    match value:
        case Customer():
            yield from _customer(value, here)
        case Section():
            yield from _section(value, here)
        case Mapping():
            yield from _mapping(key, value, here)
        case tuple():
            for number, entry in enumerate(value):
                yield from _value(key, entry, replace(here, path=(*here.path, number)), sort)
        case str() if sort:
            yield replace(here, sort=sort, name=value)


def _mapping(key: str, value: Mapping[str, Any], here: Named) -> Iterator[Named]:
    for name, entry in value.items():
        at = replace(here, sort=Names.ATTRIBUTE, path=(*here.path, name))
        if isinstance(entry, Condition):
            yield replace(at, name=name, condition=entry)
        elif key == "metadata":
            yield replace(at, name=name)
        elif key == "attributes":
            yield replace(at, name=entry)
        elif key == "write":
            yield replace(at, name=name)
        else:
            yield from (_in_text(fact, at) for fact in sorted(rule_language.named(entry)))


def _in_text(fact: str, here: Named) -> Named:
    """Return what a text names: a fact of the document it is about, or of the workspace."""
    bare = fact.removeprefix("document.")
    if bare != fact and "." in bare and here.about:
        return replace(here, name=bare, documents=here.about)
    return replace(here, sort=Names.IN_TEXT, name=fact)


def _customer(customer: Customer, here: Named) -> Iterator[Named]:
    if customer.related:
        yield replace(here, sort=Names.TYPE, name=customer.related, path=(*here.path, "related"))
        here = replace(here, types=(customer.related,))
    if customer.attribute != BUSINESS_OBJECT:
        yield replace(here, sort=Names.CUSTOMER, name=customer.attribute, customer=customer)
