"""Reading and creating one workspace (api/ecm.md 3.3, 3.5, section 13, 7 and 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.desk import Desk, ids


@pytest.fixture
def made(desk: Desk) -> int:
    values = {"Onboarding.Customer Number": "0000050031", "Onboarding.Contract Approved On": "2026-02-28"}
    references = [["TE1", "KNA1", "0000050031"], ["TE2", "BUT000", "42"]]
    return desk.make("Alpha", values, references=references)


def body(desk: Desk, **more: Any) -> dict[str, str]:
    kind = desk.store.definitions.type_named("Customer Onboarding")
    return {"body": json.dumps({"template_id": kind.template_id, "wksp_type_id": kind.id, "name": "New", **more})}


def test_categories_come_on_demand_as_a_dict_by_category_id(desk: Desk, made: int) -> None:
    assert "categories" not in desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]
    results = desk.get(f"/v2/businessworkspaces/{made}?fields=properties&fields=categories&metadata")["results"]
    category = str(desk.category())
    values = results["data"]["categories"][category]
    assert values[desk.key("Onboarding.Customer Number")] == "0000050031"
    assert values[desk.key("Onboarding.Contract Approved On")] == "2026-02-28T00:00:00"
    assert next(iter(results["metadata"]["categories"][category])) == category
    assert results["metadata_order"] == {"categories": [category]}


def test_without_metadata_there_are_ids_only(desk: Desk, made: int) -> None:
    assert "metadata" not in desk.get(f"/v2/businessworkspaces/{made}?fields=categories")["results"]


def test_asking_for_categories_alone_brings_no_properties(desk: Desk, made: int) -> None:
    assert set(desk.get(f"/v2/businessworkspaces/{made}?fields=categories")["results"]["data"]) == {"categories"}


def test_references_are_all_listed_as_text_and_business_properties_only_the_first(desk: Desk, made: int) -> None:
    data = desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]
    assert [r["business_object_id"] for r in data["workspace_references"]] == ["0000050031", "42"]
    assert data["business_properties"]["business_object_id"] == "0000050031"


def test_results_can_be_a_list(desk: Desk, made: int) -> None:
    desk.store.switches.change({"results_as_list": True})
    assert desk.get(f"/v2/businessworkspaces/{made}")["results"][0]["data"]["properties"]["id"] == made


def test_missing_hidden_deleted_and_foreign_items_answer_alike(desk: Desk) -> None:
    hidden, deleted = ids(desk.page())[:2]
    folder = desk.store.definitions.type_named("Customer").folder_id
    desk.person.perform([{"do": "hide", "id": hidden}, {"do": "delete", "id": deleted}])
    answers = {desk.refused("GET", f"/v2/businessworkspaces/{i}") for i in (hidden, deleted, folder, 1)}
    assert {(status, text.rsplit(" ", 1)[0]) for status, text in answers} == {(400, "Could not get a node for")}
    desk.store.switches.change({"missing_workspace_status": 404})
    assert desk.refused("GET", f"/v2/businessworkspaces/{hidden}")[0] == 404


def test_the_id_of_a_new_workspace_lies_directly_in_results(desk: Desk) -> None:
    fields = {desk.key("Onboarding.Customer Number"): "0000050031"}
    sent = body(
        desk, roles={"categories": {str(desk.category()): fields}}, ext_system_id="TE1", bo_type="KNA1", bo_id="7"
    )
    results = desk.post("/v2/businessworkspaces", sent)["results"]
    assert set(results) == {"direct_open", "id", "sub_folder_id"}
    data = desk.get(f"/v2/businessworkspaces/{results['id']}?fields=categories&fields=workspace_references")["results"][
        "data"
    ]
    assert data["categories"][str(desk.category())][desk.key("Onboarding.Customer Number")] == "0000050031"
    assert data["workspace_references"][0]["business_object_id"] == "7"


def test_a_new_workspace_is_modified_some_seconds_after_its_creation(desk: Desk) -> None:
    made = desk.post("/v2/businessworkspaces", body(desk))["results"]["id"]
    properties = desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]["properties"]
    assert (properties["create_date"], properties["modify_date"]) == ("2026-06-01T09:59:54", "2026-06-01T10:00:00")


def test_creating_twice_collides_with_a_500(desk: Desk) -> None:
    desk.post("/v2/businessworkspaces", body(desk))
    assert desk.refused("POST", "/v2/businessworkspaces", body(desk)) == (
        500,
        "An item with the name 'New' already exists.",
    )


def test_flat_attributes_are_the_wrong_nesting_for_workspaces(desk: Desk) -> None:
    sent = body(desk, roles={"categories": {desk.key("Onboarding.Stage"): "KYC"}})
    assert desk.refused("POST", "/v2/businessworkspaces", sent)[0] == 400
    assert "New" not in [node.name for node in desk.store.nodes.values()]


@pytest.mark.parametrize("name", ["a:b", "x" * 249, " padded"])
def test_names_that_are_not_allowed_are_refused(desk: Desk, name: str) -> None:
    assert desk.refused("POST", "/v2/businessworkspaces", body(desk, name=name))[0] == 400


def test_required_attributes_must_be_supplied_on_create(desk: Desk) -> None:
    kind = desk.store.definitions.type_named("Customer")
    sent = body(desk, template_id=kind.template_id, wksp_type_id=kind.id)
    assert desk.refused("POST", "/v2/businessworkspaces", sent)[0] == 400


def test_business_objects_are_set_replaced_and_dropped(desk: Desk, made: int) -> None:
    path = f"/v2/businessworkspaces/{made}/workspacereferences"
    desk.put(path, {"ext_system_id": "TE1", "bo_type": "KNA1", "bo_id": "0000000001"})
    found = desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]["workspace_references"]
    assert [r["business_object_id"] for r in found] == ["42", "0000000001"]
    assert desk.ask("DELETE", path, {"ext_system_id": "TE2", "bo_type": "BUT000", "bo_id": "42"}).status_code == 200
    found = desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]["workspace_references"]
    assert [r["business_object_id"] for r in found] == ["0000000001"]


def test_the_enclosing_workspace_of_a_node_is_found(desk: Desk, made: int) -> None:
    folder = desk.post("/v2/nodes", {"body": json.dumps({"type": 0, "parent_id": made, "name": "Papers"})})
    inside = folder["results"]["data"]["properties"]["id"]
    assert desk.get(f"/v1/nodes/{inside}/businessworkspace")["id"] == made
    outside = desk.store.definitions.type_named("Customer").folder_id
    assert desk.refused("GET", f"/v1/nodes/{outside}/businessworkspace")[0] == 400
