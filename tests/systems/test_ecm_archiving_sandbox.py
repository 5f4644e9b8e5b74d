"""One document per asset against the simulated Extended ECM: whatever becomes of an upload, none is stored twice."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from ecmbraze.ledger.connection import connect, unusable
from ecmbraze.ledger.contents import Contents
from ecmbraze.model import Answer, DocumentBytes, Verdict
from ecmbraze.planning.assets.names import JSON, file_name, marker
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.http import MAX_BODY
from tests.forking.sandboxes import sandbox
from tests.systems.rig import http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
FOLDER, ID = "E-mail Templates", "7e000000-0000-4000-8000-000000000001"
STATUS = "Content.Status"
ONE, TWO = b'{"parts":"one"}', '{"parts":"größer"}'.encode()
_HOSTILE = (
    "../../etc/cron.d/x",
    "C:\\x",
    "a\0b",
    "CON",
    "x" * 300,
    "\u202egnp.exe",
    "e\u0301",
    "\u00e9",
    ".",
    " ",
    "a:b/c",
    "\U0001f9d1\u200d\U0001f680 launch",
    "\u200bzero\ufeff",
    "line\nbreak\ttab",
)


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.add_category("Content", [{"name": "Status"}, {"name": "SHA-256"}])
        box.add_type("Governance", ["Content"])
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
def place(box: RemoteSandbox) -> int:
    return box.create_workspace("Governance", values={})


def put(ecm: EcmClient, place: int, content: bytes, name: str = "Spring", number: str = ID) -> Answer:
    named = file_name(name, number, JSON)
    return ecm.archive(place, FOLDER, marker(number, JSON), named, DocumentBytes.of(content), "application/json")


def documents(box: RemoteSandbox, place: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = box.call("GET", "/ecm/documents", below=place)
    return found


def digests(box: RemoteSandbox, place: int) -> list[list[str]]:
    return [[version["sha256"] for version in one["versions"]] for one in documents(box, place)]


def told(*contents: bytes) -> list[list[str]]:
    return [[sha256(content).hexdigest() for content in contents]]


def writes(box: RemoteSandbox) -> int:
    return sum(entry["method"] in ("POST", "PUT") for entry in box.journal(system="ecm"))


def test_the_first_content_is_a_document_the_next_a_version_and_the_same_nothing(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    for content in (ONE, ONE, TWO, TWO, ONE):
        assert put(ecm, place, content).verdict is Verdict.ACCEPTED

    assert digests(box, place) == told(ONE, TWO, ONE)
    assert list(ecm.archived(place, FOLDER, marker(ID, JSON))) == told(ONE, TWO, ONE)[0]
    assert writes(box) == 4  # the folder is one of them


def test_another_name_is_not_another_document(box: RemoteSandbox, ecm: EcmClient, place: int) -> None:
    put(ecm, place, ONE)
    put(ecm, place, TWO, name="Summer")
    named = file_name("Summer", ID, JSON)

    assert ecm.rename_archived(place, FOLDER, marker(ID, JSON), named).verdict is Verdict.ACCEPTED
    assert ecm.rename_archived(place, FOLDER, marker(ID, JSON), named).reason == "already named so"
    assert ([one["name"] for one in documents(box, place)], digests(box, place)) == ([named], told(ONE, TWO))


@pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "empty200", "html500"])
@pytest.mark.parametrize("path", ["/v2/nodes$", "/versions$"])
def test_e27_an_upload_whose_answer_is_lost_is_unknown_found_by_its_sha256_and_not_stored_twice(
    box: RemoteSandbox, ecm: EcmClient, place: int, kind: str, path: str
) -> None:
    put(ecm, place, b"0")
    contents: tuple[bytes, ...] = (b"0", ONE)
    if path == "/v2/nodes$":
        box.call("POST", "/ecm/documents", [{"do": "delete", "id": documents(box, place)[0]["id"]}])
        contents = (ONE,)
    box.fault(kind, method="POST", path=path, process=True)

    assert put(ecm, place, ONE).verdict is Verdict.UNKNOWN
    assert next(ecm.archived(place, FOLDER, marker(ID, JSON))) == sha256(ONE).hexdigest()
    assert put(ecm, place, ONE).verdict is Verdict.ACCEPTED
    assert digests(box, place) == told(*contents)


def test_e26_an_upload_that_is_cut_off_is_not_stored_and_goes_again(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    put(ecm, place, ONE)
    large = b"x" * 200_000
    box.fault("cut_request", method="POST", path="/versions$", bytes=120_000)

    assert put(ecm, place, large).verdict is Verdict.UNKNOWN
    assert digests(box, place) == told(ONE)
    assert put(ecm, place, large).verdict is Verdict.ACCEPTED
    assert digests(box, place) == told(ONE, large)


def test_a_500_although_the_version_was_stored_is_unknown_and_no_second_version(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    put(ecm, place, ONE)
    box.fault("status", method="POST", path="/versions$", status=500, json={"error": "Sorry"}, process=True)

    assert put(ecm, place, TWO).verdict is Verdict.UNKNOWN
    assert put(ecm, place, TWO).verdict is Verdict.ACCEPTED
    assert digests(box, place) == told(ONE, TWO)


def test_a_reserved_document_waits_and_one_that_somebody_moved_away_is_made_again(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    put(ecm, place, ONE)
    number = documents(box, place)[0]["id"]
    box.call("POST", "/ecm/documents", [{"do": "reserve", "id": number}])
    answer = put(ecm, place, TWO)
    assert (answer.verdict, "locked_in_ecm" in answer.reason) == (Verdict.NOT_PROCESSED, True)

    box.call("POST", "/ecm/documents", [{"do": "move", "id": number, "parent": place}])
    assert put(ecm, place, TWO).verdict is Verdict.ACCEPTED
    assert sorted(digests(box, place)) == sorted([*told(ONE), *told(TWO)])


def test_the_category_of_the_workspace_is_put_on_the_document_and_an_edit_of_staff_is_not_overwritten(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    put(ecm, place, ONE)
    asked = (place, FOLDER, marker(ID, JSON))

    assert ecm.describe_archived(*asked, {STATUS: "approved"}, {}).verdict is Verdict.ACCEPTED
    assert documents(box, place)[0]["values"][STATUS] == "approved"
    number = documents(box, place)[0]["id"]
    box.call("POST", "/ecm/documents", [{"do": "edit", "id": number, "values": {STATUS: "checked by legal"}}])
    refused = ecm.describe_archived(*asked, {STATUS: "deleted"}, {STATUS: "approved"})
    assert (refused.verdict, refused.reason.startswith("edited_in_ecm")) == (Verdict.REFUSED, True)


def test_d11_whatever_an_asset_is_named_it_has_one_document_of_a_name_that_ecm_takes(
    box: RemoteSandbox, ecm: EcmClient, place: int
) -> None:
    for count, name in enumerate(_HOSTILE):
        assert put(ecm, place, name.encode(), name=name, number=f"asset-{count}").verdict is Verdict.ACCEPTED, name

    found = documents(box, place)
    assert len(found) == len(_HOSTILE)
    assert all(len(one["name"]) <= 248 and not set(one["name"]) & set(":/\\\0\n\t\u202e\u200b") for one in found)
    assert {one["name"].partition(" [")[0] for one in found} > {"_.._etc_cron.d_x", "C__x", "unnamed", "CON"}


def test_a_large_document_is_stored_and_read_back_in_flat_memory(
    box: RemoteSandbox, ecm: EcmClient, place: int, tmp_path: Path
) -> None:
    """Larger than any answer of an API may be, and from the row of a state file on."""
    size = MAX_BODY + 4_000_000
    (tmp_path / "state.db").touch()
    with closing(Database(connect(tmp_path / "state.db", unusable))) as database:
        database.execute("CREATE TABLE content (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
        database.execute("INSERT INTO content VALUES ('?', zeroblob(?))", (size,))
        held = Contents(database).of("?")
    digest = sha256(bytes(size)).hexdigest()
    large = DocumentBytes(sha256=digest, size=held.size, pieces=held.pieces)
    asked = (place, FOLDER, marker(ID, JSON))
    box.fault("status", method="POST", path="/versions$", status=401, json={"error": "expired"})

    tracemalloc.start()
    try:
        assert put(ecm, place, ONE).verdict is Verdict.ACCEPTED
        assert ecm.archive(*asked, "x", large, "application/json").verdict is Verdict.ACCEPTED
        assert next(ecm.archived(*asked)) == digest
        assert ecm.archive(*asked, "x", large, "application/json").reason.startswith("already the newest")
        assert tracemalloc.get_traced_memory()[1] < size / 4
    finally:
        tracemalloc.stop()
    assert digests(box, place) == [[*told(ONE)[0], digest]]


def test_a_new_document_costs_no_list_of_all_that_are_there(box: RemoteSandbox, ecm: EcmClient, place: int) -> None:
    folder = box.folder(place, FOLDER)
    box.call("POST", "/ecm/documents", [_filed(folder, number) for number in range(150)])
    put(ecm, place, ONE, number="first")
    box.clear_journal()

    for number in range(3):
        assert put(ecm, place, ONE, number=f"later-{number}").verdict is Verdict.ACCEPTED

    assert [entry["method"] for entry in box.journal(system="ecm")] == ["GET", "GET", "POST"] * 3


def test_where_ecm_does_not_find_by_name_the_whole_list_is_read(box: RemoteSandbox, ecm: EcmClient, place: int) -> None:
    folder = box.folder(place, FOLDER)
    box.call("POST", "/ecm/documents", [_filed(folder, number) for number in range(120)])
    nothing = {"collection": {"paging": {"limit": 100, "page": 1, "page_total": 0, "total_count": 0}}, "results": []}
    box.fault("status", path="/nodes$", query="where_name", status=200, json=nothing, times=99)

    assert put(ecm, place, ONE).verdict is Verdict.ACCEPTED
    assert put(ecm, place, TWO).verdict is Verdict.ACCEPTED
    assert told(ONE, TWO)[0] in digests(box, place)


def _filed(folder: int, number: int) -> dict[str, Any]:
    return {"do": "document", "parent": folder, "name": f"Other {number:03} [other-{number}].json", "content": "x"}
