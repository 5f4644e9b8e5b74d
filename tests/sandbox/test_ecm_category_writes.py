"""Writing categories: lock tokens, forms, what a form allows, and edits in between (api/ecm.md 5, section 13, 10)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.sandbox.desk import Desk

STAGE, PRODUCT = "Onboarding.Stage", "Onboarding.Product"


@pytest.fixture
def made(desk: Desk) -> int:
    return desk.make("Alpha", {STAGE: "KYC"})


def path(desk: Desk, node: int, category: str = "Onboarding") -> str:
    return f"/v2/nodes/{node}/categories/{desk.category(category)}"


def state(desk: Desk, node: int) -> Any:
    return desk.get(f"/v2/nodes/{node}?state")["results"]["state"]


def token(desk: Desk, node: int, category: str = "Onboarding") -> str:
    return str(state(desk, node)["categories"][0][str(desk.category(category))]["metadata_token"])


def locked(desk: Desk, values: Mapping[str, Any], sent: str, category: str = "Onboarding") -> dict[str, str]:
    """Return the body of a write that carries a token."""
    changes = {desk.key(name): value for name, value in values.items()}
    return {"body": json.dumps({**changes, f"{desk.category(category)}_1": {"metadata_token": sent}})}


def form(desk: Desk, node: int, which: str = "update", category: str = "Onboarding") -> Any:
    found = desk.get(f"/v1/forms/nodes/categories/{which}?id={node}&category_id={desk.category(category)}")["forms"]
    assert len(found) == 1
    return found[0]


def define(desk: Desk, **definition: Any) -> str:
    """Add an attribute to the category and return its key."""
    known = desk.store.definitions
    category = known.categories[desk.category()]
    return f"{category.id}_{known.add_attribute(category, definition, desk.person.gap).id}"


def value(desk: Desk, node: int, key: str) -> Any:
    return desk.get(path(desk, node))["results"]["data"]["categories"][key]


# tokens


def test_an_edit_by_a_colleague_between_reading_and_writing_is_a_409_and_nothing_is_written(
    desk: Desk, made: int
) -> None:
    sent = token(desk, made)
    desk.person.perform([{"do": "edit", "id": made, "values": {PRODUCT: "Depot"}, "by_user": "user07"}])
    refused = desk.refused("PUT", path(desk, made), locked(desk, {STAGE: "Service"}, sent))
    assert refused == (409, "Could not update metadata (edit conflict).")
    assert (value(desk, made, desk.key(STAGE)), value(desk, made, desk.key(PRODUCT))) == ("KYC", "Depot")
    desk.put(path(desk, made), locked(desk, {STAGE: "Service"}, token(desk, made)))
    assert value(desk, made, desk.key(STAGE)) == "Service"


def test_without_a_token_the_edit_of_a_colleague_is_overwritten_without_a_word(desk: Desk, made: int) -> None:
    desk.person.perform([{"do": "edit", "id": made, "values": {STAGE: "Contract"}, "by_user": "user07"}])
    desk.put(path(desk, made), {desk.key(STAGE): "Service"})
    assert value(desk, made, desk.key(STAGE)) == "Service"


def test_the_token_of_the_node_is_none_of_its_categories(desk: Desk, made: int) -> None:
    of_node = state(desk, made)["metadata_token"]
    assert of_node != token(desk, made)
    assert desk.refused("PUT", path(desk, made), locked(desk, {STAGE: "Service"}, of_node))[0] == 409


def test_each_category_has_a_token_of_its_own(desk: Desk, made: int) -> None:
    desk.person.edit(made, {"values": {"Customer.Customer Number": "C-1"}})
    one, other = token(desk, made), token(desk, made, "Customer")
    assert one != other
    desk.put(path(desk, made, "Customer"), locked(desk, {"Customer.Status": "Dormant"}, other, "Customer"))
    assert token(desk, made) == one
    assert token(desk, made, "Customer") != other


@pytest.mark.parametrize(("moves", "status"), [(False, 200), (True, 409)])
def test_a_rename_makes_the_token_stale_only_where_the_switch_says_so(
    desk: Desk, made: int, moves: bool, status: int
) -> None:
    desk.switch(token_moves_with_node=moves)
    sent = token(desk, made)
    desk.person.edit(made, {"name": "Beta"})
    assert desk.ask("PUT", path(desk, made), locked(desk, {STAGE: "Service"}, sent)).status_code == status


def test_the_answer_to_a_locked_write_carries_the_next_token(desk: Desk, made: int) -> None:
    first = token(desk, made)
    answer = desk.put(path(desk, made), locked(desk, {STAGE: "Service"}, first))["results"]
    second = answer["state"]["categories"][0][str(desk.category())]["metadata_token"]
    assert second == token(desk, made) != first
    desk.put(path(desk, made), locked(desk, {STAGE: "KYC"}, second))
    assert desk.refused("PUT", path(desk, made), locked(desk, {STAGE: "KYC"}, second))[0] == 409


def test_the_attributes_of_a_node_are_locked_by_the_same_token(desk: Desk, made: int) -> None:
    sent, lock = token(desk, made), f"{desk.category()}_1"
    roles = {"categories": {desk.key(STAGE): "Service", lock: {"metadata_token": sent}}}
    body = {"body": json.dumps({"roles": roles})}
    desk.put(f"/v2/nodes/{made}", body)
    assert desk.refused("PUT", f"/v2/nodes/{made}", body)[0] == 409


def test_a_token_that_is_no_json_is_a_400(desk: Desk, made: int) -> None:
    fields = {desk.key(STAGE): "Service", f"{desk.category()}_1": "{nonsense"}
    assert desk.refused("PUT", path(desk, made), fields)[0] == 400
    assert desk.put(path(desk, made), {**fields, f"{desk.category()}_1": '{"metadata_token": ""}'})


# forms


def test_the_update_form_has_values_token_and_rules(desk: Desk, made: int) -> None:
    found = form(desk, made)
    assert found["data"][desk.key(STAGE)] == "KYC"
    assert found["data"][f"{desk.category()}_1"] == {"metadata_token": token(desk, made)}
    assert found["schema"]["properties"][desk.key(STAGE)]["enum"] == ["Started", "Contract", "KYC", "Service"]
    assert found["schema"]["properties"][desk.key("Onboarding.Customer Number")]["maxLength"] == 32
    number = form(desk, desk.make("B", {"Customer.Customer Number": "C-1"}), category="Customer")
    assert number["schema"]["properties"][desk.key("Customer.Customer Number")]["required"] is True


def test_the_create_form_has_defaults_and_no_token_and_is_only_for_what_is_not_there_yet(desk: Desk, made: int) -> None:
    found = form(desk, made, "create", "Customer")
    assert found["data"][desk.key("Customer.Status")] == "Active"
    assert f"{desk.category('Customer')}_1" not in found["data"]
    ask = f"/v1/forms/nodes/categories/{{}}?id={made}&category_id={{}}"
    for which, category in (("update", "Customer"), ("create", "Onboarding")):
        assert desk.refused("GET", ask.format(which, desk.category(category)))[0] == 400
    assert desk.refused("GET", f"/v1/forms/nodes/categories/update?id={made}")[0] == 400


def test_sets_are_lists_of_rows_under_keys_with_x_in_data_and_schema(desk: Desk) -> None:
    rows = [{"Role": "Borrower"}, {"Role": "Heir"}]
    key = desk.key("Onboarding.Contacts")
    for given, count in ((rows, 2), ([], 1)):
        found = form(desk, desk.make(f"With {count}", {"Onboarding.Contacts": given}))
        assert len(found["data"][key]) == count
        assert not any(name.startswith(f"{key}_") for name in found["data"])
        inner = set(found["schema"]["properties"][key]["items"]["properties"])
        assert {name for row in found["data"][key] for name in row} == inner
        assert all(name.startswith(f"{key}_x_") for name in inner)


def test_what_takes_several_values_is_an_array_whose_items_have_the_rules(desk: Desk, made: int) -> None:
    key = define(desk, name="Channels", multi_value=True, valid_values=["mail", "push"])
    schema = form(desk, made)["schema"]["properties"][key]
    assert (schema["type"], schema["items"]["enum"]) == ("array", ["mail", "push"])
    assert desk.refused("PUT", path(desk, made), {key: ["mail", "fax"]})[0] == 400


# what a form allows


def test_a_read_only_attribute_is_marked_and_refused_or_dropped_as_the_switch_says(desk: Desk, made: int) -> None:
    key = define(desk, name="Checked", read_only=True)
    found = form(desk, made)
    assert found["options"]["fields"][key]["readonly"] is found["schema"]["properties"][key]["readonly"] is True
    metadata = desk.get(f"/v2/nodes/{made}/categories?metadata")["results"][0]["metadata"]["categories"]
    assert metadata[key]["read_only"] is True

    changes = {key: "yes", desk.key(STAGE): "Service"}
    refused = desk.refused("PUT", path(desk, made), changes)
    assert refused == (400, "The attribute 'Checked' is read-only")
    assert value(desk, made, desk.key(STAGE)) == "KYC"

    desk.switch(read_only_refused=False)
    desk.put(path(desk, made), changes)
    assert (value(desk, made, key), value(desk, made, desk.key(STAGE))) == (None, "Service")


def test_a_required_attribute_cannot_be_emptied(desk: Desk) -> None:
    made = desk.make("B", {"Customer.Customer Number": "C-1"})
    refused = desk.refused("PUT", path(desk, made, "Customer"), {desk.key("Customer.Customer Number"): ""})
    assert refused == (400, "The attribute 'Customer Number' requires a value")


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 400)])
def test_a_required_attribute_that_is_empty_refuses_writes_to_its_neighbours_as_the_switch_says(
    desk: Desk, made: int, strict: bool, status: int
) -> None:
    define(desk, name="Reason", required=True)
    desk.switch(required_on_update=strict)
    assert desk.ask("PUT", path(desk, made), {desk.key(STAGE): "Service"}).status_code == status


def test_an_attribute_takes_fifty_values_and_a_set_a_hundred_rows(desk: Desk, made: int) -> None:
    key, category, contacts = desk.key("Onboarding.Tags"), desk.category(), desk.key("Onboarding.Contacts")
    desk.put(path(desk, made), {key: ["a"] * 50})
    assert desk.refused("PUT", path(desk, made), {key: ["a"] * 51})[0] == 400
    _, attribute = desk.store.definitions.attribute("Onboarding.Contacts")
    role = (attribute.inner or [])[0].id
    rows = {f"{category}_{attribute.id}_{row}_{role}": "x" for row in range(1, 101)}
    desk.put(path(desk, made), {"body": json.dumps(rows)})
    assert desk.refused("PUT", path(desk, made), {f"{contacts}_101_{role}": "x"})[0] == 400


def test_a_category_is_put_on_with_post_and_written_with_put(desk: Desk) -> None:
    folder = desk.store.definitions.type_named("Customer").folder_id
    fields = {"category_id": desk.category(), desk.key(STAGE): "KYC"}
    assert desk.refused("PUT", path(desk, folder), fields)[0] == 400
    desk.post(f"/v2/nodes/{folder}/categories", fields)
    assert value(desk, folder, desk.key(STAGE)) == "KYC"
    assert desk.refused("POST", f"/v2/nodes/{folder}/categories", {**fields, desk.key(STAGE): "x"})[0] == 400
    assert form(desk, folder)["data"][desk.key(STAGE)] == "KYC"


def test_a_write_is_in_the_book_with_who_made_it(desk: Desk, made: int) -> None:
    desk.put(path(desk, made), {desk.key(STAGE): "Service"})
    desk.person.perform([{"do": "edit", "id": made, "values": {STAGE: "KYC"}, "by_user": "user07"}])
    ours, theirs = desk.store.edits.read()[-2:]
    assert (ours["by"], ours["user"], theirs["by"], theirs["user"]) == ("api", 1000, "person", 2049)
    shown = desk.get(f"/v2/nodes/{made}")["results"]["data"]["properties"]
    assert shown["modify_user_id"] == 2049
    assert desk.get("/v2/members/2049")["results"]["data"]["properties"]["name"] == "user07"
