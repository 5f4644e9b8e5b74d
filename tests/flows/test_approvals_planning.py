"""Gates poll by poll, without a server: what the versions, the rules and absence do between two looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ecmbraze.flow import Context
from ecmbraze.flows import approvals
from ecmbraze.model import Change, Document, DocumentRow, Fact, Json, Kind, Record, Version, WorkspaceKey, keys
from ecmbraze.needs import of_type
from tests.fakes import Nothing

HOME = ZoneInfo("Europe/Berlin")
BORN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STATE, VERSION, DATE, UNTIL = "Approval.Status", "Approval.Version", "Approval.Date", "Approval.Until"
CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"


def _options(**gate: Any) -> approvals.Options:
    send = {"event": "opened", "campaign": CAMPAIGN, "consent": {"transactional": "they asked"}}
    return approvals.Options.model_validate(
        {
            "workspace_types": ["Contract"],
            "customer": "Contract.Customer Number",
            "gates": [{"name": "financing", "send": send, "closed": {"event": "closed"}, **gate}],
        }
    )


def _paper(name: str = "Agreement", **more: Any) -> dict[str, Any]:
    return {"document": {"name": f"{name}*"}, "approved": {STATE: "Approved"}, **more}


def _document(
    number: int,
    state: str | None = "Approved",
    *,
    version: int = 1,
    name: str = "Agreement",
    made: datetime = BORN,
    **facts: Fact,
) -> Document:
    row = DocumentRow(id=number, name=f"{name} {number}", mime_type="x", created_at=BORN, modified_at=made)
    told = Version(number=version, major=0, minor=0, created_at=made, told=str(version))
    named: dict[str, Fact] = {STATE: state, **{f"Approval.{key}": value for key, value in facts.items()}}
    return Document(row=row, version=told, facts=named)


class Desk(Nothing):
    """One workspace of one person, and what the engine keeps of it between polls."""

    def __init__(self, options: approvals.Options) -> None:
        self.options, self.now = options, BORN + 10 * DAY
        self.memory: dict[str, Json] = {}
        self.before: Record | None = None
        self.since: datetime | None = None
        self.staged: dict[str, str] = {}
        self.told: list[str] = []
        self.values: dict[str, Json] = {}

    def noted(self, record: str) -> dict[str, Json]:
        return self.memory

    def happened(self, record: str, rule: str) -> frozenset[str]:
        return frozenset(occurrence for occurrence, of in self.staged.items() if of == rule)

    def values_of(self, recipient: str, kind: Kind) -> dict[str, Json]:
        return self.values

    def record(self, documents: Sequence[Document], *, gone: bool = False) -> Record:
        needs = approvals.needs(self.options)
        markers = dict.fromkeys(of_type("", [needs]).markers, True)
        facts: dict[str, Fact] = {
            "Contract.Customer Number": "C-1",
            needs.customers["Contract"].fact: ("C-1",),
            **markers,
        }
        return Record(
            key=WorkspaceKey(id=1),
            stream=keys.workspaces("Contract"),
            name="V",
            created_at=BORN,
            modified_at=BORN,
            facts=facts,
            customers=("C-1",),
            documents=tuple(documents),
            gone=gone,
        )

    def look(self, *documents: Document, gone: bool = False, fires: bool = True, backfill: bool = False) -> list[str]:
        """Plan the workspace with these documents a day later; return the events and campaigns it leads to."""
        self.now += DAY
        record = self.record(documents, gone=gone)
        before = None if backfill else self.before
        change = Change(record=record, before=before, fires=fires and not gone, memory=self.memory, since=self.since)
        context = Context(now=self.now, zone=HOME, prefix="ecm_", backfill=backfill, include_messages=backfill)
        decision = approvals.plan(self.options, change, self, context)
        if not backfill:
            self.before, self.memory, self.since = record, dict(decision.memory), self.now
        found = []
        for action in decision.actions:
            if not action.kind.is_message:
                self.values.update(action.values)
            elif action.key not in self.told:
                self.told.append(action.key)
                self.staged[action.occurrence] = action.rule
                found.append("campaign" if action.kind is Kind.CAMPAIGN else action.name)
        return found

    @property
    def occurrence(self) -> str:
        """The occurrence of the last message."""
        return self.told[-1].split("/")[3]

    def holds(self, *documents: Document) -> str | None:
        """Ask why the last message must not go now that the documents are these."""
        return approvals.FLOW.holds(self.options, self.record(documents), "financing", self.occurrence, HOME, self.now)


OPEN = ["opened", "campaign"]


def test_an_approval_whose_end_was_moved_into_the_past_takes_its_message_back() -> None:
    desk = Desk(_options(all_of=[_paper(expires={"date": UNTIL})]))
    desk.look(_document(7, "Draft"), fires=False)
    desk.look(_document(7, Until="2026-12-31"))

    assert desk.holds(_document(7, Until="2026-12-31")) is None
    assert "ended on" in str(desk.holds(_document(7, Until="2026-01-10")))


def test_a_new_version_that_came_while_the_document_was_away_is_not_approved_by_the_copied_category() -> None:
    desk = Desk(_options(all_of=[_paper()]))
    desk.look(_document(7, "Draft"), fires=False)
    assert desk.look(_document(7)) == OPEN
    desk.look(replace(_document(7), missed=True))
    desk.look()

    assert desk.look(_document(7, version=2)) == []
    assert desk.values["ecm_financing_eligible"] is False


def test_a_document_that_came_back_revoked_is_told_when_it_is_approved_once_more() -> None:
    """Back as it was opens in silence; what was seen revoked in between is an approval of its own."""
    desk = Desk(_options(all_of=[_paper()]))
    desk.look(fires=False)
    first, gone = desk.look(_document(7)), desk.look()

    back_revoked, again = desk.look(_document(7, "Revoked")), desk.look(_document(7))

    assert (first, gone, back_revoked) == (OPEN, [], [])
    assert again == OPEN


def test_a_gate_that_asks_for_less_from_now_on_tells_nobody_of_the_past() -> None:
    desk = Desk(_options(all_of=[_paper(), _paper("Proof")]))
    papers = (_document(7), _document(8, "Draft", name="Proof"))
    desk.look(*papers, fires=False)
    desk.options = _options(all_of=[_paper()], any_of=[_paper("Proof"), _paper()])

    assert desk.look(*papers) == []
    assert desk.values["ecm_financing_eligible"] is True


def test_a_gate_that_asks_for_more_from_now_on_closes_without_an_event() -> None:
    desk = Desk(_options(any_of=[_paper(), _paper("Proof")]))
    papers = (_document(7), _document(8, "Draft", name="Proof"))
    desk.look(*papers, fires=False)
    desk.options = _options(all_of=[_paper(), _paper("Proof")])

    assert desk.look(*papers) == []
    assert desk.values.get("ecm_financing_eligible") is False


def test_a_gate_that_names_an_attribute_never_read_before_begins_with_a_baseline() -> None:
    desk = Desk(_options(all_of=[_paper()]))
    desk.look(_document(7, "Signed"), fires=False)
    desk.options = _options(all_of=[{"document": {"name": "Agreement*"}, "approved": {"Approval.Signed": "yes"}}])

    assert desk.look(_document(7, "Signed", Signed="yes")) == []
    assert desk.look(_document(7, "Signed", Signed="no")) == ["closed"]
    assert desk.look(_document(7, "Signed", Signed="yes")) == OPEN


def test_a_workspace_that_was_out_of_sight_and_came_back_as_it_was_tells_nothing_again() -> None:
    desk = Desk(_options(all_of=[_paper()]))
    desk.look(_document(7, "Draft"), fires=False)
    assert desk.look(_document(7)) == OPEN
    desk.look(_document(7), gone=True)
    shut = desk.values["ecm_financing_eligible"]

    assert desk.look(_document(7)) == []
    assert (shut, desk.values["ecm_financing_eligible"]) == (False, True)


def test_an_approval_given_while_the_workspace_was_out_of_sight_is_told() -> None:
    desk = Desk(_options(all_of=[_paper()]))
    desk.look(_document(7, "Draft"), fires=False)
    desk.look(_document(7, "Draft"), gone=True)

    assert desk.look(_document(7)) == OPEN


def test_a_gate_that_stood_open_on_a_document_out_of_sight_opens_when_it_is_found() -> None:
    desk = Desk(_options(all_of=[_paper(), _paper("Proof")]))
    agreement, proof = _document(7), _document(8, name="Proof")
    desk.look(agreement, replace(proof, facts={STATE: "Draft"}), fires=False)
    assert desk.look(replace(agreement, missed=True), proof) == []

    assert desk.look(agreement, proof) == OPEN


def test_another_approved_document_beside_it_does_not_take_a_waiting_message_back() -> None:
    desk = Desk(_options(any_of=[_paper(expires={"date": UNTIL})]))
    desk.look(_document(7, "Draft"), fires=False)
    desk.look(_document(7, Until="2026-06-30"))
    longer = _document(9, Until="2027-06-30")

    assert desk.holds(_document(7, Until="2026-06-30"), longer) is None
    assert "other documents" in str(desk.holds(_document(7, "Revoked"), longer))


def test_a_backfill_repeats_no_opening_that_was_told_though_it_rests_on_another_version_by_now() -> None:
    desk = Desk(_options(all_of=[_paper(approved_by={"version": VERSION})]))
    desk.look(_document(7, "Draft"), fires=False)
    assert desk.look(_document(7, Version="1")) == OPEN
    assert desk.look(_document(7, version=2, Version="2")) == []

    assert desk.look(_document(7, version=2, Version="2"), backfill=True) == []


def test_a_backfill_tells_an_opening_that_only_the_baseline_saw_and_once() -> None:
    desk = Desk(_options(all_of=[_paper(approved_by={"version": VERSION})]))
    desk.look(_document(7, Version="1"), fires=False)

    assert desk.look(_document(7, Version="1"), backfill=True) == OPEN
    desk.look(_document(7, version=2, Version="2"))
    assert desk.look(_document(7, version=2, Version="2"), backfill=True) == []


def test_a_draft_seen_first_does_not_keep_the_version_approved_on_its_own_day_out_for_ever() -> None:
    desk = Desk(_options(all_of=[{"document": {"name": "Agreement*"}, "approved_by": {"date": DATE}}]))
    made = desk.now + 2 * DAY
    day = f"{made:%Y-%m-%d}"
    desk.look(_document(7, None), fires=False)
    desk.look(_document(7, None, version=2, made=made))

    assert desk.look(_document(7, None, version=2, made=made, Date=day)) == OPEN


def test_a_version_of_the_day_of_the_approval_of_the_one_before_it_is_not_approved() -> None:
    desk = Desk(_options(all_of=[{"document": {"name": "Agreement*"}, "approved_by": {"date": DATE}}]))
    made = desk.now + 2 * DAY
    day = f"{made:%Y-%m-%d}"
    desk.look(_document(7, None), fires=False)
    assert desk.look(_document(7, None, made=made, Date=day)) == OPEN

    assert desk.look(_document(7, None, version=2, made=made + timedelta(hours=2), Date=day)) == ["closed"]
