"""Reminders, tasks and the people they go to (api/ecm.md 3.6, 8.1, 8.2, 9, section 13, 14)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecmbraze.sandbox.ecm.office import Office
from tests.sandbox.desk import Desk, ids, names

USER07, GROUP = 2049, 1002


@pytest.fixture
def alpha(desk: Desk) -> int:
    return desk.make("Alpha")


@pytest.fixture
def office(desk: Desk) -> Office:
    return Office(desk.store)


def types(desk: Desk, query: str = "") -> Any:
    return desk.get(f"/v1/forms/nodes/followup/getClientTypes{query}")["forms"][0]


def type_id(desk: Desk, name: str = "Follow-up") -> int:
    found = types(desk)
    labels = found["options"]["fields"]["followup_type_name"]["optionLabels"]
    return int(found["schema"]["properties"]["followup_type_name"]["enum"][labels.index(name)])


def sent(desk: Desk, **more: Any) -> dict[str, Any]:
    """Return the fields of a good reminder."""
    return {
        "RSTYPE": str(type_id(desk)),
        "RSRULE": "0",
        "RSDATE": "D/2026/6/4:0:0:0",
        "recipients": [USER07],
        "RSDESCRIPTION": "Call. [ecmbraze:success/silent/C-1]",
        "PRIORITY": 50,
        **more,
    }


def remind(desk: Desk, node: int, **more: Any) -> Any:
    return desk.post(f"/v2/resubmission/{node}/addreminder", {"data": json.dumps(sent(desk, **more))})["results"]


def refused(desk: Desk, node: int, **more: Any) -> tuple[int, str]:
    fields = {name: value for name, value in sent(desk, **more).items() if value is not None}
    return desk.refused("POST", f"/v2/resubmission/{node}/addreminder", {"data": json.dumps(fields)})


def listed(desk: Desk, node: int, query: str = "") -> list[dict[str, Any]]:
    found = desk.get(f"/v2/nodes/{node}/followups{query}")["results"]["followups"]
    return [row["data"]["followup"] for row in found]


def status(desk: Desk, node: int, reminder: int, value: int) -> int:
    return desk.ask("PUT", f"/v2/nodes/{node}/followups/{reminder}", {"status": value}).status_code


# reminder types


def test_the_id_of_a_client_is_none_of_its_types_and_only_one_clients_types_are_shown(desk: Desk) -> None:
    first = types(desk)
    clients = first["schema"]["properties"]["followup_client_name"]["enum"]
    assert first["options"]["fields"]["followup_client_name"]["optionLabels"] == ["Reminder Client", "Team Client"]
    shown = [types(desk, f"?client_id={number}")["options"]["fields"]["followup_type_name"] for number in clients]
    assert [one["optionLabels"] for one in shown] == [["Follow-up", "Escalation"], ["Review"]]
    assert first["options"]["fields"]["followup_type_name"] == shown[0]
    assert not set(clients) & set(first["schema"]["properties"]["followup_type_name"]["enum"])
    assert refused(desk, desk.make("B"), RSTYPE=str(clients[0]))[0] == 400


def test_a_tenant_may_have_no_reminder_type_at_all(desk: Desk, alpha: int) -> None:
    good = sent(desk)
    for client in ("Reminder Client", "Team Client"):
        desk.store.reminders.define(client, ())
    assert types(desk)["schema"]["properties"]["followup_type_name"]["enum"] == []
    answer = desk.ask("POST", f"/v2/resubmission/{alpha}/addreminder", {"data": json.dumps(good)})
    assert answer.status_code == 400


# reminders


def test_before_26_2_the_answer_has_no_id_and_only_the_list_tells_it(desk: Desk, alpha: int) -> None:
    assert remind(desk, alpha) == {}
    (found,) = listed(desk, alpha)
    assert (found["data_id"], found["description"], found["status"]) == (alpha, sent(desk)["RSDESCRIPTION"], 1)
    assert (found["due_date"], found["followup_type_name"]) == ("2026-06-04T00:00:00Z", "Follow-up")
    assert (found["create_user_id"], found["create_date"]) == (1000, "2026-06-01T08:00:00Z")
    assert found["assignees"] == [{"id": USER07, "name": "user07"}]
    assert found["followup_client"] in types(desk)["schema"]["properties"]["followup_client_name"]["enum"]


@pytest.mark.parametrize("version", ["26.2", "26.3", "27.1"])
def test_from_26_2_the_answer_has_the_id_in_one_of_two_places(desk: Desk, alpha: int, version: str) -> None:
    desk.switch(version=version)
    first = remind(desk, alpha)["id"]
    desk.switch(reminder_id_in_data=True)
    second = remind(desk, alpha)["data"]["id"]
    assert [one["followup_id"] for one in listed(desk, alpha)] == [first, second]


def test_the_same_reminder_twice_is_two_reminders(desk: Desk, alpha: int) -> None:
    remind(desk, alpha)
    remind(desk, alpha)
    one, other = listed(desk, alpha)
    assert one["followup_id"] != other["followup_id"]
    assert one["description"] == other["description"]


def test_a_list_of_reminders_has_no_pages_and_no_filter(desk: Desk, alpha: int) -> None:
    for _ in range(60):
        remind(desk, alpha)
    answer = desk.get(f"/v2/nodes/{alpha}/followups?limit=10&page=2&where_status=2")
    assert len(answer["results"]["followups"]) == 60
    assert "collection" not in answer
    assert "paging" not in answer
    assert listed(desk, desk.make("B")) == []


def test_a_reminder_travels_in_the_field_data_and_nowhere_else(desk: Desk, alpha: int) -> None:
    path = f"/v2/resubmission/{alpha}/addreminder"
    for wrong in ({"body": json.dumps(sent(desk))}, sent(desk)):
        assert desk.refused("POST", path, wrong)[0] == 400
    assert listed(desk, alpha) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"RSTYPE": None},
        {"RSTYPE": "999"},
        {"RSRULE": "3"},
        {"RSDATE": "2026-06-04"},
        {"RSDATE": "D/2026/2/30:0:0:0"},
        {"RSDATE": None},
        {"recipients": []},
        {"recipients": None},
        {"PRIORITY": 10},
        {"RSDESCRIPTION": "x" * 251},
        {"RSRULE": "1", "RSRULEUNIT": "1", "RSRULEVALUE": "1000"},
        {"RSRULE": "1", "RSRULEUNIT": "5", "RSRULEVALUE": "1"},
        {"RSRULE": "2", "RSSEQSTARTDATE": "D/2026/6/4:0:0:0", "RSSEQENDDATE": "D/2026/9/4:0:0:0"},
    ],
)
def test_a_reminder_that_is_not_complete_is_a_400(desk: Desk, alpha: int, wrong: dict[str, Any]) -> None:
    assert refused(desk, alpha, **wrong)[0] == 400
    assert listed(desk, alpha) == []


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        ({"RSRULE": "1", "RSRULEUNIT": "1", "RSRULEVALUE": "3"}, "2026-06-04"),
        ({"RSRULE": "1", "RSRULEUNIT": "2", "RSRULEVALUE": 2}, "2026-06-15"),
        ({"RSRULE": "1", "RSRULEUNIT": "3", "RSRULEVALUE": "9"}, "2027-03-01"),
        (
            {
                "RSRULE": "2",
                "RSSEQSTARTDATE": "D/2026/6/5:0:0:0",
                "RSSEQENDDATE": "D/2026/9/4:0:0:0",
                "RSSEQUENCECODE": "DY 0 0 * * *",
            },
            "2026-06-05",
        ),
    ],
)
def test_a_reminder_is_due_by_its_rule(desk: Desk, alpha: int, rule: dict[str, Any], due: str) -> None:
    remind(desk, alpha, **rule)
    assert listed(desk, alpha)[0]["due_date"] == f"{due}T00:00:00Z"


def test_who_is_gone_unknown_or_a_role_cannot_be_reminded(desk: Desk, alpha: int, office: Office) -> None:
    office.staff([{"do": "delete", "user": "user07"}])
    role = desk.get(f"/v2/businessworkspaces/{alpha}/roles")["results"][0]["data"]["properties"]["id"]
    for wrong in (USER07, 424242, role, 1010):
        assert refused(desk, alpha, recipients=[GROUP, wrong]) == (500, "Errors getting assignee information.")
    assert listed(desk, alpha) == []
    remind(desk, alpha, recipients=[GROUP, "2000"])
    assert [one["name"] for one in listed(desk, alpha)[0]["assignees"]] == ["Case Workers", "user00"]


def test_without_the_permission_the_account_reminds_nobody_but_itself(desk: Desk, alpha: int) -> None:
    desk.switch(reminders_for_others=False)
    assert refused(desk, alpha)[0] == 500
    remind(desk, alpha, recipients=[1000])
    assert len(listed(desk, alpha)) == 1


def test_a_status_only_goes_forward_and_the_answer_never_tells_it(desk: Desk, alpha: int) -> None:
    remind(desk, alpha)
    number = listed(desk, alpha)[0]["followup_id"]
    path = f"/v2/nodes/{alpha}/followups/{number}"
    assert status(desk, alpha, number, 1) == 400
    assert desk.put(path, {"status": -2})["results"] == {}
    for back in (1, -1, -2, 3):
        assert status(desk, alpha, number, back) == 400
    assert desk.put(path, {"status": 2})["results"] == {}
    for again in (-2, -1, 2):
        assert status(desk, alpha, number, again) == 400
    found = desk.get(path)["results"]["data"]["followup"]
    assert (found["status"], found["status_by"]) == (2, 1000)
    assert listed(desk, alpha) == [found]


def test_a_reminder_is_changed_by_its_id_and_its_node(desk: Desk, alpha: int) -> None:
    remind(desk, alpha)
    number = listed(desk, alpha)[0]["followup_id"]
    path, changed = f"/v2/nodes/{alpha}/updatereminder", {"RSDESCRIPTION": "Later.", "RSPARENTID": alpha}
    assert desk.refused("PUT", path, {"data": json.dumps(changed)})[0] == 400
    desk.put(path, {"data": json.dumps({**changed, "RSID": number})})
    found = listed(desk, alpha)[0]
    assert (found["description"], found["due_date"]) == ("Later.", "2026-06-04T00:00:00Z")
    other = {"data": json.dumps({"RSID": number, "RSPARENTID": alpha + 1})}
    assert desk.refused("PUT", path, other)[0] == 400


def test_reminders_of_what_may_not_be_seen_are_a_500(desk: Desk, alpha: int) -> None:
    remind(desk, alpha)
    number, beta = listed(desk, alpha)[0]["followup_id"], desk.make("Beta")
    assert desk.refused("GET", f"/v2/nodes/{beta}/followups/{number}")[0] == 500
    desk.person.perform([{"do": "hide", "id": alpha}])
    for gone in (alpha, 1):
        code, text = desk.refused("GET", f"/v2/nodes/{gone}/followups")
        assert (code, text[:5]) == (500, "Sorry")
        answer = desk.ask("POST", f"/v2/resubmission/{gone}/addreminder", {"data": json.dumps(sent(desk))})
        assert answer.status_code == 500


@pytest.mark.parametrize(("visible", "count"), [(True, 2), (False, 1)])
def test_reminders_among_others_are_seen_as_the_switch_says(
    desk: Desk, alpha: int, office: Office, visible: bool, count: int
) -> None:
    desk.switch(reminders_of_others=visible)
    office.perform([{"do": "remind", "node": alpha, "text": "Theirs", "assign": ["user01"], "by_user": "user07"}])
    remind(desk, alpha)
    assert len(listed(desk, alpha)) == count


def test_a_colleague_completes_a_reminder_and_it_stays_in_the_list(desk: Desk, alpha: int, office: Office) -> None:
    remind(desk, alpha)
    number = listed(desk, alpha)[0]["followup_id"]
    office.perform([{"do": "start", "reminder": number, "by_user": "user07"}])
    office.perform([{"do": "complete", "reminder": number, "by_user": "user07"}])
    (found,) = listed(desk, alpha)
    assert (found["status"], found["status_by"]) == (2, USER07)
    with pytest.raises(ValueError, match="is completed: there is no way to start it"):
        office.perform([{"do": "start", "reminder": number}])
    assert office.follow_ups(alpha)[0]["status"] == "completed"
    office.perform([{"do": "remove", "reminder": number}])
    assert listed(desk, alpha) == []


# tasks


def new(desk: Desk, parent: int, name: str, kind: int, **more: Any) -> int:
    body = {"body": json.dumps({"type": kind, "parent_id": parent, "name": name, **more})}
    return int(desk.post("/v2/nodes", body)["results"]["data"]["properties"]["id"])


def properties(desk: Desk, node: int) -> Any:
    return desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]


def test_a_task_has_an_assignee_dates_and_text_and_comes_back_with_them_in_its_list(desk: Desk, alpha: int) -> None:
    plan = new(desk, alpha, "Follow-ups", 204)
    fields = {"assigned_member_id": USER07, "due_date": "2026-06-04", "priority": 50, "instructions": "Call."}
    task = new(desk, plan, "Call C-1", 206, **fields)
    shown = properties(desk, task)
    assert {name: shown[name] for name in fields} == {**fields, "due_date": "2026-06-04T00:00:00"}
    assert shown["completion_date"] is None
    rows = desk.get(f"/v2/nodes/{plan}/nodes?where_type=206")["results"]
    assert rows[0]["data"]["properties"]["assigned_member_id"] == USER07
    assert "completion_date" not in properties(desk, plan)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"assigned_member_id": 424242}, 500), ({"due_date": "soon"}, 400), ({"priority": "high"}, 400)],
)
def test_a_task_that_makes_no_sense_is_not_made(desk: Desk, alpha: int, wrong: dict[str, Any], code: int) -> None:
    plan = new(desk, alpha, "Follow-ups", 204)
    body = {"body": json.dumps({"type": 206, "parent_id": plan, "name": "Call", **wrong})}
    assert desk.refused("POST", "/v2/nodes", body)[0] == code
    assert names(desk.get(f"/v2/nodes/{plan}/nodes")) == []


@pytest.mark.parametrize("done", [2, 5])
def test_a_task_is_complete_when_it_has_a_completion_date_whatever_its_status_is_called(
    desk: Desk, alpha: int, done: int
) -> None:
    desk.switch(task_completed_status=done)
    task = new(desk, new(desk, alpha, "Follow-ups", 204), "Call", 206)
    desk.later(60)
    desk.put(f"/v2/nodes/{task}", {"status": 1})
    assert properties(desk, task)["completion_date"] is None
    desk.put(f"/v2/nodes/{task}", {"status": done})
    assert properties(desk, task)["completion_date"] == "2026-06-01T08:01:00Z"
    desk.put(f"/v2/nodes/{task}", {"body": json.dumps({"status": 1})})
    assert properties(desk, task)["completion_date"] is None


def test_a_colleague_completes_reopens_and_removes_a_task(desk: Desk, alpha: int, office: Office) -> None:
    plan = office.perform([{"do": "task_list", "parent": alpha, "name": "Follow-ups"}])[0]["id"]
    task = office.perform([{"do": "task", "parent": plan, "name": "Call", "assign": "user07"}])[0]["id"]
    assert properties(desk, task)["assigned_member_id"] == USER07
    office.perform([{"do": "complete", "task": task, "by_user": "user07"}])
    shown = properties(desk, task)
    assert (shown["completion_date"], shown["completed_by"]) == ("2026-06-01T08:00:00Z", USER07)
    office.perform([{"do": "reopen", "task": task}])
    assert properties(desk, task)["completion_date"] is None
    office.perform([{"do": "remove", "task": task}])
    assert desk.ask("GET", f"/v2/nodes/{task}").status_code == 400
    with pytest.raises(ValueError, match="is no task list"):
        office.perform([{"do": "task", "parent": alpha, "name": "Call"}])


# roles, groups, users


def roles(desk: Desk, node: int) -> dict[str, Any]:
    rows = desk.get(f"/v2/businessworkspaces/{node}/roles?fields=members")["results"]
    return {row["data"]["properties"]["name"]: row["data"] for row in rows}


def test_each_workspace_has_roles_of_its_own_with_members_only_on_demand(
    desk: Desk, alpha: int, office: Office
) -> None:
    beta = desk.make("Beta")
    office.put_in_role(alpha, "Account Manager", ["user07", "Case Workers"])
    plain = desk.get(f"/v2/businessworkspaces/{alpha}/roles")["results"]
    assert all(set(row["data"]) == {"properties"} for row in plain)
    ours, theirs = roles(desk, alpha), roles(desk, beta)
    told = [(one["name"], one["type"]) for one in ours["Account Manager"]["members"]]
    assert told == [("user07", 0), ("Case Workers", 1)]
    assert ours["Account Manager"]["properties"]["leader"] is True
    assert theirs["Account Manager"]["members"] == ours["Member"]["members"] == []
    numbers = {data["properties"]["id"] for found in (ours, theirs) for data in found.values()}
    assert len(numbers) == 4


def test_a_role_is_a_member_of_type_848_that_no_list_of_members_shows(desk: Desk, alpha: int) -> None:
    role = roles(desk, alpha)["Account Manager"]["properties"]["id"]
    shown = desk.get(f"/v2/members/{role}")["results"]["data"]["properties"]
    assert (shown["type"], shown["node_id"], shown["name"]) == (848, alpha, "Account Manager")
    assert desk.get("/v2/members?where_name=Account")["results"] == []


def test_members_join_and_leave_a_role_over_rest(desk: Desk, alpha: int) -> None:
    path = f"/v2/businessworkspaces/{alpha}/roles/{roles(desk, alpha)['Member']['properties']['id']}/members"
    desk.post(path, {"id": USER07})
    assert desk.refused("POST", path, {"id": USER07})[0] == 400
    assert desk.refused("POST", path, {"id": 424242})[0] == 500
    assert ids(desk.get(path)) == [USER07]
    assert desk.ask("DELETE", f"{path}/{USER07}").status_code == 200
    assert desk.ask("DELETE", f"{path}/{USER07}").status_code == 500
    assert ids(desk.get(path)) == []
    desk.person.perform([{"do": "deny", "id": alpha, "rights": ["edit_permissions"]}])
    assert desk.refused("POST", path, {"id": USER07})[0] == 403


def test_the_list_of_workspace_members_shows_ten_of_each_role(desk: Desk, alpha: int, office: Office) -> None:
    office.put_in_role(alpha, "Member", [f"user{number:02d}" for number in range(12)])
    answer = desk.get(f"/v2/businessworkspaces/{alpha}/members")
    assert answer["collection"]["paging"]["total_count"] == 2
    shown = {row["data"]["properties"]["name"]: len(row["data"]["members"]) for row in answer["results"]}
    assert shown == {"Account Manager": 0, "Member": 10}
    assert len(roles(desk, alpha)["Member"]["members"]) == 12
    wide = desk.get(f"/v2/businessworkspaces/{alpha}/members?limit_members=20&limit=1&page=2")
    assert [len(row["data"]["members"]) for row in wide["results"]] == [12]


def test_a_group_is_resolved_twenty_at_a_time(desk: Desk, office: Office) -> None:
    everybody = [f"user{number:02d}" for number in range(25)]
    group = office.staff([{"do": "group", "name": "Retention", "members": everybody}])[0]["id"]
    first, second = (desk.get(f"/v2/members/{group}/members?limit=100&page={page}") for page in (1, 2))
    assert (len(ids(first)), len(ids(second))) == (20, 5)
    office.staff([{"do": "leave", "group": "Retention", "member": "user00"}])
    assert desk.get(f"/v2/members/{group}/members")["collection"]["paging"]["total_count"] == 24
    assert group in ids(desk.get(f"/v2/members/{USER07}/memberof"))


def test_who_left_keeps_the_id_and_the_roles_but_is_in_no_list(desk: Desk, alpha: int, office: Office) -> None:
    office.put_in_role(alpha, "Account Manager", ["user07"])
    office.staff([{"do": "delete", "user": "user07"}])
    assert desk.get("/v2/members?where_name=user07")["results"] == []
    assert desk.get(f"/v2/members/{USER07}")["results"]["data"]["properties"]["deleted"] is True
    assert [one["deleted"] for one in roles(desk, alpha)["Account Manager"]["members"]] == [True]
    office.staff([{"do": "restore", "user": USER07}])
    assert ids(desk.get("/v2/members?where_name=user07")) == [USER07]


def test_a_new_user_is_found_by_login(desk: Desk, office: Office) -> None:
    made = office.staff([{"do": "user", "name": "jdoe", "first": "Jane", "last": "Doe"}])[0]["id"]
    found = desk.get("/v2/members?where_type=0&where_name=jdoe")["results"]
    assert [(one["data"]["properties"]["id"], one["data"]["properties"]["name_formatted"]) for one in found] == [
        (made, "Jane Doe")
    ]
    with pytest.raises(ValueError, match="user 'jdoe' exists"):
        office.staff([{"do": "user", "name": "jdoe"}])


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"do": "complete"}, 'wants "reminder" or "task"'),
        ({"do": "complete", "task": 1, "reminder": 2}, 'wants "reminder" or "task"'),
        ({"do": "start", "task": 1}, "for a reminder only"),
        ({"do": "remind", "node": 1, "due": "2026-02-30"}, "wants a day"),
        ({"do": "complete", "reminder": 7}, "no reminder 7"),
        ({"do": "remimd", "node": 1}, "did you mean 'remind'?"),
    ],
)
def test_an_order_that_makes_no_sense_says_what_does(office: Office, operation: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("?", "[?]")):
        office.perform([operation])
