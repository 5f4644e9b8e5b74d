"""The writing client against the simulated Extended ECM, which was written from the same facts by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ecmbraze.errors import ConfigurationError, CredentialRefused
from ecmbraze.model import Json, Verdict
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from tests.forking.sandboxes import sandbox
from tests.systems.rig import http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
STATUS, SINCE, DAY, OTHER = "Consent.Email Status", "Consent.Email Since", "Consent.Checked On", "Consent.Owner"
NAME, CONTENT = "2026-03-10 email Withdrawn 0123456789ab.txt", "Größe\r\n--- json\n{}\n".encode()
FOLDER = "Consent History"


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.add_category(
            "Consent",
            [
                {"name": "Email Status", "valid_values": ["Opted in", "Not objected", "Withdrawn"]},
                {"name": "Email Since", "type": "Date", "time": True},
                {"name": "Checked On", "type": "Date"},
                {"name": "Email Source", "max_length": 32},
                {"name": "Owner"},
                {"name": "Tags", "multi_value": True},
                {"name": "History", "rows": [{"name": "Change"}]},
            ],
        )
        box.add_category("Note", [{"name": "Text"}])
        box.add_type("Client", ["Consent", "Note"])
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.clear_faults()
    running.clear_journal()


@pytest.fixture
def ecm(box: RemoteSandbox) -> EcmClient:
    made = EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password, zone=UTC)
    made.whoami()
    box.clear_journal()
    return made


@pytest.fixture
def workspace(box: RemoteSandbox) -> int:
    return box.create_workspace("Client", values={OTHER: "Ann"})


def values_of(box: RemoteSandbox, workspace: int) -> dict[str, Any]:
    found: dict[str, Any] = box.workspace(workspace)["values"]
    return found


def documents(box: RemoteSandbox, workspace: int) -> list[dict[str, Any]]:
    """Return the documents of a workspace; of their path what lies inside it."""
    found: list[dict[str, Any]] = box.call("GET", "/ecm/documents", below=workspace)
    name = box.workspace(workspace)["name"]
    return [{**one, "path": one["path"][one["path"].index(name) + 1 :]} for one in found]


def requests(box: RemoteSandbox, *methods: str) -> list[str]:
    entries = box.journal(system="ecm")
    return [f"{one['method']} {one['path']}" for one in entries if one["method"] in methods]


def file(ecm: EcmClient, workspace: int, content: bytes = CONTENT, folder: str = FOLDER) -> Verdict:
    return ecm.put_document(workspace, folder, NAME, content, "text/plain").verdict


class TestCategories:
    """RecordSink.set_values."""

    def test_values_arrive_and_the_others_stay(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        wanted: dict[str, Json] = {STATUS: "Withdrawn", SINCE: "2026-03-01T13:05:00+00:00", DAY: "2026-03-01"}
        answer = ecm.set_values(workspace, wanted, {})
        facts = ecm.workspace(workspace).facts
        assert (answer.verdict, answer.reason) == (Verdict.ACCEPTED, "accepted")
        assert {name: facts[name] for name in (*wanted, OTHER)} == {**wanted, OTHER: "Ann"}

    def test_a_second_write_of_the_same_sends_nothing(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        wanted: dict[str, Json] = {STATUS: "Withdrawn", SINCE: "2026-03-01T13:05:00Z", DAY: "2026-03-01"}
        ecm.set_values(workspace, wanted, {})
        box.clear_journal()
        assert ecm.set_values(workspace, wanted, wanted).reason == "already so"
        assert requests(box, "PUT", "POST") == []
        assert len(requests(box, "GET")) == 1

    def test_what_a_person_typed_stays(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        ecm.set_values(workspace, {STATUS: "Not objected"}, {})
        box.edit_workspace(workspace, {STATUS: "Opted in"})
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {STATUS: "Not objected"})
        assert answer.verdict is Verdict.REFUSED
        assert answer.reason == f"edited_in_ecm: {STATUS} is 'Opted in', we last wrote 'Not objected'"
        assert values_of(box, workspace)[STATUS] == "Opted in"

    def test_e30_an_edit_between_our_read_and_our_write_wins(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        edit = {"do": "edit", "id": workspace, "values": {STATUS: "Opted in"}}
        box.fault("edit", method="PUT", path="/categories/", when="before", edits=[edit])
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {})
        assert answer.verdict is Verdict.REFUSED
        assert answer.reason == f"edited_in_ecm: {STATUS} is 'Opted in', we never wrote it"
        assert values_of(box, workspace)[STATUS] == "Opted in"

    def test_an_edit_of_something_else_between_our_read_and_our_write_is_no_edit_of_ours(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        edit = {"do": "edit", "id": workspace, "values": {OTHER: "Zoe"}}
        box.fault("edit", method="PUT", path="/categories/", when="before", edits=[edit])
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.ACCEPTED
        assert [values_of(box, workspace)[name] for name in (STATUS, OTHER)] == ["Withdrawn", "Zoe"]
        assert len(requests(box, "PUT")) == 2

    @pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500", "html200", "empty200"])
    def test_a_lost_answer_is_unknown_and_the_next_try_finds_it_done(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str
    ) -> None:
        box.fault(kind, method="PUT", path="/categories/", process=True)
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.UNKNOWN
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).reason == "already so"
        assert len(requests(box, "PUT")) == 1

    def test_an_expired_ticket_costs_a_login_and_no_value(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.fault("status", method="PUT", path="/categories/", status=401, json={"error": "Authentication Required"})
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.ACCEPTED
        assert values_of(box, workspace)[STATUS] == "Withdrawn"

    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_a_held_workspace_waits_and_keeps_its_values(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, status: int
    ) -> None:
        box.act(workspace, "hold", status=status)
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {})
        assert answer.verdict is not Verdict.ACCEPTED
        assert answer.stop is None
        assert values_of(box, workspace)[STATUS] in ("", None)
        box.act(workspace, "release")
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.ACCEPTED

    def test_a_workspace_that_a_colleague_reserved_waits_and_names_them(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.act(workspace, "reserve")
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {})
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert answer.reason.startswith(f"locked_in_ecm: {workspace} is reserved by member ")
        box.act(workspace, "unreserve")
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.ACCEPTED

    def test_a_right_that_was_taken_away_is_told_of_that_workspace(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.act(workspace, "deny", rights=["edit_attributes"])
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {})
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)
        box.act(workspace, "grant", rights=[])
        assert ecm.set_values(workspace, {STATUS: "Withdrawn"}, {}).verdict is Verdict.ACCEPTED

    @pytest.mark.parametrize(
        "values", [{"Consent.Tags": "a"}, {"Consent.History.Change": "a"}, {STATUS: "Withdrew"}, {"Consent.X": "a"}]
    )
    def test_what_cannot_be_written_is_said_before_anything_is(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, values: dict[str, Json]
    ) -> None:
        answer = ecm.set_values(workspace, values, {})
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, ConfigurationError)
        assert requests(box, "PUT") == []

    def test_a_workspace_that_is_gone_waits(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        box.delete_workspace(workspace)
        answer = ecm.set_values(workspace, {STATUS: "Withdrawn"}, {})
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)


class TestDocuments:
    """RecordSink.put_document and RecordReader."""

    @pytest.mark.parametrize("folder", [FOLDER, ""])
    def test_a_document_is_filed_and_read_back(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, folder: str
    ) -> None:
        assert ecm.document_content(workspace, folder, NAME) is None
        assert file(ecm, workspace, folder=folder) is Verdict.ACCEPTED
        assert ecm.document_content(workspace, folder, NAME) == CONTENT
        [found] = documents(box, workspace)
        assert (found["name"], found["path"]) == (NAME, [folder] if folder else [])

    def test_the_second_document_finds_the_folder_of_the_first(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        for number in range(3):
            ecm.put_document(workspace, FOLDER, f"{number}.txt", CONTENT, "text/plain")
        assert {tuple(one["path"]) for one in documents(box, workspace)} == {(FOLDER,)}
        assert len(requests(box, "POST")) == 4

    def test_e24_the_same_again_is_there_already(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        assert [file(ecm, workspace), file(ecm, workspace)] == [Verdict.ACCEPTED] * 2
        assert len(documents(box, workspace)) == 1

    def test_e25_another_content_of_the_same_name_is_refused(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        file(ecm, workspace)
        assert file(ecm, workspace, CONTENT[:-1] + b"!") is Verdict.REFUSED
        assert ecm.document_content(workspace, FOLDER, NAME) == CONTENT

    @pytest.mark.parametrize("language", ["de", "en"])
    def test_a_collision_is_seen_in_every_language(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, language: str
    ) -> None:
        box.switch(error_language=language)
        file(ecm, workspace)
        assert file(ecm, workspace, b"other") is Verdict.REFUSED
        box.switch(error_language="en")

    @pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500", "html200", "empty200"])
    def test_e27_a_lost_answer_is_unknown_and_the_document_is_found_by_its_folder(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str
    ) -> None:
        box.folder(workspace, FOLDER)
        box.fault(kind, method="POST", path="/v2/nodes$", process=True)
        assert file(ecm, workspace) is Verdict.UNKNOWN
        assert ecm.document_content(workspace, FOLDER, NAME) == CONTENT
        assert file(ecm, workspace) is Verdict.ACCEPTED
        assert len(documents(box, workspace)) == 1

    def test_e26_an_upload_that_was_cut_off_is_unknown_and_nothing_of_it_is_there(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.folder(workspace, FOLDER)
        large = CONTENT * 5000
        box.fault("cut_request", method="POST", path="/v2/nodes$", bytes=len(large) * 6 // 10)
        assert file(ecm, workspace, large) is Verdict.UNKNOWN
        assert ecm.document_content(workspace, FOLDER, NAME) is None
        assert file(ecm, workspace, large) is Verdict.ACCEPTED
        assert ecm.document_content(workspace, FOLDER, NAME) == large

    def test_a_500_in_ecms_own_words_although_it_was_stored_is_seen_through_by_the_content(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.folder(workspace, FOLDER)
        box.fault("status", method="POST", path="/v2/nodes$", status=500, json={"error": "Sorry"}, process=True)
        assert file(ecm, workspace) is Verdict.ACCEPTED
        assert len(documents(box, workspace)) == 1

    @pytest.mark.parametrize(
        ("content", "verdict"), [(CONTENT.decode(), Verdict.ACCEPTED), ("theirs", Verdict.REFUSED)]
    )
    def test_a_colleague_who_takes_the_name_just_then_is_judged_by_content(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, content: str, verdict: Verdict
    ) -> None:
        folder = box.folder(workspace, FOLDER)
        theirs = {"do": "document", "parent": folder, "name": NAME, "content": content}
        box.fault("edit", method="POST", path="/v2/nodes$", when="before", edits=[theirs])
        assert file(ecm, workspace) is verdict
        assert len(documents(box, workspace)) == 1

    @pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html500"])
    def test_a_lost_answer_to_the_folder_is_no_doubt_about_the_document(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int, kind: str
    ) -> None:
        box.fault(kind, method="POST", path="/v2/nodes$", process=True)
        assert file(ecm, workspace) is Verdict.ACCEPTED
        assert [one["path"] for one in documents(box, workspace)] == [[FOLDER]]

    def test_a_folder_with_more_than_a_page_of_documents_is_listed_whole(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        folder = box.folder(workspace, FOLDER)
        box.call("POST", "/ecm/documents", [{"do": "document", "parent": folder, "name": f"1 {n}"} for n in range(150)])
        assert ecm.document_content(workspace, FOLDER, NAME) is None
        file(ecm, workspace)
        assert ecm.document_content(workspace, FOLDER, NAME) == CONTENT

    def test_a_right_to_add_that_was_taken_away_is_told_of_that_workspace(
        self, box: RemoteSandbox, ecm: EcmClient, workspace: int
    ) -> None:
        box.folder(workspace, FOLDER)
        box.act(workspace, "deny", rights=["create"])
        for folder in ("", "Another"):
            answer = ecm.put_document(workspace, folder, NAME, CONTENT, "text/plain")
            assert answer.verdict is Verdict.NOT_PROCESSED
            assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)
        assert documents(box, workspace) == []

    def test_nothing_is_searched_for(self, box: RemoteSandbox, ecm: EcmClient, workspace: int) -> None:
        file(ecm, workspace)
        ecm.document_content(workspace, FOLDER, NAME)
        assert not [one for one in requests(box, "GET", "POST") if "search" in one]
