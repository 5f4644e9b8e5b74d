"""A kind of document that a rule names: by name, folder, MIME type, classification or category; reads none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pydantic import Field, model_validator

from ecmbraze.model import Document, DocumentRow
from ecmbraze.planning.naming import ClassificationName, Scope
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Section


class DocumentKind(Section):
    """One kind of document; every entry given must fit."""

    name: str | None = Field(None, description='name pattern, e.g. "Claim Form*"; case does not matter')
    folder: str | None = Field(None, description='folder pattern under the workspace, e.g. "Correspondence/*"')
    mime: str | None = Field(None, description='MIME type pattern, e.g. "application/pdf" or "image/*"')
    classification: ClassificationName | None = Field(None, description="name of a classification it carries")
    when: When | None = Field(None, description="category values of the document")

    @model_validator(mode="after")
    def _says_something(self) -> DocumentKind:
        if not any((self.name, self.folder, self.mime, self.classification, self.when)):
            raise ValueError("say which document: name, folder, mime, classification or when")
        return self

    def scope(self) -> Scope:
        return {"documents": (self,)}

    @property
    def fact(self) -> str:
        """The name under which the mirror notes that documents of this kind were read; it changes with the kind."""
        told = (self.name, self.folder, self.mime, self.classification, sorted((self.when or {}).items()))
        return f"documents {hashlib.sha256(repr(told).encode()).hexdigest()[:12]}"

    def may_be(self, row: DocumentRow) -> bool:
        """Say whether a listing row can be of this kind, before anything more is read of it."""
        return _fits(row.name, self.name) and _fits(row.folder, self.folder) and _fits(row.mime_type, self.mime)

    def fits(self, document: Document) -> bool:
        """Say whether a document is of this kind. An attribute it does not carry is empty."""
        if not self.may_be(document.row):
            return False
        if self.classification and self.classification not in document.classifications:
            return False
        when = self.when or {}
        return satisfied(when, {name: document.facts.get(name) for name in when})

    def told(self) -> str:
        """Return the kind in words."""
        plain = [text for text in (self.name, self.folder, self.mime, self.classification) if text]
        return ", ".join([*plain, *(f"{name} is {entry.told()}" for name, entry in (self.when or {}).items())])


def relevant(documents: Iterable[Document], kinds: Sequence[DocumentKind]) -> tuple[Document, ...]:
    """Return the documents that may be of one of the kinds; what another flow needs is not this one's to see."""
    return tuple(document for document in documents if any(kind.may_be(document.row) for kind in kinds))


def attributes_of(facts: Iterable[str]) -> frozenset[str]:
    """Return the ``Category.Attribute`` of documents among the facts that texts name, without ``document.``."""
    bare = {name.removeprefix("document.") for name in facts if name.startswith("document.")}
    return frozenset(name for name in bare if "." in name)


def marker(attribute: str) -> str:
    """Return the name under which the mirror notes that an attribute of documents was read."""
    return f"document attribute {attribute}"


def _fits(text: str, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(text.casefold(), pattern.casefold())
