"""Who a workspace belongs to: the `customer:` of a flow, resolved from one workspace; asks no system."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Fact, Facts, WorkspaceDetail, recipients
from ecmbraze.planning.rules import Section

_SET = re.compile(r"(?P<set>[^\[\]]+)\[(?P<column>[^=\[\]]+)=(?P<value>[^\[\]]+)\]\.(?P<attribute>.+)")
BUSINESS_OBJECT = "business_object"


class Alias(Section):
    """A Braze user alias: the label is fixed, the name comes from the workspace."""

    alias: str = Field(description="alias label in Braze")


def _short_form(schema: dict[str, Any]) -> None:
    """Add the short form, the attribute alone, to the schema for editors."""
    section = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string"}, section]


class Customer(Section):
    """Where the recipient stands in the workspace, and how Braze knows them."""

    model_config = ConfigDict(json_schema_extra=_short_form)

    attribute: str = Field(description="Category.Attribute, Set[Column=Value].Attribute, or business_object")
    related: str | None = Field(None, description="type of the related workspace on which the attribute stands")
    identify: Literal["external_id", "email"] | Alias = Field(
        "external_id", alias="as", description="kind of id in Braze"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: object) -> object:
        return {"attribute": raw} if isinstance(raw, str) else raw

    @model_validator(mode="after")
    def _readable(self) -> Customer:
        if "[" in self.attribute and not _SET.fullmatch(self.attribute):
            raise ValueError("write a set row as Contacts[Role=Borrower].Customer Number")
        return self

    @property
    def fact(self) -> str:
        """The name under which the mirror keeps the people of a workspace; it changes with the mapping."""
        where = f" of related {self.related}" if self.related else ""
        return f"customer: {self.attribute}{where} as {self.kind}"

    @property
    def kind(self) -> str:
        """By what kind of id the person is known, in words; the same person under another kind is another recipient."""
        return f"alias {self.identify.alias}" if isinstance(self.identify, Alias) else self.identify

    def attributes(self) -> frozenset[str]:
        """Return the plain ``Category.Attribute`` names this mapping reads of the workspace itself."""
        plain = not self.related and self.attribute != BUSINESS_OBJECT and "[" not in self.attribute
        return frozenset({self.attribute}) if plain else frozenset()

    def row(self) -> tuple[str, str, str] | None:
        """Return (set, column, value) where the attribute stands in one row of a set; ``None`` for a plain one."""
        match = _SET.fullmatch(self.attribute)
        return (match["set"], match["column"], match["value"]) if match else None

    def people(self, detail: WorkspaceDetail) -> tuple[str, ...]:
        """Return the recipients, each once, in the order of the record; empty when it names nobody.

        Raises RecordUnreadable where one value is expected and several stand (fault E21).
        """
        sources = detail.related.get(self.related, ()) if self.related else (detail,)
        found = [text for one in sources for value in self._values(one) if (text := _identifier(value))]
        return tuple(dict.fromkeys(self._recipient(text) for text in found))

    def _values(self, detail: WorkspaceDetail) -> list[Fact]:
        if self.attribute == BUSINESS_OBJECT:
            return [reference[2] for reference in detail.references[:1]]
        if match := _SET.fullmatch(self.attribute):
            rows = _rows(detail, match["set"])
            return [row.get(match["attribute"]) for row in rows if str(row.get(match["column"])) == match["value"]]
        if self.attribute not in detail.facts:
            raise RecordUnreadable(f"attribute {self.attribute!r} not found on this workspace; template changed?")
        value = detail.facts[self.attribute]
        if isinstance(value, tuple) and len(value) > 1:
            raise RecordUnreadable(f"{self.attribute} holds {len(value)} values where one customer is expected")
        return list(value) if isinstance(value, tuple) else [value]

    def _recipient(self, text: str) -> str:
        if isinstance(self.identify, Alias):
            return recipients.write(recipients.Alias(label=self.identify.alias, name=text))
        if self.identify == "email":
            return recipients.write(recipients.Email(address=text))
        return recipients.write(recipients.ExternalId(value=text))


def _rows(detail: WorkspaceDetail, name: str) -> tuple[Facts, ...]:
    for full, rows in detail.sets.items():
        if full == name or full.endswith(f".{name}"):
            return rows
    raise RecordUnreadable(f"set {name!r} not found on this workspace; template changed?")


def _identifier(value: Fact) -> str:
    if isinstance(value, bool | float):
        raise RecordUnreadable(f"{value!r} is no customer number")
    text = "" if value is None else str(value).strip()
    if len(text.encode()) > 987:  # Braze refuses longer external ids (api/braze.md 1.5)
        raise RecordUnreadable("a customer number longer than 987 bytes")
    return text
