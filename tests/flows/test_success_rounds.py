"""Success round by round over both twins: whom it finds, what it makes of what people do, and what keeps it quiet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.model import Kind
from tests.twins.ecm_world import Attribute
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

CUSTOMER, STATUS, OPENED, DUE = "Ticket.Customer Number", "Ticket.Status", "Ticket.Opened On", "Ticket.Due On"
RULE: dict[str, Any] = {
    "name": "silent",
    "unresolved": "2d",
    "engagement": {"segment": "silent"},
    "follow_up": {"type": "Follow-up", "assign": {"group": "Retention"}, "text": "Since ${customer.open_since}"},
    "escalate": {"after": "3d", "assign": {"group": "Leads"}},
}
SECTION: dict[str, Any] = {
    "workspace_types": ["Ticket"],
    "customer": CUSTOMER,
    "closed": {STATUS: "Closed"},
    "opened": OPENED,
    "due": DUE,
    "attributes": {"open_ticket": "customer.open_since", "overdue_ticket": "customer.overdue_since"},
    "rules": [RULE],
}


class Desk:
    """A house with success, after its baseline; C-1 to C-9 are people, C-1 and C-2 are silent.

    What it begins with was made so many hours ``before`` the baseline.
    """

    def __init__(
        self, folder: Path, section: dict[str, Any], flows: dict[str, Any] | None = None, *, before: int = 0
    ) -> None:
        self.house = House(folder, settings({**(flows or {}), "success": section}))
        self.ecm, self.braze, self.office = self.house.ecm, self.house.braze, self.house.ecm.office
        dates = [Attribute(name=name, type_name="Date") for name in ("Opened On", "Due On")]
        self.ecm.add_category("Ticket", ["Customer Number", "Status", "Letter", *dates])
        self.ecm.add_category("Home", ["Customer Number"])
        self.ecm.add_type("Ticket", ["Ticket"])
        self.ecm.add_type("Home", ["Home"])
        self.office.groups |= {"Retention", "Leads"}
        for n in range(1, 10):
            self.braze.add(f"C-{n}", email=f"c{n}@example.com", email_subscribe="opted_in")
            self.ticket(f"C-{n}", "Closed")
        self.silent("C-1", "C-2")
        self.round(before)
        self.round()

    def ticket(self, person: str, status: str = "Open", *, days: int = 5, due: int | None = None) -> int:
        """Make a ticket that was opened so many days ago, and is due in so many."""
        today = self.house.clock.now().date()
        values: dict[str, Any] = {CUSTOMER: person, STATUS: status, OPENED: str(today - timedelta(days=days))}
        if due is not None:
            values[DUE] = str(today + timedelta(days=due))
        return self.ecm.create("Ticket", values)

    def silent(self, *people: str) -> None:
        self.braze.segments["silent"] = list(people)

    def round(self, hours: int = 1, **options: Any) -> Outcome:
        self.house.clock.advance(timedelta(hours=hours))
        return self.house.start("success", **options)

    def close(self, number: int) -> None:
        self.ecm.edit(number, {STATUS: "Closed"})

    @property
    def standing(self) -> list[tuple[int, str, bool]]:
        """(workspace, who is asked, whether it is open) of every follow-up."""
        return [(one.node, ", ".join(one.assignees), not one.completed) for one in self.office.reminders]

    @property
    def open(self) -> list[tuple[int, str]]:
        return [(node, who) for node, who, is_open in self.standing if is_open]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, SECTION)


def with_rule(**changes: Any) -> dict[str, Any]:
    return {**SECTION, "rules": [{**RULE, **changes}]}


def test_one_that_somebody_completed_is_not_made_again_until_the_cause_has_gone_and_come_back(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.office.reminders[0].completed = True

    for days in (1, 4, 4):  # nor is it escalated: somebody did what it asked for
        assert desk.round(24 * days).codes == (0,)
        assert len(desk.standing) == 1
    desk.close(ticket)
    # One of the follow-up, none of the escalation that never was.
    assert [line.kind for line in desk.round().report.actions if line.kind != "attribute"] == ["completion"]
    desk.ecm.edit(ticket, {STATUS: "Open"})
    desk.round()

    assert desk.standing == [(ticket, "Retention", False), (ticket, "Retention", True)]


def test_who_opens_something_again_is_not_silent_and_the_follow_up_is_completed(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.round()
    desk.silent("C-2")

    assert desk.round().count("sent") == 1
    assert desk.standing == [(ticket, "Retention", False)]


def test_the_report_says_what_is_made_for_whom_and_until_when(tmp_path: Path) -> None:
    asked = {**RULE["follow_up"], "assign": {"role": "Agent"}, "otherwise": {"group": "Retention"}}
    desk = Desk(tmp_path, with_rule(follow_up=asked))
    desk.ticket("C-1")

    def said() -> list[str]:
        lines = desk.round().report.actions
        return [line.said for line in lines if line.kind in (Kind.FOLLOW_UP, Kind.COMPLETION)]

    due = (desk.house.clock.now() + timedelta(days=3)).date()
    assert said() == [f"reminder for role 'Agent', else group 'Retention', due {due}"]
    desk.house.clock.advance(timedelta(days=3))
    assert said() == [f"escalation, a reminder for group 'Leads', due {due + timedelta(days=3)}"]
    desk.silent("C-9")
    assert said() == ["reminder completed"] * 2


def test_nobody_in_braze_is_asked_about_while_nobody_waits(desk: Desk) -> None:
    desk.ticket("C-1", days=0)
    desk.ticket("C-3", days=5)

    assert "braze segment:before" in desk.round().crossings
    desk.close(desk.ecm.spaces[max(desk.ecm.spaces)].id)
    desk.round()
    assert not [one for one in desk.round().crossings if one.startswith("braze segment")]
    assert desk.open == []


def test_a_follow_up_that_went_with_its_workspace_is_made_on_another_and_completed_when_that_comes_back(
    desk: Desk,
) -> None:
    first, second = desk.ticket("C-1", days=9), desk.ticket("C-1", days=5)
    desk.round()
    desk.ecm.delete(first)
    desk.round()
    desk.round()
    assert desk.standing == [(first, "Retention", True), (second, "Retention", True)]

    desk.ecm.restore(first)
    desk.round()
    desk.round()
    assert desk.open == [(second, "Retention")]


@pytest.mark.parametrize("name", ["silent", "renamed"])
def test_what_comes_back_with_two_deleted_workspaces_ends_but_for_one_also_under_another_rule(
    desk: Desk, name: str
) -> None:
    tickets = [desk.ticket("C-1", days=5), desk.ticket("C-1", days=4)]
    desk.round()
    for ticket in tickets:
        desk.ecm.delete(ticket)
        desk.round()
        desk.round()
    assert "ecm_open_ticket" not in desk.braze.people["C-1"].attributes
    desk.house.config = settings({"success": with_rule(name=name)})
    desk.round()
    for ticket in tickets:
        desk.ecm.restore(ticket)

    for _ in range(2):
        desk.round()

    assert len(desk.open) == 1
    assert len(desk.standing) == (2 if name == "silent" else 3)  # another rule makes its own
    assert "ecm_open_ticket" in desk.braze.people["C-1"].attributes


def test_a_workspace_that_was_away_for_a_while_comes_back_with_its_follow_up(tmp_path: Path) -> None:
    at_home = {"workspace_type": "Home", "customer": "Home.Customer Number"}
    desk = Desk(tmp_path, with_rule(follow_up={**RULE["follow_up"], "in": at_home}))
    home, *_ = [desk.ecm.create("Home", {"Home.Customer Number": person}) for person in ("C-1", "C-3", "C-4", "C-5")]
    ticket = desk.ticket("C-1")
    desk.round()
    desk.ecm.delete(home)
    desk.round()
    assert desk.round().codes == (3,)  # there is no other place
    desk.ecm.restore(home)

    for _ in range(2):
        assert desk.round().codes == (0,)
        assert desk.standing == [(home, "Retention", True)]
    desk.close(ticket)
    desk.round()
    assert desk.standing == [(home, "Retention", False)]


def test_a_corrected_customer_number_ends_the_follow_up_of_one_and_begins_that_of_the_other(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    other = desk.ticket("C-1", days=4)
    desk.round()
    desk.ecm.edit(ticket, {CUSTOMER: "C-2"})
    desk.round()
    assert desk.standing == [(ticket, "Retention", False), (ticket, "Retention", True)]

    desk.round()
    assert desk.open == [(ticket, "Retention"), (other, "Retention")]


def test_what_somebody_completed_is_not_made_again_for_a_corrected_customer_number(desk: Desk) -> None:
    ticket, other = desk.ticket("C-1"), desk.ticket("C-1", days=4)
    desk.round()
    desk.office.reminders[0].completed = True
    desk.ecm.edit(ticket, {CUSTOMER: "C-3"})
    desk.round()
    desk.round()
    assert desk.standing == [(ticket, "Retention", False)]

    for status in ("Closed", "Open"):
        desk.ecm.edit(other, {STATUS: status})
        desk.round()
    assert desk.open == [(other, "Retention")]


def test_a_role_without_anybody_goes_to_the_others_and_without_others_into_quarantine(tmp_path: Path) -> None:
    follow_up = {**RULE["follow_up"], "assign": {"role": "Manager"}}
    for name, others in (("with", {"otherwise": {"group": "Leads"}}), ("without", {})):
        folder = tmp_path / name
        folder.mkdir()
        desk = Desk(folder, with_rule(follow_up={**follow_up, **others}))
        ticket = desk.ticket("C-1")
        outcome = desk.round()

        assert outcome.codes == ((0,) if others else (3,))
        assert desk.open == ([(ticket, "Leads")] if others else [])
        assert follow_ups(desk) == (["sent"] if others else ["refused"])
    desk.round(24 * 4)  # nor is one escalated that was never made
    assert follow_ups(desk) == ["refused"]
    desk.close(ticket)  # what nobody got is not made later, when the cause has gone
    desk.round()
    assert follow_ups(desk) == ["dropped"]
    desk.office.roles[ticket, "Manager"] = {"jdoe"}
    assert desk.round().count("sent") == 0
    assert desk.standing == []


def follow_ups(desk: Desk) -> list[str]:
    """Return the states of all follow-ups, oldest first."""
    return [one.state for one in desk.house.fates() if one.kind == Kind.FOLLOW_UP]


@pytest.mark.parametrize("kind", [{}, {"kind": "task", "type": None}])
def test_what_ecm_refused_is_asked_for_anew_once_it_is_configured_otherwise(
    tmp_path: Path, kind: dict[str, Any]
) -> None:
    nobody = {**RULE["follow_up"], "assign": {"role": "Manager"}}
    desk = Desk(tmp_path, with_rule(follow_up=nobody))
    ticket = desk.ticket("C-1")
    assert [desk.round().codes, desk.round().codes] == [(3,), (0,)]
    assert follow_ups(desk) == ["refused"]
    desk.house.config = settings({"success": with_rule(follow_up={**nobody, **kind, "otherwise": {"group": "Leads"}})})

    assert desk.round().codes == (0,)

    assert desk.open == [(ticket, "Leads")]
    assert follow_ups(desk) == ["sent"]
    desk.round()
    desk.close(ticket)
    desk.round()
    assert desk.standing == [(ticket, "Leads", False)]


def test_an_escalation_that_ecm_refused_goes_to_whom_the_rule_names_now(tmp_path: Path) -> None:
    desk = Desk(tmp_path, with_rule(escalate={"after": "3d", "assign": {"role": "Manager"}}))
    ticket = desk.ticket("C-1")
    desk.round()
    assert desk.round(24 * 4).codes == (3,)
    desk.house.config = settings({"success": SECTION})
    for _ in range(2):
        assert desk.round().codes == (0,)

    assert desk.open == [(ticket, "Retention"), (ticket, "Leads")]


def test_more_than_the_section_lets_wait_for_a_person(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {**SECTION, "max_follow_ups": 2})
    desk.silent("C-1", "C-2", "C-3")
    tickets = [desk.ticket(f"C-{n}") for n in (1, 2, 3)]

    outcome = desk.round()

    assert outcome.codes == (6,)
    assert "3 new or completed follow-ups, more than max_follow_ups 2" in str(outcome.report.exit_reason)
    assert desk.standing == []
    confirmed = desk.round(confirm=str(outcome.report.plan_hash)[:12])
    assert confirmed.codes == (0,)
    assert sorted(node for node, _ in desk.open) == tickets
    desk.silent("C-9")
    assert desk.round().codes == (6,)
    assert len(desk.open) == 3


def test_an_export_that_failed_opens_and_closes_nothing(desk: Desk) -> None:
    desk.ticket("C-1")
    desk.round()
    desk.ticket("C-2")
    desk.silent("C-2")
    desk.house.wire.faults.append(Fault(call="braze segment", trouble=Trouble.FAILED))

    outcome = desk.round()

    assert outcome.codes == (5,)
    assert [one for one in outcome.report.notes if "is not known" in one]
    assert len(desk.standing) == 1
    assert len(desk.open) == 1
    desk.round()
    assert [is_open for _, _, is_open in desk.standing] == [False, True]


def test_an_export_that_shrank_counts_once_the_next_is_as_small(desk: Desk) -> None:
    crowd = [f"P-{n}" for n in range(60)]
    for name in crowd:
        desk.braze.add(name, email=f"{name}@example.com")
    desk.silent("C-1", *crowd)
    desk.ticket("C-1")
    desk.round()
    desk.silent(*crowd[:3])

    outcome = desk.round()
    assert outcome.codes == (5,)
    assert [one for one in outcome.report.notes if "its export has 3 people, the last had 61." in one]
    assert len(desk.open) == 1
    desk.round()
    assert desk.open == []


def test_a_completion_waits_for_a_follow_up_of_unknown_outcome(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.house.wire.faults.append(Fault(call="ecm reminder", trouble=Trouble.LOST_AFTER))
    desk.house.wire.faults.append(Fault(call="ecm reminders", trouble=Trouble.FAILED, times=9))
    desk.round()
    desk.close(ticket)
    desk.round()
    assert [one.state for one in desk.house.fates() if one.kind == Kind.COMPLETION] == ["ready"]
    assert len(desk.open) == 1

    desk.house.wire.faults.clear()
    desk.round()
    assert desk.standing == [(ticket, "Retention", False)]


def test_a_follow_up_that_never_left_is_taken_back_when_the_cause_has_gone(desk: Desk) -> None:
    ticket = desk.ticket("C-1")
    desk.house.wire.faults.append(Fault(call="ecm reminder", trouble=Trouble.NOT_SENT))
    assert desk.round().codes == (5,)
    desk.close(ticket)
    desk.round()

    assert desk.standing == []
    kinds = {one.kind: one.state for one in desk.house.fates() if one.kind != Kind.ATTRIBUTE}
    assert kinds == {Kind.FOLLOW_UP: "superseded", Kind.COMPLETION: "sent"}


def test_who_does_not_fit_into_one_run_is_looked_at_in_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {**SECTION, "braze_requests": 1, "max_follow_ups": 99})
    crowd = [f"P-{n:02d}" for n in range(60)]
    for name in crowd:
        desk.braze.add(name, email=f"{name}@example.com")
        desk.ticket(name)
    desk.silent(*crowd)

    assert "10 people who wait" in " ".join(desk.round().report.notes)
    assert len(desk.open) == 50
    desk.round()
    assert len(desk.open) == 60


def test_what_was_there_at_the_baseline_is_not_reported_as_seen_late_when_it_is_read_again(tmp_path: Path) -> None:
    home = {"in": {"workspace_type": "Home", "customer": "Home.Customer Number"}}
    desk = Desk(tmp_path, {**with_rule(follow_up=RULE["follow_up"] | home), "activity": OPENED}, before=1)
    at_home = desk.ecm.create("Home", {"Home.Customer Number": "C-9"})
    desk.round()

    for _ in range(3):
        outcome = desk.round(25)
        assert (outcome.count("first_seen_late"), list(outcome.report.skipped)) == (0, [])
    desk.ecm.edit(next(iter(desk.ecm.spaces)), {STATUS: "Open"})
    desk.ecm.edit(at_home, {"Home.Customer Number": "C-2"})
    unread = desk.ecm.create("Ticket", {CUSTOMER: "C-3"}, created=desk.house.clock.now() - timedelta(days=9))
    report = desk.round().report

    assert [skip.record for skip in report.skipped if "first seen" in skip.reason] == [f"ws:{unread}"]


def test_what_was_not_made_because_its_case_was_gone_is_made_once_the_case_is_back(desk: Desk) -> None:
    first = desk.ticket("C-1")
    desk.round()
    second = desk.ticket("C-2")
    desk.house.wire.faults.append(Fault(call="ecm reminder", trouble=Trouble.LOST_BEFORE))
    desk.round()  # the follow-up of the second case is not made, the first waits to be escalated
    desk.house.clock.advance(timedelta(days=3))
    for case in (first, second):
        desk.ecm.delete(case)
    for _ in range(2):
        desk.round()
    assert desk.standing == [(first, "Retention", True)]

    for case in (first, second):
        desk.ecm.restore(case)
    for _ in range(3):
        desk.round()

    assert desk.open == [(first, "Retention"), (first, "Leads"), (second, "Retention")]


def test_a_follow_up_in_doubt_whose_case_went_is_held_and_the_run_ends_with_4(desk: Desk) -> None:
    case = desk.ticket("C-1")
    desk.house.wire.faults.append(Fault(call="ecm reminder", trouble=Trouble.LOST_AFTER))
    codes = [desk.round().codes]
    desk.ecm.delete(case)

    codes += [desk.round().codes for _ in range(4)]

    assert codes == [(5,), (5,), (5,), (4,), (0,)]
    assert [fate.state for fate in desk.house.fates() if fate.kind == "follow-up"] == ["held"]
