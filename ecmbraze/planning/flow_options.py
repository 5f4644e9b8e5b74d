"""The options that every flow from workspaces to people shares, as typed YAML; plans nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field, model_validator

from ecmbraze.planning import texts
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.rules import Rule, Section, Span

# Facts that are no category attributes of the workspace.
_BUILT_IN = ("workspace.", "document.", "reminder.")


class FlowOptions(Section):
    """Types, recipient, attributes, and how often."""

    enabled: bool = Field(True, description="false leaves the flow out of `ecmbraze run`")
    every: Span = Field(timedelta(minutes=15), description="how often `ecmbraze run` takes it up")
    workspace_types: tuple[str, ...] = Field(min_length=1, description="workspace types by name")
    customer: Customer = Field(description="where the recipient stands")
    create_profiles: bool = Field(False, description="create people Braze does not know, instead of waiting for them")
    attributes: dict[str, str] = Field(default_factory=dict, description="Braze attribute (prefix is added) → fact")

    @model_validator(mode="after")
    def _snake_case(self) -> FlowOptions:
        for name in self.attributes:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"attribute {name!r}: use snake_case")
        return self

    def outbound(self, rules: Iterable[Rule], prefix: str) -> list[tuple[str, str, str]]:
        """Return (fact that leaves ECM, where to, by which rule) for what all these flows send."""
        rows = [(self.customer.attribute, "identifies the person", "customer")]
        rows += [(fact, f"attribute {prefix}{name}", "attributes") for name, fact in self.attributes.items()]
        for rule in rules:
            for name, text in rule.send.properties.items():
                rows += [(fact, f"property {name}", rule.name) for fact in sorted(texts.named(text))]
        return rows

    def read(self, facts: Iterable[frozenset[str]]) -> frozenset[str]:
        """Return the category attributes to read: those of the rules, the attributes and the customer."""
        named = frozenset(self.attributes.values()).union(*facts)
        return frozenset(fact for fact in named if not fact.startswith(_BUILT_IN)) | self.customer.attributes()


def refuse_twins(rules: Iterable[Rule], what: str) -> None:
    """Raise ValueError when two rules share a name: it is part of the business key."""
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two {what} are named {name!r}")
