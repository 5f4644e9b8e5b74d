"""Documents of a case poll by poll, without a server: what a backfill after live runs may tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecmbraze.flow import Context
from ecmbraze.flows import cases
from ecmbraze.model import Change, Document, DocumentRow, Fact, Json, Kind, Record, Version, WorkspaceKey, keys
from ecmbraze.needs import of_type
from tests.fakes import Nothing

BORN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OPTIONS = cases.Options.model_validate(
    {
        "workspace_types": ["Case"],
        "customer": "Case.Customer Number",
        "rules": [
            {"name": "letter", "document": {"name": "Letter*"}, "new_version": True, "send": {"event": "letter"}},
            {"name": "pdf", "document": {"mime": "application/pdf"}, "send": {"event": "pdf"}},
        ],
    }
)


def _letter(version: int = 1, name: str = "Letter") -> Document:
    row = DocumentRow(
        id=7, name=name, mime_type="application/pdf", created_at=BORN + DAY, modified_at=BORN + version * DAY
    )
    told = Version(number=version, major=0, minor=0, created_at=row.modified_at, told=str(version))
    return Document(row=row, version=told)


class Desk(Nothing):
    """One case and what the engine keeps of it between polls."""

    def __init__(self) -> None:
        self.now, self.since = BORN + 10 * DAY, BORN
        self.memory: dict[str, Json] = {}
        self.before: Record | None = None
        self.told: dict[str, tuple[str, str]] = {}

    def noted(self, record: str) -> dict[str, Json]:
        return self.memory

    def happened(self, record: str, rule: str) -> frozenset[str]:
        return frozenset(occurrence for of, occurrence in self.told.values() if of == rule)

    def look(self, *documents: Document, fires: bool = True, backfill: bool = False) -> list[str]:
        """Plan the case with these documents; return the events that are new."""
        needs = cases.needs(OPTIONS)
        facts: dict[str, Fact] = {
            needs.customers["Case"].fact: ("C-1",),
            **dict.fromkeys(of_type("", [needs]).markers, True),
        }
        record = Record(
            key=WorkspaceKey(id=1),
            stream=keys.workspaces("Case"),
            name="V",
            created_at=BORN,
            modified_at=BORN,
            customers=("C-1",),
            documents=documents,
            facts={"Case.Customer Number": "C-1", **facts},
        )
        change = Change(record=record, before=self.before, fires=fires, memory=self.memory, since=self.since)
        if backfill:
            change = replace(change, before=None)
        context = Context(now=self.now, zone=UTC, prefix="ecm_", backfill=backfill, include_messages=backfill)
        decision = cases.plan(OPTIONS, change, self, context)
        if not backfill:
            self.before, self.memory, self.since = record, dict(decision.memory), self.now
        self.now += DAY
        fresh = [one for one in decision.actions if one.kind is Kind.EVENT and one.key not in self.told]
        self.told |= {one.key: (one.rule, one.occurrence) for one in fresh}
        return [f"{one.name} {one.occurrence}" for one in fresh]


def test_a_document_of_two_rules_is_told_under_both_and_never_again() -> None:
    desk = Desk()
    desk.look(fires=False)

    first = desk.look(_letter())
    renamed = desk.look(_letter(name="Draft"))

    assert first == ["letter doc:7", "pdf doc:7"]
    assert renamed == desk.look(_letter()) == desk.look(_letter(), backfill=True) == []


def test_a_backfill_does_not_tell_a_version_again_that_was_told_as_one() -> None:
    desk = Desk()
    desk.look(_letter(), fires=False)
    assert desk.look(_letter(2)) == ["letter doc:7.v2"]

    assert desk.look(_letter(2), backfill=True) == ["pdf doc:7"]
    assert desk.look(_letter(2), backfill=True) == []
