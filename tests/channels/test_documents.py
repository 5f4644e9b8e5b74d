"""A document is made once: one of unknown outcome is looked for directly, and goes again only where it is not there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import Phase, State
from tests.channels.desk import LOST, Desk, category, document, event, not_taken, refused

CONTENT = "Grüße".encode()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def doubtful(desk: Desk) -> Desk:
    """A document that was stored although the answer to it was lost."""
    desk.records.answers[1] = [LOST]
    desk.stage(document())
    desk.send()
    return desk


def test_a_document_goes_into_its_folder_below_its_workspace_and_not_again(desk: Desk) -> None:
    desk.stage(document())
    desk.send()
    desk.stage(document())
    desk.send()

    assert desk.records.stored == {(1, "Consent History", "day email.txt"): CONTENT}
    assert desk.records.put == ["1 day email.txt"]
    assert desk.states() == [State.SENT]


def test_no_profile_is_asked_for_a_workspace(desk: Desk) -> None:
    desk.stage(document(), category())
    desk.send()

    assert desk.states() == [State.SENT, State.SENT]
    assert desk.braze.asked == []


def test_one_request_of_a_workspace_is_on_its_way_at_a_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, connections=3)
    desk.stage(category(), document(), document(name="b", occurrence="2"), document(2))

    desk.send()

    assert set(desk.states()) == {State.SENT}
    waves: dict[str, list[str]] = {}
    for row in desk.rows():
        waves.setdefault(row.attempt, []).append(row.action.recipient)
    assert sorted(map(sorted, waves.values())) == [["ws:1"], ["ws:1"], ["ws:1", "ws:2"]]


def test_after_a_lost_answer_it_is_in_doubt_and_is_not_looked_for_within_60_seconds(doubtful: Desk) -> None:
    assert doubtful.states() == [State.IN_DOUBT]

    doubtful.look(after=59)

    assert doubtful.states() == [State.IN_DOUBT]
    doubtful.look(after=1)
    assert doubtful.states() == [State.SENT]


def test_found_with_the_same_content_it_is_sent_and_the_report_says_so(doubtful: Desk) -> None:
    found = doubtful.look(after=60)

    assert doubtful.states() == [State.SENT]
    assert found.proven == {("f", "documents in doubt were found in Extended ECM"): 1}
    assert doubtful.row().action.payload is None


def test_not_found_it_is_ready_and_goes_again(desk: Desk) -> None:
    desk.records.answers[1], desk.records.loses = [LOST], {1}
    desk.stage(document())
    desk.send()
    desk.records.loses = set()

    desk.look(after=60)

    assert desk.states() == [State.READY]
    desk.new_run().send(Phase.RECORDS)
    assert desk.states() == [State.SENT]
    assert desk.records.put == ["1 day email.txt"] * 2


def test_a_second_doubt_is_looked_for_like_the_first(desk: Desk) -> None:
    desk.records.answers[1], desk.records.loses = [LOST, LOST], {1}
    desk.stage(document())
    for _ in range(2):
        desk.new_run().send(Phase.RECORDS)
        assert desk.states() == [State.IN_DOUBT]
        desk.look(after=60)
        assert desk.states() == [State.READY]


def test_something_else_under_its_name_is_a_refusal_that_a_person_sees(doubtful: Desk) -> None:
    doubtful.records.stored[1, "Consent History", "day email.txt"] = b"something else"

    doubtful.look(after=60)

    row = doubtful.row()
    assert row.state is State.REFUSED
    assert "other content" in row.why
    assert doubtful.ledger.outbox.refused("f") == [row]
    assert row.action.payload is not None  # what a replay would need
    assert doubtful.ledger.history.first_break() is None


@pytest.mark.parametrize("error", [TemporaryError("the server is down"), RecordUnreadable("no right to see it")])
def test_what_cannot_be_read_stays_in_doubt_for_as_long_as_it_takes(doubtful: Desk, error: Exception) -> None:
    doubtful.records.unreadable = error

    for _ in range(5):
        found = doubtful.look(after=86_400)
        assert doubtful.states() == [State.IN_DOUBT]
        assert [why for _, why in found.unread.values()] == [str(error)]

    doubtful.records.unreadable = None
    doubtful.look(after=60)
    assert doubtful.states() == [State.SENT]


def test_a_crash_leaves_it_in_doubt_and_the_look_decides(desk: Desk) -> None:
    desk.stage(document())
    desk.ledger.outbox.move([Step(row=desk.row(), state=State.IN_FLIGHT)], desk.clock.now(), attempt="a")

    desk.ledger.outbox.recover(desk.clock.now())

    assert desk.states() == [State.IN_DOUBT]
    desk.look(after=60)
    assert desk.states() == [State.READY]


def test_one_reserved_workspace_waits_and_the_others_go_on(desk: Desk) -> None:
    desk.records.answers[1] = [not_taken("locked_in_ecm: 1 is reserved by member 7")]
    desk.stage(*(document(number, record=f"ws:{number}") for number in (1, 2, 3)))

    desk.send()

    assert desk.states() == [State.WAITING, State.SENT, State.SENT]
    with pytest.raises(TemporaryError, match="reserved by member 7"):
        desk.push.refuse_unwritten()
    desk.new_run().send(Phase.RECORDS)
    assert desk.states() == [State.SENT] * 3
    desk.push.refuse_unwritten()


def test_any_number_of_reserved_workspaces_keeps_nobody_else_back(desk: Desk) -> None:
    for number in range(1, 6):
        desk.records.answers[number] = [not_taken(f"locked_in_ecm: {number} is reserved")]
    desk.stage(*(document(number, record=f"ws:{number}") for number in range(1, 8)))

    desk.send()

    assert desk.states() == [State.WAITING] * 5 + [State.SENT] * 2


def test_a_poisoned_workspace_keeps_nobody_back_but_a_broken_server_gets_three_requests(desk: Desk) -> None:
    desk.records.answers[1] = [LOST]
    desk.stage(*(document(number, record=f"ws:{number}") for number in (1, 2, 3)))
    desk.send()
    assert desk.states() == [State.IN_DOUBT, State.SENT, State.SENT]

    desk.records.answers = {number: [LOST] for number in range(4, 9)}
    desk.stage(*(document(number, record=f"ws:{number}") for number in range(4, 9)))
    desk.new_run().send(Phase.RECORDS)

    assert desk.states()[3:] == [State.IN_DOUBT] * 3 + [State.READY] * 2


def test_three_poisoned_workspaces_do_not_stop_every_run_before_the_others_had_their_turn(desk: Desk) -> None:
    desk.records.loses = {1, 2, 3}
    desk.records.answers = {number: [LOST] * 9 for number in (1, 2, 3)}
    desk.stage(*(document(number, record=f"ws:{number}") for number in (1, 2, 3)))
    desk.send()

    for number in range(4, 7):
        desk.look(after=900)
        desk.stage(document(number, record=f"ws:{number}"))
        desk.new_run().send(Phase.RECORDS)

    assert desk.states() == [State.IN_DOUBT] * 3 + [State.SENT] * 3


def test_one_that_was_refused_stands_alone_in_quarantine(desk: Desk) -> None:
    desk.records.answers[1] = [refused("a document of this name has other content")]
    desk.stage(document(), document(2, record="ws:2"))

    desk.send()

    assert desk.states() == [State.REFUSED, State.SENT]
    desk.push.refuse_unwritten()  # nothing of it is temporary


def test_a_document_never_expires(desk: Desk) -> None:
    desk.stage(document(), event("C-1"))
    late = desk.clock.now() + timedelta(days=400)

    expired = desk.ledger.outbox.expire("f", late)

    assert [step.row.action.kind for step in expired] == ["event"]
    assert desk.ledger.outbox.expired_since(desk.clock.now(), late, "f") == 1


def test_a_message_in_doubt_keeps_no_document_back_and_a_document_in_doubt_no_message(desk: Desk) -> None:
    same = "ws:1"  # even an external id that reads like a workspace
    desk.stage(event(same, occurrence="1"))
    message = desk.row()
    desk.ledger.outbox.move([Step(row=message, state=State.IN_FLIGHT)], desk.clock.now())
    desk.ledger.outbox.move([Step(row=message, state=State.IN_DOUBT)], desk.clock.now())
    desk.stage(document(), event(same, occurrence="2"))

    assert [row.action.kind for row in desk.ledger.outbox.sendable("f", Phase.RECORDS, 9)] == ["document"]
    assert [row.action.kind for row, _ in desk.ledger.outbox.kept_back("f")] == ["event"]

    desk.records.answers[1] = [LOST]
    desk.push.send(Phase.RECORDS)
    desk.ledger.outbox.move([Step(row=message, state=State.HELD)], desk.clock.now())
    desk.ledger.outbox.move([Step(row=message, state=State.DROPPED)], desk.clock.now())

    assert desk.states() == [State.DROPPED, State.IN_DOUBT, State.READY]
    assert [row.action.kind for row in desk.ledger.outbox.sendable("f", Phase.PROFILE, 9)] == ["event"]


def test_no_document_is_one_of_the_messages_of_a_day(desk: Desk) -> None:
    desk.stage(document())
    desk.send()

    assert desk.ledger.outbox.messages_today("ws:1", desk.clock.now()) == 0


def test_a_document_is_not_read_back_for_the_sample(desk: Desk) -> None:
    desk.stage(document(), category())
    desk.send()

    seen = desk.verify()

    assert (seen.seen.total(), seen.unseen.total(), desk.braze.asked) == (0, 0, [])


def test_a_kill_after_the_last_look_was_noted_leaves_it_to_the_next_run(desk: Desk) -> None:
    desk.records.answers[1], desk.records.loses = [LOST], {1}
    desk.stage(document())
    desk.send()
    desk.ledger.outbox.looked([(desk.row(), 1)])  # and there the kill came

    desk.look(after=60)

    assert desk.states() == [State.READY]
