"""Writes over a real connection: a colleague who is quicker, uploads that are cut off or whose answer is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.sandbox.desk import ONBOARDING

STAGE = "Onboarding.Stage"


class Client:
    """A client of the REST API that is logged in, with one fresh workspace."""

    def __init__(self, box: RemoteSandbox) -> None:
        self.box, self.session = box, requests.Session()
        login = {"username": box.username, "password": box.password}
        ticket = self.session.post(f"{box.ecm}/api/v1/auth", data=login, timeout=60).json()["ticket"]
        self.session.headers["OTCSTicket"] = ticket
        self.workspace = box.create_workspace(ONBOARDING, values={STAGE: "KYC"})

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.box.ecm}/api{path}", timeout=60, **more)


@pytest.fixture
def client(sandbox: RemoteSandbox) -> Iterator[Client]:
    found = Client(sandbox)
    yield found
    found.session.close()


def test_a_colleague_who_is_quicker_wins_against_a_token_and_loses_against_none(client: Client) -> None:
    box, node = client.box, client.workspace
    categories = client.ask("GET", f"/v2/nodes/{node}/categories?metadata").json()["results"][0]["metadata"]
    key = next(key for key, one in categories["categories"].items() if one["name"] == "Stage")
    category = key.split("_")[0]
    state = client.ask("GET", f"/v2/nodes/{node}?state").json()["results"]["state"]["categories"][0]
    token = state[category]["metadata_token"]
    quicker = {"do": "edit", "id": node, "values": {STAGE: "Contract"}, "by_user": "user07"}
    lock = {f"{category}_1": f'{{"metadata_token": "{token}"}}'}
    outcomes = []
    for fields in ({key: "Service", **lock}, {key: "Service"}):
        box.fault("edit", system="ecm", path=f"/categories/{category}", method="PUT", when="before", edits=[quicker])
        status = client.ask("PUT", f"/v2/nodes/{node}/categories/{category}", data=fields).status_code
        outcomes.append((status, box.workspace(node)["values"][STAGE]))
    assert outcomes == [(409, "Contract"), (200, "Service")]


# uploads


class Cabinet:
    """The documents of the client's workspace, uploaded and looked at over HTTP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def upload(self, name: str, content: bytes) -> requests.Response:
        """Upload a new document."""
        body = {"type": 144, "parent_id": self._client.workspace, "name": name}
        files = {"body": (None, json.dumps(body)), "file": (name, content, "text/plain")}
        return self._client.ask("POST", "/v2/nodes", files=files)

    def version(self, node: int, content: bytes) -> requests.Response:
        """Upload a version."""
        return self._client.ask("POST", f"/v2/nodes/{node}/versions", files={"file": ("v.txt", content, "text/plain")})

    def ids(self) -> dict[str, int]:
        """Return what lies in the workspace, by name."""
        rows = self._client.ask("GET", f"/v2/nodes/{self._client.workspace}/nodes?limit=100").json()["results"]
        return {row["data"]["properties"]["name"]: row["data"]["properties"]["id"] for row in rows}

    def hash(self, node: int) -> str:
        """Return the hash of the bytes that a download brings."""
        return hashlib.sha256(self._client.ask("GET", f"/v1/nodes/{node}/content").content).hexdigest()


@pytest.fixture
def cabinet(client: Client) -> Cabinet:
    return Cabinet(client)


def test_an_upload_that_is_cut_off_on_its_way_stores_nothing_and_can_be_repeated(
    client: Client, cabinet: Cabinet
) -> None:
    content = b"x" * 2_000_000
    client.box.fault("cut_request", system="ecm", path="/v2/nodes$", method="POST", bytes=1_000_000)
    with pytest.raises(requests.ConnectionError):
        cabinet.upload("a.txt", content)
    assert cabinet.ids() == {}
    entry = next(one for one in client.box.journal(system="ecm") if one["fault"] == "cut_request")
    assert (entry["processed"], entry["status"]) == (False, None)
    assert cabinet.upload("a.txt", content).status_code == 200
    assert cabinet.hash(cabinet.ids()["a.txt"]) == hashlib.sha256(content).hexdigest()


LOST: list[dict[str, Any]] = [
    {"kind": "reset_after"},
    {"kind": "cut_answer", "bytes": 20},
    {"kind": "empty200", "process": True},
    {"kind": "html500", "process": True},
    {"kind": "status", "status": 500, "process": True, "json": {"error": "An internal error occurred."}},
]


def attempt(call: Any) -> tuple[int, bool] | None:
    """Return status and whether an id came back, None when the connection broke."""
    try:
        answer = call()
    except requests.RequestException:
        return None
    try:
        return answer.status_code, "results" in answer.json()
    except ValueError:
        return answer.status_code, False


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
def test_an_upload_whose_answer_is_lost_is_stored_and_its_repetition_collides(
    client: Client, cabinet: Cabinet, fault: dict[str, Any]
) -> None:
    client.box.fault(system="ecm", path="/v2/nodes$", method="POST", **fault)
    assert attempt(lambda: cabinet.upload("a.txt", b"one")) in (None, (200, False), (500, False))
    stored = cabinet.ids()
    assert list(stored) == ["a.txt"]
    again = cabinet.upload("a.txt", b"one")
    assert (again.status_code, again.json()) == (500, {"error": "An item with the name 'a.txt' already exists."})
    assert cabinet.ids() == stored
    assert cabinet.hash(stored["a.txt"]) == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
def test_a_version_whose_answer_is_lost_is_there_and_its_repetition_is_one_more(
    client: Client, cabinet: Cabinet, fault: dict[str, Any]
) -> None:
    cabinet.upload("a.txt", b"one")
    node = cabinet.ids()["a.txt"]
    client.box.fault(system="ecm", path="/versions$", method="POST", **fault)
    attempt(lambda: cabinet.version(node, b"two"))
    assert cabinet.hash(node) == hashlib.sha256(b"two").hexdigest()
    cabinet.version(node, b"two")
    hashes = [one["sha256"] for one in client.box.call("GET", f"/ecm/documents/{node}")["versions"]]
    assert hashes == [hashlib.sha256(content).hexdigest() for content in (b"one", b"two", b"two")]


def test_a_colleague_can_take_a_name_just_before_an_upload(client: Client, cabinet: Cabinet) -> None:
    filed = {"do": "document", "parent": client.workspace, "name": "a.txt", "content": "theirs", "by_user": "user07"}
    client.box.fault("edit", system="ecm", path="/v2/nodes$", method="POST", when="before", edits=[filed])
    assert cabinet.upload("a.txt", b"ours").status_code == 500
    assert cabinet.hash(cabinet.ids()["a.txt"]) == hashlib.sha256(b"theirs").hexdigest()


def test_a_compressed_download_is_shorter_on_the_way_than_what_was_stored(client: Client, cabinet: Cabinet) -> None:
    content = b"again and again " * 1_000
    cabinet.upload("a.txt", content)
    client.box.switch(gzip_content=True)
    answer = client.ask("GET", f"/v1/nodes/{cabinet.ids()['a.txt']}/content")
    client.box.switch(gzip_content=False)
    assert int(answer.headers["Content-Length"]) < len(content) == len(answer.content)


def test_a_download_that_is_cut_off_is_no_document(client: Client, cabinet: Cabinet) -> None:
    cabinet.upload("a.txt", b"x" * 10_000)
    node = cabinet.ids()["a.txt"]
    client.box.fault("cut_answer", system="ecm", path="/content$", bytes=-5_000)
    with pytest.raises(requests.RequestException):
        cabinet.hash(node)
