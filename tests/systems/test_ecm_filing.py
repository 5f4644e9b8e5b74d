"""Documents are filed once: the folder is found by listing, a collision is judged by content, a doubt stays one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from ecmbraze.errors import ConfigurationError, CredentialRefused, RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.ecm_answers import AUTH, BERLIN, HTML, client, ready
from tests.systems.rig import ECM_URL, answer, http, serving

WORKSPACE, FOLDER, DOCUMENT = 90101, 90200, 90301
NODES = f"{ECM_URL}/api/v2/nodes"
NAME, CONTENT = "2026-03-10 email Withdrawn 0123456789ab.txt", "Größe\r\n--- json\n{}\n".encode()
FILE = {"Content-Disposition": 'attachment; filename="x.txt"'}
ERROR = {"error": "Ein Objekt mit dem Namen ist bereits vorhanden."}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        ready(mocked)
        yield mocked


def child(number: int, name: str, kind: int = 144, **more: Any) -> dict[str, Any]:
    return {"data": {"properties": {"id": number, "name": name, "type": kind, "container": kind == 0, **more}}}


def folder(number: int = FOLDER, name: str = "Consent History") -> dict[str, Any]:
    return child(number, name, 0, size=3)


def listing(*rows: dict[str, Any], **paging: Any) -> dict[str, Any]:
    told = {"limit": 100, "page": 1, "page_total": 1, "total_count": len(rows), **paging}
    return {"collection": {"paging": told}, "results": list(rows)}


def lists(net: responses.RequestsMock, number: int, *rows: dict[str, Any], **paging: Any) -> None:
    net.add(responses.GET, f"{NODES}/{number}/nodes", json=listing(*rows, **paging))


def made(number: int, **properties: Any) -> dict[str, Any]:
    return {"links": {}, "results": {"data": {"properties": {"id": number, **properties}}}}


def creates(net: responses.RequestsMock, status: int, body: Any) -> None:
    net.add(responses.POST, NODES, status=status, **({"body": body} if isinstance(body, str) else {"json": body}))


def is_free(net: responses.RequestsMock, number: int = WORKSPACE, held: bool = False, **properties: Any) -> None:
    """Serve a workspace or folder that nobody reserved or, unless told otherwise, holds."""
    net.add(responses.GET, f"{NODES}/{number}", json=made(number, reserved=False, **properties))
    told = {"data": [{"hold_id": 1}] if held else []}
    net.add(responses.GET, f"{ECM_URL}/api/v1/nodes/{number}/holds", json=told)


def holds(net: responses.RequestsMock, content: bytes, number: int = DOCUMENT) -> None:
    net.add(responses.GET, f"{ECM_URL}/api/v1/nodes/{number}/content", body=content, headers=FILE)


def put(where: str = "Consent History", name: str = NAME, content: bytes = CONTENT) -> Answer:
    return client().put_document(WORKSPACE, where, name, content, "text/plain")


def posts(net: responses.RequestsMock) -> list[Any]:
    return [call.request for call in net.calls if call.request.method == "POST" and str(call.request.url) == NODES]


def asked(net: responses.RequestsMock, path: str) -> int:
    return sum(path in str(call.request.url) for call in net.calls)


class TestFiling:
    """What goes out."""

    def test_a_document_goes_into_the_folder_with_name_and_type(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(90202, "Consent History 2"), folder())
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED
        [request] = posts(net)
        parts = dict(part.split(b"\r\n\r\n", 1) for part in request.body.split(b"--" + boundary(request))[1:-1])
        assert len(parts) == 2
        [body, file] = parts.items()
        assert b'name="body"' in body[0]
        assert json.loads(body[1]) == {"type": 144, "parent_id": FOLDER, "name": NAME}
        assert b'name="file"; filename="' + NAME.encode() + b'"' in file[0]
        assert b"Content-Type: text/plain" in file[0]
        assert file[1] == CONTENT + b"\r\n"

    def test_without_a_folder_it_goes_directly_into_the_parent(self, net: responses.RequestsMock) -> None:
        creates(net, 200, made(DOCUMENT))
        assert put(where="").verdict is Verdict.ACCEPTED
        assert f'"parent_id": {WORKSPACE}'.encode() in posts(net)[0].body
        assert asked(net, "/nodes?") == 0

    def test_a_missing_folder_is_made_first(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE)
        creates(net, 200, made(FOLDER))
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED
        assert b"Consent+History" in posts(net)[0].body.encode()
        assert f'"parent_id": {FOLDER}'.encode() in posts(net)[1].body

    def test_a_folder_on_the_second_page_is_found_and_none_is_made(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(1, "A"), page_total=2, total_count=2, limit=1)
        lists(net, WORKSPACE, folder(), page=2, page_total=2, total_count=2, limit=1)
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED
        assert len(posts(net)) == 1

    def test_hidden_children_are_listed_too_and_nothing_is_searched_for(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 200, made(DOCUMENT))
        put()
        assert asked(net, "show_hidden=true") == 1
        assert asked(net, "/search") == asked(net, "where_name") == 0

    @pytest.mark.parametrize("name", ["", " ", " a", "a ", "a:b", "x" * 249])
    def test_a_name_that_ecm_does_not_take_is_refused_before_anything_is_sent(
        self, net: responses.RequestsMock, name: str
    ) -> None:
        assert put(name=name).verdict is Verdict.REFUSED
        assert len(net.calls) == 0

    def test_a_folder_that_ecm_does_not_take_stops_the_flow(self, net: responses.RequestsMock) -> None:
        answer = put(where="Consent: History")
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, ConfigurationError)

    def test_a_parent_that_cannot_be_listed_leaves_the_row_waiting(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, f"{NODES}/{WORKSPACE}/nodes", status=500, json={"error": "Could not get a node"})
        answer = put()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert posts(net) == []


class TestTheFolder:
    """Making it is a problem of its own, and never a doubt about the document."""

    @pytest.mark.parametrize(("status", "body"), [(500, ERROR), (400, ERROR), (502, HTML), (200, HTML), (200, "")])
    def test_a_folder_that_is_there_after_all_is_used(
        self, net: responses.RequestsMock, status: int, body: Any
    ) -> None:
        lists(net, WORKSPACE)
        creates(net, status, body)
        lists(net, WORKSPACE, folder())
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED
        assert f'"parent_id": {FOLDER}'.encode() in posts(net)[1].body

    def test_a_folder_of_another_case_is_used_where_ecm_calls_it_the_same(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder(name="consent history"))
        creates(net, 500, ERROR)
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED

    @pytest.mark.parametrize(("status", "body"), [(500, ERROR), (502, HTML), (200, HTML), (400, ERROR)])
    def test_a_folder_that_was_not_made_leaves_the_document_unsent(
        self, net: responses.RequestsMock, status: int, body: Any
    ) -> None:
        lists(net, WORKSPACE)
        creates(net, status, body)
        is_free(net)
        answer = put()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert "the document was not sent" in answer.reason
        assert len(posts(net)) == 1

    def test_a_missing_right_to_make_it_is_told_of_that_workspace(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE)
        creates(net, 403, {"error": "no"})
        is_free(net)
        answer = put()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)

    def test_a_document_in_its_place_is_refused(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(5, "Consent History"))
        answer = put()
        assert answer.verdict is Verdict.REFUSED
        assert "no folder" in answer.reason


class TestCollision:
    """E24, E25: names are unique in a folder, and the content decides."""

    @pytest.mark.parametrize("status", [400, 409, 500])
    def test_e24_the_same_content_is_there_already(self, net: responses.RequestsMock, status: int) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, status, ERROR)
        lists(net, FOLDER, child(DOCUMENT, NAME, size=len(CONTENT)))
        holds(net, CONTENT)
        answer = put()
        assert (answer.verdict, answer.reason) == (Verdict.ACCEPTED, "already there, with the same content")

    @pytest.mark.parametrize("other", [b"", CONTENT + b"x", CONTENT[:-1] + b"X"])
    def test_e25_another_content_is_refused(self, net: responses.RequestsMock, other: bytes) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 500, ERROR)
        lists(net, FOLDER, child(DOCUMENT, NAME, size=len(other)))
        holds(net, other)
        answer = put()
        assert answer.verdict is Verdict.REFUSED
        assert "a different document" in answer.reason

    def test_a_conflict_over_a_name_that_nothing_has_proves_that_nothing_was_stored_and_the_document_waits(
        self, net: responses.RequestsMock
    ) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 409, ERROR)
        lists(net, FOLDER, child(DOCUMENT, "another.txt", size=len(CONTENT)))
        answer = put()
        assert (answer.verdict, answer.denied, answer.stop) == (Verdict.NOT_PROCESSED, None, None)

    def test_what_is_larger_is_told_apart_without_loading_it(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 500, ERROR)
        lists(net, FOLDER, child(DOCUMENT, NAME, size=10**9))
        assert put().verdict is Verdict.REFUSED
        assert asked(net, "/content") == 0

    def test_a_folder_of_this_name_is_refused(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 500, ERROR)
        lists(net, FOLDER, folder(5, NAME))
        assert put().verdict is Verdict.REFUSED

    @pytest.mark.parametrize(
        ("status", "verdict"),
        [(500, Verdict.UNKNOWN), (400, Verdict.NOT_PROCESSED), (409, Verdict.NOT_PROCESSED)],
    )
    def test_a_content_that_cannot_be_read_back_is_no_success_and_no_refusal(
        self, net: responses.RequestsMock, status: int, verdict: Verdict
    ) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, status, ERROR)
        lists(net, FOLDER, child(DOCUMENT, NAME, size=len(CONTENT)))
        net.add(responses.GET, f"{ECM_URL}/api/v1/nodes/{DOCUMENT}/content", body=HTML, status=500)
        assert put().verdict is verdict


class TestTheAnswer:
    """What each answer to an upload proves."""

    @pytest.mark.parametrize(
        ("status", "body", "verdict"),
        [
            (200, HTML, Verdict.UNKNOWN),
            (200, "", Verdict.UNKNOWN),
            (200, {"results": {}}, Verdict.UNKNOWN),
            (200, made(DOCUMENT, size=7), Verdict.UNKNOWN),
            (200, made(DOCUMENT, size=len(CONTENT)), Verdict.ACCEPTED),
            (500, ERROR, Verdict.UNKNOWN),
            (500, HTML, Verdict.UNKNOWN),
            (503, HTML, Verdict.UNKNOWN),
            (302, "", Verdict.UNKNOWN),
            (400, {"error": "Missing required parameter"}, Verdict.REFUSED),
            (400, HTML, Verdict.UNKNOWN),
            (404, ERROR, Verdict.NOT_PROCESSED),
            (413, HTML, Verdict.UNKNOWN),
            (429, HTML, Verdict.NOT_PROCESSED),
        ],
    )
    def test_it_is_judged_and_the_upload_is_tried_once(
        self, net: responses.RequestsMock, status: int, body: Any, verdict: Verdict
    ) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, status, body)
        lists(net, FOLDER)
        is_free(net)
        is_free(net, FOLDER)
        assert put().verdict is verdict
        assert len(posts(net)) == 1

    def test_an_expired_ticket_is_renewed_and_the_upload_tried_once_more(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 401, {"error": "Authentication Required"})
        creates(net, 200, made(DOCUMENT))
        assert put().verdict is Verdict.ACCEPTED
        assert posts(net)[0].body.count(CONTENT) == posts(net)[1].body.count(CONTENT) == 1

    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_e28_a_workspace_on_hold_waits_and_is_named(self, net: responses.RequestsMock, status: int) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, status, {"error": "no"})
        lists(net, FOLDER)
        is_free(net, FOLDER)
        is_free(net, held=True)
        answer = put()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert answer.reason.startswith("locked_in_ecm: ")

    def test_a_missing_right_is_told_of_that_workspace(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        creates(net, 403, {"error": "no"})
        is_free(net, FOLDER, perm_create=False)
        answer = put()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)

    def test_e27_a_connection_lost_after_the_upload_is_unknown_and_nothing_is_sent_twice(self) -> None:
        def script(connection: Any, request: bytes) -> None:
            if request.startswith(b"POST /api/v1/auth"):
                connection.sendall(answer(200, b'{"ticket": "ticket-1"}'))
            elif request.startswith(b"GET"):
                connection.sendall(answer(200, json.dumps(listing(folder())).encode()))
            else:
                connection.close()

        with serving(script) as server:
            ecm = EcmClient(http(server.url, "ecm"), username="svc", password="canary", zone=BERLIN)
            judged = ecm.put_document(WORKSPACE, "Consent History", NAME, CONTENT, "text/plain")
            uploads = [request for request in server.requests if request.startswith(b"POST /api/v2/nodes ")]
        assert judged.verdict is Verdict.UNKNOWN
        assert len(uploads) == 1


class TestReadingBack:
    """What a doubt is resolved with: present, or certainly absent, or it cannot be told."""

    def read(self, where: str = "Consent History") -> bytes | None:
        return client().document_content(WORKSPACE, where, NAME)

    def test_the_content_comes_back_byte_for_byte(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        lists(net, FOLDER, child(1, f"{NAME}x"), child(DOCUMENT, NAME, size=len(CONTENT)))
        holds(net, CONTENT)
        assert self.read() == CONTENT
        assert asked(net, "/search") == 0

    def test_an_empty_document_is_not_an_absent_one(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME, size=0))
        holds(net, b"")
        assert self.read(where="") == b""

    def test_a_json_document_with_an_error_in_it_is_content(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME))
        holds(net, b'{"error": "none"}')
        assert self.read(where="") == b'{"error": "none"}'

    def test_a_folder_that_is_not_there_holds_no_document(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE)
        assert self.read() is None

    def test_a_complete_list_without_the_name_is_absence(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder())
        lists(net, FOLDER, child(1, NAME.upper()))
        assert self.read() is None

    def test_a_list_that_ends_early_is_no_absence(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, folder(), page_total=1, total_count=300)
        lists(net, FOLDER, page_total=1, total_count=300)
        with pytest.raises(TemporaryError):
            self.read()

    def test_a_folder_that_cannot_be_listed_is_no_absence(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, f"{NODES}/{WORKSPACE}/nodes", status=500, json={"error": "Sorry"})
        with pytest.raises(RecordUnreadable):
            self.read()

    @pytest.mark.parametrize("body", [HTML, "", "{}", CONTENT.decode()])
    def test_a_page_in_place_of_the_file_is_no_content(self, net: responses.RequestsMock, body: str) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME))
        net.add(responses.GET, re.compile(r".*/content$"), body=body)
        with pytest.raises(TemporaryError):
            self.read(where="")

    def test_a_refused_download_is_no_absence(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME))
        net.add(responses.GET, re.compile(r".*/content$"), status=500, json={"error": "Sorry"})
        with pytest.raises(RecordUnreadable):
            self.read(where="")

    def test_e26_a_copy_that_is_shorter_than_ecm_says_is_no_content(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME, size=len(CONTENT)))
        holds(net, CONTENT[:-3])
        with pytest.raises(TemporaryError):
            self.read(where="")

    def test_a_ticket_that_expires_at_the_download_is_renewed(self, net: responses.RequestsMock) -> None:
        lists(net, WORKSPACE, child(DOCUMENT, NAME))
        net.add(responses.GET, re.compile(r".*/content$"), status=401, json={"error": "Authentication Required"})
        holds(net, CONTENT)
        assert self.read(where="") == CONTENT
        assert asked(net, AUTH) == 2


def boundary(request: Any) -> bytes:
    return str(request.headers["Content-Type"]).partition("boundary=")[2].encode()
