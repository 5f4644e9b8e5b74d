"""Nodes: reading, lists, create, delete, holds (api/ecm.md 4, section 13, 8, 11, 13, 18 and 19)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.sandbox.desk import BASE, Desk, ids, names


@pytest.fixture
def made(desk: Desk) -> int:
    return desk.make("Alpha", {"Onboarding.Stage": "KYC"})


def new(desk: Desk, parent: int, name: str, kind: int = 0, **more: Any) -> int:
    body = {"type": kind, "parent_id": parent, "name": name, **more}
    created = desk.post("/v2/nodes", {"body": json.dumps(body)})
    return int(created["results"]["data"]["properties"]["id"])


def upload(desk: Desk, parent: int, name: str, content: bytes = b"%PDF") -> Any:
    body = json.dumps({"type": "144", "parent_id": str(parent), "name": name})
    form = {"body": body, "file": (io.BytesIO(content), name, "application/pdf")}
    return desk.client.post(f"{BASE}/v2/nodes", data=form, headers={"OTCSTicket": desk.ticket})


def test_node_dates_end_in_z_while_workspace_dates_do_not(desk: Desk, made: int) -> None:
    node = desk.get(f"/v2/nodes/{made}")["results"]["data"]["properties"]
    workspace = desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]["properties"]
    assert (node["modify_date"], workspace["modify_date"]) == ("2026-06-01T08:00:00Z", "2026-06-01T10:00:00")
    assert node["modify_date"] < workspace["modify_date"]  # as text; the same second
    desk.store.switches.change({"z_suffix_nodes": False})
    assert desk.get(f"/v2/nodes/{made}")["results"]["data"]["properties"]["modify_date"] == "2026-06-01T10:00:00"


def test_the_status_of_a_missing_node_depends_on_the_endpoint(desk: Desk, made: int) -> None:
    desk.person.perform([{"do": "hide", "id": made}])
    for gone in (made, 1):
        text = f"Could not get a node for {gone}"
        assert desk.refused("GET", f"/v2/nodes/{gone}") == (400, text)
        assert desk.refused("GET", f"/v2/nodes/{gone}/nodes") == (500, text)
        assert desk.refused("GET", f"/v2/nodes/{gone}/categories") == (500, text)
        assert desk.refused("DELETE", f"/v2/nodes/{gone}") == (500, text)
        status, sorry = desk.refused("PUT", f"/v2/nodes/{gone}", {"name": "x"})
        assert (status, sorry[:5]) == (400, "Sorry")
        assert desk.refused("GET", f"/v1/nodes/{gone}/content")[0] == 500


def test_fields_choose_groups_and_members(desk: Desk, made: int) -> None:
    data = desk.get(f"/v2/nodes/{made}?fields=properties{{id,name}}&fields=categories")["results"]["data"]
    assert data["properties"] == {"id": made, "name": "Alpha"}
    assert isinstance(data["categories"], list)


def test_children_are_not_recursive_and_page_inside_collection(desk: Desk, made: int) -> None:
    inner = new(desk, made, "Inner")
    new(desk, inner, "Deep")
    answer = desk.get(f"/v2/nodes/{made}/nodes")
    assert "paging" not in answer
    assert names(answer) == ["Inner"]
    assert answer["collection"]["paging"]["total_count"] == 1


def test_children_pages_link_to_the_next_and_repeat_beyond_the_end(desk: Desk, made: int) -> None:
    for number in range(5):
        new(desk, made, f"Folder {number}")
    first, last = (desk.get(f"/v2/nodes/{made}/nodes?limit=3&page={page}") for page in (1, 2))
    assert "next" in first["collection"]["paging"]["links"]
    assert "links" not in last["collection"]["paging"]
    assert ids(desk.get(f"/v2/nodes/{made}/nodes?limit=3&page=9")) == ids(last)


def test_the_next_link_of_a_list_may_lie_below_data(desk: Desk, made: int) -> None:
    for number in range(3):
        new(desk, made, f"Folder {number}")
    desk.switch(next_link_under_data=True)
    paging = desk.get(f"/v2/nodes/{made}/nodes?limit=2")["collection"]["paging"]
    assert list(paging["links"]) == ["data"]
    assert "page=2" in paging["links"]["data"]["next"]["href"]
    assert "links" not in desk.get(f"/v2/nodes/{made}/nodes?limit=2&page=2")["collection"]["paging"]


def test_a_task_lies_below_a_task_list_and_nowhere_else(desk: Desk, made: int) -> None:
    plan, task = new(desk, made, "Plan", 204), {"type": 206, "name": "Call back"}
    for wrong in (made, new(desk, made, "Papers")):
        assert desk.refused("POST", "/v2/nodes", {"body": json.dumps({**task, "parent_id": wrong})})[0] == 400
    done = new(desk, plan, "Call back", 206, assigned_member_id=1000)
    assert names(desk.get(f"/v2/nodes/{plan}/nodes")) == ["Call back"]
    assert desk.refused("PUT", f"/v2/nodes/{done}", {"parent_id": made})[0] == 400
    assert (
        desk.refused("POST", "/v2/nodes", {"body": json.dumps({"type": 0, "name": "F", "parent_id": plan})})[0] == 400
    )


def test_the_taken_ones_of_some_names_are_returned(desk: Desk, made: int) -> None:
    inside = new(desk, made, "Größe")
    body = {"body": json.dumps({"parent_id": made, "names": ["größe", "free"]})}
    assert desk.post("/v1/validation/nodes/names", body)["results"] == [{"name": "größe", "id": inside}]


def test_a_name_filter_matches_inside_names_and_a_date_filter_does_nothing(desk: Desk, made: int) -> None:
    new(desk, made, "Offer")
    new(desk, made, "Counteroffer")
    assert names(desk.get(f"/v2/nodes/{made}/nodes?where_name=offer")) == ["Counteroffer", "Offer"]
    assert len(ids(desk.get(f"/v2/nodes/{made}/nodes?where_modify_date=2099-01-01"))) == 2


def test_children_are_chosen_by_type_and_sorted_by_date(desk: Desk, made: int) -> None:
    folder = new(desk, made, "Zebra")
    desk.clock.advance(60)
    document = upload(desk, made, "a.pdf").get_json()["results"]["data"]["properties"]["id"]
    listing = f"/v2/nodes/{made}/nodes"
    assert ids(desk.get(f"{listing}?where_type=144")) == ids(desk.get(f"{listing}?where_type=-3")) == [document]
    assert ids(desk.get(f"{listing}?where_type=-1")) == [folder]
    assert ids(desk.get(f"{listing}?where_type=0&where_type=144")) == [document, folder]
    assert ids(desk.get(f"{listing}?sort=asc_modify_date")) == [folder, document]
    assert desk.get(f"{listing}?sort=desc_nonsense")["collection"]["sorting"]["sort"][0]["value"] == "asc_name"


def test_the_total_of_children_can_include_what_may_not_be_seen(desk: Desk, made: int) -> None:
    first = new(desk, made, "A")
    new(desk, made, "B")
    desk.store.show(desk.store.nodes[first], False)
    assert desk.get(f"/v2/nodes/{made}/nodes")["collection"]["paging"]["total_count"] == 1
    desk.store.switches.change({"total_count_includes_invisible": True})
    answer = desk.get(f"/v2/nodes/{made}/nodes")
    assert (names(answer), answer["collection"]["paging"]["total_count"]) == (["B"], 2)


def test_a_child_list_with_categories_is_list_shaped_and_finds_workspaces_below_their_folder(desk: Desk) -> None:
    folder = desk.store.definitions.type_named("Customer Onboarding").folder_id
    answer = desk.get(f"/v2/nodes/{folder}/nodes?fields=properties&fields=categories&metadata&limit=200")
    assert answer["collection"]["paging"]["limit"] == 100
    row = answer["results"][0]
    assert desk.key("Onboarding.Stage") in row["data"]["categories"][0]
    assert next(iter(row["metadata"]["categories"][0].values()))["persona"] == "category"


def test_many_nodes_are_read_by_id_in_any_order_and_the_invisible_ones_are_dropped(desk: Desk) -> None:
    wanted = ids(desk.page())[:4]
    desk.person.perform([{"do": "hide", "id": wanted[0]}])
    answer = desk.post("/v2/nodes/list", {"body": json.dumps({"ids": [*wanted, 1]})})
    assert set(ids(answer)) == set(wanted[1:])
    assert ids(answer) != wanted[1:]
    assert set(ids(desk.post("/v2/nodes/list", {"ids": wanted}))) == set(wanted[1:])


def test_no_more_than_250_ids_at_once(desk: Desk) -> None:
    assert desk.ask("POST", "/v2/nodes/list", {"body": json.dumps({"ids": list(range(250))})}).status_code == 200
    assert desk.refused("POST", "/v2/nodes/list", {"body": json.dumps({"ids": list(range(251))})}) == (
        400,
        "Too many items specified for parameter 'ids'",
    )


def test_the_bulk_read_brings_no_categories_unless_the_tenant_honours_fields(desk: Desk, made: int) -> None:
    path, form = "/v2/nodes/list?fields=categories", {"ids": made}
    assert set(desk.post(path, form)["results"][0]["data"]) == {"properties"}
    desk.store.switches.change({"nodes_list_fields": True})
    assert set(desk.post(path, form)["results"][0]["data"]) == {"categories"}


def test_a_taken_name_is_a_500_in_version_2_and_a_400_in_version_1(desk: Desk, made: int) -> None:
    new(desk, made, "Papers")
    again = {"body": json.dumps({"type": 0, "parent_id": made, "name": "papers"})}
    text = "An item with the name 'papers' already exists."
    assert desk.refused("POST", "/v2/nodes", again) == (500, text)
    assert desk.refused("POST", "/v1/nodes", {"type": 0, "parent_id": made, "name": "papers"}) == (400, text)


def test_the_id_of_a_new_node_lies_in_its_properties_and_on_top_in_version_1(desk: Desk, made: int) -> None:
    assert new(desk, made, "Papers")
    assert desk.post("/v1/nodes", {"type": 0, "parent_id": made, "name": "Old"})["id"]


def test_attributes_of_nodes_are_flat_in_version_2_and_nested_in_version_1(desk: Desk, made: int) -> None:
    category, key = str(desk.category()), desk.key("Onboarding.Stage")
    flat, nested = {key: "KYC"}, {category: {key: "KYC"}}
    inside = new(desk, made, "Flat", roles={"categories": flat})
    assert desk.get(f"/v2/nodes/{inside}/categories")["results"][0]["data"]["categories"][key] == "KYC"
    empty = new(desk, made, "Defaults", roles={"categories": {f"{category}_1": {}}})
    assert len(desk.get(f"/v2/nodes/{empty}/categories")["results"]) == 1
    body = {"type": 0, "parent_id": made, "name": "Wrong", "roles": {"categories": nested}}
    assert desk.refused("POST", "/v2/nodes", {"body": json.dumps(body)})[0] == 400
    assert desk.post("/v1/nodes", {"body": json.dumps({**body, "name": "Nested"})})["id"]


def test_documents_are_uploaded_as_two_parts_and_come_back_byte_by_byte(desk: Desk, made: int) -> None:
    content = bytes(range(256)) * 5
    properties = upload(desk, made, "Größe.pdf", content).get_json()["results"]["data"]["properties"]
    assert (properties["size"], properties["mime_type"]) == (1280, "application/pdf")
    for version in ("v1", "v2"):
        assert desk.ask("GET", f"/{version}/nodes/{properties['id']}/content").get_data() == content
    assert upload(desk, made, "größe.PDF").status_code == 500
    missing = {"body": json.dumps({"type": 144, "parent_id": made, "name": "b.pdf"})}
    assert desk.refused("POST", "/v2/nodes", missing) == (400, "Missing required parameter 'file'")


def test_a_node_is_renamed_described_and_moved(desk: Desk, made: int) -> None:
    a, b = new(desk, made, "A"), new(desk, made, "B")
    moved = desk.put(f"/v2/nodes/{b}", {"body": json.dumps({"name": "C", "description": "d", "parent_id": a})})
    properties = moved["results"]["data"]["properties"]
    assert (properties["name"], properties["description"], properties["parent_id"]) == ("C", "d", a)
    assert names(desk.get(f"/v2/nodes/{made}/nodes")) == ["A"]
    assert desk.refused("PUT", f"/v2/nodes/{a}", {})[0] == 400


def test_a_stale_token_loses_the_optimistic_lock(desk: Desk, made: int) -> None:
    token = desk.get(f"/v2/nodes/{made}?state")["results"]["state"]["metadata_token"]
    assert desk.ask("PUT", f"/v2/nodes/{made}", {"description": "1", "metadata_token": token}).status_code == 200
    assert desk.refused("PUT", f"/v2/nodes/{made}", {"description": "2", "metadata_token": token}) == (
        409,
        "Could not update metadata (edit conflict).",
    )


def test_a_deleted_node_answers_like_a_forbidden_one_and_comes_back_under_its_id(desk: Desk, made: int) -> None:
    inside = new(desk, made, "Papers")
    assert desk.ask("DELETE", f"/v2/nodes/{made}").get_json()["results"] == {}
    assert desk.refused("GET", f"/v2/nodes/{made}") == (400, f"Could not get a node for {made}")
    assert desk.refused("GET", f"/v2/nodes/{inside}")[0] == 400
    assert made in ids(desk.get("/v2/volumes/recyclebin/nodes"))
    outcome = desk.post("/v2/volumes/recyclebin/nodes/restore", {"body": json.dumps({"ids": [made, 1]})})
    assert outcome["results"]["data"]["success"]["ids"] == [made]
    assert outcome["results"]["data"]["failure"]["ids"] == [1]
    assert names(desk.get(f"/v2/nodes/{made}/nodes")) == ["Papers"]


def test_the_name_of_a_deleted_node_is_free_and_gets_a_new_id(desk: Desk, made: int) -> None:
    desk.ask("DELETE", f"/v2/nodes/{made}")
    assert desk.make("Alpha") != made


def test_an_item_on_hold_refuses_every_write_for_ever(desk: Desk, made: int) -> None:
    desk.person.perform([{"do": "hold", "id": made, "status": 403}])
    for _ in range(2):
        assert desk.refused("DELETE", f"/v2/nodes/{made}")[0] == 403
        assert desk.refused("PUT", f"/v2/nodes/{made}/categories/{desk.category()}", {"x": "y"})[0] == 403
        assert upload(desk, made, "a.pdf").status_code == 403
    assert desk.get(f"/v2/nodes/{made}")
    desk.person.perform([{"do": "release", "id": made}])
    assert desk.ask("DELETE", f"/v2/nodes/{made}").status_code == 200
