"""Reminders for people in ECM, against the simulated Extended ECM: made once, found by their mark, completed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ecmbraze.errors import ConfigurationError, RecordUnreadable
from ecmbraze.model import Assignee, FollowUp, Priority, Team, Verdict
from ecmbraze.model.followups import LONGEST_TEXT
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.followups import FollowUps
from tests.forking.sandboxes import sandbox
from tests.systems.rig import http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ROLE = Assignee(team=Team.ROLE, name="Account Manager")
GROUP = Assignee(team=Team.GROUP, name="Retention")
CALL = FollowUp(
    mark="ecmbraze 0123456789ab",
    type="Review",
    text="Please call.",
    due=date(2026, 3, 13),
    priority=Priority.MEDIUM,
    assign=ROLE,
    otherwise=GROUP,
)


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.add_category("Note", [{"name": "Text"}])
        box.add_type("Client", ["Note"])
        for name in ("ann", "anna", "bob"):
            box.staff(do="user", name=name)
        box.staff(do="group", name=GROUP.name, members=["bob"])
        for number in range(25):  # more than a page of names that begin like Ann's
            box.staff(do="user", name=f"ann{number}")
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.clear_faults()
    running.clear_journal()
    running.switch(version="26.1", reminder_id_in_data=False, reminders_of_others=True)


@pytest.fixture
def ecm(box: RemoteSandbox) -> EcmClient:
    made = EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password, zone=UTC)
    made.whoami()
    return made


@pytest.fixture
def workspace(box: RemoteSandbox) -> int:
    number = box.create_workspace("Client")
    box.put_in_role(number, ROLE.name, "ann")
    return number


def assigned(box: RemoteSandbox, workspace: int) -> list[list[str]]:
    return [one["assignees"] for one in box.follow_ups(workspace)]


def test_a_reminder_is_made_for_those_in_the_role_and_found_again(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    answer = ecm.add_follow_up(workspace, CALL)

    [made] = box.follow_ups(workspace)
    assert answer.verdict is Verdict.ACCEPTED
    assert (made["assignees"], made["type"], made["due"]) == (["ann"], "Review", "2026-03-13")
    assert made["text"] == "Please call. [ecmbraze 0123456789ab]"
    [state] = ecm.follow_ups(workspace)
    assert (state.bears(CALL.mark), state.bears("ecmbraze 0123456789ac"), state.completed) == (True, False, False)


def test_the_same_again_makes_no_second(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    assert [ecm.add_follow_up(workspace, CALL).verdict for _ in range(2)] == [Verdict.ACCEPTED] * 2
    assert len(box.follow_ups(workspace)) == 1


@pytest.mark.parametrize(("version", "in_data"), [("25.4", False), ("26.2", False), ("26.3", True)])
def test_whatever_a_version_tells_of_the_id_it_is_found_among_many_by_its_mark(
    box: RemoteSandbox, ecm: EcmClient, workspace: int, version: str, in_data: bool
) -> None:
    box.switch(version=version, reminder_id_in_data=in_data)
    box.call("POST", "/ecm/followups", [{"do": "remind", "node": workspace, "text": "Other"}] * 60)

    assert [ecm.add_follow_up(workspace, CALL).verdict for _ in range(2)] == [Verdict.ACCEPTED] * 2
    assert sum(one.bears(CALL.mark) for one in ecm.follow_ups(workspace)) == 1
    assert ecm.complete_follow_up(workspace, CALL.mark).verdict is Verdict.ACCEPTED
    assert [one["text"] for one in box.follow_ups(workspace) if one["status"] == "completed"] == [CALL.description]


def test_one_that_a_person_completed_is_not_made_again(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    ecm.add_follow_up(workspace, CALL)
    box.follow_up(do="complete", reminder=box.follow_ups(workspace)[0]["id"])

    assert ecm.add_follow_up(workspace, CALL).reason == "already there"
    assert [one.completed for one in ecm.follow_ups(workspace)] == [True]


@pytest.mark.parametrize("version", ["26.1", "26.2"])
@pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500", "html200"])
def test_a_lost_answer_is_settled_by_the_list_and_makes_no_second(
    box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str, version: str
) -> None:
    box.switch(version=version)
    box.fault(kind, method="POST", path="addreminder", process=True)

    assert ecm.add_follow_up(workspace, CALL).verdict is Verdict.ACCEPTED
    assert ecm.add_follow_up(workspace, CALL).verdict is Verdict.ACCEPTED
    assert len(box.follow_ups(workspace)) == 1


def test_an_answer_that_was_lost_with_the_list_stays_unknown(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    ecm.follow_ups(workspace)
    box.fault("reset_after", method="POST", path="addreminder", process=True)
    box.fault("status", method="GET", path="followups", status=500, json={"error": "Sorry"}, skip=1)

    assert ecm.add_follow_up(workspace, CALL).verdict is Verdict.UNKNOWN
    box.clear_faults()
    assert [one.bears(CALL.mark) for one in ecm.follow_ups(workspace)] == [True]


@pytest.mark.parametrize("kind", ["html500", "reset_before"])
def test_what_did_not_arrive_is_not_called_made(box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str) -> None:
    box.fault(kind, method="POST", path="addreminder", process=False)

    assert ecm.add_follow_up(workspace, CALL).verdict in (Verdict.UNKNOWN, Verdict.NOT_PROCESSED)
    assert ecm.follow_ups(workspace) == ()


def test_a_role_of_nobody_goes_to_the_group_and_without_one_to_quarantine(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    box.put_in_role(workspace, ROLE.name)
    refused = ecm.add_follow_up(workspace, replace(CALL, otherwise=None))
    made = ecm.add_follow_up(workspace, CALL)

    assert (refused.verdict, "nobody stands behind role 'Account Manager'" in refused.reason) == (Verdict.REFUSED, True)
    assert made.verdict is Verdict.ACCEPTED
    assert assigned(box, workspace) == [[GROUP.name]]


def test_who_left_is_asked_nothing(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    box.put_in_role(workspace, ROLE.name, "bob", "anna")
    box.staff(do="delete", user="anna")
    try:
        ecm.add_follow_up(workspace, CALL)
        assert assigned(box, workspace) == [["bob"]]
    finally:
        box.staff(do="restore", user="anna")


def test_a_user_is_found_by_the_whole_name_among_those_that_begin_so(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    for name, found in (("ann", [["ann"]]), ("Ann24", [["ann"], ["ann24"]])):
        user = Assignee(team=Team.USER, name=name)
        ecm.add_follow_up(workspace, replace(CALL, mark=f"ecmbraze {name}", assign=user))
        assert assigned(box, workspace) == found
    nobody = ecm.add_follow_up(workspace, replace(CALL, assign=Assignee(team=Team.USER, name="an"), otherwise=None))
    assert nobody.verdict is Verdict.REFUSED


def test_a_type_of_the_second_client_is_found_and_an_unknown_one_stops_with_the_nearest(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    assert set(ecm.reminder_types()) == {"Follow-up", "Escalation", "Review"}
    answer = ecm.add_follow_up(workspace, replace(CALL, type="Reviews"))

    assert answer.verdict is Verdict.NOT_PROCESSED
    assert isinstance(answer.stop, ConfigurationError)
    assert "Review" in answer.stop.happened
    assert box.follow_ups(workspace) == []


def test_a_long_text_is_cut_and_keeps_its_mark(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    answer = ecm.add_follow_up(workspace, replace(CALL, text="ä" * (LONGEST_TEXT + 50)))

    assert answer.verdict is Verdict.ACCEPTED
    assert ecm.follow_ups(workspace)[0].bears(CALL.mark)


def test_completed_once_and_again_is_completed(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    ecm.add_follow_up(workspace, CALL)

    assert [ecm.complete_follow_up(workspace, CALL.mark).verdict for _ in range(2)] == [Verdict.ACCEPTED] * 2
    assert [one["status"] for one in box.follow_ups(workspace)] == ["completed"]
    assert ecm.complete_follow_up(workspace, "ecmbraze 000000000000").reason == "not there any more"


def test_a_person_who_completes_it_just_then_leaves_no_error(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    ecm.add_follow_up(workspace, CALL)
    box.fault("status", method="PUT", path="followups", status=400, json={"error": "Bad status"}, process=True)

    assert ecm.complete_follow_up(workspace, CALL.mark).reason == "completed already"


def test_an_account_that_cannot_see_what_it_made_for_others_stops(
    box: RemoteSandbox, ecm: EcmClient, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FollowUps, "of", lambda *_: ())  # the simulated server shows an account what it made itself

    answer = ecm.add_follow_up(workspace, CALL)

    assert answer.verdict is Verdict.ACCEPTED
    assert isinstance(answer.stop, ConfigurationError)
    assert "made twice" in answer.stop.undone


def test_a_workspace_that_is_gone_waits(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    box.act(workspace, "hide")

    assert ecm.add_follow_up(workspace, CALL).verdict is Verdict.NOT_PROCESSED
    with pytest.raises(RecordUnreadable):
        ecm.follow_ups(workspace)
