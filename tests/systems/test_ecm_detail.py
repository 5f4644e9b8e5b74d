"""One workspace with its categories by name: every shape the API is known to use, and none that it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from ecmbraze.errors import ConfigurationError, RecordUnreadable, TemporaryError
from tests.systems.ecm_answers import DEFINITIONS, HTML, LIST, ONE, TYPE, VALUES, client, detail, page, ready, row
from tests.systems.rig import ECM_URL

NODE = f"{ECM_URL}/api/v2/nodes/90101/categories"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        ready(mocked)
        yield mocked


def test_facts_come_by_name_with_their_types(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail(definitions={"16878": DEFINITIONS}))
    read = client().workspace(90101)
    assert read.facts == {
        "Customer.Customer ID": "C-1",
        "Customer.Approved On": "2026-02-28",
        "Customer.Regions": ("EU", "UK"),
        "Customer.Active": True,
        "Customer.Note": None,
        "Customer.Contacts.Name": ("Ann", "Bob"),
        "Customer.Contacts.Seen": ("2026-01-05T08:30:00+01:00",),
    }
    assert read.sets == {
        "Customer.Contacts": ({"Name": "Ann", "Seen": "2026-01-05T08:30:00+01:00"}, {"Name": "Bob"}),
    }


@pytest.mark.parametrize(("name", "value"), [("name", None), ("name", "x" * 10_001), ("id", "²"), ("id", None)])
@pytest.mark.parametrize("kind", [0, 144])
def test_a_child_of_another_shape_makes_the_documents_of_a_workspace_unreadable(
    net: responses.RequestsMock, name: str, value: object, kind: int
) -> None:
    child = {"id": 7, "name": "a", "type": kind, "container": not kind} | {name: value}
    net.add(responses.GET, f"{ECM_URL}/api/v2/nodes/90101/nodes", json=page(1, 1, [{"data": {"properties": child}}], 1))
    with pytest.raises(RecordUnreadable, match="folder 90101"):
        list(client().documents(90101))


@pytest.mark.parametrize("odd", [{}, {"data": None}, {"data": {"properties": "1e5"}}])
def test_a_workspace_whose_rights_are_told_in_another_shape_is_unreadable(
    net: responses.RequestsMock, odd: dict[str, Any]
) -> None:
    net.add(responses.GET, f"{ECM_URL}/api/v2/nodes/90101", json={"results": odd})
    with pytest.raises(RecordUnreadable, match="node 90101"):
        client().obstacles(90101, {}, files=True)


@pytest.mark.parametrize("told", ["--5", "²", "9" * 5000, "9" * 30, "5 x"])
def test_a_place_that_the_index_tells_in_another_shape_is_left_out(net: responses.RequestsMock, told: str) -> None:
    hit = {
        "data": {"properties": {"id": 7, "modify_date": None}, "regions": {"OTLocation": f"2000 {told}"}},
        "links": {"ancestors": [{"href": f"/api/v2/nodes/{told}"}, {"href": "/api/v2/nodes/2000"}]},
    }
    net.add(responses.POST, f"{ECM_URL}/api/v2/search", json={**page(1, 1, [hit], 1), "collection": {}})
    [found] = client().documents_changed_since(date(2026, 3, 1))
    assert {number for path in found.paths for number in path} <= {2000, 5}


def test_the_workspace_itself_comes_with_aware_times_and_its_business_object(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail(definitions={"16878": DEFINITIONS}))
    read = client().workspace(90101)
    assert (read.row.id, read.row.type_id, read.row.name) == (90101, TYPE, "Alpha (C-1)")
    assert read.row.modified_at == datetime(2026, 3, 1, 8, 0, 6, tzinfo=UTC)
    assert read.references == (("TE1", "KNA1", "0000050031"),)


def test_the_fields_are_asked_for_and_the_definitions_only_once(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail(definitions={"16878": DEFINITIONS}))
    net.add(responses.GET, ONE, json=detail())
    ecm = client()
    assert ecm.workspace(90101).facts == ecm.workspace(90101).facts
    asked = [
        parse_qs(urlsplit(str(call.request.url)).query, keep_blank_values=True)
        for call in net.calls
        if "90101" in str(call.request.url)
    ]
    assert [sorted(query) for query in asked] == [["fields", "metadata"], ["fields"]]
    assert asked[0]["fields"] == ["properties", "categories", "workspace_references"]


def test_e20_a_key_that_is_new_makes_the_definitions_be_read_again(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail(definitions={"16878": DEFINITIONS}))
    later = {"16878": {**VALUES, "16878_12": "new"}}
    net.add(responses.GET, ONE, json=detail(later))
    more = {**DEFINITIONS, "16878_12": {"name": "Stage", "type_name": "String"}}
    net.add(responses.GET, ONE, json=detail(later, definitions={"16878": more}))
    ecm = client()
    ecm.workspace(90101)
    assert ecm.workspace(90101).facts["Customer.Stage"] == "new"


def test_names_that_the_workspace_does_not_tell_are_asked_of_its_node(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail())
    entry = {"data": {"categories": VALUES}, "metadata": {"categories": {"16878": DEFINITIONS["16878"], **DEFINITIONS}}}
    net.add(responses.GET, NODE, json={"results": [entry]})
    assert client().workspace(90101).facts["Customer.Customer ID"] == "C-1"


def test_e20_a_key_that_nothing_names_makes_the_record_unreadable(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail({"16878": {"16878_77": "x"}}, definitions={"16878": DEFINITIONS}))
    net.add(responses.GET, NODE, json={"results": []})
    with pytest.raises(RecordUnreadable, match="16878_77 has no definition"):
        client().workspace(90101)


@pytest.mark.parametrize(
    ("values", "definitions"),
    [
        ({"16878": VALUES}, {"16878": DEFINITIONS}),
        ([VALUES], [DEFINITIONS]),
        (VALUES, DEFINITIONS),
        ({"16878": VALUES}, [{"16878": DEFINITIONS}]),
    ],
)
def test_every_container_shape_gives_the_same_facts(values: Any, definitions: Any, net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail(values, definitions=definitions))
    assert client().workspace(90101).facts["Customer.Regions"] == ("EU", "UK")


@pytest.mark.parametrize("wrapped", [False, True])
def test_results_may_be_an_object_or_a_list_of_one(wrapped: bool, net: responses.RequestsMock) -> None:
    body = detail(definitions={"16878": DEFINITIONS})
    body["results"] = [body["results"]] if wrapped else body["results"]
    net.add(responses.GET, ONE, json=body)
    assert client().workspace(90101).row.id == 90101


@pytest.mark.parametrize("empty", [None, "", []])
def test_all_empty_spellings_are_none(empty: object, net: responses.RequestsMock) -> None:
    values = {"16878": {"16878_2": empty, "16878_4": empty}}
    net.add(responses.GET, ONE, json=detail(values, definitions={"16878": DEFINITIONS}))
    facts = client().workspace(90101).facts
    assert (facts["Customer.Customer ID"], facts["Customer.Regions"]) == (None, None)


def test_e21_several_values_stay_several_and_one_of_a_multi_value_attribute_is_a_tuple(
    net: responses.RequestsMock,
) -> None:
    values = {"16878": {"16878_2": ["C-1", "C-2"], "16878_4": "EU"}}
    net.add(responses.GET, ONE, json=detail(values, definitions={"16878": DEFINITIONS}))
    facts = client().workspace(90101).facts
    assert (facts["Customer.Customer ID"], facts["Customer.Regions"]) == (("C-1", "C-2"), ("EU",))


def test_a_set_without_rows_is_there_and_empty(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail({"16878": {"16878_2": "C-1"}}, definitions={"16878": DEFINITIONS}))
    read = client().workspace(90101)
    assert read.sets == {"Customer.Contacts": ()}
    assert read.facts["Customer.Contacts.Name"] is None


def test_ten_rows_of_a_set_are_in_the_order_of_their_numbers(net: responses.RequestsMock) -> None:
    values = {"16878": {f"16878_9_{number}_10": f"N{number}" for number in (10, 2, 1, 11)}}
    net.add(responses.GET, ONE, json=detail(values, definitions={"16878": DEFINITIONS}))
    rows = client().workspace(90101).sets["Customer.Contacts"]
    assert [entry["Name"] for entry in rows] == ["N1", "N2", "N10", "N11"]


def test_twins_and_the_category_itself_are_left_out(net: responses.RequestsMock) -> None:
    values = {"16878": {"16878_1": {"metadata_token": "1"}, "16878_2": "C-1", "16878_2_multilingual": {"en": "C-1"}}}
    net.add(responses.GET, ONE, json=detail(values, definitions={"16878": DEFINITIONS}))
    facts = client().workspace(90101).facts
    assert {name for name, value in facts.items() if value is not None} == {"Customer.Customer ID"}


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("2026-02-28T00:00:00", "2026-02-28"),
        ("2026-02-28", "2026-02-28"),
        ("2026-02-28T00:00:00Z", "2026-02-28"),
        ("2026-07-01T12:00:00", "2026-07-01T12:00:00+02:00"),
        ("2026-07-01T12:00:00Z", "2026-07-01T14:00:00+02:00"),
    ],
)
def test_a_date_attribute_is_a_day_or_an_instant_with_its_offset(
    raw: str, read: str, net: responses.RequestsMock
) -> None:
    net.add(responses.GET, ONE, json=detail({"16878": {"16878_3": raw}}, definitions={"16878": DEFINITIONS}))
    assert client().workspace(90101).facts["Customer.Approved On"] == read


def test_e14_a_time_of_day_without_a_zone_needs_the_configured_one(net: responses.RequestsMock) -> None:
    body = detail({"16878": {"16878_3": "2026-07-01T12:00:00"}}, definitions={"16878": DEFINITIONS})
    body["results"]["data"]["properties"] |= {
        "create_date": "2026-03-01T09:00:00Z",
        "modify_date": "2026-03-01T09:00:00Z",
    }
    net.add(responses.GET, ONE, json=body)
    with pytest.raises(ConfigurationError, match="without a zone"):
        client(zone=None).workspace(90101)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"results": None},
        {"results": []},
        {"results": [{}, {}]},
        {"results": {"data": {}}},
        detail(17, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"oops": 1}}, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"16878_2": {"a": 1}}}, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"16878_3": "soon"}}, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"16878_2": "x" * 10_001}}, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"16878_4": ["x"] * 1_001}}, definitions={"16878": DEFINITIONS}),
        detail({"16878": {"16878_9_1": "x"}}, definitions={"16878": DEFINITIONS}),
        detail({}, properties=row(90101, modify_date="1970-01-01")["data"]["properties"]),
        detail({}, properties=row(90101, create_date=None)["data"]["properties"]),
        detail({}, properties=row(90102)["data"]["properties"]),
        detail(definitions={"16878": DEFINITIONS}, workspace_references={"a": 1}),
    ],
)
def test_an_unknown_shape_makes_one_record_unreadable(body: dict[str, Any], net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=body)
    net.add(responses.GET, NODE, json={"results": []})
    with pytest.raises(RecordUnreadable) as caught:
        client().workspace(90101)
    assert caught.value.happened


def test_two_attributes_of_one_name_are_never_guessed(net: responses.RequestsMock) -> None:
    twice = {**DEFINITIONS, "16878_12": {"name": "Customer ID", "type_name": "String"}}
    values = {"16878": {"16878_2": "C-1", "16878_12": "C-2"}}
    net.add(responses.GET, ONE, json=detail(values, definitions={"16878": twice}))
    with pytest.raises(RecordUnreadable, match=r"two attributes .* Customer\.Customer ID"):
        client().workspace(90101)


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_e23_a_json_error_of_any_status_means_this_record_cannot_be_read(
    status: int, net: responses.RequestsMock
) -> None:
    net.add(responses.GET, ONE, status=status, json={"error": "Could not get a node for 90101"})
    with pytest.raises(RecordUnreadable, match=f"ECM answers {status}: Could not get a node"):
        client().workspace(90101)
    assert len([call for call in net.calls if "90101" in str(call.request.url)]) == 1


def test_a_web_page_instead_of_a_detail_is_temporary(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, status=500, body=HTML)
    with pytest.raises(TemporaryError, match="a web page"):
        client().workspace(90101)


def test_attributes_are_those_of_this_node_with_their_types(net: responses.RequestsMock) -> None:
    net.add(responses.GET, NODE, json={"results": [{"data": {}, "metadata": {"categories": DEFINITIONS}}]})
    found = client().attributes(90101)
    assert set(found) == {
        "Customer.Customer ID",
        "Customer.Approved On",
        "Customer.Regions",
        "Customer.Active",
        "Customer.Note",
        "Customer.Contacts.Name",
        "Customer.Contacts.Seen",
    }
    assert (found["Customer.Approved On"].type_name, found["Customer.Regions"].multi_value) == ("Date", True)


def test_a_workspace_without_categories_has_no_facts(net: responses.RequestsMock) -> None:
    net.add(responses.GET, ONE, json=detail({}))
    assert client().workspace(90101).facts == {}


def test_workspace_types_are_told_by_name(net: responses.RequestsMock) -> None:
    types = [
        {"data": {"properties": {"wksp_type_id": number, "wksp_type_name": name}}}
        for name, number in (("A", 1), ("AB", 2))
    ]
    net.add(responses.GET, LIST.replace("workspaces", "workspacetypes"), json={"results": types})
    assert client().workspace_types() == {"A": 1, "AB": 2}


@pytest.mark.parametrize("body", [{}, {"results": {}}, {"results": [{"data": {}}]}])
def test_workspace_types_in_an_unknown_shape_are_temporary(body: dict[str, Any], net: responses.RequestsMock) -> None:
    net.add(responses.GET, LIST.replace("workspaces", "workspacetypes"), json=body)
    with pytest.raises(TemporaryError):
        client().workspace_types()


def test_ids_that_reach_the_path_are_whole_numbers(net: responses.RequestsMock) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        client().workspace("1/../../v1/auth")  # type: ignore[arg-type]  # what a caller must never get through
    assert len(net.calls) == 0
