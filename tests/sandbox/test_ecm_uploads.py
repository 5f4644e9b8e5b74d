"""Filing over REST: folders, uploads, names, renames, published versions, the end in the bin (api/ecm.md 4.4, 7)."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.sandbox.desk import BASE, Desk, ids, names


@pytest.fixture
def alpha(desk: Desk) -> int:
    return desk.make("Alpha")


def upload(desk: Desk, parent: int, name: str, content: bytes = b"%PDF", part: str = "file", **more: Any) -> Any:
    body = json.dumps({"type": "144", "parent_id": str(parent), "name": name, **more})
    return sent(desk, "/v2/nodes", {"body": body, part: (io.BytesIO(content), "upload.pdf", "application/pdf")})


def sent(desk: Desk, path: str, fields: dict[str, Any]) -> TestResponse:
    return desk.client.post(f"{BASE}{path}", data=fields, headers={"OTCSTicket": desk.ticket})


def filed(desk: Desk, parent: int, name: str, content: bytes = b"%PDF", **more: Any) -> int:
    answer = upload(desk, parent, name, content, **more)
    assert answer.status_code == 200, answer.get_data()
    return int(answer.get_json()["results"]["data"]["properties"]["id"])


def folder(desk: Desk, parent: int, name: str) -> int:
    made = desk.post("/v2/nodes", {"body": json.dumps({"type": 0, "parent_id": parent, "name": name})})
    return int(made["results"]["data"]["properties"]["id"])


def version(desk: Desk, node: int, content: bytes, **more: Any) -> Any:
    fields = {"file": (io.BytesIO(content), "v.pdf", "application/pdf"), **more}
    answer = sent(desk, f"/v2/nodes/{node}/versions", fields)
    assert answer.status_code == 200
    return answer.get_json()["results"]["data"]["versions"]


def content(desk: Desk, node: int, which: str = "v1") -> bytes:
    return desk.ask("GET", f"/{which}/nodes/{node}/content").get_data()


def test_size_and_hash_of_a_download_are_those_of_the_upload(desk: Desk, alpha: int) -> None:
    sent_bytes = bytes(range(256)) * 1_000
    node = filed(desk, folder(desk, alpha, "Consent History"), "Opt-out.json", sent_bytes)
    assert desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]["size"] == len(sent_bytes)
    assert hashlib.sha256(content(desk, node)).digest() == hashlib.sha256(sent_bytes).digest()
    shown = desk.filing.show(node)["versions"][0]
    assert (shown["size"], shown["sha256"]) == (len(sent_bytes), hashlib.sha256(sent_bytes).hexdigest())
    assert desk.filing.show(node)["path"][-2:] == ["Alpha", "Consent History"]


def test_an_upload_without_its_part_or_under_another_part_name_is_refused(desk: Desk, alpha: int) -> None:
    assert upload(desk, alpha, "a.pdf", part="document").get_json()["error"] == "Missing required parameter 'file'"
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == []


@pytest.mark.parametrize("name", ["a:b.pdf", "x" * 249, " a.pdf", "a.pdf ", " ", ""])
def test_a_name_that_is_not_allowed_stores_nothing(desk: Desk, alpha: int, name: str) -> None:
    assert upload(desk, alpha, name).status_code == 400
    body = {"body": json.dumps({"type": 0, "parent_id": alpha, "name": name})}
    assert desk.refused("POST", "/v2/nodes", body)[0] == 400
    node = filed(desk, alpha, "good.pdf")
    assert desk.ask("PUT", f"/v2/nodes/{node}", {"body": json.dumps({"name": name})}).status_code == (
        400 if name else 200
    )
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == ["good.pdf"]


@pytest.mark.parametrize("name", ["x" * 248, "a/b\\c?.pdf", "🚀 Größe\u200b\u202e.pdf", "An item with the name"])
def test_a_name_that_is_allowed_comes_back_as_it_was_sent(desk: Desk, alpha: int, name: str) -> None:
    filed(desk, alpha, name)
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == [name]


def test_the_same_name_collides_in_its_folder_only_and_is_no_new_version(desk: Desk, alpha: int) -> None:
    one, other = folder(desk, alpha, "One"), folder(desk, alpha, "Other")
    node = filed(desk, one, "a.pdf", b"first")
    again = upload(desk, one, "A.PDF", b"second")
    assert (again.status_code, again.get_json()["error"]) == (500, "An item with the name 'A.PDF' already exists.")
    assert content(desk, node) == b"first"
    assert len(desk.get(f"/v2/nodes/{node}/versions")["results"]) == 1
    assert filed(desk, other, "a.pdf") != node


@pytest.mark.parametrize("status", [400, 500])
def test_a_rename_or_move_to_a_taken_name_changes_nothing(desk: Desk, alpha: int, status: int) -> None:
    desk.switch(taken_name_status=status)
    inside = folder(desk, alpha, "Papers")
    first, second = filed(desk, alpha, "a.pdf"), filed(desk, alpha, "b.pdf")
    filed(desk, inside, "c.pdf")
    text = "An item with the name 'a.pdf' already exists."
    assert desk.refused("PUT", f"/v2/nodes/{second}", {"name": "a.pdf"}) == (status, text)
    both = {"body": json.dumps({"name": "c.pdf", "parent_id": inside, "description": "x"})}
    assert desk.refused("PUT", f"/v2/nodes/{first}", both)[0] == status
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes?where_type=144")) == [first, second]
    assert desk.get(f"/v2/nodes/{first}")["results"]["data"]["properties"]["description"] == ""
    desk.put(f"/v2/nodes/{second}", {"name": "B.pdf"})
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes?where_type=144")) == ["a.pdf", "B.pdf"]


def test_a_renamed_document_keeps_id_versions_and_the_file_names_of_its_versions(desk: Desk, alpha: int) -> None:
    node = filed(desk, alpha, "a.pdf", b"one")
    desk.put(f"/v2/nodes/{node}", {"body": json.dumps({"name": "z.pdf"})})
    version(desk, node, b"two")
    rows = [row["data"]["versions"] for row in desk.get(f"/v2/nodes/{node}/versions")["results"]]
    assert [(row["name"], row["file_name"], row["file_size"]) for row in rows] == [
        ("z.pdf", "upload.pdf", 3),
        ("z.pdf", "v.pdf", 3),
    ]
    assert desk.ask("GET", f"/v2/nodes/{node}/versions/1/content").get_data() == b"one"


def test_the_newer_api_serves_the_published_version_and_the_older_one_the_newest(desk: Desk, alpha: int) -> None:
    node = filed(desk, alpha, "a.pdf", b"draft")
    desk.put(f"/v2/nodes/{node}", {"body": json.dumps({"versions_control_advanced": True})})
    assert (content(desk, node, "v1"), content(desk, node, "v2")) == (b"draft", b"draft")
    made = version(desk, node, b"published", add_major_version="true")
    assert (made["version_number_major"], made["version_number_minor"]) == (1, 0)
    made = version(desk, node, b"draft again")
    assert (made["version_number_major"], made["version_number_minor"]) == (1, 1)
    assert (content(desk, node, "v1"), content(desk, node, "v2")) == (b"draft again", b"published")


def test_without_advanced_versioning_there_is_no_major_version_and_the_newest_is_served(desk: Desk, alpha: int) -> None:
    node = filed(desk, alpha, "a.pdf", b"one")
    made = version(desk, node, b"two", add_major_version="true")
    assert (made["version_number_major"], made["version_number_minor"]) == (0, 2)
    version(desk, node, b"three")
    assert content(desk, node, "v1") == content(desk, node, "v2") == b"three"


def test_attributes_and_outside_dates_are_stored_with_the_upload(desk: Desk, alpha: int) -> None:
    roles = {"categories": {desk.key("Onboarding.Stage"): "KYC"}}
    outside: dict[str, Any] = {"external_source": "braze", "external_create_date": "2026-05-01"}
    node = filed(desk, alpha, "a.pdf", roles=roles, **outside)
    shown = desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]
    assert {key: shown[key] for key in outside} == outside
    assert shown["external_identity"] == ""
    wrong = {"categories": {desk.key("Onboarding.Stage"): "Nonsense"}}
    assert upload(desk, alpha, "b.pdf", roles=wrong).status_code == 400
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == ["a.pdf"]


def test_what_is_destroyed_in_the_bin_does_not_come_back(desk: Desk, alpha: int) -> None:
    inside = folder(desk, alpha, "Papers")
    node = filed(desk, inside, "a.pdf")
    assert desk.ask("DELETE", f"/v2/nodes/{inside}").get_json()["results"] == {}
    body = {"body": json.dumps({"ids": [inside, 1]})}
    outcome = desk.post("/v2/volumes/recyclebin/nodes/purge", body)["results"]["data"]
    assert (outcome["success"]["ids"], outcome["failure"]["ids"]) == ([inside], [1])
    assert not {inside, node} & set(ids(desk.get("/v2/volumes/recyclebin/nodes?limit=100")))
    restored = desk.post("/v2/volumes/recyclebin/nodes/restore", body)["results"]["data"]
    assert restored["success"]["ids"] == []


def test_a_folder_with_many_documents_is_listed_page_by_page(desk: Desk, alpha: int) -> None:
    inside = folder(desk, alpha, "Consent History")
    made = [filed(desk, inside, f"{number:03d}.json") for number in range(30)]
    found, page = [], 1
    while True:
        answer = desk.get(f"/v2/nodes/{inside}/nodes?where_type=144&limit=12&page={page}")
        found += ids(answer)
        if "links" not in answer["collection"]["paging"]:
            break
        page += 1
    assert (found, page) == (made, 3)
    assert len(ids(desk.get(f"/v2/nodes/{inside}/nodes"))) == 25
