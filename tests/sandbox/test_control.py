"""The control API as an operator with curl meets it: what there is, what goes wrong, and how to begin anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ecmbraze.sandbox.braze import BrazeStore, create_control
from ecmbraze.sandbox.control import create_control_app
from ecmbraze.sandbox.ecm.office import Office as People
from ecmbraze.sandbox.faults import FaultPlan
from ecmbraze.sandbox.journal import Journal
from ecmbraze.sandbox.remote import ControlError, RemoteSandbox
from ecmbraze.sandbox.world import CAMPAIGNS, GROUP
from tests.forking.sandboxes import sandbox
from tests.sandbox.desk import NOW, ONBOARDING, Desk

CAMPAIGN = next(iter(CAMPAIGNS))
SHAPES: tuple[Any, ...] = (
    None,
    True,
    -5,
    1e300,
    "",
    "x",
    "2026-13-01",
    [],
    [5],
    [None],
    [[]],
    {},
    {"a": 1},
    [{"a": []}],
)


class Office:
    """The control application over a world of its own, without sockets."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.resets = 0
        braze = BrazeStore(self.desk.clock, 7, "a-key")
        braze.put_user("C-1", {"email": "c1@example.com"})
        braze.put_campaign(CAMPAIGN, "Campaign")
        braze.put_group(GROUP, "News", "email")
        self.workspace, self.gone = self.desk.make("Alpha"), self.desk.make("Gone")
        self.reminder = People(self.desk.store).perform([{"do": "remind", "node": self.workspace}])[0]["id"]
        self.document = self.desk.file(self.workspace, "Letter.pdf")
        self.desk.person.perform([{"do": "delete", "id": self.gone}])
        app = create_control_app(
            self.desk.clock,
            Journal(),
            FaultPlan(),
            self.desk.store,
            create_control(braze),
            addresses=lambda: {"ecm": "http://127.0.0.1:1"},
            reset=self._reset,
        )
        self.client: FlaskClient = app.test_client()

    def _reset(self) -> None:
        self.resets += 1

    def ask(self, method: str, path: str, sent: Any = None) -> TestResponse:
        """Send JSON with the content type that ``curl -d`` has."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.open(path, method=method, data=None if sent is None else json.dumps(sent), headers=kind)

    def requests(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return one good request for each route that takes a body."""
        values = {
            "values": {"Onboarding.Stage": "KYC"},
            "name": "Beta",
            "related_to": [],
            "references": [["T", "K", "1"]],
        }
        edit = {**values, "modified": "2026-05-01T08:00:00Z", "raw_modified": None, "by_user": "user01"}
        fault = {
            "kind": "edit",
            "system": "ecm",
            "method": "GET",
            "path": "nodes",
            "query": "page=2",
            "skip": 1,
            "times": 2,
            "status": 500,
            "text": "t",
            "json": {},
            "headers": {},
            "content_type": "text/plain",
            "process": True,
            "seconds": 0,
            "bytes": 1,
            "location": "",
            "when": "after",
            "edits": [],
        }
        document = {
            "do": "document",
            "parent": self.workspace,
            "name": "New.pdf",
            "mime": "application/pdf",
            "content": "c",
            "values": {"Onboarding.Stage": "KYC"},
            "categories": ["Onboarding"],
            "classification": "Letter",
            "created": "2026-05-01",
            "modified": "2026-05-02",
            "advanced": True,
        }
        message = {
            "name": "N",
            "paused": False,
            "archived": False,
            "draft": False,
            "send_to": "all",
            "groups": [GROUP],
            "channels": ["email"],
            "tags": ["a"],
        }
        return [
            ("POST", "/clock", {"now": "2026-06-02T08:00:00Z", "advance_s": -60, "frozen": True}),
            ("POST", "/switches", {"page_cap": 7, "server_tz": "Europe/Berlin", "columns": ["Onboarding.Stage"]}),
            ("POST", "/faults", fault),
            ("POST", "/reset", {}),
            ("POST", "/ecm/workspaces", {"type": ONBOARDING, "created": "2026-05-01", **edit}),
            ("PATCH", f"/ecm/workspaces/{self.workspace}", edit),
            ("POST", f"/ecm/workspaces/{self.gone}/restore", {"by_user": 2007}),
            ("POST", f"/ecm/workspaces/{self.workspace}/hold", {"status": 403}),
            ("POST", f"/ecm/workspaces/{self.workspace}/reserve", {"by_user": "user07"}),
            ("POST", f"/ecm/workspaces/{self.workspace}/deny", {"rights": ["edit_attributes"]}),
            ("POST", "/ecm/documents", {"do": "grant", "id": self.document, "rights": []}),
            (
                "POST",
                "/ecm/types",
                {"name": "Contract", "categories": ["Customer"], "roles": ["Lead"], "german": "Vertrag"},
            ),
            ("POST", "/ecm/types/roles", {"type": "Customer", "role": "Lawyer"}),
            ("PUT", f"/ecm/workspaces/{self.workspace}/roles", {"role": "Member", "members": ["user07", 1002]}),
            ("POST", "/ecm/members", {"do": "user", "name": "jdoe", "first": "Jane", "last": "Doe"}),
            ("POST", "/ecm/members", {"do": "group", "name": "Retention", "members": ["user07"]}),
            ("POST", "/ecm/members", {"do": "join", "group": "Case Workers", "member": "user07"}),
            ("POST", "/ecm/members", {"do": "delete", "user": "user07"}),
            ("POST", "/ecm/reminder-types", {"client": "Team Client", "types": ["Review", "Call"]}),
            (
                "POST",
                "/ecm/followups",
                {
                    "do": "remind",
                    "node": self.workspace,
                    "type": "Follow-up",
                    "text": "Call",
                    "assign": ["user07"],
                    "due": "2026-06-04",
                    "by_user": 2000,
                },
            ),
            ("POST", "/ecm/followups", {"do": "task_list", "parent": self.workspace, "name": "Follow-ups"}),
            ("POST", "/ecm/followups", {"do": "complete", "reminder": self.reminder}),
            ("POST", "/ecm/types/rename", {"from": "Customer", "to": "Client"}),
            ("POST", "/ecm/categories", {"name": "Contract", "attributes": [{"name": "End", "type": "Date"}]}),
            (
                "POST",
                "/ecm/attributes",
                {
                    "category": "Onboarding",
                    "name": "Note",
                    "type": "String",
                    "time": False,
                    "multi_value": False,
                    "required": False,
                    "read_only": True,
                    "max_length": 9,
                    "valid_values": [],
                    "multilingual": False,
                    "default": None,
                    "empty": "",
                },
            ),
            ("POST", "/ecm/attributes/rename", {"from": "Onboarding.VIP", "to": "Very"}),
            ("POST", "/ecm/attributes/change", {"attribute": "Onboarding.Stage", "max_length": 20}),
            ("POST", "/ecm/attributes/drop", {"attribute": "Onboarding.Complaint"}),
            ("POST", "/braze/switches", {"headers": "mau", "lag_s": 5, "blocklist": ["a"], "export_per_minute": 9}),
            ("POST", "/braze/keys", {"key": "k", "permissions": ["users.track"]}),
            (
                "PUT",
                "/braze/users/C-1",
                {
                    "email": None,
                    "email_subscribe": "opted_in",
                    "push_subscribe": "subscribed",
                    "first_name": "Ann",
                    "groups": {GROUP: "subscribed"},
                    "custom_attributes": {"a": 1},
                    "hard_bounced": False,
                    "user_aliases": [{"alias_name": "a", "alias_label": "b"}],
                    "engaged": {CAMPAIGN: ["opened_email"]},
                    "current_location": {"longitude": 1.0, "latitude": 2.0},
                },
            ),
            (
                "POST",
                "/braze/changes",
                {
                    "external_id": "C-1",
                    "phone": "+49301",
                    "invalid_phone": "deactivated",
                    "received": [{"id": CAMPAIGN, "engaged": ["opened_email"], "converted": True, "steps": ["1"]}],
                    "at": "2026-05-31T10:00:00Z",
                },
            ),
            (
                "POST",
                "/braze/currents",
                {
                    "events": [{"event": "open", "external_id": "C-1", "message": CAMPAIGN, "machine_open": True}],
                    "half_for_s": 60,
                },
            ),
            (
                "PUT",
                "/braze/segments/s1",
                {
                    "name": "Silent",
                    "members": ["C-1"],
                    "archived": False,
                    "tracked": True,
                    "description": "x",
                    "text_description": "y",
                    "tags": ["a"],
                },
            ),
            (
                "PUT",
                "/braze/templates/t1",
                {"name": "T", "body": "x", "should_inline_css": True, "drag_and_drop": False, "tags": ["a"]},
            ),
            (
                "PUT",
                "/braze/blocks/b1",
                {"name": "b", "content": "x", "content_type": "text", "state": "draft", "unlisted": True},
            ),
            (
                "PUT",
                f"/braze/campaigns/{CAMPAIGN}",
                {
                    "messages": {"v1": {"channel": "email", "subject": "x", "extras": {}}},
                    "launched_draft": {"name": "Later"},
                    "description": "x",
                    "at": "2026-05-31T10:00:00Z",
                },
            ),
            (
                "PUT",
                "/braze/canvases/other",
                {
                    "steps": [{"id": "s1", "name": "S", "next_step_ids": ["s1"], "messages": {}}],
                    "variants": [{"id": "a", "name": "A", "first_step_ids": ["s1"]}],
                },
            ),
            ("PUT", f"/braze/campaigns/{CAMPAIGN}", message),
            ("PUT", "/braze/canvases/new", message),
            ("PUT", f"/braze/groups/{GROUP}", {"name": "News", "channel": "sms", "archived": False}),
            ("POST", "/ecm/documents", document),
            (
                "POST",
                "/ecm/documents",
                {"do": "version", "id": self.document, "major": True, "content": "2", "mime": "a/b"},
            ),
            ("POST", "/ecm/documents", {"do": "move", "id": self.document, "parent": self.workspace}),
            ("POST", "/ecm/bulk", {"do": "create", "type": ONBOARDING, "name": "Bulk"}),
        ]


def wrapped(path: str, sent: Any) -> Any:
    """Return what is sent: some routes take a list."""
    listed = ("/ecm/documents", "/ecm/bulk", "/ecm/members", "/ecm/followups", "/braze/changes")
    return [sent] if path in listed else sent


@pytest.fixture
def office() -> Office:
    return Office()


def test_every_good_request_is_taken() -> None:
    for index in range(len(Office().requests())):
        office = Office()
        method, path, sent = office.requests()[index]
        answer = office.ask(method, path, wrapped(path, sent))
        assert answer.status_code == 200, (path, answer.get_json())


def test_a_misspelt_field_is_named_with_the_right_one(office: Office) -> None:
    for method, path, sent in office.requests():
        for name in sent:
            if len(name) < 3:
                continue
            typo = name[:-2] + name[-1] + name[-2] if name[-1] != name[-2] else name + "x"
            answer = office.ask(
                method, path, wrapped(path, {typo: sent[name]} | ({"do": sent["do"]} if "do" in sent else {}))
            )
            assert answer.status_code == 400, (path, typo)
            assert typo in answer.get_json()["error"], (path, typo, answer.get_json())
            assert f"did you mean {name!r}?" in answer.get_json()["error"], (path, answer.get_json())


def test_no_shape_of_any_field_is_more_than_a_400() -> None:
    office = Office()
    wrong: list[Any] = []
    for method, path, sent in office.requests():
        for name in sent:
            for shape in SHAPES:
                answer = office.ask(method, path, wrapped(path, {**sent, name: shape}))
                if answer.status_code not in (200, 400) or "bug" in answer.get_json():
                    wrong.append((method, path, name, shape, answer.get_json()))
        for shape in SHAPES:
            answer = office.ask(method, path, shape)
            if answer.status_code not in (200, 400):
                wrong.append((method, path, shape, answer.get_json()))
    assert wrong == []
    office.desk.ticket = office.desk.login()
    assert office.desk.page()["results"]
    assert office.ask("GET", "/ecm/workspaces").status_code == office.ask("GET", "/ecm/documents").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_no_path_and_no_method_is_more_than_a_refusal(office: Office, method: str) -> None:
    lines = [line.split() for line in office.client.get("/").get_data(as_text=True).splitlines()[2:]]
    listed = [(one, path.replace("NODE_ID", "1").partition("|")[0]) for one, path, *_ in lines]
    for path in {path for _, path in listed}:
        answer = office.ask(method, path, {"nonsense": 1})
        known = (method, path) in listed
        assert answer.status_code in ((200, 400) if known else (404, 405)), (method, path)


def test_what_is_no_json_is_said(office: Office) -> None:
    answer = office.client.post("/clock", data="{advance_s: 60}")
    assert (answer.status_code, "no JSON" in answer.get_json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/journal?sinse=1", "did you mean 'since'?"),
        ("/journal?system=ecn", "one of ecm, braze"),
        ("/ecm/edits?since=now", "whole number"),
        ("/ecm/workspaces?type=Costumer", "did you mean 'Customer'?"),
        ("/ecm/workspaces/1", "GET /ecm/workspaces lists them"),
        ("/braze/users/C-11", "did you mean 'C-1'?"),
        ("/clok", "did you mean /clock?"),
        ("/faults/all", "GET / lists"),
    ],
)
def test_what_is_asked_for_wrongly_says_what_is_right(office: Office, path: str, text: str) -> None:
    answer = office.client.get(path)
    assert answer.status_code in (400, 404)
    assert text in answer.get_json()["error"]


@pytest.mark.parametrize(
    ("path", "sent", "text"),
    [
        ("/ecm/workspaces", {"type": "Customer Onbording"}, "did you mean 'Customer Onboarding'?"),
        (
            "/ecm/workspaces",
            {"type": ONBOARDING, "values": {"Onboarding.Stagee": 1}},
            "did you mean 'Onboarding.Stage'?",
        ),
        (
            "/ecm/workspaces",
            {"type": ONBOARDING, "values": {"Onboarding.Contacts": [{"Roll": 1}]}},
            "did you mean 'Role'?",
        ),
        ("/ecm/workspaces", {"name": "x"}, "wants 'type'"),
        ("/ecm/bulk", [{"do": "creat"}], "did you mean 'create'?"),
        ("/faults", {"kind": "reset_befor"}, "did you mean 'reset_before'?"),
        ("/faults", {"kind": "status", "path": "("}, "regular expression"),
        ("/faults", {"kind": "edit", "edits": [{"do": "edit", "id": 1, "vlues": {}}]}, "did you mean 'values'?"),
        ("/switches", {"page_cap": 0}, "from 1"),
        ("/switches", {"server_tz": "Europe/Berlinn"}, "did you mean 'Europe/Berlin'?"),
        ("/clock", {"now": "tomorrow"}, "ISO 8601"),
        ("/clock", {"advance_s": 1e12}, "leads out of the years"),
        ("/braze/keys", {"key": "k", "permissions": ["users.trakc"]}, "did you mean 'users.track'?"),
    ],
)
def test_a_wrong_name_or_value_says_what_is_right(office: Office, path: str, sent: Any, text: str) -> None:
    answer = office.ask("POST", path, sent)
    assert answer.status_code == 400
    assert text in answer.get_json()["error"]


def test_of_several_edits_none_is_made_when_one_is_misspelt(office: Office) -> None:
    edits = [{"do": "edit", "id": office.workspace, "name": "Made"}, {"do": "edit", "id": office.workspace, "nam": "x"}]
    assert office.ask("POST", "/ecm/bulk", edits).status_code == 400
    assert office.desk.store.nodes[office.workspace].name == "Alpha"


def test_the_list_names_every_route_in_one_line(office: Office) -> None:
    lines = office.client.get("/").get_data(as_text=True).splitlines()[2:]
    rules = list(office.client.application.url_map.iter_rules())
    routes = sum(len((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in rules)
    assert len(lines) == routes
    assert all(len(line.split(None, 2)) == 3 and line.endswith((".", "].", "}.")) for line in lines), lines
    assert not any("<" in line for line in lines)


@pytest.fixture
def box() -> Iterator[RemoteSandbox]:
    with sandbox(now=NOW) as running:
        yield running


def test_a_reset_brings_back_the_start_and_keeps_addresses(box: RemoteSandbox) -> None:
    def everything() -> Any:
        paths = ("/ecm/workspaces", "/ecm/categories", "/braze/users", "/braze/campaigns", "/switches", "/faults")
        return [box.call("GET", path) for path in paths], box.call("GET", "/addresses")

    before = everything()
    box.edit_workspace(box.workspaces(ONBOARDING)[0]["id"], {"Onboarding.Stage": "Service"})
    box.add_category("Case", [{"name": "Number"}])
    box.switch(page_cap=7)
    box.fault("busy")
    box.advance(864_000)
    box.call("PUT", "/braze/users/new", {"email": "new@example.com"})
    assert everything() != before

    box.reset()

    assert everything() == before
    assert (box.now() - NOW).total_seconds() < 60
    assert (box.journal(), box.edits()) == ([], [])


def test_an_edit_on_order_that_cannot_be_made_stands_in_the_journal(box: RemoteSandbox) -> None:
    box.fault("edit", system="ecm", path="ping", edits=[{"do": "edit", "id": 1, "name": "x"}])
    with pytest.raises(ControlError):
        box.edit_workspace(1, {})
    with urlopen(f"{box.ecm}/api/v1/ping", timeout=10) as answer:
        assert answer.status == 200
    assert "no workspace 1" in box.journal(system="ecm")[0]["fault"]
