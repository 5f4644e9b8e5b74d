"""A follow-up is made once and completed once: of unknown outcome it is looked for in the list of its workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import Action, FollowUp, Phase, State, mark_of
from tests.channels.desk import LOST, Desk, completion, follow_up, refused, task

Make = Callable[[], Action]
KINDS = pytest.mark.parametrize("make", [follow_up, task], ids=["reminder", "task"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(params=[follow_up, task], ids=["reminder", "task"])
def doubtful(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    """A follow-up that was made although the answer to it was lost."""
    desk.records.answers[1] = [LOST]
    desk.stage(request.param())
    desk.send()
    return desk


@KINDS
def test_a_follow_up_is_made_on_its_workspace_and_not_again(desk: Desk, make: Make) -> None:
    for _ in range(2):
        desk.stage(make())
        desk.send()

    [made] = desk.records.office.reminders
    assert (made.node, made.assignees, made.made.text) == (1, ("ann",), "Call.")
    assert desk.states() == [State.SENT]
    assert desk.braze.asked == []


@KINDS
def test_what_is_made_is_what_was_planned_under_the_mark_of_its_key(make: Make) -> None:
    action = make()

    made = FollowUp.of(action.payload, action.key)

    assert made.payload() == action.payload
    assert made.description == f"Call. [{mark_of(action.key)}]"
    assert mark_of(follow_up(occurrence="2").key) != mark_of(action.key)


def test_after_a_lost_answer_it_is_found_by_its_mark_and_not_made_again(doubtful: Desk) -> None:
    assert doubtful.states() == [State.IN_DOUBT]
    doubtful.look(after=59)
    assert doubtful.states() == [State.IN_DOUBT]

    found = doubtful.look(after=1)

    assert doubtful.states() == [State.SENT]
    assert found.proven == {("f", "follow-ups in doubt were found in Extended ECM"): 1}
    assert len(doubtful.records.office.reminders) == 1


@KINDS
def test_one_that_was_not_made_is_made_after_all(desk: Desk, make: Make) -> None:
    desk.records.answers[1], desk.records.loses = [LOST], {1}
    desk.stage(make())
    desk.send()
    desk.records.loses = set()

    desk.look(after=60)
    desk.new_run().send(Phase.RECORDS)

    assert desk.states() == [State.SENT]
    assert len(desk.records.office.reminders) == 1


@pytest.mark.parametrize("error", [TemporaryError("the server is down"), RecordUnreadable("no right to see it")])
def test_what_cannot_be_read_stays_in_doubt(doubtful: Desk, error: Exception) -> None:
    doubtful.records.unreadable = error

    doubtful.look(after=3600)

    assert doubtful.states() == [State.IN_DOUBT]


def test_nobody_to_ask_is_a_refusal_that_a_person_sees(desk: Desk) -> None:
    desk.records.answers[1] = [refused("nobody stands behind role 'Account Manager'")]
    desk.stage(follow_up())

    desk.send()

    assert desk.row().state is State.REFUSED
    assert "Account Manager" in desk.row().why


@KINDS
def test_it_is_completed_once_its_cause_is_gone(desk: Desk, make: Make) -> None:
    made = make()
    desk.stage(made)
    desk.send()
    desk.stage(completion(made))

    desk.send()

    assert desk.states() == [State.SENT, State.SENT]
    assert [one.completed for one in desk.records.office.reminders] == [True]


@KINDS
@pytest.mark.parametrize("arrived", [True, False])
def test_a_completion_of_unknown_outcome_is_looked_for_too(desk: Desk, make: Make, arrived: bool) -> None:
    made = make()
    desk.stage(made)
    desk.send()
    desk.records.answers[1], desk.records.loses = [LOST], set() if arrived else {1}
    desk.stage(completion(made))
    desk.send()
    desk.records.loses = set()

    desk.look(after=60)

    assert desk.states() == [State.SENT, State.SENT if arrived else State.READY]
    desk.new_run().send(Phase.RECORDS)
    assert [one.completed for one in desk.records.office.reminders] == [True]


@KINDS
def test_one_killed_on_its_way_is_in_doubt_and_is_found(desk: Desk, make: Make) -> None:
    desk.stage(make())
    action = desk.row().action
    desk.records.office.add(1, FollowUp.of(action.payload, action.key), there=True)
    desk.ledger.outbox.move([Step(row=desk.row(), state=State.IN_FLIGHT)], desk.clock.now(), attempt="killed")

    desk.ledger.outbox.recover(desk.clock.now())
    desk.look(after=60)

    assert desk.states() == [State.SENT]
    assert len(desk.records.office.reminders) == 1
