"""A look at a person counts for when it was made, however long the round lasts in which it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.model import Profile, WorkspaceDetail
from tests.flows.test_consent import MINUTES, OUT, SECTION, STATUS, Town
from tests.stories import onboarding
from tests.twins.house import settings

HOUR = timedelta(hours=1)
_SECTION = {**SECTION, "channels": [SECTION["channels"][0]], "everybody_within": "15m"}


def _town(folder: Path) -> Town:
    return Town(folder, **_SECTION)


def _while_looking(town: Town, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Sequence[str]], None]) -> None:
    """Let something happen at each export of profiles, before it is answered."""
    read = town.braze.profiles

    def slow(people: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        happens(people)
        return read(people)

    monkeypatch.setattr(town.braze, "profiles", slow)


def test_a_choice_made_while_braze_keeps_us_waiting_lies_within_the_interval_of_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, chosen = _town(tmp_path), list[datetime]()

    def waits(people: Sequence[str]) -> None:
        town.house.clock.advance(10 * MINUTES)
        if not chosen:
            chosen.append(town.house.clock.now())
            town.chooses("unsubscribed")
        town.house.clock.advance(10 * MINUTES)

    _while_looking(town, monkeypatch, waits)

    assert town.round().codes == (0, 0)

    (entry,) = town.entries(town.seven)
    after, until, seen = (datetime.fromisoformat(one) for one in (*entry["since"].values(), entry["seen_at"]))
    assert after < chosen[0] <= until <= town.house.clock.now()
    assert chosen[0] <= seen


def test_what_staff_record_after_a_screen_read_a_grant_stands_although_the_screens_went_on_for_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, asked = _town(tmp_path), list[str]()
    other = onboarding.STORY.make(town.ecm, "C-2")
    town.round()
    flows = {"consent": _SECTION, "onboarding": onboarding.STORY.section}
    town.house.config = settings(flows, braze={"connections": 1, "trigger_batch": 1})
    for number in (town.project, other):
        onboarding.STORY.act(town.house, number)

    def screens(people: Sequence[str]) -> None:
        asked.extend(people)
        if asked.count("C-1") == 2:  # the rotation saw both; from now on screens do, and C-2 comes last
            town.chooses("opted_in")
        elif people == ["C-2"]:
            town.house.clock.advance(HOUR)
            town.ecm.edit(town.seven, {STATUS: OUT})
            town.house.clock.advance(HOUR)

    _while_looking(town, monkeypatch, screens)
    town.round()
    assert asked[-1] == "C-2"
    monkeypatch.undo()

    for _ in range(2):
        town.round()

    assert town.braze.people["C-1"].email_subscribe == "unsubscribed"
    assert {town.status(number) for number in (town.seven, town.eight)} == {OUT}


def test_what_two_looks_saw_is_no_flip_although_each_takes_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = _town(tmp_path)
    _while_looking(town, monkeypatch, lambda people: town.house.clock.advance(timedelta(seconds=20)))
    told = list[str]()

    for state in ("unsubscribed", "unsubscribed", "subscribed"):
        town.chooses(state)
        began = town.house.clock.now()
        told += [line.reason for report in town.round(0).reports for line in report.skipped]
        town.house.clock.advance(15 * MINUTES - (town.house.clock.now() - began))

    assert told == []


@pytest.mark.parametrize("moves_the_date", [True, False])
def test_what_staff_record_while_the_workspaces_are_read_lies_within_the_interval_of_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves_the_date: bool
) -> None:
    town, typed = _town(tmp_path), list[datetime]()
    town.ecm.edit(town.eight, {"Customer.Number": "C-2"})
    town.round()
    read = town.ecm.workspace

    def slow(number: int) -> WorkspaceDetail:
        town.house.clock.advance(HOUR)
        if not typed:
            typed.append(town.house.clock.now())
            town.ecm.edit(town.seven, {STATUS: OUT})
            if not moves_the_date:
                space = town.ecm.spaces[town.seven]
                space.modified = edited
        town.house.clock.advance(HOUR)
        return read(number)

    edited = town.ecm.spaces[town.seven].modified
    monkeypatch.setattr(town.ecm, "workspace", slow)
    town.house.clock.advance(timedelta(days=2))

    for _ in range(3):
        town.round()

    (entry,) = town.entries(town.seven)
    after, until, seen = (entry["since"]["after"], entry["since"]["until"], entry["seen_at"])
    assert not after or datetime.fromisoformat(after) < typed[0]
    assert typed[0] <= datetime.fromisoformat(until)
    assert typed[0] <= datetime.fromisoformat(seen)


def test_a_reviewed_plan_is_applied_although_the_looks_of_both_runs_took_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, file = _town(tmp_path), tmp_path / "plan.db"
    for number in range(3, 60):  # more than are asked for at once
        town.braze.add(f"C-{number}", email=f"c-{number}@example.com")
        town.opens(f"C-{number}")
    for _ in range(2):
        town.round()
    for person in ("C-1", "C-2", "C-30"):
        town.chooses("unsubscribed", person)
    town.ecm.edit(town.opens("C-7"), {STATUS: OUT})
    _while_looking(town, monkeypatch, lambda people: town.house.clock.advance(timedelta(seconds=7, microseconds=5)))
    plan = town.round(20, "consent", dry_run=True, keep=file).report.plan_hash

    applied = town.round(60 * 20, "consent", apply=file, confirm=plan)

    assert [note for note in applied.report.notes if "changed since" in note] == []
    town.round()
    numbers = (town.seven, town.eight, town.nine)
    assert [town.status(one) for one in numbers] == [OUT] * 3
    assert [len(town.history(one)) for one in numbers] == [1] * 3
