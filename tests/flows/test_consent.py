"""The flow consent in rounds over both twins and a real state file: what stands in ECM and in Braze after them."""

from __future__ import annotations

import atexit
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.flows import BY_NAME
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import AddressList, Fact, State
from ecmbraze.report import wording
from tests.stories import onboarding
from tests.twins.ecm_world import Attribute
from tests.twins.house import House, Outcome, settings

STATUS, SINCE, SOURCE, NEWS = (f"Consent.{name}" for name in ("Email Status", "Email Since", "Source", "News Status"))
BOUNCED = "Consent.Bounced"
GROUP = "g-news"
SECTION: Mapping[str, Any] = {
    "workspace_types": ["Customer"],
    "customer": "Customer.Number",
    "channels": [
        {
            "name": "email",
            "watch": "email",
            "purpose": "Marketing",
            "status": STATUS,
            "since": SINCE,
            "source": SOURCE,
        },
        {"name": "news", "watch": {"group": GROUP}, "purpose": "Newsletter", "status": NEWS},
    ],
}
DEFAULT, OUT, IN = "Not objected", "Withdrawn", "Opted in"
MINUTES = timedelta(minutes=1)


class Town:
    """A house with the flows consent and onboarding; ``seven`` and ``eight`` are workspaces of C-1, ``nine`` of C-2."""

    def __init__(
        self,
        folder: Path,
        *,
        undeliverable: str = "",
        state: str = "subscribed",
        guards: Mapping[str, Any] | None = None,
        **section: Any,
    ) -> None:
        email, news = SECTION["channels"]
        if undeliverable == "email":
            email = {**email, "undeliverable": BOUNCED}
        elif undeliverable:
            news = {**news, "watch": {"group": GROUP, "to": undeliverable}, "undeliverable": BOUNCED}
        channels = [email, news]
        flows = {"consent": {**SECTION, "channels": channels, **section}, "onboarding": onboarding.STORY.section}
        self.house = House(folder, settings(flows, **({"guards": guards} if guards else {})))
        self.ecm, self.braze = self.house.ecm, self.house.braze
        since = Attribute(name="Email Since", type_name="Date")
        self.ecm.add_category("Customer", ["Number"])
        self.ecm.add_category("Consent", ["Email Status", since, "Source", "News Status", "Bounced"])
        self.ecm.add_type("Customer", ["Customer", "Consent"])
        self.ecm.add_type("Mandate", ["Customer", "Consent"])
        onboarding.STORY.furnish(self.ecm)
        onboarding.STORY.people(self.house, "C-1", "C-2")
        for person in ("C-1", "C-2"):
            self.braze.people[person].email_subscribe = state
        self.seven, self.eight, self.nine = (self.opens(person) for person in ("C-1", "C-1", "C-2"))
        self.project = onboarding.STORY.make(self.ecm, "C-1")
        self.round()
        self.round()

    @classmethod
    def settled(cls, folder: Path, **options: Any) -> Town:
        """Return a town of its own, copied from one whose first rounds were played once for all tests."""
        key = json.dumps(options, sort_keys=True)
        if key not in _SETTLED:
            around = Path(tempfile.mkdtemp())
            atexit.register(shutil.rmtree, around, ignore_errors=True)
            _SETTLED[key] = cls(around, **options)
        return _SETTLED[key].copy(folder)

    def copy(self, folder: Path) -> Town:
        other = copy(self)
        other.house = self.house.copy(folder)
        other.ecm, other.braze = other.house.ecm, other.house.braze
        return other

    def opens(self, person: str, **values: Fact) -> int:
        return self.ecm.create("Customer", {"Customer.Number": person, **values})

    def round(self, minutes: int = 20, *flows: str, **options: Any) -> Outcome:
        self.house.clock.advance(minutes * MINUTES)
        return self.house.start(*flows, **options)

    def chooses(self, state: str, person: str = "C-1") -> None:
        self.braze.people[person].email_subscribe = state

    def status(self, number: int, attribute: str = STATUS) -> Fact:
        return self.ecm.spaces[number].values.get(attribute)

    def entries(self, number: int) -> list[dict[str, Any]]:
        """Return the history of a workspace, oldest first."""
        found = [paper for paper in self.ecm.papers.values() if paper.parent == number]
        assert {paper.folder for paper in found} <= {"Consent History"}
        return [json.loads(paper.versions[-1][2].decode().rpartition("--- json\n")[2]) for paper in found]

    def history(self, number: int) -> list[tuple[str, str, str]]:
        return [(one["channel"], one["before"], one["after"]) for one in self.entries(number)]

    def withdrawn(self) -> list[tuple[str, str]]:
        return [(entry.recipient, entry.name) for entry in self.braze.book if entry.kind == "withdrawal"]

    def campaigns(self) -> list[str]:
        return [entry.recipient for entry in self.braze.messages if entry.kind == "campaign"]

    def decide(self, subject: str, state: State) -> None:
        """Do what `quarantine replay` and `quarantine drop` do with a record."""
        with closing(Ledger.open(self.house.state, read_only=False)) as ledger:
            now = self.house.clock.now()
            again = state is State.READY
            assert ledger.plan_again(subject, now) if again else ledger.forget_quarantined(subject, now)


_SETTLED: dict[str, Town] = {}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town.settled(tmp_path)


def test_a_baseline_writes_nothing_and_a_withdrawal_in_braze_reaches_every_workspace_of_the_person(town: Town) -> None:
    assert (town.braze.book, town.ecm.papers) == ((), {})
    town.chooses("unsubscribed")

    outcome = town.round()

    assert outcome.codes == (0, 0)
    assert [town.status(one) for one in (town.seven, town.eight, town.nine)] == [OUT, OUT, None]
    for number in (town.seven, town.eight):
        assert town.history(number) == [("email", "subscribed", "unsubscribed")]
    assert town.withdrawn() == []


def test_what_was_written_does_not_come_round(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.ecm.edit(town.seven, {STATUS: town.status(town.seven)})
    papers = len(town.ecm.papers)

    assert [town.round().count("planned") for _ in range(3)] == [0, 0, 0]
    assert len(town.ecm.papers) == papers


def test_a_withdrawal_by_staff_reaches_braze_and_the_other_workspace_and_is_told_once(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})

    town.round()
    assert town.withdrawn() == [("C-1", "email")]
    assert town.status(town.eight) == OUT
    town.round()
    town.round(60)

    assert town.withdrawn() == [("C-1", "email")]
    assert town.history(town.eight) == town.history(town.seven) == [("email", "subscribed", "unsubscribed")]
    assert town.entries(town.seven)[0]["source"] == "recorded in Extended ECM"


def test_one_who_withdraws_in_braze_and_of_another_channel_in_ecm_is_no_edit(town: Town) -> None:
    town.chooses("unsubscribed")
    town.ecm.edit(town.eight, {NEWS: OUT})

    assert town.round().codes == (0, 0)

    assert town.house.quarantined() == set()
    assert [town.status(one, name) for one in (town.seven, town.eight) for name in (STATUS, NEWS)] == [OUT] * 4


def test_a_withdrawal_that_stood_at_the_baseline_and_is_typed_again_is_told_as_a_change_of_what_braze_had(
    tmp_path: Path,
) -> None:
    class Lettered(Town):
        def opens(self, person: str, **values: Fact) -> int:
            return super().opens(person, **{**values, STATUS: OUT})

    town = Lettered(tmp_path)
    assert (town.withdrawn(), town.history(town.nine)) == ([], [])
    town.ecm.edit(town.nine, {STATUS: "Maybe"})
    town.round()

    town.ecm.edit(town.nine, {STATUS: OUT})
    town.round()

    assert town.withdrawn() == [("C-2", "email")]
    assert town.history(town.nine) == [("email", "subscribed", "unsubscribed")]


def test_a_withdrawal_from_a_group_is_one_of_its_own(town: Town) -> None:
    town.ecm.edit(town.nine, {NEWS: OUT})
    town.round()

    assert town.withdrawn() == [("C-2", f"group:{GROUP}")]
    assert town.history(town.nine) == [("news", "subscribed", "unsubscribed")]
    assert town.status(town.nine) == DEFAULT


def test_while_braze_still_shows_the_old_state_no_flow_sends_to_who_withdrew_in_ecm(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round(20, "consent")
    town.chooses("subscribed")  # the read lags behind
    onboarding.STORY.acts[0](town.house, town.project)

    outcome = town.round(1, "onboarding")

    assert town.campaigns() == []
    reasons = [line.why for line in outcome.report.actions if line.kind == "campaign"]
    assert reasons == ["a withdrawal from email stands in the consent record, whatever Braze shows"]


def test_nor_to_whom_the_same_address_belongs(town: Town) -> None:
    town.braze.people["C-2"].email = str(town.braze.people["C-1"].email).upper()
    project = onboarding.STORY.make(town.ecm, "C-2")
    town.round()
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round(20, "consent")
    for person in ("C-1", "C-2"):  # Braze takes everybody at that address along, but the read lags behind
        town.chooses("subscribed", person)
    onboarding.STORY.acts[0](town.house, project)

    town.round(1, "onboarding")

    assert town.campaigns() == []


def test_a_flow_that_cannot_look_at_people_keeps_messages_from_who_withdrew_in_ecm(town: Town) -> None:
    town.braze.groups.discard(GROUP)
    town.ecm.edit(town.seven, {STATUS: OUT})
    onboarding.STORY.acts[0](town.house, town.project)

    outcome = town.round()

    assert (outcome.codes[list(BY_NAME).index("onboarding")], town.campaigns()) == (0, [])


def test_a_withdrawal_that_braze_did_not_take_suppresses_all_the_same(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    del town.braze.people["C-1"]
    town.round(20, "consent")
    onboarding.STORY.people(town.house, "C-1")  # made anew, and opted in
    onboarding.STORY.acts[0](town.house, town.project)

    town.round(1, "onboarding")

    assert (town.withdrawn(), town.campaigns()) == ([], [])


def test_a_grant_read_after_the_withdrawal_lets_messages_go_again(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(60, "consent")
    town.chooses("opted_in")
    town.round(60 * 25, "consent")
    onboarding.STORY.acts[0](town.house, town.project)

    town.round()

    assert town.status(town.eight) == IN
    assert town.campaigns() == ["C-1"]


def test_more_grants_than_is_usual_wait_for_a_person_and_withdrawals_go_on_meanwhile(tmp_path: Path) -> None:
    town = Town(tmp_path, guards={"max_messages": 1})
    onboarding.STORY.people(town.house, "C-3")
    town.chooses("unsubscribed", "C-3")
    ten = town.opens("C-3")
    for _ in range(2):
        town.round()
    for person, state in (("C-1", "unsubscribed"), ("C-2", "unsubscribed"), ("C-3", "opted_in")):
        town.chooses(state, person)
    assert town.round().codes == (0, 0)  # one grant is usual
    assert (town.status(town.seven), town.status(ten)) == (OUT, IN)

    for person, state in (("C-1", "opted_in"), ("C-2", "opted_in"), ("C-3", "unsubscribed")):
        town.chooses(state, person)
    stopped = town.round()
    assert stopped.codes == (0, 6)
    assert [town.status(one) for one in (town.seven, town.nine, ten)] == [OUT, OUT, OUT]
    assert town.history(ten)[-1] == ("email", "opted_in", "unsubscribed")
    town.ecm.edit(town.seven, {NEWS: OUT})
    assert town.round().codes == (0, 6)
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")]
    assert town.status(town.eight, NEWS) == OUT  # the record of it does not wait either
    assert [town.history(one)[-1] for one in (town.seven, town.eight)] == [("news", "subscribed", "unsubscribed")] * 2

    confirmed = town.round(1, "consent", confirm=stopped.reports[1].plan_hash)

    assert confirmed.codes == (0,)
    assert [town.status(one) for one in (town.nine, ten)] == [IN, OUT]
    town.round()
    assert [town.status(one) for one in (town.seven, town.eight, town.nine, ten)] == [IN, IN, IN, OUT]
    assert [after for _, _, after in town.history(town.nine)] == ["unsubscribed", "opted_in"]
    assert len(town.history(ten)) == 2


def test_an_old_value_read_soon_after_our_write_changes_nothing(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(5, "consent")
    town.chooses("subscribed")
    town.round(2, "consent")
    assert town.status(town.eight) == OUT

    town.chooses("unsubscribed")
    town.round()

    assert town.history(town.seven) == [("email", "subscribed", "unsubscribed")]


def test_what_braze_still_shows_after_that_time_counts(town: Town) -> None:
    town.ecm.edit(town.seven, {STATUS: OUT})
    town.round()
    town.round(5, "consent")
    town.chooses("subscribed")
    town.round(2, "consent")
    assert town.status(town.eight) == OUT

    town.round(20, "consent")

    assert town.status(town.eight) == DEFAULT
    assert town.history(town.seven)[1:] == [("email", "unsubscribed", "subscribed")]


def test_an_edit_is_listed_once_ends_the_run_with_3_and_ends_when_it_is_taken_back(town: Town) -> None:
    town.chooses("opted_in")
    town.round()
    town.round()
    town.ecm.edit(town.seven, {STATUS: "Maybe"})

    assert town.round().codes == (0, 3)
    assert town.house.quarantined() == {f"ws:{town.seven}"}
    town.chooses("unsubscribed")
    assert town.round().codes == (0, 3)
    assert (town.status(town.seven), town.status(town.eight)) == ("Maybe", OUT)
    assert not [fate for fate in town.house.fates() if fate.state == State.REFUSED]

    town.ecm.edit(town.seven, {STATUS: IN}, silent=True)
    town.decide(f"ws:{town.seven}", State.READY)
    town.round(60 * 25)

    assert town.house.quarantined() == set()
    assert town.status(town.seven) == OUT


def test_an_edit_that_is_made_while_we_write_is_refused_and_stands_there_alone(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.chooses("opted_in")
    town.ecm.edit(town.seven, {STATUS: "Maybe"}, silent=True)  # moves no date: only the write sees it

    assert town.round().codes == (0, 3)
    town.ecm.edit(town.seven, {})
    town.round()

    assert town.house.quarantined() == set()
    assert [fate.recipient for fate in town.house.fates() if fate.state == State.REFUSED] == [f"ws:{town.seven}"]
    assert town.status(town.seven) == "Maybe"


def test_what_stood_there_before_us_is_put_aside_unless_it_may_be_replaced(tmp_path: Path) -> None:
    for overwrite in (False, True):
        folder = tmp_path / str(overwrite)
        folder.mkdir()
        town = Town(folder, overwrite_existing=overwrite)
        typed = {STATUS: "Yes please", SINCE: "2020-01-01", SOURCE: "by letter"}
        number = town.opens("C-1", **typed)

        outcome = town.round()

        assert outcome.codes == ((0, 0) if overwrite else (0, 3))
        assert town.status(number) == (DEFAULT if overwrite else "Yes please")
        assert town.house.quarantined() == (set() if overwrite else {f"ws:{number}"})


def test_a_bounce_stands_in_the_record_and_makes_no_history(tmp_path: Path) -> None:
    town = Town(tmp_path, undeliverable="email")
    town.braze.bounced.add("C-1@example.com")

    town.round(60 * 25)
    assert town.status(town.seven, BOUNCED) == "hard_bounce"
    town.braze.bounced.clear()
    town.round(60 * 25)

    assert (town.status(town.seven, BOUNCED), town.ecm.papers) == (None, {})


def test_an_invalid_number_stands_in_the_record_in_the_round_whose_list_shows_it_and_makes_no_history(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, undeliverable="phone")
    town.braze.people["C-1"].phone = "+49301234567"
    town.round(60 * 25)  # so that its number is known
    invalid = town.braze.lists[AddressList.INVALID_PHONES]
    invalid["+49301234567"] = town.house.clock.now() + 15 * MINUTES

    town.round()
    assert [town.status(one, BOUNCED) for one in (town.seven, town.nine)] == ["invalid_number", None]
    invalid.clear()
    town.round(60 * 25)

    assert (town.status(town.seven, BOUNCED), town.ecm.papers) == (None, {})


def test_a_dropped_edit_stays_as_it_is(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.round()
    town.ecm.edit(town.seven, {STATUS: "Maybe"})
    town.round()
    town.decide(f"ws:{town.seven}", State.DROPPED)

    town.ecm.edit(town.seven, {"Customer.Number": "C-1"})
    assert town.round().codes == (0, 0)

    assert (town.status(town.seven), town.house.quarantined()) == ("Maybe", set())


def test_a_workspace_made_later_and_a_corrected_customer_number_get_the_right_state(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    later = town.opens("C-1")
    town.ecm.edit(town.eight, {"Customer.Number": "C-2"})

    town.round()

    assert (town.status(later), town.status(town.eight)) == (OUT, DEFAULT)
    assert town.history(later) == []


def test_a_withdrawal_in_a_workspace_that_is_seen_late_reaches_the_others_of_that_person(town: Town) -> None:
    town.chooses("opted_in")
    town.round()
    late = town.opens("C-1", **{STATUS: OUT})
    town.ecm.spaces[late].created -= timedelta(days=90)  # until now the account could not see it

    assert town.round().codes == (0, 0)

    assert [town.status(one) for one in (town.seven, town.eight, late)] == [OUT] * 3
    assert town.withdrawn() == []
    assert [town.round().count("planned") for _ in range(2)] == [0, 0]


def test_a_backfill_brings_states_up_to_date_and_leaves_what_is_news_to_the_next_run(town: Town) -> None:
    town.chooses("unsubscribed")
    town.ecm.edit(town.nine, {STATUS: OUT})
    town.round(20, "consent", since=town.house.clock.now() - timedelta(days=300))
    assert (town.status(town.eight), town.ecm.papers, town.withdrawn()) == (OUT, {}, [])

    for state in ("subscribed", "unsubscribed", "subscribed"):
        town.round(20, "consent")
        town.chooses(state)
    town.round(20, "consent")

    assert town.withdrawn() == [("C-2", "email")]
    assert [after for _, _, after in town.history(town.eight)] == ["unsubscribed", "subscribed"] * 2
    assert town.history(town.nine) == [("email", "subscribed", "unsubscribed")]


def test_a_dry_run_says_what_the_live_run_then_does(town: Town) -> None:
    town.chooses("unsubscribed")
    town.ecm.edit(town.nine, {STATUS: OUT})
    dry = town.round(20, dry_run=True)

    live = town.house.start()

    lines = [
        [(line.kind, line.name, line.customer, line.record) for one in of.reports for line in one.actions]
        for of in (dry, live)
    ]
    assert sorted(lines[0]) == sorted(lines[1])
    assert lines[0]


def test_a_reviewed_plan_is_applied_later_but_for_whom_something_changed_since(town: Town, tmp_path: Path) -> None:
    town.chooses("unsubscribed")
    town.chooses("unsubscribed", "C-2")
    town.ecm.edit(town.eight, {NEWS: OUT})
    file = tmp_path / "plan.db"
    plan = town.round(20, "consent", dry_run=True, keep=file).report.plan_hash
    town.chooses("opted_in", "C-2")

    applied = town.round(7, "consent", apply=file, confirm=plan)

    assert applied.codes == (0,)
    assert [town.status(one) for one in (town.seven, town.eight, town.nine)] == [OUT, OUT, None]
    assert town.withdrawn() == [("C-1", f"group:{GROUP}")]
    for number in (town.seven, town.eight):
        assert sorted(town.history(number)) == [(name, "subscribed", "unsubscribed") for name in ("email", "news")]
    assert [note.partition(" ")[0] for note in applied.report.notes if "changed since" in note] == ["person:C-2"]
    town.round()
    assert (town.status(town.nine), town.history(town.nine)) == (IN, [("email", "subscribed", "opted_in")])


def test_the_report_of_a_live_run_says_what_each_write_changed(town: Town) -> None:
    town.chooses("unsubscribed")
    town.round()
    town.chooses("opted_in")

    lines = [line for report in town.round(60).reports for line in report.actions]

    [category] = [line for line in lines if line.kind == "category" and line.workspace == f"Customer {town.seven}"]
    assert ("Email Status", OUT, IN) in wording.changes(category)
    documents = [line for line in lines if line.kind == "document"]
    assert {line.said for line in documents} == {f"document {line.name} in Consent History" for line in documents}


def test_the_report_says_from_what_somebody_withdrew(town: Town) -> None:
    town.ecm.edit(town.nine, {NEWS: OUT, STATUS: OUT})

    lines = [line for report in town.round().reports for line in report.actions]

    assert {line.said for line in lines if line.kind == "withdrawal"} == {
        "withdrawn: email",
        f"withdrawn: group {GROUP}",
    }


def test_of_a_workspace_that_is_gone_the_state_ends_and_the_history_waits_should_it_come_back(
    town: Town,
) -> None:
    town.ecm.spaces[town.seven].held = "reserved by somebody"
    town.chooses("unsubscribed")
    assert town.round().codes == (0, 5)
    town.ecm.delete(town.seven)

    codes = [town.round(60).codes for _ in range(3)]

    assert codes[-1] == (0, 0)
    assert (town.status(town.eight), town.history(town.eight)) == (OUT, [("email", "subscribed", "unsubscribed")])
    left = {(fate.kind, fate.state) for fate in town.house.fates() if fate.state != "sent"}
    assert left == {("category", "superseded"), ("document", "waiting")}

    for days in (401, 2):
        town.round(days * 24 * 60)
    assert [fate.why for fate in town.house.fates() if fate.kind == "document" and fate.state != "sent"] == [
        "the workspace is gone for good"
    ]
    with closing(sqlite3.connect(town.house.state)) as file:
        assert file.execute("SELECT count(*) FROM history WHERE kind = 'give up'").fetchone() == (1,)
