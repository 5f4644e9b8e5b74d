"""The options that every flow from workspaces to people shares, as typed YAML; plans nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from pydantic import Field, model_validator

from ecmbraze.model import Json, Record
from ecmbraze.planning import rule_language
from ecmbraze.planning.customers import Alias, Customer
from ecmbraze.planning.naming import CUSTOMER_FACTS, Scope, TypeName
from ecmbraze.planning.outbound import Outbound, Sort, attribute
from ecmbraze.planning.rules import Rule, Section, Span

# Facts that are no category attributes of the workspace.
_BUILT_IN = ("workspace.", "document.", "reminder.")


class Also(Section):
    """Further workspace types whose recipient stands elsewhere."""

    workspace_types: tuple[TypeName, ...] = Field(min_length=1, description="workspace types by name")
    customer: Customer = Field(description="where the recipient stands in these")


class MappedOptions(Section):
    """Types, recipient, and how often."""

    enabled: bool = Field(True, description="false leaves the flow out of `ecmbraze run`")
    every: Span = Field(timedelta(minutes=15), description="how often `ecmbraze run` takes it up")
    workspace_types: tuple[TypeName, ...] = Field(min_length=1, description="workspace types by name")
    customer: Customer = Field(description="where the recipient stands")
    also: tuple[Also, ...] = Field((), description="further workspace types with another `customer`")

    @model_validator(mode="after")
    def _names_once(self) -> MappedOptions:
        """Refuse two rules of one name: it is part of the business key."""
        for what in type(self).model_fields:
            listed = getattr(self, what)
            names = [entry.name for entry in listed if isinstance(entry, Rule)] if isinstance(listed, tuple) else []
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"two {what} are named {name!r}: give one of them another name")
        return self

    @model_validator(mode="after")
    def _types_once(self) -> MappedOptions:
        named = [*self.workspace_types, *(name for entry in self.also for name in entry.workspace_types)]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"workspace type {name!r} stands twice: each has one `customer`")
        return self

    @property
    def customers(self) -> Mapping[str, Customer]:
        """Workspace type → where its recipient stands, in the order of the section."""
        mine = dict.fromkeys(self.workspace_types, self.customer)
        return {**mine, **{name: entry.customer for entry in self.also for name in entry.workspace_types}}

    def scope(self) -> Scope:
        return {"types": tuple(self.customers)}

    def identifiers(self) -> Iterator[Outbound]:
        """Yield who it is about, by each customer mapping."""
        for customer in {one.fact: one for one in self.customers.values()}.values():
            kind = f"user_alias {identify.alias}" if isinstance(identify := customer.identify, Alias) else identify
            of = f" of the related {customer.related}" if customer.related else ""
            yield Outbound(sort=Sort.IDENTIFIER, name=kind, fact=f"{customer.attribute}{of}", rule="customer")


class FlowOptions(MappedOptions):
    """The options of a flow from workspaces to people: beside those, what is kept in the profiles."""

    create_profiles: bool = Field(False, description="create people Braze does not know, instead of waiting for them")
    attributes: dict[str, str] = Field(default_factory=dict, description="Braze attribute (prefix is added) → fact")

    @model_validator(mode="after")
    def _snake_case(self) -> FlowOptions:
        for name in self.attributes:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"attribute {name!r}: use snake_case, such as {_snake_case(name)}")
        return self

    def attribute_values(self, record: Record, prefix: str) -> dict[str, Json]:
        """Return what the attributes of the section are by this record, under their full names."""
        facts = record.named
        return {f"{prefix}{name}": rule_language.plain(facts.get(fact)) for name, fact in self.attributes.items()}

    def outbound(self, prefix: str) -> Iterator[Outbound]:
        """Yield what leaves whatever the rules are: who it is about, and the attributes."""
        yield from self.identifiers()
        for name, fact in self.attributes.items():
            yield from attribute(f"{prefix}{name}", [fact], "attributes")

    def read(self, facts: Iterable[frozenset[str]]) -> frozenset[str]:
        """Return the category attributes to read: those of the rules and the attributes."""
        named = frozenset(self.attributes.values()).union(*facts)
        return frozenset(fact for fact in named if not fact.startswith(_BUILT_IN) and fact not in CUSTOMER_FACTS)


def _snake_case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789") or "name"
