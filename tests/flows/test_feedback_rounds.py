"""Feedback in rounds over both twins and a real state file: what stands in Braze and in ECM after them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Fact, Json
from tests.stories import consent, feedback
from tests.stories.feedback import CAMPAIGN, STATUS, answer
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

MINUTES = timedelta(minutes=1)


class Town:
    """A house with two open tickets of C-1 and one of C-2, after the baseline."""

    def __init__(
        self, folder: Path, *, beside: Mapping[str, Any] | None = None, closed: bool = False, **changes: Any
    ) -> None:
        section = deepcopy(dict(feedback.STORY.section))
        rule, own = section["rules"][0], {"cooldown": "1d", **changes.pop("section", {})}
        rule.update(changes)
        self.house = House(folder, settings({"feedback": {**section, **own}, **(beside or {})}))
        feedback.STORY.furnish(self.house.ecm)
        feedback.STORY.people(self.house, "C-1", "C-2")
        if beside:
            consent.STORY.furnish(self.house.ecm)
        self.one, self.two, self.other = (feedback.STORY.make(self.house.ecm, who) for who in ("C-1", "C-1", "C-2"))
        if closed:
            self.closes(self.one, self.two, self.other)
        self.round()
        self.round()

    def round(self, minutes: float = 20, **options: Any) -> Outcome:
        self.house.clock.advance(minutes * MINUTES)
        return self.house.start(**options)

    def closes(self, *numbers: int, status: str = "Closed") -> None:
        for number in numbers:
            self.house.ecm.edit(number, {STATUS: status})

    def asked(self) -> list[tuple[str, Json]]:
        return [(one.recipient, one.properties["ticket"]) for one in self.house.braze.messages if one.name == CAMPAIGN]

    def says(self, number: int, name: str = "Score") -> Fact:
        return self.house.ecm.spaces[number].values.get(f"Feedback.{name}")

    def quarantined(self) -> list[tuple[str, str, str, str, str, str]]:
        with closing(Ledger.open(self.house.state, read_only=True)) as ledger:
            return ledger.quarantined("feedback")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_a_ticket_reopened_while_its_request_waits_is_not_asked_about(town: Town) -> None:
    town.house.braze.campaigns.clear()  # Braze would send nothing
    town.closes(town.one)
    town.round()
    feedback.STORY.people(town.house)
    town.closes(town.one, status="Open")

    assert (town.round().count("superseded"), town.asked()) == (1, [])
    town.closes(town.one)
    town.round()
    assert town.asked() == [("C-1", town.one)]


def test_nobody_is_asked_about_what_was_closed_before_the_first_run(tmp_path: Path) -> None:
    town = Town(tmp_path, closed=True)

    for hours in (1, 24, 24 * 40):
        town.round(60 * hours)

    assert town.asked() == []
    town.closes(town.one, status="Open")
    town.round()
    town.closes(town.one)
    town.round()
    town.round()
    assert town.asked() == [("C-1", town.one)]


def test_only_those_who_were_asked_are_looked_at(town: Town) -> None:
    assert "braze profiles:before" not in town.round().crossings
    town.closes(town.one)
    town.round()

    crossings = town.round().crossings

    assert crossings.count("braze profiles:before") == 1
    with closing(Ledger.open(town.house.state, read_only=True)) as ledger:
        assert [row[0] for row in ledger.database.execute("SELECT key FROM record WHERE stream = 'people'")] == [
            "person:C-1"
        ]


def test_two_tickets_closed_at_once_are_asked_about_one_after_the_other_and_answered_apart(town: Town) -> None:
    town.closes(town.one, town.two, town.other)
    waiting = town.round()
    assert town.asked() == [("C-1", town.one), ("C-2", town.other)]
    assert [line.reason for line in waiting.report.skipped] == ["waits: another request to this person is on its way"]
    answer(town.house, "C-1", 9, "Fine")
    town.round()
    assert town.asked()[2:] == []  # the cool-down

    town.round(24 * 60)
    assert town.asked()[2:] == [("C-1", town.two)]
    answer(town.house, "C-1", 3, "Worse")
    town.round()

    assert (town.says(town.one), town.says(town.two), town.says(town.other)) == (9, 3, None)


def test_outside_its_hours_what_is_on_its_way_waits_and_then_goes(tmp_path: Path) -> None:
    town = Town(tmp_path, hours={"from": "00:00", "to": "23:59"})
    town.house.braze.campaigns.clear()  # Braze would send nothing: the request waits
    town.closes(town.one)
    town.round()
    feedback.STORY.people(town.house)
    narrow = deepcopy(dict(feedback.STORY.section))
    here = town.house.clock.now() + timedelta(hours=3)
    narrow["rules"][0]["hours"] = {"from": f"{here:%H}:00", "to": f"{here:%H}:59"}
    narrow["rules"][0]["zone"] = "UTC"
    town.house.config = settings({"feedback": {**narrow, "cooldown": "1d"}})

    assert (town.round().count("waiting"), town.asked()) == (1, [])
    town.round((here - town.house.clock.now()) / MINUTES)
    assert town.asked() == [("C-1", town.one)]


def test_a_foreign_token_is_quarantined_and_a_replay_tries_again(town: Town) -> None:
    town.closes(town.one, town.other)
    town.round()
    answer(town.house, "C-1", 5, "Mine")
    theirs = town.house.braze.people["C-1"].attributes
    answer(town.house, "C-2", 6, "Not mine")
    town.house.braze.people["C-2"].attributes["survey_token"] = theirs["survey_token"]

    outcome = town.round()

    assert outcome.codes == (3,)
    [(_, record, _, customer, reason, _)] = town.quarantined()
    assert (record, customer, "Not mine" in reason) == ("person:C-2", "C-2", True)
    assert (town.says(town.one), town.says(town.other)) == (5, None)
    with closing(Ledger.open(town.house.state, read_only=False)) as ledger:
        assert ledger.plan_again("person:C-2", town.house.clock.now())
    assert town.round().codes == (3,)
    answer(town.house, "C-2", 6, "Mine after all")
    assert town.round().codes == (0,)
    assert (town.says(town.other), town.quarantined()) == (6, [])


def test_an_answer_about_a_ticket_that_is_gone_is_put_aside(town: Town) -> None:
    town.closes(town.one)
    town.round()
    town.house.ecm.delete(town.one)
    town.round()
    town.round()
    answer(town.house, "C-1", 1, "Where is my ticket?")

    assert town.round().codes == (3,)
    assert "is gone" in town.quarantined()[0][4]


def test_whom_we_erased_is_asked_nothing_more_and_what_they_answered_is_nowhere(town: Town) -> None:
    town.closes(town.one, town.two, town.other)
    for _ in range(2):
        town.round()
    asked = town.asked()
    assert {person for person, _ in asked} == {"C-1", "C-2"}

    town.house.erase("C-1")
    answer(town.house, "C-1", 1, "Forget me")
    answer(town.house, "C-2", 9, "Kind")
    for days in (0, 2, 40):  # the other ticket was waiting for the answer and the cool-down
        town.round(20 + 1440 * days)

    assert town.asked() == asked
    assert [town.says(number) for number in (town.one, town.two, town.other)] == [None, None, 9]
    assert b"Forget me" not in town.house.state.read_bytes()
    assert not [row for row in town.quarantined() if "C-1" in str(row)]


def test_who_does_not_consent_is_not_asked_and_a_withdrawal_by_staff_counts(tmp_path: Path) -> None:
    town = Town(tmp_path, beside={"consent": consent.STORY.section})
    record = consent.STORY.make(town.house.ecm, "C-1")
    town.round()
    town.round()
    town.house.braze.choose("C-2", email="unsubscribed")
    town.house.ecm.edit(record, {consent.EMAIL: consent.OUT})
    town.closes(town.one, town.other)

    town.round()

    assert town.asked() == []
    suppressed = [fate for fate in town.house.fates() if fate.state == "suppressed"]
    assert {fate.recipient for fate in suppressed} == {"C-1", "C-2"}


def test_what_a_person_typed_over_an_answer_is_not_overwritten(town: Town) -> None:
    town.closes(town.one)
    town.round()
    answer(town.house, "C-1", 9, "Fine")
    town.round()
    town.house.ecm.edit(town.one, {"Feedback.Score": 7})
    answer(town.house, "C-1", 4, "On second thoughts")

    assert town.round().codes == (3,)
    assert town.says(town.one) == 7


def test_an_answer_is_no_news_to_consent(tmp_path: Path) -> None:
    town = Town(tmp_path, beside={"consent": consent.STORY.section})
    record = consent.STORY.make(town.house.ecm, "C-1")
    town.round()
    town.round()
    town.closes(town.one)
    town.round()
    stood = dict(town.house.ecm.spaces[record].values)
    answer(town.house, "C-1", 9, "Fine")

    consents, feedbacks = town.round().reports

    assert ((consents.flow, consents.counts["planned"]), feedbacks.counts["sent"]) == (("consent", 0), 2)
    assert town.house.ecm.spaces[record].values == stood
    assert town.says(town.one) == 9


def test_a_document_in_doubt_whose_ticket_went_waits_for_it_without_a_word_each_time(town: Town) -> None:
    town.closes(town.one)
    town.round()
    answer(town.house, "C-1", 1, "Where is my ticket?")
    town.house.wire.faults.append(Fault(call="ecm file", trouble=Trouble.LOST_BEFORE))
    codes = [town.round().codes[-1]]
    town.house.ecm.delete(town.one)

    codes += [town.round().codes[-1] for _ in range(4)]

    assert codes == [5, 5, 5, 0, 0]


@pytest.mark.parametrize("beside", [None, {"consent": consent.STORY.section}])
def test_an_answer_without_token_and_time_belongs_to_the_only_request_also_where_it_came_before_the_next_run(
    tmp_path: Path, beside: Mapping[str, Any] | None
) -> None:
    town = Town(tmp_path, beside=beside, answer={"score": "survey_score", "comment": "survey_comment"})
    town.house.braze.people["C-2"].attributes["survey_score"] = 5  # of some other survey
    town.closes(town.one, town.other)
    town.round()
    town.house.braze.people["C-1"].attributes |= {"survey_score": 7, "survey_comment": "Quick"}

    assert town.round().codes[-1] == 3
    assert (town.says(town.one), town.says(town.one, "Comment"), town.says(town.other)) == (7, "Quick", None)
    assert ["it may be older" in entry[4] for entry in town.quarantined()] == [True]


def test_an_answer_whose_ticket_goes_before_it_is_written_is_put_aside_with_its_text(tmp_path: Path) -> None:
    town = Town(tmp_path, comment_document="never")
    town.closes(town.one, town.other)
    town.round()
    town.house.ecm.delete(town.one)
    answer(town.house, "C-1", 1, "Where is my ticket?")
    answer(town.house, "C-2", 8, "Fine")

    codes = [town.round().codes[-1] for _ in range(3)]

    assert codes[0] == 5  # one look alone tells nothing
    assert codes[1:] == [3, 0]
    [(_, record, _, _, reason, _)] = town.quarantined()
    assert (record, "Where is my ticket?" in reason, "is gone" in reason) == ("person:C-1", True, True)
    assert town.says(town.other) == 8
