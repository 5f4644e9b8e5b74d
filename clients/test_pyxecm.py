"""OpenText's own Python client against the sandbox: what it cannot read there, no real client can (api/ecm.md 12)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyxecm import OTCS

from ecmbraze.sandbox.remote import RemoteSandbox

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
TYPE, CATEGORY = "Customer Onboarding", "Onboarding"


def client(box: RemoteSandbox, password: str) -> Any:
    host, port = box.ecm.split("/")[2].split(":")
    return OTCS("http", host, int(port), username=box.username, password=password, base_path="/otcs/cs.exe")


@pytest.fixture(scope="module")
def box() -> Iterator[RemoteSandbox]:
    with RemoteSandbox.start(now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def otcs(box: RemoteSandbox) -> Any:
    found = client(box, box.password)
    assert found.authenticate()
    return found


@pytest.fixture
def made(box: RemoteSandbox, request: pytest.FixtureRequest) -> int:
    name = str(request.node.name)[:200]
    return box.create_workspace(TYPE, name=name, values={"Onboarding.Stage": "KYC", "Onboarding.Tags": ["EU", "UK"]})


def properties(response: Any) -> Any:
    return response["data"]["properties"]


def ids(otcs: Any, made: int) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the id of the category and its attributes by name, as pyxecm finds them."""
    number, attributes = otcs.get_node_category_definition(made, CATEGORY)
    return int(number), attributes


def upload(otcs: Any, parent: int, name: str, content: bytes, **more: Any) -> Any:
    return otcs.upload_file_to_parent(parent, file_name=name, file_content=content, mime_type="application/pdf", **more)


def test_it_logs_in_and_with_a_wrong_password_it_does_not(box: RemoteSandbox, otcs: Any) -> None:
    assert otcs.cookie()["otcsticket"]
    assert otcs.get_server_version() == "25.4"
    assert client(box, "wrong").authenticate() is None


def test_it_lists_the_workspace_types_and_finds_one_by_its_german_name(otcs: Any) -> None:
    assert {TYPE, "Customer"} <= set(otcs.get_workspace_type_names())
    found = otcs.get_workspace_type_by_name("Kunden-Onboarding", locale="de")
    assert otcs.get_result_value(found, "wksp_type_name") == TYPE


@pytest.mark.parametrize(("page_size", "cap"), [(7, 500), (100, 10), (5, 500)])
def test_it_pages_through_all_workspaces_of_a_type(otcs: Any, box: RemoteSandbox, page_size: int, cap: int) -> None:
    box.switch(page_cap=cap)
    kind = otcs.get_result_value(otcs.get_workspace_type_by_name(TYPE), "wksp_type_id")
    rows = [properties(row)["id"] for row in otcs.get_workspace_instances_iterator(type_id=kind, page_size=page_size)]
    assert sorted(rows) == sorted(one["id"] for one in box.workspaces(TYPE))
    box.switch(page_cap=500)


@pytest.mark.parametrize("read", ["get_workspace", "get_node"])
def test_it_reads_a_category_in_both_shapes(otcs: Any, made: int, read: str) -> None:
    node = getattr(otcs, read)(node_id=made, fields=["properties", "categories"], metadata=True)
    found = otcs.extract_category_data(node)[CATEGORY]
    assert (found["Stage"], found["Tags"], found["Product"]) == ("KYC", ["EU", "UK"], "")
    assert found["Contacts"] == [{"Role": "", "Customer Number": "", "Email": ""}]


def test_it_reads_a_value_by_name(otcs: Any, made: int) -> None:
    assert otcs.get_category_value_by_name(made, CATEGORY, "Stage") == "KYC"
    assert otcs.get_category_value_by_name(made, CATEGORY, "Role", set_name="Contacts", set_row=1) is None


def test_it_writes_a_value_a_list_and_rows(otcs: Any, box: RemoteSandbox, made: int) -> None:
    category, attributes = ids(otcs, made)
    numbers = {name: entry["id"].split("_")[1:] for name, entry in attributes.items()}
    for name, value in (("Stage", "Service"), ("Tags", ["AT", "CH"]), ("VIP", True), ("Contract Value", 1200)):
        assert otcs.set_category_value(made, value, category, int(numbers[name][0])) is not None
    set_id, _, role = numbers["Contacts:Role"]
    for row, who in ((1, "Borrower"), (2, "Guarantor")):
        assert otcs.set_category_value(made, who, category, int(role), set_id=int(set_id), set_row=row) is not None

    values = box.workspace(made)["values"]
    written = [values[f"Onboarding.{name}"] for name in ("Stage", "Tags", "VIP", "Contract Value")]
    assert written == ["Service", ["AT", "CH"], True, 1200]
    assert [row["Role"] for row in values["Onboarding.Contacts"]] == ["Borrower", "Guarantor"]


def test_it_writes_a_whole_category_whatever_row_comes_first(otcs: Any, box: RemoteSandbox, made: int) -> None:
    category, attributes = ids(otcs, made)
    role, stage = attributes["Contacts:Role"]["id"], attributes["Stage"]["id"]
    written = {role.replace("_x_", "_2_"): "Guarantor", role.replace("_x_", "_1_"): "Borrower", stage: "Service"}
    assert otcs.set_category_values(made, category, written) is not None
    values = box.workspace(made)["values"]
    assert [row["Role"] for row in values["Onboarding.Contacts"]] == ["Borrower", "Guarantor"]
    assert values["Onboarding.Stage"] == "Service"


def test_it_makes_a_workspace_and_meets_a_taken_name(otcs: Any, box: RemoteSandbox) -> None:
    kind = otcs.get_workspace_type_by_name(TYPE)
    type_id = otcs.get_result_value(kind, "wksp_type_id")
    template = properties(kind)["templates"][0]["id"]

    def make() -> Any:
        return otcs.create_workspace(template, "Made by pyxecm", "", type_id, parse_error_response=True)

    created = otcs.get_result_value(make(), "id")
    assert box.workspace(created)["name"] == "Made by pyxecm"
    assert "already exists" in make()["error"]


def test_it_uploads_a_document_with_its_category_and_reads_it_back(
    otcs: Any, box: RemoteSandbox, made: int, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 20
    category, attributes = ids(otcs, made)
    values = {str(category): {attributes["Stage"]["id"]: "KYC"}}
    done = upload(otcs, made, "Größe 📄.pdf", content, category_data=values, description="first")

    number = otcs.get_result_value(done, "id")
    kept = box.call("GET", f"/ecm/documents/{number}")
    assert kept["versions"][0]["size"] == len(content)
    assert kept["versions"][0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert kept["values"]["Onboarding.Stage"] == "KYC"
    assert otcs.get_document_content(number) == content
    assert otcs.download_document(number, str(tmp_path / "copy.pdf"))
    assert (tmp_path / "copy.pdf").read_bytes() == content


def test_it_meets_a_taken_name_instead_of_making_a_second_document(otcs: Any, box: RemoteSandbox, made: int) -> None:
    upload(otcs, made, "Letter.pdf", b"one")
    assert otcs.check_node_name(made, "Letter.pdf")["results"]
    assert upload(otcs, made, "letter.PDF", b"two") is None
    assert len(box.call("GET", "/ecm/documents", below=made)) == 1


def test_it_adds_versions_and_reads_each(otcs: Any, box: RemoteSandbox, made: int) -> None:
    number = otcs.get_result_value(upload(otcs, made, "Contract.pdf", b"one"), "id")
    assert otcs.add_document_version(
        number, file_name="Contract.pdf", file_content=b"two!", mime_type="application/pdf", description="signed"
    )

    rows = [row["data"]["versions"] for row in otcs.get_document_versions(number)["results"]]
    assert [(row["version_number"], row["file_size"], row["description"]) for row in rows] == [
        (1, 3, ""),
        (2, 4, "signed"),
    ]
    assert [otcs.get_document_content(number, version) for version in ("1", "2", "")] == [b"one", b"two!", b"two!"]


def test_it_searches_and_pages_through_the_hits(otcs: Any, made: int) -> None:
    wanted = {f"Found {i}.pdf" for i in range(5)}
    for name in wanted:
        upload(otcs, made, name, b"x")
    where = f'[QLREGION "OTLocation"] = "{made}" AND OTSubType:144'

    assert {properties(row)["name"] for row in otcs.search_iterator(where, page_size=2)} == wanted
    below = otcs.search('OTName:QLREGEX "^Found [12]"', location_id=made)
    assert {properties(row)["name"] for row in below["results"]} == {"Found 1.pdf", "Found 2.pdf"}


def test_it_walks_the_children_of_a_workspace(otcs: Any, made: int) -> None:
    for i in range(5):
        upload(otcs, made, f"{i}.pdf", b"x")
    found = [properties(row)["name"] for row in otcs.get_subnodes_iterator(made, page_size=2)]
    assert found == [f"{i}.pdf" for i in range(5)]
