"""A category on a workspace: the newest values go, and only what we wrote ourselves is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.errors import ConfigurationError, CredentialRefused, TemporaryError
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import Answer, Phase, State, Verdict
from tests.channels.desk import LOST, TAKEN, Desk, category, document, event, not_taken, refused
from tests.systems.rig import NOW

STATUS = "Consent.Email Status"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_may_be_replaced_is_what_was_last_accepted(desk: Desk) -> None:
    for status in ("Withdrawn", "Opted in"):
        desk.stage(category(status=status))
        desk.new_run().send(Phase.RECORDS)

    assert desk.records.values == [
        (1, {STATUS: "Withdrawn"}, {}),
        (1, {STATUS: "Opted in"}, {STATUS: "Withdrawn"}),
    ]
    assert desk.ledger.outbox.accepted(category().target) == {STATUS: "Opted in"}


def test_what_was_accepted_elsewhere_is_not_expected_here(desk: Desk) -> None:
    desk.stage(category(1, "Withdrawn"))
    desk.send()
    desk.stage(category(2, "Withdrawn"))
    desk.new_run().send(Phase.RECORDS)

    assert desk.records.values[-1] == (2, {STATUS: "Withdrawn"}, {})


def test_of_several_only_the_newest_goes(desk: Desk) -> None:
    desk.stage(category(status="Withdrawn"))
    desk.stage(category(status="Opted in"))
    desk.send()

    assert [values for _, values, _ in desk.records.values] == [{STATUS: "Opted in"}]
    assert desk.states() == [State.SUPERSEDED, State.SENT]


def test_an_edit_of_staff_is_quarantined_and_changes_nothing_that_was_accepted(desk: Desk) -> None:
    desk.records.answers[1] = [refused("edited_in_ecm: Consent.Email Status is 'X', we last wrote 'Y'")]
    desk.stage(category())
    desk.send()

    assert desk.states() == [State.REFUSED]
    assert desk.ledger.outbox.accepted(category().target) is None


def test_after_a_lost_answer_it_waits_for_the_next_run_and_is_never_in_doubt(desk: Desk) -> None:
    desk.records.answers[1] = [LOST]
    desk.stage(category(), category(2))
    desk.send()

    assert desk.states() == [State.WAITING, State.SENT]
    assert len(desk.records.values) == 2
    with pytest.raises(TemporaryError, match="cut off"):
        desk.push.refuse_unwritten()
    desk.new_run().send(Phase.RECORDS)
    assert desk.states() == [State.SENT, State.SENT]


def test_what_may_have_arrived_counts_as_ours_until_the_next_acceptance(desk: Desk) -> None:
    desk.records.answers[1] = [LOST, LOST, TAKEN]
    for status in ("Withdrawn", "Opted in", "Unknown", "Withdrawn"):
        desk.stage(category(status=status))
        desk.new_run().send(Phase.RECORDS)

    assert desk.records.attempted == [
        [],
        [{STATUS: "Withdrawn"}],
        [{STATUS: "Opted in"}, {STATUS: "Withdrawn"}],
        [],
    ]


def test_what_a_dead_run_had_on_its_way_counts_as_ours_too(desk: Desk) -> None:
    desk.stage(category(status="Withdrawn"))
    row = desk.row()
    desk.ledger.outbox.move([Step(row=row, state=State.IN_FLIGHT)], NOW, attempt="dead")
    desk.ledger.outbox.recover(NOW)
    desk.stage(category(status="Opted in"))
    desk.new_run().send(Phase.RECORDS)

    assert desk.records.attempted == [[{STATUS: "Withdrawn"}]]


@pytest.mark.parametrize("answer", [not_taken("reserved"), refused("edited_in_ecm: somebody")])
def test_what_certainly_did_not_arrive_is_not_ours_but_an_earlier_attempt_still_may_be(
    desk: Desk, answer: Answer
) -> None:
    desk.records.answers[1] = [LOST, answer, answer]
    for status in ("Withdrawn", "Withdrawn", "Opted in", "Unknown"):
        desk.stage(category(status=status))
        desk.new_run().send(Phase.RECORDS)

    assert desk.records.attempted[-1] == [{STATUS: "Withdrawn"}]


def _denied(number: int) -> Answer:
    denied = CredentialRefused(f"may not edit {number}.", advice="Give the right.")
    return Answer(verdict=Verdict.NOT_PROCESSED, reason="no right", denied=denied)


def test_a_workspace_on_which_the_right_is_missing_waits_and_ends_the_run_with_7_after_all_others(desk: Desk) -> None:
    for _ in range(2):
        desk.records.answers[1], desk.records.answers[2] = [_denied(1)], [_denied(2)]
        desk.stage(*(category(number, record=f"ws:{number}") for number in range(1, 6)))
        desk.new_run().send(Phase.RECORDS)

        found = [row.state for row in desk.rows() if row.state not in (State.SUPERSEDED, State.SENT)]
        assert found == [State.WAITING, State.WAITING]
        with pytest.raises(CredentialRefused, match=r"may not edit 1\. The same holds for 1 more\."):
            desk.push.refuse_unwritten()
        assert desk.push.clear

    assert {number for number, *_ in desk.records.values} == set(range(1, 6))


def test_three_workspaces_in_a_row_without_the_right_stop_the_flow(desk: Desk) -> None:
    desk.records.answers = {number: [_denied(number)] for number in (1, 2, 4, 5, 6)}
    desk.stage(*(category(number, record=f"ws:{number}") for number in range(1, 9)))

    with pytest.raises(CredentialRefused, match="The same holds for 4 more"):
        desk.send()

    assert [number for number, *_ in desk.records.values] == [1, 2, 3, 4, 5, 6]
    assert desk.states()[-2:] == [State.READY, State.READY]


def test_one_workspace_without_the_right_is_one_however_much_is_written_there(desk: Desk) -> None:
    desk.records.answers[1] = [_denied(1)] * 9
    desk.stage(
        category(1), *(document(1, name=f"{n}.txt", occurrence=str(n)) for n in range(4)), category(2, record="ws:2")
    )
    desk.send()

    assert desk.states().count(State.WAITING) == 5
    assert len(desk.push.denied.by) == 1


def test_a_missing_attribute_stops_the_flow_and_the_values_wait(desk: Desk) -> None:
    stop = ConfigurationError("no attribute of this name")
    desk.records.answers[1] = [Answer(verdict=Verdict.NOT_PROCESSED, reason="no attribute", stop=stop)]
    desk.stage(category(), category(2))

    with pytest.raises(ConfigurationError, match="no attribute"):
        desk.send()

    assert desk.states() == [State.WAITING, State.READY]


def test_three_failures_of_ecm_end_the_flow_before_its_next_phase(desk: Desk) -> None:
    desk.records.answers = {number: [LOST] for number in range(1, 6)}
    desk.stage(*(category(number, record=f"ws:{number}") for number in range(1, 6)))
    desk.send()

    assert len(desk.records.values) == 3
    assert not desk.push.clear


def test_the_report_names_the_person_it_was_planned_for_and_never_the_workspace_as_one() -> None:
    assert category(record="person:C-1").person == "C-1"
    assert category(record="ws:9").person == ""
    assert event("C-2").person == "C-2"
