"""Whole rounds of a flow that also withdraws, writes a category and files a document: doubts, kills, guards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.flow import Context, Known
from ecmbraze.flows import BY_NAME
from ecmbraze.model import Action, Change, Decision, Json, Kind
from tests.rehearsal import SOAK
from tests.stories.onboarding import STORY
from tests.twins.house import House, settings
from tests.twins.wire import Fault, Trouble

FLOW = "onboarding"
STATUS = "Consent.Email Status"
SHORTLY = timedelta(minutes=20)


def _extended(plan: Callable[..., Decision]) -> Callable[..., Decision]:
    """Let whoever's contract is approved be unsubscribed, and let their workspace say so."""

    def planned(options: Any, change: Change, known: Known, context: Context) -> Decision:
        decision = plan(options, change, known, context)
        if not change.fires or change.record.facts.get("Onboarding.Contract Status") != "Approved":
            return decision
        (person,) = change.record.customers
        more = [
            _action(change, context, Kind.WITHDRAWAL, person, "email", "unsubscribed"),
            _action(change, context, Kind.CATEGORY, change.record.key.text, "Consent", {STATUS: "Withdrawn"}),
        ]
        taken = [known.values_of(action.recipient, action.kind).get(action.name) for action in more]
        news = [action for action, value in zip(more, taken, strict=True) if value != action.payload]
        text: Json = {"folder": "Consent History", "content": f"{person} withdrew\n"}
        file = _action(change, context, Kind.DOCUMENT, change.record.key.text, f"{person}.txt", text)
        files = [] if known.happened(change.record.key.text, "withdrawn") else [file]
        return replace(decision, actions=(*decision.actions, *news, *files))

    return planned


def _action(change: Change, context: Context, kind: Kind, recipient: Any, name: str, payload: Json) -> Action:
    return Action(
        flow=FLOW,
        record=change.record.key.text,
        rule="withdrawn",
        occurrence="1",
        kind=kind,
        recipient=recipient,
        name=name,
        payload=payload,
        expires_at=context.now + timedelta(days=1),
        reason="staff",
    )


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., House]:
    flow = BY_NAME[FLOW]
    monkeypatch.setitem(BY_NAME, FLOW, replace(flow, plan=_extended(flow.plan), withdraws=True))

    def made(**more: Any) -> House:
        house = House(tmp_path, settings({FLOW: STORY.section}, **more))
        STORY.furnish(house.ecm)
        house.ecm.add_category("Consent", ["Email Status"])
        house.ecm.add_type("Customer Onboarding", ["Onboarding", "Consent"])
        STORY.people(house, "C-1", "C-2", "C-3")
        for person in ("C-1", "C-2", "C-3"):
            STORY.make(house.ecm, person)
        house.clock.advance(SHORTLY)
        assert house.start().codes == (0,)
        house.clock.advance(SHORTLY)
        return house

    return made


def _spaces(house: House) -> list[int]:
    return sorted(house.ecm.spaces)


def _papers(house: House) -> list[str]:
    return sorted(f"{paper.folder}/{paper.name}" for paper in house.ecm.papers.values())


def _withdrawn(house: House) -> list[str]:
    return [entry.recipient for entry in house.braze.book if entry.kind == "withdrawal"]


def test_each_channel_is_counted_and_told_by_person_and_workspace(make: Callable[..., House]) -> None:
    house = make()
    STORY.act(house, _spaces(house)[0])

    report = house.start().report

    counted = {name: n for name, n in report.by_action.items() if n}
    assert {name: counted[name] for name in ("withdrawals", "categories", "documents")} == dict.fromkeys(
        ("withdrawals", "categories", "documents"), 1
    )
    lines = {line.kind: line for line in report.actions}
    assert {lines[kind].workspace for kind in ("withdrawal", "category", "document")} == {lines["event"].workspace}
    assert [lines[kind].customer for kind in ("withdrawal", "category", "document")] == ["C-1", "", ""]
    assert (lines["category"].before, lines["category"].after) == (None, {STATUS: "Withdrawn"})
    assert {line.kind for line in report.messages} <= {"event", "campaign"}
    assert house.ecm.spaces[_spaces(house)[0]].values[STATUS] == "Withdrawn"
    house.clock.advance(SHORTLY)
    assert house.start().count("planned") == 0


@pytest.mark.parametrize("trouble", [one for one in Trouble if one.unknown])
def test_a_document_of_unknown_outcome_ends_the_run_with_5_and_the_next_finds_or_files_it(
    make: Callable[..., House], trouble: Trouble
) -> None:
    house = make()
    STORY.act(house, _spaces(house)[0])
    house.wire.faults.append(Fault(call="ecm file", trouble=trouble))

    doubtful = house.start().report

    assert (doubtful.exit_code, doubtful.counts["held"], doubtful.counts["waiting"]) == (5, 0, 1)
    assert "The next run looks for what may have been stored" in doubtful.exit_reason
    house.clock.advance(SHORTLY)
    report = house.start().report
    assert report.exit_code == 0
    assert _papers(house) == ["Consent History/C-1.txt"]
    assert {fate.state for fate in house.fates() if fate.kind == "document"} == {"sent"}
    seen = "1 documents in doubt were found in Extended ECM"
    assert (seen in report.notes) == trouble.processed


def test_what_cannot_be_looked_for_is_said_with_5_until_it_can(make: Callable[..., House]) -> None:
    house = make()
    STORY.act(house, _spaces(house)[0])
    house.wire.faults.append(Fault(call="ecm file", trouble=Trouble.CUT))
    house.start()
    house.wire.faults.append(Fault(call="ecm content", trouble=Trouble.FAILED, times=2))

    for _ in range(2):
        house.clock.advance(timedelta(days=3))
        report = house.start().report
        assert report.exit_code == 5
        assert any("it stays in doubt, the next run looks again (exit 5)" in note for note in report.notes)

    house.clock.advance(SHORTLY)
    assert house.start().codes == (0,)
    assert _papers(house) == ["Consent History/C-1.txt"]


@pytest.mark.long
@pytest.mark.soak
def test_killed_at_every_seam_nothing_is_lost_and_no_document_is_made_twice(
    make: Callable[..., House], tmp_path: Path
) -> None:
    """`make test` kills at every other one; test_flow_in_a_round kills each flow wherever something changed."""
    house = make()
    STORY.act(house, _spaces(house)[0])
    whole = house.copy(_folder(tmp_path, "whole")).start()
    assert len(whole.crossings) > 20
    numbers = count()

    seams = range(1, len(whole.crossings) + 1, 1 if SOAK else 2)
    for seam, victim in house.killed_at(seams, lambda: _folder(tmp_path, str(next(numbers)))):
        for _ in range(3):
            victim.clock.advance(SHORTLY)
            victim.start()
        mine = {fate.state for fate in victim.fates() if fate.kind in ("document", "category", "withdrawal")}
        assert (seam, _papers(victim), mine) == (seam, ["Consent History/C-1.txt"], {"sent"})
        assert set(_withdrawn(victim)) == {"C-1"}
        assert victim.ecm.spaces[_spaces(victim)[0]].values[STATUS] == "Withdrawn"


def _folder(base: Path, name: str) -> Path:
    path = base / f"copy-{name}"
    path.mkdir()
    return path


def test_a_guarded_plan_and_one_that_waits_hold_no_withdrawal(make: Callable[..., House]) -> None:
    house = make(guards={"max_messages": 1})
    first, second, third = _spaces(house)
    STORY.acts[0](house, first)
    STORY.act(house, second)

    stopped = house.start().report

    assert (stopped.exit_code, sorted(_withdrawn(house))) == (6, ["C-1", "C-2"])
    assert stopped.by_action["withdrawals"] == stopped.counts["sent"] == 2
    STORY.act(house, third)

    waits = house.start().report

    assert (waits.exit_code, waits.plan_hash) == (6, stopped.plan_hash)
    assert "Nothing new but withdrawals left" in waits.exit_reason
    assert sorted(_withdrawn(house)) == ["C-1", "C-2", "C-3"]
    assert (house.braze.messages, _papers(house)) == ((), [])

    confirmed = house.start(confirm=str(stopped.plan_hash)[:12]).report

    assert _papers(house) == ["Consent History/C-1.txt", "Consent History/C-2.txt"]
    assert not any("changed since the plan" in note for note in confirmed.notes)
    house.clock.advance(SHORTLY)
    house.start()
    assert len(_papers(house)) == 3
