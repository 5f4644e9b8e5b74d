"""Category values: keys, shapes, partial writes, locks, validation (api/ecm.md 5, section 13, 10)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.desk import Desk

ROWS = [
    {"Role": "Borrower", "Customer Number": "0000050031", "Email": "a@example.org"},
    {"Role": "Guarantor", "Customer Number": "C-1", "Email": None},
]


@pytest.fixture
def made(desk: Desk) -> int:
    return desk.make("Alpha", {"Onboarding.Stage": "KYC", "Onboarding.Tags": ["EU"], "Onboarding.Contacts": ROWS})


def path(desk: Desk, node: int, category: str = "Onboarding") -> str:
    return f"/v2/nodes/{node}/categories/{desk.category(category)}"


def values(desk: Desk, node: int) -> dict[str, Any]:
    found: dict[str, Any] = desk.get(f"{path(desk, node)}/")["results"]["data"]["categories"]
    return found


def cell(desk: Desk, row: int | str, name: str) -> str:
    _, contacts = desk.store.definitions.attribute("Onboarding.Contacts")
    inner = next(i for i in contacts.inner or () if i.name == name)
    return f"{desk.key('Onboarding.Contacts')}_{row}_{inner.id}"


def write(desk: Desk, node: int, changes: dict[str, Any]) -> Any:
    return desk.put(path(desk, node), {"body": json.dumps(changes)})


def test_all_categories_are_a_list_and_one_is_an_object(desk: Desk, made: int) -> None:
    everything = desk.get(f"/v2/nodes/{made}/categories")["results"]
    assert isinstance(everything, list)
    assert everything[0]["data"]["categories"] == values(desk, made)
    assert "metadata" not in everything[0]


def test_a_node_without_categories_has_an_empty_list_and_one_not_applied_is_a_400(desk: Desk) -> None:
    folder = desk.store.definitions.type_named("Customer").folder_id
    assert desk.get(f"/v2/nodes/{folder}/categories")["results"] == []
    assert desk.refused("GET", path(desk, folder))[0] == 400


def test_attribute_ids_start_at_2_and_have_gaps(desk: Desk, made: int) -> None:
    numbers = [int(key.split("_")[1]) for key in values(desk, made)]
    assert min(numbers) == 2
    assert set(numbers) != set(range(2, max(numbers) + 1))


def test_set_rows_count_from_1_and_metadata_has_the_placeholder_x(desk: Desk, made: int) -> None:
    shown = values(desk, made)
    assert (shown[cell(desk, 1, "Role")], shown[cell(desk, 2, "Customer Number")]) == ("Borrower", "C-1")
    metadata = desk.get(f"/v2/nodes/{made}/categories?metadata")["results"][0]["metadata"]["categories"]
    assert metadata[cell(desk, "x", "Role")]["name"] == "Role"
    assert cell(desk, 1, "Role") not in metadata
    assert metadata[desk.key("Onboarding.Contacts")]["persona"] == "set"
    assert metadata[str(desk.category())]["persona"] == "category"


def test_metadata_tells_types_lengths_and_popups(desk: Desk, made: int) -> None:
    metadata = desk.get(f"/v2/nodes/{made}/categories?metadata")["results"][0]["metadata"]["categories"]
    stage = metadata[desk.key("Onboarding.Stage")]
    assert (stage["type_name"], stage["valid_values"][:2]) == ("String", ["Started", "Contract"])
    assert metadata[desk.key("Onboarding.Tags")]["multi_value"] is True
    names = ("Contract Approved On", "Contract Value", "VIP")
    assert [metadata[desk.key(f"Onboarding.{n}")]["type_name"] for n in names] == ["Date", "Integer", "Boolean"]


def test_empty_is_null_or_text_or_list_depending_on_the_attribute(desk: Desk) -> None:
    shown = values(desk, desk.make("Empty"))
    empties = [shown[desk.key(f"Onboarding.{n}")] for n in ("Stage", "Product", "Tags", "Contract Value", "VIP")]
    assert empties == [None, "", [], None, None]


def test_a_write_changes_only_what_it_names(desk: Desk, made: int) -> None:
    before = values(desk, made)
    assert desk.put(path(desk, made), {desk.key("Onboarding.Stage"): "Service"})["results"] == {}
    assert values(desk, made) == {**before, desk.key("Onboarding.Stage"): "Service"}


def test_a_write_may_repeat_the_category_id_but_not_be_empty(desk: Desk, made: int) -> None:
    category = desk.category()
    desk.put(path(desk, made), {"category_id": category, desk.key("Onboarding.Stage"): "Service"})
    text = "Parameters are required for PUT, POST, and PATCH methods"
    assert desk.refused("PUT", path(desk, made), {}) == (400, text)
    assert desk.refused("PUT", path(desk, made), {"category_id": category}) == (400, text)


def test_a_key_of_another_category_refuses_the_whole_write(desk: Desk, made: int) -> None:
    foreign = f"{desk.category('Customer')}_2"
    changes = {desk.key("Onboarding.Stage"): "Service", foreign: "x"}
    text = f"Category ID '{desk.category()}' was specified for Categories Update, but a non-matching attribute "
    assert desk.refused("PUT", path(desk, made), changes) == (400, f"{text}('{foreign}') was found")
    assert values(desk, made)[desk.key("Onboarding.Stage")] == "KYC"


@pytest.mark.parametrize("key", ["{c}_999", "{c}_x", "nonsense", "{stage}_1_2", "{contacts}", "{contacts}_x_4"])
def test_malformed_keys_do_not_match(desk: Desk, made: int, key: str) -> None:
    stage, contacts = desk.key("Onboarding.Stage"), desk.key("Onboarding.Contacts")
    asked = key.format(c=desk.category(), stage=stage, contacts=contacts)
    assert desk.refused("PUT", path(desk, made), {asked: "a"})[0] == 400


def test_several_values_come_as_repeated_fields_or_a_json_list(desk: Desk, made: int) -> None:
    key = desk.key("Onboarding.Tags")
    desk.put(path(desk, made), {key: ["EU", "UK"]})
    assert values(desk, made)[key] == ["EU", "UK"]
    write(desk, made, {key: ["CH"]})
    assert values(desk, made)[key] == ["CH"]
    desk.put(path(desk, made), {key: "AT"})
    assert values(desk, made)[key] == ["AT"]
    assert desk.refused("PUT", path(desk, made), {desk.key("Onboarding.Product"): ["a", "b"]})[0] == 400


@pytest.mark.parametrize("nothing", [None, "", []])
def test_null_empty_text_and_empty_list_clear(desk: Desk, made: int, nothing: Any) -> None:
    write(desk, made, {desk.key("Onboarding.Tags"): nothing, desk.key("Onboarding.Stage"): nothing})
    shown = values(desk, made)
    assert (shown[desk.key("Onboarding.Tags")], shown[desk.key("Onboarding.Stage")]) == ([], None)


def test_rows_are_changed_appended_and_removed(desk: Desk, made: int) -> None:
    write(desk, made, {cell(desk, 2, "Role"): "Heir", cell(desk, 3, "Role"): "Agent"})
    roles = [values(desk, made)[cell(desk, row, "Role")] for row in (1, 2, 3)]
    assert roles == ["Borrower", "Heir", "Agent"]
    write(desk, made, {f"{desk.key('Onboarding.Contacts')}_1": ""})
    shown = values(desk, made)
    assert [shown[cell(desk, row, "Role")] for row in (1, 2)] == ["Heir", "Agent"]
    assert cell(desk, 3, "Role") not in shown
    assert desk.refused("PUT", path(desk, made), {cell(desk, 9, "Role"): "far"})[0] == 400


def test_a_set_never_filled_shows_row_1_with_empty_values_in_every_shape(desk: Desk) -> None:
    empty = desk.make("Empty")
    cells = {
        cell(desk, 1, name): nothing for name, nothing in {"Role": None, "Customer Number": "", "Email": None}.items()
    }
    folder = desk.store.nodes[empty].parent_id
    flat = desk.get(f"/v2/nodes/{empty}/categories")["results"][0]["data"]["categories"]
    by_id = desk.get(f"/v2/businessworkspaces/{empty}?fields=categories")["results"]["data"]["categories"]
    listed = desk.get(f"/v2/nodes/{folder}/nodes?fields=categories&where_name=Empty")["results"][0]["data"][
        "categories"
    ]

    for shown in (flat, by_id[str(desk.category())], listed[0], values(desk, empty)):
        assert cells.items() <= shown.items()
        assert cell(desk, 2, "Role") not in shown
    assert desk.person.describe(desk.store.nodes[empty])["values"]["Onboarding.Contacts"] == []


@pytest.mark.parametrize("sent", [[1], [1, 2], [2, 1], [3, 1, 2]])
def test_rows_are_written_in_any_order_and_the_first_into_row_1(desk: Desk, sent: list[int]) -> None:
    empty = desk.make("Empty")
    write(desk, empty, {cell(desk, row, "Role"): f"role {row}" for row in sent})
    shown = values(desk, empty)
    assert [shown[cell(desk, row, "Role")] for row in sorted(sent)] == [f"role {row}" for row in sorted(sent)]
    assert cell(desk, len(sent) + 1, "Role") not in shown


def test_the_last_row_leaves_an_empty_one_behind(desk: Desk, made: int) -> None:
    contacts = desk.key("Onboarding.Contacts")
    write(desk, made, {f"{contacts}_2": "", f"{contacts}_1": ""})
    shown = values(desk, made)
    assert (shown[cell(desk, 1, "Role")], shown[cell(desk, 1, "Customer Number")]) == (None, "")
    write(desk, made, {f"{contacts}_1": ""})
    assert desk.person.describe(desk.store.nodes[made])["values"]["Onboarding.Contacts"] == []


def test_the_entry_of_the_category_itself_has_the_keys_of_an_attribute(desk: Desk, made: int) -> None:
    metadata = desk.get(f"/v2/nodes/{made}/categories?metadata")["results"][0]["metadata"]["categories"]
    own = metadata[str(desk.category())]
    assert (own["persona"], own["type_name"], own["multi_value"]) == ("category", "Category", False)
    last = max(int(part) for key in metadata for part in key.split("_")[1:] if part.isdecimal())
    assert own["next_id"] > last
    assert all({"name", "type_name", "multi_value", "persona"} <= entry.keys() for entry in metadata.values())


def test_the_id_of_a_dropped_attribute_is_given_to_no_other(desk: Desk) -> None:
    category, known = desk.store.definitions.categories[desk.category()], desk.store.definitions
    first = known.add_attribute(category, {"name": "First"}, desk.person.gap).id
    known.drop_attribute("Onboarding.First")
    assert known.add_attribute(category, {"name": "Second"}, desk.person.gap).id > first


def test_a_stale_category_token_is_a_409_and_no_token_overwrites(desk: Desk, made: int) -> None:
    def token() -> str:
        form = f"/v1/forms/nodes/categories/update?id={made}&category_id={desk.category()}"
        return str(desk.get(form)["forms"][0]["data"][f"{desk.category()}_1"]["metadata_token"])

    def token_in(results: Any) -> Any:
        return results["state"]["categories"][0][str(desk.category())]["metadata_token"]

    old = token()
    lock = f"{desk.category()}_1"
    assert token_in(desk.get(f"/v2/nodes/{made}?state")["results"]) == old
    done = write(desk, made, {desk.key("Onboarding.Stage"): "Service", lock: {"metadata_token": old}})
    assert token_in(done["results"]) == token() != old
    again = {"body": json.dumps({desk.key("Onboarding.Stage"): "KYC", lock: {"metadata_token": old}})}
    assert desk.refused("PUT", path(desk, made), again)[0] == 409
    assert write(desk, made, {desk.key("Onboarding.Stage"): "KYC"})["results"] == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Stage", "Nonsense"),
        ("Customer Number", "9" * 33),
        ("Contract Value", "ten"),
        ("VIP", "perhaps"),
        ("Contract Approved On", "28.02.2026"),
        ("Contract Approved On", "2026-02-30"),
    ],
)
def test_values_are_validated(desk: Desk, made: int, name: str, value: str) -> None:
    before = values(desk, made)
    assert desk.refused("PUT", path(desk, made), {desk.key(f"Onboarding.{name}"): value})[0] == 400
    assert values(desk, made) == before


def test_the_status_of_a_failed_validation_is_a_switch(desk: Desk, made: int) -> None:
    desk.store.switches.change({"validation_status": 500})
    assert desk.refused("PUT", path(desk, made), {desk.key("Onboarding.Stage"): "Nonsense"})[0] == 500


@pytest.mark.parametrize("sent", ["2026-02-28", "2026-02-28T12:34:56", "2026-02-28T12:00:00Z"])
def test_a_day_is_echoed_at_midnight(desk: Desk, made: int, sent: str) -> None:
    key = desk.key("Onboarding.Contract Approved On")
    desk.put(path(desk, made), {key: sent})
    assert values(desk, made)[key] == "2026-02-28T00:00:00"


def test_a_date_keeps_its_time_of_day_only_where_it_is_defined_with_one(desk: Desk, made: int) -> None:
    category, timed = (
        desk.store.definitions.categories[desk.category()],
        {"name": "Given", "type": "Date", "time": True},
    )
    desk.store.definitions.add_attribute(category, timed, desk.person.gap)
    dates = ("Onboarding.Contract Approved On", "Onboarding.Given")
    day, moment = (desk.key(name) for name in dates)
    desk.put(path(desk, made), {day: "2026-03-01T14:05:00", moment: "2026-03-01T14:05:00"})
    assert (values(desk, made)[day], values(desk, made)[moment]) == ("2026-03-01T00:00:00", "2026-03-01T14:05:00")
    desk.put(path(desk, made), {moment: "2026-03-02"})
    assert values(desk, made)[moment] == "2026-03-02T00:00:00"
    desk.person.edit(made, {"values": dict.fromkeys(dates, "2026-03-03T08:00:01")})
    assert (values(desk, made)[day], values(desk, made)[moment]) == ("2026-03-03T00:00:00", "2026-03-03T08:00:01")

    found = desk.get(f"/v1/forms/nodes/categories/update?id={made}&category_id={desk.category()}")["forms"][0]
    fields, schema = found["options"]["fields"], found["schema"]["properties"]
    kinds = [(fields[key]["type"], schema[key]["format"]) for key in (day, moment)]
    assert kinds == [("date", "date"), ("datetime", "datetime")]
    assert schema[desk.key("Onboarding.Contacts")]["type"] == "array"


def test_a_day_can_shift_east_of_utc_unless_written_at_noon(desk: Desk, made: int) -> None:
    desk.store.switches.change({"date_shift": True})
    key = desk.key("Onboarding.Contract Approved On")
    seen = []
    for sent in ("2026-02-28", "2026-02-28T12:00:00"):
        desk.put(path(desk, made), {key: sent})
        seen.append(values(desk, made)[key])
    assert seen == ["2026-02-27T00:00:00", "2026-02-28T00:00:00"]


def test_numbers_and_booleans_keep_their_type(desk: Desk, made: int) -> None:
    desk.put(path(desk, made), {desk.key("Onboarding.Contract Value"): "1200", desk.key("Onboarding.VIP"): "true"})
    shown = values(desk, made)
    assert (shown[desk.key("Onboarding.Contract Value")], shown[desk.key("Onboarding.VIP")]) == (1200, True)


def test_a_category_is_applied_once_with_its_required_attributes(desk: Desk, made: int) -> None:
    url, category = f"/v2/nodes/{made}/categories", desk.category("Customer")
    number = f"{category}_2"
    assert desk.refused("POST", url, {"category_id": category})[0] == 400
    desk.post(url, {"category_id": category, number: "C-1"})
    again = desk.refused("POST", url, {"category_id": category, number: "C-1"})
    assert again == (400, "The attribute group 'Customer' already exists")
    assert len(desk.get(url)["results"]) == 2
    assert desk.ask("DELETE", path(desk, made, "Customer")).status_code == 200
    assert desk.refused("DELETE", path(desk, made, "Customer"))[0] == 400


def test_a_multilingual_text_has_a_twin_whose_languages_are_sent_together(desk: Desk, made: int) -> None:
    desk.person.edit(made, {"values": {"Customer.Customer Number": "C-1"}})
    key, url = desk.key("Customer.Name"), path(desk, made, "Customer")
    desk.put(url, {"body": json.dumps({f"{key}_multilingual": {"en": "Smith", "de": "Schmidt"}})})
    shown = desk.get(url)["results"]["data"]["categories"]
    assert (shown[key], shown[f"{key}_multilingual"]["de"]) == ("Smith", "Schmidt")
    assert desk.refused("PUT", url, {"body": json.dumps({f"{key}_multilingual": {"en": "Only"}})})[0] == 400


def test_a_renamed_attribute_keeps_its_key_and_a_dropped_one_loses_it(desk: Desk, made: int) -> None:
    key = desk.key("Onboarding.Stage")
    desk.store.definitions.change_attribute("Onboarding.Stage", {"name": "Phase"})
    assert values(desk, made)[key] == "KYC"
    metadata = desk.get(f"/v2/nodes/{made}/categories?metadata")["results"][0]["metadata"]["categories"]
    assert metadata[key]["name"] == "Phase"
    desk.store.definitions.drop_attribute("Onboarding.Phase")
    assert key not in values(desk, made)


def test_a_new_attribute_gets_a_fresh_id_and_has_no_value_yet(desk: Desk, made: int) -> None:
    category = desk.store.definitions.categories[desk.category()]
    used = set(values(desk, made)) | {cell(desk, "x", name) for name in ("Role", "Customer Number", "Email")}
    added = desk.store.definitions.add_attribute(category, {"name": "Rating", "type": "Integer"}, desk.person.gap)
    key = f"{category.id}_{added.id}"
    assert key not in used
    assert values(desk, made)[key] is None
