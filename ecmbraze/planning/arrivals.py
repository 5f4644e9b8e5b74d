"""Tell which documents of a rule's kind a workspace has come to hold, and how they came; reads no document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from pydantic import Field, model_validator

from ecmbraze.model import Change, Document, Json, Record
from ecmbraze.planning.document_kinds import DocumentKind, attributes_of
from ecmbraze.planning.messages import MODIFIED, Hit
from ecmbraze.planning.naming import Scope
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Rule

How = Literal["added", "moved", "template", "new version"]
# Two clocks: what was created this shortly before our last look may have come after it all the same.
_SKEW = timedelta(minutes=10)


class DocumentRule(Rule):
    """A change of the workspace's facts; or with `document`, that a document of that kind has come."""

    when: When = Field(default_factory=dict, description="fact → value; all must hold")
    document: DocumentKind | None = Field(None, description="the kind of document whose coming it is")
    arrival: tuple[Literal["added", "moved", "template"], ...] = Field(
        ("added", "moved"), description="how it may have come; `template` is what a new workspace is born with"
    )
    new_version: bool = Field(False, description="a new version of such a document counts too")

    @model_validator(mode="after")
    def _one_cause(self) -> DocumentRule:
        if not self.when and self.document is None:
            raise ValueError("say when the rule applies: `when`, `document` or both")
        if self.document is None and ("arrival" in self.model_fields_set or self.new_version):
            raise ValueError("`arrival` and `new_version` belong to a `document`")
        if self.document is not None and self.repeat:
            raise ValueError("each document counts by itself: leave `repeat` out")
        return self

    def scope(self) -> Scope:
        return {"about": (self.document,)} if self.document else {}

    def document_facts(self) -> frozenset[str]:
        """Return the ``Category.Attribute`` of documents that the texts name."""
        return attributes_of(self.send.facts())

    def told(self) -> str:
        """Return the cause in words."""
        kind = f"document {self.document.told()}" if self.document else ""
        return ", ".join(part for part in (kind, Rule.told(self)) if part)

    def moved(self, record: Record, occurrence: str, zone: tzinfo) -> str | None:
        """Return why the document of an occurrence no longer counts."""
        return still_there(self, record.documents, occurrence) if self.document else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A document that counts, or would but for ``refusal``."""

    hit: Hit
    document: Document
    how: How
    refusal: str = ""

    @property
    def at(self) -> tuple[datetime, str]:
        """Return when it came and how we know; nothing tells the moment of a move but the modify date."""
        match self.how:
            case "moved":
                return self.document.row.modified_at, MODIFIED
            case "new version":
                return self.document.version.created_at, "version"
        return self.document.row.created_at, "document"


def arrivals(
    rules: Iterable[DocumentRule],
    change: Change,
    born_with: timedelta,
    *,
    told: Callable[[str], Collection[str]] | None = None,
) -> tuple[list[Arrival], dict[str, Json]]:
    """Return what came under each rule, and rule → document id → version that is counted by now.

    A document counts once per rule, wherever it goes and whether it comes back. Documents of a kind that was never
    read of this workspace before are noted and fire nothing. A backfill (``told``: rule → the occurrences that were
    told already) takes all of them as arrivals.
    """
    found: list[Arrival] = []
    memory: dict[str, Json] = {}
    for rule in rules:
        if rule.document is None:
            continue
        noted = change.memory.get(rule.name)
        seen = dict(noted.items()) if isinstance(noted, Mapping) else {}
        for document in change.record.documents:
            if document.missed or not rule.document.fits(document):
                continue
            number, version = str(document.row.id), document.version.number
            last, backfill = seen.get(number), told is not None
            if arrival := _judge(rule, rule.document, document, change, last, born_with, backfill=backfill):
                found.append(_as_told(arrival, told(rule.name)) if told else arrival)
            seen[number] = max(version, last) if isinstance(last, int) else version
        memory[rule.name] = seen
    return found, memory


def _as_told(arrival: Arrival, told: Collection[str]) -> Arrival:
    """Return the arrival under the occurrence that was told of the document, if only a version of it was."""
    mine = arrival.hit.occurrence
    versions = [occurrence for occurrence in sorted(told) if occurrence.startswith(f"{mine}.v")]
    return replace(arrival, hit=Hit(arrival.hit.rule, versions[-1])) if versions and mine not in told else arrival


def still_there(rule: DocumentRule, documents: Iterable[Document], occurrence: str) -> str | None:
    """Return why the document of an occurrence no longer counts; ``None`` while it does."""
    number = occurrence.removeprefix("doc:").partition(".v")[0]
    held = [document for document in documents if str(document.row.id) == number and not document.missed]
    if not held:
        return f"document {number} is gone"
    if rule.document is None or not rule.document.fits(held[0]):
        return f"document {number} is no longer {rule.told()}"
    return None


def _judge(
    rule: DocumentRule,
    kind: DocumentKind,
    document: Document,
    change: Change,
    last: Json,
    born_with: timedelta,
    *,
    backfill: bool,
) -> Arrival | None:
    """Return the arrival of one document of the kind; ``None`` when it is no news."""
    number, version = document.row.id, document.version.number
    if again := _unreached(rule, number, change):
        how = "new version" if ".v" in again else _how(document, change, born_with)
        refusal, occurrence = "", again
    elif last is None or backfill:
        if not backfill and (not change.fires or _was_there(kind, number, change)):
            return None
        how = _how(document, change, born_with)
        refusal = "" if how in rule.arrival else f"{document.row.name!r} came by {how}, the rule takes {_either(rule)}"
        occurrence = f"doc:{number}"
    elif rule.new_version and change.fires and isinstance(last, int) and version > last:
        how, refusal, occurrence = "new version", "", f"doc:{number}.v{version}"
    else:
        return None
    if not satisfied(rule.when, change.record.named):
        refusal = f"{document.row.name!r} came while not {Rule.told(rule)}"
    return Arrival(hit=Hit(rule, occurrence), document=document, how=how, refusal=refusal)


def _unreached(rule: DocumentRule, number: int, change: Change) -> str:
    """Return the newest occurrence of a document that reached nobody; empty when there is none."""
    mine = [one for name, one in change.unreached if name == rule.name and one.partition(".v")[0] == f"doc:{number}"]
    return max(mine, key=lambda one: int(one.partition(".v")[2] or 0), default="") if change.fires else ""


def _was_there(kind: DocumentKind, number: int, change: Change) -> bool:
    """Say whether the document was of the kind before, or the kind was never looked for."""
    before = change.before
    if before is None:
        return False
    if kind.fact not in before.facts:
        return True
    return any(document.row.id == number and kind.fits(document) for document in before.documents)


def _how(document: Document, change: Change, born_with: timedelta) -> How:
    """Tell a copy of the template from what somebody added, and both from what was filed elsewhere before.

    ECM says none of this: the create dates of document and workspace do.
    """
    born, created = change.record.created_at, document.row.created_at
    if created < born:
        return "moved"
    if created <= born + born_with:
        return "template"
    known = change.before is not None and any(one.row.id == document.row.id for one in change.before.documents)
    moved = change.since is not None and created < change.since - _SKEW
    return "moved" if moved and not known else "added"


def _either(rule: DocumentRule) -> str:
    return " or ".join(rule.arrival)
