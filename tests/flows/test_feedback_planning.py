"""What feedback decides, over a ledger in memory: whom to ask and when, and where an answer belongs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ecmbraze.flows import feedback
from ecmbraze.model import (
    Action,
    Change,
    Decision,
    Fact,
    Facts,
    Fate,
    Json,
    Kind,
    PersonKey,
    Record,
    State,
    WorkspaceKey,
    keys,
)
from ecmbraze.planning.context import Context
from ecmbraze.planning.feedback.options import Options
from tests.fakes import Nothing

HOME = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Berlin
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STATUS = "Case.Status"
SURVEY: Mapping[str, Any] = {
    "name": "survey",
    "when": {STATUS: "Closed"},
    "repeat": True,
    "delay": "2d",
    "zone": "Europe/Berlin",
    "send": {
        "campaign": "how",
        "consent": {"email": "opted_in"},
        "properties": {"case": "${workspace.name}", "token": "${feedback.token}"},
    },
    "answer": {"score": "score", "comment": "comment", "at": "at", "workspace": "token"},
    "write": {"Feedback.Score": "score", "Feedback.Comment": "comment", "Feedback.At": "at"},
}


def options(*rules: Mapping[str, Any], **section: Any) -> Options:
    made = {"workspace_types": ["Case"], "customer": "Case.Customer", "rules": list(rules or (SURVEY,)), **section}
    return Options.model_validate(made)


def token(key: str) -> str:
    return hashlib.sha256(f"salt {key}".encode()).hexdigest()[:32]


@dataclass
class Office(Nothing):
    """The flow over time: what it noted, what it sent, and the cases and people as they were last seen."""

    options: Options = field(default_factory=options)
    now: datetime = NOW
    fires: bool = True
    cases: dict[str, Record] = field(default_factory=dict)
    memory: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    due: dict[str, datetime | None] = field(default_factory=dict)
    sent: list[tuple[Action, Fate]] = field(default_factory=list)
    values: dict[str, Json] = field(default_factory=dict)
    aside: set[tuple[str, str, str]] = field(default_factory=set)
    open_of: dict[str, str] = field(default_factory=dict)

    # what planning asks

    def newest(self, key: str) -> Record | None:
        return self.cases.get(key)

    def fates(self, customer: str) -> Sequence[Fate]:
        return [fate for action, fate in self.sent if action.recipient == customer]

    def noted(self, record: str) -> Mapping[str, Json]:
        return self.memory.get(record, {})

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        first = f"{recipient}/{kind}/"
        return {one.removeprefix(first): value for one, value in self.values.items() if one.startswith(first)}

    def refused(self, record: str, customer: str, name: str) -> bool:
        return (record, customer, name) in self.aside

    def customer(self, person: str) -> Facts:
        return {"customer.open_since": self.open_of.get(person)}

    # what happens

    def sees(self, number: int, status: str, *people: str, **more: Any) -> Decision:
        """Plan a case as it is now."""
        key = WorkspaceKey(id=number)
        before = self.cases.get(key.text)
        record = Record(
            key=key,
            stream=keys.workspaces("Case"),
            name=f"Case {number}",
            created_at=NOW - 9 * DAY,
            modified_at=self.now,
            facts={STATUS: status},
            customers=people or ("C-1",),
        )
        return self._plan(replace(record, **more), before)

    def looks_again(self, number: int) -> Decision:
        """Plan a case as it was, because something of it is due."""
        record = self.cases[WorkspaceKey(id=number).text]
        return self._plan(record, record)

    def shows(self, person: str, **attributes: Fact) -> Decision:
        """Plan a person as the profile shows them now."""
        key = PersonKey(recipient=person)
        facts: dict[str, Fact] = dict.fromkeys(self.options.rules[0].answer.facts)
        facts |= {f"attribute:{name}": value for name, value in attributes.items()}
        record = Record(
            key=key,
            stream=keys.PEOPLE,
            name="",
            created_at=self.now,
            modified_at=self.now,
            facts=facts,
            customers=(person,),
        )
        return self._plan(record, self.cases.get(key.text))

    def token_of(self, place: int = -1) -> str:
        payload = self.sent[place][0].payload
        assert isinstance(payload, Mapping)
        properties = payload["properties"]
        assert isinstance(properties, Mapping)
        return str(properties["token"])

    def _plan(self, record: Record, before: Record | None) -> Decision:
        text = record.key.text
        fires = self.fires and not record.gone
        change = Change(record=record, before=before, fires=fires, memory=self.noted(text), since=NOW - HOUR)
        context = Context(now=self.now, zone=HOME, prefix="", token=token, customer=self.customer)
        decision = feedback.plan(self.options, change, self, context)
        self.cases[text], self.memory[text], self.due[text] = record, decision.memory, decision.due
        self.aside = {one for one in self.aside if one[0] != text}
        self.aside |= {(skip.record, skip.customer, skip.rule) for skip in decision.skips if skip.quarantined}
        for action in decision.actions:
            if action.kind.is_message:
                self.went(action)
            else:
                self.values[action.target] = action.payload
        return decision

    def went(self, action: Action, state: State = State.SENT) -> None:
        fate = Fate(record=action.record, rule=action.rule, occurrence=action.occurrence, state=state, at=self.now)
        self.sent.append((action, fate))

    def became(self, state: State) -> None:
        """Let the last message end otherwise."""
        action, fate = self.sent[-1]
        self.sent[-1] = (action, replace(fate, state=state))

    def asks(self, number: int = 7, *people: str) -> None:
        """Let a case be closed, and its people be asked two days later."""
        self.sees(number, "Open", *people)
        self.sees(number, "Closed", *people)
        self.now += 2 * DAY
        assert messages(self.looks_again(number))


def messages(decision: Decision) -> list[str]:
    return [action.recipient for action in decision.actions if action.kind.is_message]


def reasons(decision: Decision) -> list[str]:
    return [skip.reason for skip in decision.skips]


def written(decision: Decision) -> list[tuple[str, Json]]:
    return [(one.recipient, one.payload) for one in decision.actions if one.kind is Kind.CATEGORY]


def filed(decision: Decision) -> list[Action]:
    return [one for one in decision.actions if one.kind is Kind.DOCUMENT]


def test_a_request_goes_after_its_delay_and_once() -> None:
    office = Office()
    office.sees(7, "Open")

    assert messages(office.sees(7, "Closed")) == []
    assert office.due["ws:7"] == NOW + 2 * DAY
    office.now += 2 * DAY
    assert messages(office.looks_again(7)) == ["C-1"]
    office.now += HOUR
    assert messages(office.looks_again(7)) == []


def test_the_delay_of_what_was_closed_while_the_run_was_on_its_way_begins_then() -> None:
    office = Office()
    office.sees(7, "Open")
    office.now += 5 * DAY

    found = office.sees(7, "Closed", modified_at=office.now + timedelta(seconds=4))

    assert (messages(found), office.due["ws:7"]) == ([], office.now + timedelta(seconds=4) + 2 * DAY)


def test_what_was_closed_before_the_flow_came_is_not_asked_about() -> None:
    office = Office(fires=False)
    office.sees(7, "Closed")
    office.fires, office.now = True, NOW + 3 * DAY

    assert (messages(office.sees(7, "Closed")), office.due["ws:7"]) == ([], None)


def test_a_case_reopened_before_is_not_asked_about_and_says_so() -> None:
    office = Office()
    office.sees(7, "Open")
    office.sees(7, "Closed")
    office.now += DAY

    assert reasons(office.sees(7, "In Progress")) == ["no longer Case.Status is Closed: nobody is asked about it"]
    office.now += 5 * DAY
    assert (messages(office.looks_again(7)), office.due["ws:7"]) == ([], None)


@pytest.mark.parametrize("repeat", [True, False])
def test_a_completion_that_was_undone_before_anybody_was_asked_does_not_count(repeat: bool) -> None:
    office = Office(options({**SURVEY, "repeat": repeat}))
    for status in ("Open", "Closed", "Open", "Closed"):
        office.sees(7, status)
    office.now += 2 * DAY
    assert messages(office.looks_again(7)) == ["C-1"]
    office.now += 200 * DAY
    office.sees(7, "Open")
    office.sees(7, "Closed")
    office.now += 2 * DAY

    assert messages(office.looks_again(7)) == (["C-1"] if repeat else [])


@pytest.mark.parametrize(
    ("closed", "due"),
    [
        ((2026, 12, 1, 6), (2026, 12, 3, 8)),  # 07:00 in Berlin: at 09:00
        ((2026, 12, 1, 9), (2026, 12, 3, 9)),
        ((2026, 12, 1, 17), (2026, 12, 4, 8)),  # 18:00 is too late: the next morning
        ((2027, 3, 26, 16, 59), (2027, 3, 29, 7)),  # two days later it is summer, and 18:59
    ],
)
def test_a_request_is_due_within_the_hours_of_its_zone(closed: tuple[int, ...], due: tuple[int, ...]) -> None:
    office = Office(now=datetime(*closed, tzinfo=UTC))  # type: ignore[misc, arg-type]  # a year and so on
    office.sees(7, "Open")
    office.sees(7, "Closed")

    assert office.due["ws:7"] == datetime(*due, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_request_that_comes_due_late_waits_for_the_hours_and_one_on_its_way_does_too() -> None:
    office = Office()
    office.sees(7, "Open")
    office.sees(7, "Closed")
    office.now += 2 * DAY + 10 * HOUR  # 20:00: the program was down
    assert messages(office.looks_again(7)) == []
    assert office.due["ws:7"] == datetime(2026, 12, 4, 8, tzinfo=UTC)

    night = "outside the hours of survey, 09:00 to 18:00"
    assert feedback.postponed(office.options, "survey", HOME, office.now) == night
    assert feedback.postponed(office.options, "survey", HOME, NOW) == ""


def test_the_sample_is_drawn_by_the_key_and_every_time_the_same() -> None:
    def asked(share: float) -> set[int]:
        found = set()
        for number in range(1, 201):
            office = Office(options({**SURVEY, "sample": share}))
            office.sees(number, "Open")
            office.sees(number, "Closed")
            office.now += 2 * DAY
            decision = office.looks_again(number)
            found |= {number} if messages(decision) else set()
            assert messages(decision) or "sample" in reasons(decision)[0]
        return found

    few, many = asked(0.2), asked(0.6)

    assert asked(0.2) == few
    assert few < many
    assert 20 < len(few) < 60 < 90 < len(many) < 150


def test_one_person_has_one_open_request_and_then_the_cool_down_over_all_workspaces() -> None:
    office = Office(options(SURVEY, cooldown="40d"))
    office.asks(7)
    office.sees(8, "Open")
    office.sees(8, "Closed")
    office.now += 2 * DAY

    waiting = office.looks_again(8)
    assert (messages(waiting), "cool-down" in reasons(waiting)[0]) == ([], True)
    assert office.due["ws:8"] == NOW + 42 * DAY
    [(until, rule)] = feedback.ahead(office.options, office.cases["ws:8"], office.memory["ws:8"], HOME)
    assert (until, rule) == (office.due["ws:8"], "survey")
    office.now = NOW + 42 * DAY
    assert messages(office.looks_again(8)) == ["C-1"]


def test_an_answer_lets_the_next_request_go_where_the_cool_down_is_short() -> None:
    office = Office(options(SURVEY, cooldown="1d"))
    office.asks(7)
    office.sees(8, "Open")
    office.sees(8, "Closed")
    office.now += 2 * DAY
    assert "is not answered yet" in reasons(office.looks_again(8))[0]
    due = office.due["ws:8"]
    assert due is not None
    assert due <= office.now  # in every run

    office.shows("C-1", score="8", token=office.token_of())

    assert messages(office.looks_again(8)) == ["C-1"]


def test_two_cases_closed_at_once_ask_one_after_the_other() -> None:
    office = Office()
    for number in (7, 8):
        office.sees(number, "Open")
        office.sees(number, "Closed")
    office.now += 2 * DAY
    assert messages(office.looks_again(7)) == ["C-1"]
    office.became(State.READY)

    assert reasons(office.looks_again(8)) == ["waits: another request to this person is on its way"]
    office.became(State.SUPPRESSED)  # nobody was asked: no cool-down
    assert messages(office.looks_again(8)) == ["C-1"]


def test_everybody_whom_a_case_names_is_asked_with_a_token_of_their_own() -> None:
    office = Office()
    office.asks(7, "C-1", "C-2")

    assert [action.recipient for action, _ in office.sent] == ["C-1", "C-2"]
    assert office.token_of(0) != office.token_of(1)
    assert office.token_of(0) == token("feedback/ws:7/survey/1/C-1")


def test_an_answer_belongs_by_its_token_and_a_second_look_writes_nothing() -> None:
    office = Office()
    office.asks(7)
    office.now += DAY

    found = office.shows("C-1", score="9", comment="Kind", at="2026-12-04T08:00:00Z", token=office.token_of())

    values = {"Feedback.Score": 9, "Feedback.Comment": "Kind", "Feedback.At": "2026-12-04T09:00:00"}
    assert written(found) == [("ws:7", values)]
    assert filed(found) == []
    assert (
        office.shows("C-1", score="9", comment="Kind", at="2026-12-04T08:00:00Z", token=office.token_of()).actions == ()
    )


def test_of_several_people_the_last_to_answer_stands_whoever_is_looked_at_first() -> None:
    office = Office(options({**SURVEY, "comment_document": "always"}))
    office.asks(7, "C-1", "C-2")
    office.now += DAY
    later, earlier = "2026-12-04T09:00:00Z", "2026-12-04T08:00:00Z"

    first = office.shows("C-1", score="2", comment="Too late", at=later, token=office.token_of(0))
    second = office.shows("C-2", score="9", comment="Kind", at=earlier, token=office.token_of(1))

    assert [values["Feedback.Score"] for _, values in written(first)] == [2]  # type: ignore[call-overload, index]
    assert (written(second), len(filed(second))) == ([], 1)


def test_an_edited_answer_updates_and_is_said_to_be_edited() -> None:
    office = Office(options({**SURVEY, "comment_document": "always"}))
    office.asks(7)
    first = office.shows("C-1", score="9", comment="Kind", token=office.token_of())
    second = office.shows("C-1", score="2", comment="It broke again", token=office.token_of())

    assert [one.reason.endswith("(edited)") for one in (*first.actions, *second.actions)] == [False, False, True, True]
    assert dict(written(second))["ws:7"]["Feedback.Score"] == 2  # type: ignore[call-overload, index]
    assert len({one.key for one in (*filed(first), *filed(second))}) == 2


@pytest.mark.parametrize(("most", "times"), [(254, 40), (60, 3)])
def test_a_long_comment_is_whole_in_a_document_and_the_token_is_nowhere(most: int, times: int) -> None:
    office = Office(options({**SURVEY, "comment_length": most}))
    office.asks(7)
    comment = "Nobody called me back. " * times

    found = office.shows("C-1", score="1", comment=comment, token=office.token_of())

    [(_, values)] = written(found)
    assert isinstance(values, Mapping)
    assert len(str(values["Feedback.Comment"])) <= most
    [document] = filed(found)
    assert comment in str(document.payload)
    assert office.token_of() not in str(found)


def test_of_a_comment_that_is_not_mapped_nothing_is_written() -> None:
    office = Office(options({**SURVEY, "write": {"Feedback.Score": "score"}}))
    office.asks(7)

    found = office.shows("C-1", score="1", comment="secret " * 90, token=office.token_of())

    assert [one.kind for one in found.actions] == [Kind.CATEGORY]
    assert "secret" not in str(found.actions)


@pytest.mark.parametrize("known", ["foreign", "gone"])
def test_an_answer_that_belongs_nowhere_is_put_aside_with_its_text(known: str) -> None:
    office = Office()
    office.asks(7)
    if known == "gone":
        office.cases["ws:7"] = replace(office.cases["ws:7"], gone=True)
    shown = office.token_of() if known == "gone" else token("feedback/ws:7/survey/1/C-2")

    found = office.shows("C-1", score="3", comment="Never again", token=shown)

    assert found.actions == ()
    [skip] = found.skips
    assert skip.quarantined
    assert "Never again" in skip.reason
    assert shown not in str(found)
    again = office.shows("C-1", score="3", comment="Never again", token=shown)
    assert again.skips == found.skips  # it stays until somebody decides
    office.aside.clear()
    assert office.shows("C-1", score="3", comment="Never again", token=shown).skips == ()


def test_without_a_token_the_only_open_request_counts() -> None:
    office = Office()
    office.shows("C-1")
    office.asks(7)
    office.now += DAY

    found = office.shows("C-1", score="4")

    assert [place for place, _ in written(found)] == ["ws:7"]
    assert "the only open request" in found.actions[0].reason


def test_without_a_token_an_answer_that_may_be_older_than_the_request_is_put_aside() -> None:
    office = Office()
    office.asks(7)

    assert "it may be older" in reasons(office.shows("C-1", score="4"))[0]


def test_what_stood_in_the_profile_before_is_no_answer() -> None:
    office = Office()
    office.shows("C-1", score="4", token="old")
    office.asks(7)

    assert office.shows("C-1", score="4", token="old") == Decision(memory=office.memory["person:C-1"])


def test_an_answer_after_its_time_is_late_and_without_a_token_belongs_nowhere() -> None:
    office = Office()
    office.shows("C-1")
    office.asks(7)
    office.now += 31 * DAY

    assert "(late)" in office.shows("C-1", score="4", token=office.token_of()).actions[0].reason
    other = Office()
    other.shows("C-1")
    other.asks(7)
    other.now += 31 * DAY
    assert "no request is open" in reasons(other.shows("C-1", score="4"))[0]


def test_a_request_that_nobody_answers_is_reported_once_as_expired() -> None:
    office = Office()
    office.asks(7)
    office.now += 30 * DAY

    assert reasons(office.looks_again(7)) == ["expired: asked 2026-12-03, no answer within 30 days"]
    assert (reasons(office.looks_again(7)), office.due["ws:7"]) == ([], None)


def test_an_answer_to_an_earlier_request_does_not_take_the_place_of_a_later_one() -> None:
    office = Office(options(SURVEY, cooldown="1d"))
    office.asks(7)
    first = office.token_of()
    office.shows("C-1", score="9", token=first)
    office.now += 3 * DAY
    office.asks(7)
    office.shows("C-1", score="2", token=office.token_of())

    found = office.shows("C-1", score="10", token=first)
    assert written(found) == []
    assert "a later one stands in the workspace ws:7" in reasons(found)[0]


@pytest.mark.parametrize("shown", [{"token": True}, {}])
def test_an_answer_to_a_rule_that_is_configured_no_more_is_put_aside(shown: Mapping[str, bool]) -> None:
    office = Office()
    office.shows("C-1")
    office.asks(7)
    office.now += DAY
    office.options = options({**SURVEY, "name": "renamed"})

    found = office.shows("C-1", score="4", **({"token": office.token_of()} if shown else {}))

    assert [
        (skip.quarantined, "'survey' that asked about ws:7 is no longer" in skip.reason) for skip in found.skips
    ] == [(True, True)]
    assert "score '4'" in reasons(found)[0]


@pytest.mark.parametrize(
    ("at", "belongs"), [("2026-12-03", True), ("2026-12-03T00:00:00.000Z", True), ("2026-12-02", False)]
)
def test_a_survey_that_tells_the_day_alone_may_be_answered_on_the_day_it_was_sent(at: str, belongs: bool) -> None:
    office = Office()
    office.shows("C-1")
    office.asks(7)
    office.now += HOUR

    assert bool(written(office.shows("C-1", score="4", at=at))) is belongs


def test_who_has_a_case_open_is_not_asked_where_the_rule_says_so() -> None:
    stopped = {**SURVEY, "suppress_when": {"customer.open_since": {"is": "set"}}}
    office = Office(options(stopped), open_of={"C-1": "2026-11-01"})
    for number, person in ((7, "C-1"), (8, "C-2")):
        office.sees(number, "Open", person)
        office.sees(number, "Closed", person)
    office.now += 2 * DAY

    assert reasons(office.looks_again(7)) == ["suppressed: customer.open_since is set"]
    assert messages(office.looks_again(8)) == ["C-2"]


def test_a_survey_sent_as_transactional_is_told() -> None:
    send = {**SURVEY["send"], "consent": {"transactional": "part of the service"}}

    assert "advertising" in feedback.warnings(options({**SURVEY, "send": send}))[0]
    assert feedback.warnings(options()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hours": {"from": "18:00", "to": "09:00"}}, "`from` must lie before `to`"),
        ({"write": {"Score": "score"}}, "write Category.Attribute"),
        ({"send": {**SURVEY["send"], "properties": {}}}, "no property sends"),
        ({"answer": {"score": "score"}, "write": {"Feedback.Comment": "comment"}}, "names no attribute for it"),
        ({"answer": {"score": "same", "comment": "same"}}, "stands twice"),
        ({"sample": 0}, "greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: Mapping[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        options({**SURVEY, **change})
