"""Success by flags, by Currents and with tasks, in rounds over both twins: who is silent, who is called, who is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.currents_files import CLICK, DELIVERY, OPEN, Bucket
from tests.rehearsal import SOAK
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

STATUS = "Issue.Status"
CAMPAIGN, OTHER = "3f0c-newsletter", "3f0c-welcome"
DAY = timedelta(days=1)
BY_FLAGS = {"campaigns": {"ids": [CAMPAIGN, OTHER], "silent": "30d", "received": 1}}
BY_MAILS = {"currents": {"silent": "30d", "received": 1}}
REMINDER = {"type": "Follow-up"}
TASK = {"kind": "task", "list": "Calls"}


class Town:
    """A house with an open issue of C-1 and one of C-2, both of whom received something; after the baseline."""

    def __init__(self, folder: Path, engagement: dict[str, Any], follow_up: dict[str, Any], **section: Any) -> None:
        (folder / "bucket").mkdir()
        self.bucket = Bucket(folder=folder / "bucket")
        rule = {
            "name": "silent",
            "unresolved": "14d",
            "engagement": engagement,
            "follow_up": {"assign": {"user": "ann"}, "text": "Open since ${customer.open_since}.", **follow_up},
        }
        own = {
            "workspace_types": ["Issue"],
            "customer": "Issue.Customer Number",
            "closed": {STATUS: ["Closed"]},
            "currents_files": str(self.bucket.folder),
            "rules": [rule],
            **section,
        }
        self.house = House(folder, settings({"success": own}))
        ecm = self.house.ecm
        ecm.add_category("Issue", ["Customer Number", "Status"])
        ecm.add_type("Issue", ["Issue"])
        ecm.office.users |= {"ann"}
        self.issues = {
            person: ecm.create("Issue", {"Issue.Customer Number": person, STATUS: "Open"}) for person in ("C-1", "C-2")
        }
        for person in self.issues:
            self.house.braze.add(person, email=f"{person}@example.com")
            self.house.braze.receive(person, CAMPAIGN)
            self.house.braze.receive(person, OTHER)
        self.round(0)

    def round(self, days: float = 1, **options: Any) -> Outcome:
        """Let days pass and start a round."""
        self.house.clock.advance(days * DAY)
        return self.house.start(**options)

    def tells(self, kind: str, person: str, **row: Any) -> None:
        at = self.house.clock.now().replace(microsecond=0)
        self.bucket.tells(kind, at, external_user_id=person, **row)

    def called(self, *, is_open: bool = True) -> list[str]:
        """Return whose issues have a follow-up that is open, or that is completed."""
        whose = {number: person for person, number in self.issues.items()}
        return sorted(whose[one.node] for one in self.house.ecm.office.reminders if one.completed is not is_open)


Make = Callable[..., Town]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(engagement: dict[str, Any] = BY_FLAGS, follow_up: dict[str, Any] = REMINDER, **section: Any) -> Town:
        return Town(tmp_path, engagement, follow_up, **section)

    return made


@pytest.mark.parametrize("follow_up", [REMINDER, TASK], ids=["reminder", "task"])
def test_by_flags_the_silent_are_called_once_the_rule_is_armed_until_they_do_something(
    make: Make, follow_up: dict[str, Any]
) -> None:
    town = make(follow_up=follow_up)
    town.house.braze.receive("C-2", CAMPAIGN, engaged=True)
    town.round(29)
    assert town.called() == []
    town.round(1)
    assert town.called() == ["C-1"]
    assert [one.made.task_list for one in town.house.ecm.office.reminders] == [follow_up.get("list", "")]
    assert town.round(9).count("planned") == 0

    town.house.braze.receive("C-1", OTHER, engaged=True)
    town.round()

    assert (town.called(), town.called(is_open=False)) == ([], ["C-1"])
    town.round(20)  # since the flag of C-2 was seen first, a span has passed
    assert (town.called(), town.called(is_open=False)) == (["C-2"], ["C-1"])


def test_only_who_waits_is_looked_at_and_costs_one_request_more(make: Make) -> None:
    town = make()
    town.round(13)
    assert not [name for name in town.round(0).crossings if "braze" in name]
    crossings = town.round(2).crossings
    assert [crossings.count(f"braze {what}:before") for what in ("profiles", "received")] == [1, 1]


def test_flags_that_cannot_be_read_open_and_close_nothing(make: Make) -> None:
    town = make()
    town.round(29)
    town.house.wire.faults.append(Fault(call="braze received", trouble=Trouble.FAILED, times=1))
    outcome = town.round()
    assert (outcome.codes, town.called()) == ((5,), [])
    assert "not told whether they are silent" in " ".join(outcome.report.notes)
    town.round()
    assert town.called() == ["C-1", "C-2"]


def test_by_currents_who_opens_or_clicks_is_not_called_and_a_machine_is_nobody(make: Make) -> None:
    town = make(BY_MAILS, TASK)
    for _ in range(7):
        for person in town.issues:
            town.tells(DELIVERY, person)
        town.tells(OPEN, "C-1", machine_open="true")
        town.tells(CLICK, "C-1", is_suspected_bot_click=True)
        town.tells(OPEN, "C-2")
        town.round(5)
    assert town.called() == ["C-1"]

    town.tells(CLICK, "C-1")
    town.round()

    assert (town.called(), town.called(is_open=False)) == ([], ["C-1"])


def test_a_task_whose_answer_was_lost_is_one_and_is_completed_when_its_cause_is_gone(make: Make) -> None:
    town = make(follow_up=TASK)
    town.round(29)
    town.house.wire.faults.append(Fault(call="ecm reminder", trouble=Trouble.LOST_AFTER, times=1))
    for _ in range(3):
        town.round()
    assert town.called() == ["C-1", "C-2"]

    town.house.ecm.edit(town.issues["C-1"], {STATUS: "Closed"})
    town.house.wire.faults.append(Fault(call="ecm completion", trouble=Trouble.LOST_AFTER, times=1))
    for _ in range(2):
        town.round()

    assert (town.called(), town.called(is_open=False)) == (["C-2"], ["C-1"])


def test_a_task_that_a_person_completed_is_not_made_again_while_the_cause_lasts(make: Make) -> None:
    town = make(follow_up=TASK)
    town.round(29)
    town.round()
    for one in town.house.ecm.office.reminders:
        one.completed = True
    town.round(5)
    assert town.called() == []


def test_a_dry_run_arms_nothing_and_plans_what_the_run_does(make: Make) -> None:
    town = make()
    town.round(29)
    town.house.clock.advance(DAY)
    dry, live = town.round(0, dry_run=True), town.round(0)
    assert dry.report.plan_hash == live.report.plan_hash
    assert town.called() == ["C-1", "C-2"]


@pytest.mark.soak
@pytest.mark.parametrize("follow_up", [REMINDER, TASK], ids=["reminder", "task"])
def test_killed_anywhere_there_is_one_follow_up_for_each(make: Make, tmp_path: Path, follow_up: dict[str, Any]) -> None:
    town = make(follow_up=follow_up)
    town.round(29)
    town.house.clock.advance(DAY)
    whole = town.house.copy(tmp_path / "whole").start()
    first = whole.crossings.index("ecm reminder:before")
    for place in range(len(whole.crossings)) if SOAK else range(first, first + 4):
        house = town.house.copy(tmp_path / f"at-{place}")
        house.start(die_at=place)
        for _ in range(3):
            house.clock.advance(timedelta(hours=1))
            house.start()
        assert sorted(one.node for one in house.ecm.office.reminders) == sorted(town.issues.values()), place
