"""Documents: versions in both shapes, bulk reads, classifications, folders, locks (api/ecm.md 4.3, 5.3, 7, 10)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.sandbox.desk import BASE, Desk, ids, names


@pytest.fixture
def alpha(desk: Desk) -> int:
    return desk.make("Alpha")


@pytest.fixture
def letter(desk: Desk, alpha: int) -> int:
    return desk.file(alpha, "Brief über Größe 📄.pdf", advanced=True)


def properties(desk: Desk, node: int) -> Any:
    return desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]


def send(desk: Desk, node: int, **fields: Any) -> TestResponse:
    """Send a version."""
    headers = {"OTCSTicket": desk.ticket}
    return desk.client.post(f"{BASE}/v2/nodes/{node}/versions", data=fields, headers=headers)


def part(content: bytes = b"new") -> tuple[io.BytesIO, str, str]:
    return io.BytesIO(content), "new.txt", "text/plain"


def listed(desk: Desk, numbers: Any) -> Any:
    return desk.post("/v2/nodes/list", {"body": json.dumps({"ids": numbers})})


def classified(desk: Desk, node: int) -> Any:
    return desk.get(f"/v1/nodes/{node}/classifications")["data"]


def test_versions_are_one_result_each_or_one_object_with_a_list(desk: Desk, letter: int) -> None:
    desk.office("version", letter)
    as_list = desk.get(f"/v2/nodes/{letter}/versions")["results"]
    assert [row["data"]["versions"]["version_number"] for row in as_list] == [1, 2]
    desk.switch(versions_as_object=True)
    as_object = desk.get(f"/v2/nodes/{letter}/versions")["results"]["data"]["versions"]
    assert as_object == [row["data"]["versions"] for row in as_list]


@pytest.mark.parametrize(("as_object", "empty"), [(False, []), (True, {"data": {"versions": []}})])
def test_what_carries_no_version_has_an_empty_list(desk: Desk, alpha: int, as_object: bool, empty: Any) -> None:
    desk.switch(versions_as_object=as_object)
    assert desk.get(f"/v2/nodes/{alpha}/versions")["results"] == empty
    assert desk.get(f"/v2/nodes/{alpha}?fields=versions.element(0)")["results"]["data"] == {"versions": []}


def test_versions_come_oldest_first_so_that_the_first_one_is_not_the_newest(desk: Desk, letter: int) -> None:
    for _ in range(2):
        desk.office("version", letter)

    def numbers(query: str) -> list[int]:
        rows = desk.get(f"/v2/nodes/{letter}/versions?{query}")["results"]
        return [row["data"]["versions"]["version_number"] for row in rows]

    assert numbers("limit=1") == [1]
    assert numbers("limit=1&order=desc") == [3]
    assert numbers("limit=2&page=2") == numbers("limit=2&page=9") == [3]
    newest = desk.get(f"/v2/nodes/{letter}?fields=versions.element(0)")["results"]["data"]["versions"]
    assert newest["version_number"] == 3


def test_the_older_api_tells_the_newest_version(desk: Desk, alpha: int, letter: int) -> None:
    send(desk, letter, file=part(b"newest"))
    latest = desk.get(f"/v1/nodes/{letter}/versions/latest")["data"]
    assert (latest["version_number"], latest["file_size"]) == (2, 6)
    assert desk.refused("GET", f"/v1/nodes/{alpha}/versions/latest")[0] == 400


def test_a_major_version_has_no_minor_number_and_only_advanced_documents_count_so(desk: Desk, alpha: int) -> None:
    def told(advanced: bool) -> list[tuple[int, int, str]]:
        made = desk.file(alpha, f"{advanced}.pdf", advanced=advanced)
        desk.office("version", made, major=True)
        desk.office("version", made)
        rows = [row["data"]["versions"] for row in desk.get(f"/v2/nodes/{made}/versions")["results"]]
        keys = ("version_number_major", "version_number_minor", "version_number_name")
        return [tuple(row[key] for key in keys) for row in rows]

    assert told(True) == [(0, 1, "0.1"), (1, 0, "1.0"), (1, 1, "1.1")]
    assert told(False) == [(0, 1, "1"), (0, 2, "2"), (0, 3, "3")]


def test_a_new_version_keeps_the_categories_the_name_and_the_id(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf", categories=["Onboarding"], values={"Onboarding.Contract Status": "Approved"})
    before = desk.get(f"/v2/nodes/{made}/categories")["results"]
    desk.later(60)
    answer = send(desk, made, file=part(), description="second")
    assert answer.get_json()["results"]["data"]["versions"]["version_number"] == 2
    assert desk.get(f"/v2/nodes/{made}/categories")["results"] == before  # an approval among them: of which version?
    shown = properties(desk, made)
    assert (shown["name"], shown["size"], shown["modify_date"]) == ("a.pdf", 3, "2026-06-01T08:01:00Z")
    assert shown["create_date"] == "2026-06-01T08:00:00Z"
    assert desk.ask("GET", f"/v1/nodes/{made}/versions/1/content").get_data() == b"a.pdf"
    assert desk.ask("GET", f"/v1/nodes/{made}/content").get_data() == b"new"


def test_a_version_needs_its_file_a_short_description_and_a_document(desk: Desk, alpha: int, letter: int) -> None:
    missing = send(desk, letter, description="x")
    assert (missing.status_code, missing.get_json()["error"]) == (400, "Missing required parameter 'file'")
    assert send(desk, letter, file=part(), description="x" * 256).status_code == 400
    assert send(desk, alpha, file=part()).status_code == 400
    assert len(desk.get(f"/v2/nodes/{letter}/versions")["results"]) == 1


def test_no_checksum_is_told_anywhere(desk: Desk, letter: int) -> None:
    text = json.dumps([desk.get(f"/v2/nodes/{letter}/versions"), properties(desk, letter)]).casefold()
    assert not any(word in text for word in ("sha1", "sha256", "md5", "checksum", "hash", "etag"))


def test_versions_of_what_may_not_be_seen_are_a_400_and_their_content_a_500(desk: Desk, letter: int) -> None:
    desk.office("hide", letter)
    for gone in (letter, 1):
        for path in ("versions", "versions/1"):
            status, text = desk.refused("GET", f"/v2/nodes/{gone}/{path}")
            assert (status, text[:5]) == (400, "Sorry")
        assert desk.refused("GET", f"/v1/nodes/{gone}/versions/1/content")[0] == 500
        assert desk.refused("GET", f"/v1/nodes/{gone}/classifications")[0] == 400


def test_a_bulk_read_takes_250_ids_and_not_one_more(desk: Desk, letter: int) -> None:
    assert ids(listed(desk, [letter, *range(1, 250)])) == [letter]
    body = {"body": json.dumps({"ids": list(range(1, 252))})}
    assert desk.refused("POST", "/v2/nodes/list", body) == (400, "Too many items specified for parameter 'ids'")


def test_a_bulk_read_leaves_out_what_may_not_be_seen_without_a_word(desk: Desk, alpha: int) -> None:
    kept, hidden, deleted = (desk.file(alpha, f"{name}.pdf") for name in "abc")
    desk.office("hide", hidden)
    desk.office("delete", deleted)
    answer = listed(desk, [deleted, hidden, kept, 1])
    assert (ids(answer), answer["collection"]["paging"]["total_count"]) == ([kept], 1)


def test_a_bulk_read_answers_in_no_promised_order_and_each_node_once(desk: Desk, alpha: int) -> None:
    made = [desk.file(alpha, f"{number:02d}.pdf") for number in range(20)]
    found = ids(listed(desk, [*made, made[0]]))
    assert sorted(found) == made
    assert found not in (made, made[::-1])
    assert ids(desk.post("/v2/nodes/list", {"ids": [str(number) for number in made]})) == found


def test_a_bulk_read_tells_no_categories_unless_the_tenant_does(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf", categories=["Onboarding"])
    path, form = "/v2/nodes/list?fields=properties&fields=categories", {"ids": str(made)}
    assert set(desk.post(path, form)["results"][0]["data"]) == {"properties"}
    desk.switch(nodes_list_fields=True)
    assert set(desk.post(path, form)["results"][0]["data"]) == {"properties", "categories"}


def test_a_classification_has_one_id_wherever_it_is_used(desk: Desk, alpha: int) -> None:
    one = desk.file(alpha, "one.pdf", classification="Vertrag ✍")
    two = desk.file(alpha, "two.pdf", classification="Vertrag ✍")
    desk.office("classify", two, name="Entwurf")
    assert classified(desk, one)[0] == classified(desk, two)[0]
    assert [entry["name"] for entry in classified(desk, two)] == ["Vertrag ✍", "Entwurf"]
    desk.office("declassify", two, name="Vertrag ✍")
    assert [entry["name"] for entry in classified(desk, two)] == ["Entwurf"]
    assert classified(desk, alpha) == []


@pytest.mark.parametrize(("bumps", "date"), [(True, "2026-06-01T08:01:00Z"), (False, "2026-06-01T08:00:00Z")])
def test_a_classification_moves_the_modify_date_only_if_the_switch_says_so(
    desk: Desk, letter: int, bumps: bool, date: str
) -> None:
    desk.switch(classification_bumps_modify_date=bumps)
    desk.later(60)
    desk.office("classify", letter, name="Vertrag")
    assert properties(desk, letter)["modify_date"] == date


def test_documents_in_subfolders_are_not_among_the_children_of_the_workspace(desk: Desk, alpha: int) -> None:
    inner = desk.office("folder", parent=desk.office("folder", parent=alpha, name="Papers"), name="2026")
    made = desk.file(inner, "deep.pdf")
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes?where_type=144")) == []
    row = desk.get(f"/v2/nodes/{inner}/nodes")["results"][0]["data"]["properties"]
    assert (row["id"], row["container"]) == (made, False)
    path = desk.get(f"/v1/nodes/{made}/ancestors")["ancestors"]
    assert [entry["name"] for entry in path][-4:] == ["Alpha", "Papers", "2026", "deep.pdf"]
    assert desk.get(f"/v1/nodes/{made}/businessworkspace")["id"] == alpha


def test_children_come_25_a_page_by_default_and_never_more_than_the_cap(desk: Desk, alpha: int) -> None:
    for number in range(30):
        desk.file(alpha, f"{number:02d}.pdf")
    assert len(desk.get(f"/v2/nodes/{alpha}/nodes")["results"]) == 25
    desk.switch(children_default_limit=10, children_page_cap=20)
    assert len(desk.get(f"/v2/nodes/{alpha}/nodes")["results"]) == 10
    assert desk.get(f"/v2/nodes/{alpha}/nodes?limit=500")["collection"]["paging"]["limit"] == 20


def test_a_page_of_children_can_be_empty_though_more_follow(desk: Desk, alpha: int) -> None:
    desk.switch(total_count_includes_invisible=True)
    made = [desk.file(alpha, f"{number}.pdf") for number in range(6)]
    for number in made[:3]:
        desk.office("hide", number)
    first, second = (desk.get(f"/v2/nodes/{alpha}/nodes?limit=3&page={page}") for page in (1, 2))
    assert (first["results"], "links" in first["collection"]["paging"]) == ([], True)
    assert ids(second) == made[3:]


def test_a_hidden_item_is_no_child_unless_asked_for_but_still_there(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf")
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == [made]
    desk.office("conceal", made)
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == []
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes?show_hidden=true")) == [made]
    assert properties(desk, made)["hidden"] is True


@pytest.mark.parametrize(("covers", "status"), [(True, 400), (False, 200)])
def test_hiding_a_workspace_hides_what_lies_below_as_the_switch_says(
    desk: Desk, alpha: int, letter: int, covers: bool, status: int
) -> None:
    desk.switch(hiding_covers_below=covers)
    desk.person.perform([{"do": "hide", "id": alpha}])
    assert desk.ask("GET", f"/v2/nodes/{letter}").status_code == status
    assert len(ids(desk.search("OTSubType:144"))) == (0 if covers else 1)
    desk.person.perform([{"do": "show", "id": alpha}])
    assert desk.ask("GET", f"/v2/nodes/{letter}").status_code == 200


def test_what_somebody_else_reserved_refuses_writes_but_can_be_read(desk: Desk, letter: int) -> None:
    desk.office("reserve", letter)
    assert properties(desk, letter)["reserved"] is True
    assert desk.refused("PUT", f"/v2/nodes/{letter}", {"name": "x"})[0] == 403
    assert send(desk, letter, file=part()).status_code == 403
    desk.switch(reserved_status=500)
    assert desk.refused("DELETE", f"/v2/nodes/{letter}")[0] == 500


def test_a_document_on_hold_refuses_versions_and_the_deletion_of_its_workspace(desk: Desk, alpha: int) -> None:
    made = desk.file(desk.office("folder", parent=alpha, name="Papers"), "a.pdf")
    desk.store.held[made] = 400
    assert send(desk, made, file=part()).status_code == 400
    for node in (made, alpha):
        assert desk.refused("DELETE", f"/v2/nodes/{node}")[0] == 400
    assert properties(desk, alpha)["id"] == alpha


def test_a_container_does_not_move_into_itself(desk: Desk, alpha: int) -> None:
    folder = desk.office("folder", parent=alpha, name="Papers")
    inner = desk.office("folder", parent=folder, name="Inner")
    for target in (folder, inner):
        assert desk.refused("PUT", f"/v2/nodes/{folder}", {"parent_id": target})[0] == 400
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == ["Papers"]


@pytest.mark.parametrize(("bumps", "date"), [(True, "2026-06-01T08:01:00Z"), (False, "2025-01-10T08:00:00Z")])
def test_a_move_keeps_id_and_birth_and_moves_the_modify_date_only_if_the_switch_says_so(
    desk: Desk, alpha: int, bumps: bool, date: str
) -> None:
    desk.switch(move_bumps_modify_date=bumps)
    made = desk.file(desk.make("Beta"), "a.pdf", created="2025-01-10T08:00:00Z")
    desk.later(60)
    desk.put(f"/v2/nodes/{made}", {"parent_id": alpha})
    shown = properties(desk, made)
    assert (shown["parent_id"], shown["modify_date"]) == (alpha, date)
    assert shown["create_date"] == "2025-01-10T08:00:00Z"
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == [made]
