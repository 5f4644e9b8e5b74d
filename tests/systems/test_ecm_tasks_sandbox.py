"""Tasks for people in ECM, against the simulated Extended ECM: made once below their list, found by mark, completed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ecmbraze.errors import ConfigurationError
from ecmbraze.model import Answer, Assignee, FollowUp, Priority, Team, Verdict
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.tasks import Tasks
from tests.systems.rig import http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
LIST, ROLE = "Follow-ups", "Account Manager"
CALL = FollowUp(
    mark="ecmbraze 0123456789ab",
    task_list=LIST,
    text="Case: open since 2026-02-24.\nPlease call.",
    due=date(2026, 3, 13),
    priority=Priority.MEDIUM,
    assign=Assignee(team=Team.USER, name="ann"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with RemoteSandbox.start("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.add_category("Note", [{"name": "Text"}])
        box.add_type("Client", ["Note"])
        for name in ("ann", "bob", "cid"):
            box.staff(do="user", name=name)
        box.staff(do="group", name="Retention", members=["bob"])
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.clear_faults()
    running.clear_journal()
    running.switch(task_completed_status=2)


@pytest.fixture
def ecm(box: RemoteSandbox) -> EcmClient:
    made = EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password, zone=UTC)
    made.whoami()
    return made


@pytest.fixture
def workspace(box: RemoteSandbox) -> int:
    return box.create_workspace("Client")


def add(ecm: EcmClient, workspace: int, **more: Any) -> Answer:
    return ecm.add_follow_up(workspace, replace(CALL, **more))


def complete(ecm: EcmClient, workspace: int, mark: str = CALL.mark) -> Answer:
    return ecm.complete_follow_up(workspace, mark, LIST)


def lists(box: RemoteSandbox, workspace: int) -> set[int]:
    return {one["node"] for one in box.follow_ups(workspace)}


def test_a_task_is_made_below_its_list_which_is_made_for_it(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    assert add(ecm, workspace).verdict is Verdict.ACCEPTED

    [made] = box.follow_ups(workspace)
    assert (made["kind"], made["assignees"], made["due"], made["priority"]) == ("task", ["ann"], "2026-03-13", 50)
    assert made["name"] == "Case open since 2026-02-24. Please call. [ecmbraze 0123456789ab]"
    assert made["text"] == f"{CALL.text} [{CALL.mark}]"
    [state] = ecm.follow_ups(workspace, LIST)
    assert (state.bears(CALL.mark), state.completed) == (True, False)
    assert ecm.follow_ups(workspace) == ()


def test_the_same_again_makes_no_second_and_another_shares_the_list(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    for mark in (CALL.mark, CALL.mark, "ecmbraze 0123456789ac"):
        assert add(ecm, workspace, mark=mark).verdict is Verdict.ACCEPTED
    assert len(box.follow_ups(workspace)) == 2
    assert len(lists(box, workspace)) == 1


@pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500", "html200"])
@pytest.mark.parametrize("lost", ["list", "task"])
def test_a_lost_answer_is_settled_by_the_list_and_makes_no_second(
    box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str, lost: str
) -> None:
    box.fault(kind, method="POST", path="/v2/nodes", process=True, skip=int(lost == "task"))

    assert add(ecm, workspace).verdict is Verdict.ACCEPTED
    assert add(ecm, workspace).verdict is Verdict.ACCEPTED
    assert len(box.follow_ups(workspace)) == len(lists(box, workspace)) == 1


def test_an_answer_that_was_lost_with_the_list_stays_unknown_and_is_found_later(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    add(ecm, workspace, mark="ecmbraze ffffffffffff")
    box.fault("reset_after", method="POST", path="/v2/nodes", process=True)
    box.fault("status", method="GET", path="/nodes", status=500, json={"error": "Sorry"}, skip=3, times=9)

    assert add(ecm, workspace).verdict is Verdict.UNKNOWN
    box.clear_faults()
    assert sum(one.bears(CALL.mark) for one in ecm.follow_ups(workspace, LIST)) == 1
    assert add(ecm, workspace).reason == "already there"


def test_a_list_that_cannot_be_made_is_no_task_that_was_sent(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    box.fault("status", method="POST", path="/v2/nodes", status=400, json={"error": "no"}, process=False)

    answer = add(ecm, workspace)

    assert (answer.verdict, "'Follow-ups' was not made" in answer.reason) == (Verdict.NOT_PROCESSED, True)
    assert box.follow_ups(workspace) == []


def test_it_is_found_in_a_list_that_was_renamed_and_under_a_name_that_was_changed(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    add(ecm, workspace)
    [made] = box.follow_ups(workspace)
    box.filed(do="edit", id=made["node"], name="Later")
    box.filed(do="edit", id=made["id"], name="Call her!")

    assert add(ecm, workspace).reason == "already there"
    assert complete(ecm, workspace).verdict is Verdict.ACCEPTED
    assert [one["status"] for one in box.follow_ups(workspace)] == ["completed"]


def test_one_that_a_person_completed_is_not_made_again_and_one_that_is_gone_is_complete(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    add(ecm, workspace)
    task = box.follow_ups(workspace)[0]["id"]
    box.follow_up(do="complete", task=task, by_user="ann")
    assert [one.completed for one in ecm.follow_ups(workspace, LIST)] == [True]
    assert (add(ecm, workspace).reason, complete(ecm, workspace).reason) == ("already there", "completed already")
    box.follow_up(do="remove", task=task)
    assert complete(ecm, workspace).reason == "not there any more"


def test_a_task_has_one_assignee_and_an_empty_role_goes_to_the_others(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    role, group = Assignee(team=Team.ROLE, name=ROLE), Assignee(team=Team.GROUP, name="Retention")
    refused = add(ecm, workspace, assign=role)
    assert (refused.verdict, "nobody stands behind role" in refused.reason) == (Verdict.REFUSED, True)
    assert box.follow_ups(workspace) == []

    add(ecm, workspace, assign=role, otherwise=group)
    box.put_in_role(workspace, ROLE, "cid", "bob")
    add(ecm, workspace, assign=role, mark="ecmbraze 0123456789ac")

    assert [one["assignees"] for one in box.follow_ups(workspace)] == [["Retention"], ["bob"]]


def test_what_is_not_of_medium_priority_says_so_in_words(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    add(ecm, workspace, priority=Priority.HIGH, text="Call.")
    [made] = box.follow_ups(workspace)
    assert (made["priority"], made["text"]) == (None, f"Priority high. Call. [{CALL.mark}]")


def test_a_long_text_is_cut_and_keeps_its_mark(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    assert add(ecm, workspace, text="ä" * 400, priority=Priority.LOW).verdict is Verdict.ACCEPTED
    [made] = box.follow_ups(workspace)
    assert (len(made["name"]), made["name"][-24:], made["text"][-24:]) == (248, f" [{CALL.mark}]", f" [{CALL.mark}]")


def test_a_list_of_a_name_that_ecm_does_not_take_is_refused(ecm: EcmClient, workspace: int) -> None:
    assert add(ecm, workspace, task_list="Follow: ups").verdict is Verdict.REFUSED


def test_completed_once_and_again_is_completed(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    add(ecm, workspace)
    assert [complete(ecm, workspace).verdict for _ in range(2)] == [Verdict.ACCEPTED] * 2
    assert [one["status"] for one in box.follow_ups(workspace)] == ["completed"]


def test_which_status_completes_is_learned_from_tasks_that_people_completed(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    box.switch(task_completed_status=5)
    for mark in ("ecmbraze 0123456789ac", CALL.mark):
        add(ecm, workspace, mark=mark)
    box.follow_up(do="complete", task=box.follow_ups(workspace)[0]["id"], by_user="ann")

    assert complete(ecm, workspace).verdict is Verdict.ACCEPTED
    assert [one["status"] for one in box.follow_ups(workspace)] == ["completed", "completed"]


def test_a_status_that_completes_nothing_is_taken_back_and_a_person_is_told(
    box: RemoteSandbox, ecm: EcmClient, workspace: int
) -> None:
    box.switch(task_completed_status=5)
    add(ecm, workspace)

    answer = complete(ecm, workspace)

    assert (answer.verdict, "complete it by hand" in answer.reason) == (Verdict.REFUSED, True)
    assert [one.completed for one in ecm.follow_ups(workspace, LIST)] == [False]
    changes = [one for one in box.journal(system="ecm") if one["method"] == "PUT"]
    assert len(changes) == 2


@pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500"])
def test_a_completion_whose_answer_is_lost_is_settled_by_the_list(
    box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str
) -> None:
    add(ecm, workspace)
    box.fault(kind, method="PUT", path="/v2/nodes", process=True)
    assert complete(ecm, workspace).verdict is Verdict.ACCEPTED


def test_an_account_that_does_not_see_what_it_made_stops(
    ecm: EcmClient, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tasks, "of", lambda *_: ())  # a tenant whose permissions hide what is given to others

    answer = add(ecm, workspace)

    assert answer.verdict is Verdict.ACCEPTED
    assert isinstance(answer.stop, ConfigurationError)


def test_a_workspace_that_is_gone_waits(box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
    box.act(workspace, "hide")
    assert add(ecm, workspace).verdict is complete(ecm, workspace).verdict is Verdict.NOT_PROCESSED
