"""When one document counts as approved: for which version, until when; knows no gate and reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from pydantic import Field, model_validator

from ecmbraze.model import Document
from ecmbraze.planning import dates
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.naming import AttributeName, DateName, Scope
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Section, Span


class ApprovedBy(Section):
    """What ties an approval to a version; one of them."""

    version: AttributeName | None = Field(None, description="document attribute that names the approved version")
    date: DateName | None = Field(None, description="document attribute with the approval date, not before the version")
    major: bool = Field(False, description="true: a major version is an approved one")

    @model_validator(mode="after")
    def _one_form(self) -> ApprovedBy:
        if sum((self.version is not None, self.date is not None, self.major)) != 1:
            raise ValueError("name one of version, date, major")
        return self


class Expiry(Section):
    """When an approval ends by itself."""

    date: DateName = Field(
        description="document attribute: the last day it is valid; with `after`, the day it counts from"
    )
    after: Span | None = Field(None, description="how long it is valid from `date` on")


class Requirement(Section):
    """A document that must be there and approved."""

    document: DocumentKind = Field(description="the kind of document")
    approved: When = Field(default_factory=dict, description="document attribute → value that means approved")
    approved_by: ApprovedBy | None = Field(
        None, description="what ties the approval to the version; without it, it holds for the version first seen"
    )
    expires: Expiry | None = Field(None, description="when the approval ends by itself")

    @model_validator(mode="after")
    def _says_what(self) -> Requirement:
        if not self.approved and self.approved_by is None:
            raise ValueError("say what means approved: `approved`, `approved_by` or both")
        return self

    def scope(self) -> Scope:
        return {"documents": (self.document,)}

    def facts(self) -> frozenset[str]:
        """Return the document attributes it names."""
        by, expires = self.approved_by, self.expires
        named = {name for name in (by and by.version, by and by.date, expires and expires.date) if name}
        return frozenset(named | set(self.approved))


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A document that satisfies a requirement now."""

    document: Document
    since: datetime
    """The approval date where one is named, else when the document was last modified."""
    dated: bool
    """Whether it is an approval date."""
    until: datetime | None


def marked(requirement: Requirement, document: Document) -> bool:
    """Say whether the document itself says it is approved, whatever its version."""
    facts = {name: document.facts.get(name) for name in requirement.approved}
    return satisfied(requirement.approved, facts)


def judge(requirement: Requirement, document: Document, first_seen: int | None, zone: tzinfo) -> Approval | str:
    """Return the approval of a document of the kind, or why there is none.

    ``first_seen`` is the version on which it was first seen as approved. An expiry that has passed is left to the
    caller. Raises RecordUnreadable for what is no date.
    """
    name, version = document.row.name, document.version
    if not marked(requirement, document):
        return f"{name!r} is not approved"
    by = requirement.approved_by
    if by is not None and by.major and (version.major < 1 or version.minor):
        return f"version {version.told} of {name!r} is no major one"
    if by is not None and by.version is not None:
        told = str(document.facts.get(by.version) or "")
        if told not in (str(version.number), version.told):
            return f"{name!r} is approved for version {told or '(none)'}, the newest is {version.told}"
    day = document.facts.get(by.date) if by is not None and by.date else None
    if by is not None and by.date is not None and (refusal := _too_early(day, document, first_seen, zone)):
        return refusal
    if by is None and first_seen != version.number:
        return f"{name!r} was approved as version {first_seen}, the newest is {version.told}"
    until = _until(requirement.expires, document, zone)
    if isinstance(until, str):
        return until
    approved = dates.instant(day, zone, str(by.date) if by else "")
    return Approval(
        document=document, since=approved or document.row.modified_at, dated=approved is not None, until=until
    )


def _dated(requirement: Requirement, document: Document, zone: tzinfo) -> bool:
    """Say whether the approval date, where one is asked for, can be the newest version's: a draft has none yet."""
    by = requirement.approved_by
    if by is None or by.date is None:
        return True
    approved = dates.instant(document.facts.get(by.date), zone, by.date)
    return approved is not None and dates.local(approved, zone) >= dates.local(document.version.created_at, zone)


def _too_early(day: object, document: Document, first_seen: int | None, zone: tzinfo) -> str:
    """Return why an approval date does not cover the newest version; empty when it does.

    A bare day that is also the version's own tells no order: then the version first seen as approved counts.
    """
    name, version = document.row.name, document.version
    approved, made = dates.instant(day, zone, f"the approval date of {name!r}"), version.created_at
    if approved is None:
        return f"{name!r} has no approval date"
    if approved >= made:
        return ""
    same_day = dates.is_bare_day(day) and dates.local(approved, zone) == dates.local(made, zone)
    if same_day and first_seen == version.number:
        return ""
    return f"{name!r} was approved on {day}, version {version.told} is newer"


def _until(expires: Expiry | None, document: Document, zone: tzinfo) -> datetime | None | str:
    """Return when the approval ends, ``None`` for never, or why that cannot be told."""
    if expires is None:
        return None
    value = document.facts.get(expires.date)
    moment = dates.instant(value, zone, expires.date)
    if moment is None:
        return f"{document.row.name!r} has no {expires.date}" if expires.after else None
    if expires.after:
        return dates.plus(moment, expires.after)
    return dates.instant(_day_after(dates.local(moment, zone)), zone) if dates.is_bare_day(value) else moment


def _day_after(day: date) -> str:
    return (day if day == date.max else day + timedelta(days=1)).isoformat()


def first_seen_by(requirement: Requirement, document: Document, noted: Mapping[str, int], zone: tzinfo) -> int | None:
    """Return the version on which the document was first seen as approved, the newest when that is now."""
    if not marked(requirement, document) or not _dated(requirement, document, zone):
        return None
    return noted.get(str(document.row.id), document.version.number)
