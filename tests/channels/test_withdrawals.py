"""A consent taken back leaves before anything else, whatever holds the rest back; nobody is ever subscribed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.savedplan import decisions
from ecmbraze.model import UNMET, Answer, Kind, Phase, State, Verdict
from tests.channels.desk import LOST, TAKEN, Desk, attribute, document, event, profile, withdrawal


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, "C-1", "C-2")


def test_people_of_one_channel_share_a_request(desk: Desk) -> None:
    desk.stage(withdrawal("C-1"), withdrawal("C-2"), withdrawal("C-1", "push", rule="push"))

    desk.send()

    assert desk.braze.withdrawn == [(("C-1", "C-2"), "email"), (("C-1",), "push")]
    assert desk.states() == [State.SENT] * 3


def test_it_leaves_before_the_documents_that_tell_of_it(desk: Desk) -> None:
    order: list[Phase] = [action.kind.phase for action in (withdrawal(), event("C-1"), document())]

    assert order == [Phase.CONSENT, Phase.PROFILE, Phase.RECORDS]


def test_one_refused_person_is_told_apart_from_the_others_of_the_request(desk: Desk) -> None:
    desk.braze.answers = [Answer(verdict=Verdict.ACCEPTED, reason="accepted", refused={("attributes", 1): "no"})]
    desk.stage(withdrawal("C-1"), withdrawal("C-2"))

    desk.send()

    assert {row.action.recipient: row.state for row in desk.rows()} == {"C-1": State.SENT, "C-2": State.REFUSED}


def test_somebody_unknown_to_braze_has_withdrawn_when_they_appear_there(desk: Desk) -> None:
    desk.stage(withdrawal("C-9"))
    desk.send()
    assert [(row.state, row.why) for row in desk.rows()] == [(State.WAITING, UNMET)]
    assert desk.braze.withdrawn == []

    desk.braze.known["C-9"] = [profile("C-9")]
    desk.clock.advance(400 * 86_400)
    assert desk.ledger.outbox.expire("f", desk.clock.now()) == []
    desk.new_run().send(Phase.CONSENT)

    assert desk.braze.withdrawn == [(("C-9",), "email")]


def test_it_goes_to_all_profiles_that_share_its_recipient(desk: Desk) -> None:
    desk.braze.known["C-1"] = [profile("C-1"), profile("C-1")]
    desk.stage(withdrawal("C-1"))

    desk.send()

    assert desk.states() == [State.SENT]


def test_after_a_lost_answer_it_goes_again_and_is_never_held(desk: Desk) -> None:
    desk.braze.answers = [LOST, TAKEN]
    desk.stage(withdrawal())
    desk.send()
    assert desk.states() == [State.READY]

    desk.new_run().send(Phase.CONSENT)

    assert desk.states() == [State.SENT]
    assert len(desk.braze.withdrawn) == 2


def test_a_sample_shows_it_in_the_profile_and_a_group_shows_nowhere(desk: Desk) -> None:
    desk.braze.known["C-1"] = [profile("C-1", email_subscribe="unsubscribed")]
    desk.stage(
        withdrawal("C-1"), withdrawal("C-2", "push", rule="push"), withdrawal("C-2", "group:1", rule="newsletter")
    )
    desk.send()

    seen = desk.verify()

    assert (seen.seen.total(), seen.unseen.total()) == (1, 1)


def test_what_the_person_chose_since_is_not_undone(desk: Desk) -> None:
    desk.stage(withdrawal("C-1"), attribute("C-1", "email"))  # of one name, so that only the kind tells them apart
    desk.send()

    seen = desk.verify()  # the profile shows neither: opted in again, and the attribute lost

    assert seen.restated == {"f": 1}
    assert [row.action.kind for row in desk.rows() if row.state is State.READY] == [Kind.ATTRIBUTE]


def test_of_a_plan_that_waits_for_a_person_only_the_withdrawals_are_staged(desk: Desk) -> None:
    desk.stage(withdrawal(), event("C-1"), document(), last=Phase.CONSENT)

    assert [row.action.kind for row in desk.rows()] == [Kind.WITHDRAWAL]
    desk.send()
    assert desk.states() == [State.SENT]


def test_what_a_person_confirms_is_the_same_with_and_without_the_withdrawals_that_have_left(desk: Desk) -> None:
    plans = [PlanFile(desk.ledger.plan_path(name)) for name in ("a", "b")]
    for plan in plans:
        plan.put_action(event("C-1", record="ws:1"))
    plans[0].put_action(withdrawal(record="ws:1"))
    plans[0].put_action(withdrawal("C-2", record="ws:2"))

    with_it, without = plans

    assert with_it.hash("f") == without.hash("f")
    assert decisions(with_it, "f") == decisions(without, "f")
    assert with_it.acting("f") == ["ws:1"]
    with_it.leave_out(["ws:1", "ws:2"])
    assert [action.kind for action in with_it.actions("f")] == [Kind.WITHDRAWAL, Kind.WITHDRAWAL]
    for plan in plans:
        plan.discard()
