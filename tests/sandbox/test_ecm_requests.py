"""Paths, bodies, flags and errors that all endpoints share (section 13, 1, 2, 5 and 20)."""

from __future__ import annotations

import json

import pytest

from ecmbraze.sandbox.ecm import create_app
from tests.sandbox.desk import BASE, Desk, ids

REGISTRY = "The REST API URL could not be found in the mappings registry"


def test_an_unknown_url_is_a_400_not_a_404(desk: Desk) -> None:
    assert desk.refused("GET", "/v2/buisnessworkspaces") == (400, REGISTRY)
    assert desk.refused("POST", "/v1/serverinfo", {"a": "b"}) == (400, REGISTRY)


def test_outside_the_base_path_a_web_page_answers(desk: Desk) -> None:
    answer = desk.client.get("/api/v1/ping")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_there_is_always_a_base_path(desk: Desk) -> None:
    with pytest.raises(ValueError, match="base path"):
        create_app(desk.store, "/")
    assert create_app(desk.store, "/cs/cs").test_client().get("/cs/cs/api/v1/ping").status_code == 200


@pytest.mark.parametrize("path", ["/v1/ping/", "/v2/businessworkspacetypes/", "/v2/businessworkspaces/"])
def test_a_trailing_slash_is_accepted_without_a_redirect(desk: Desk, path: str) -> None:
    assert desk.ask("GET", path).status_code == 200


def test_links_lack_the_base_path(desk: Desk) -> None:
    href = desk.page("limit=2")["paging"]["actions"]["next"]["href"]
    assert href.startswith("/api/v2/businessworkspaces?")
    assert desk.client.get(href).status_code == 404  # following it blindly leads nowhere


def test_a_json_body_is_refused_by_the_classic_endpoints(desk: Desk) -> None:
    node = ids(desk.page())[0]
    answer = desk.client.put(f"{BASE}/v2/nodes/{node}", json={"description": "x"}, headers={"OTCSTicket": desk.ticket})
    assert answer.status_code == 400
    assert desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]["description"] == ""


def test_a_body_field_carries_json_in_urlencoded_and_multipart_forms(desk: Desk) -> None:
    node = ids(desk.page())[0]
    for text in ("first", "second"):
        form = {"body": json.dumps({"description": text})}
        kind = "multipart/form-data" if text == "second" else "application/x-www-form-urlencoded"
        answer = desk.client.put(
            f"{BASE}/v2/nodes/{node}", data=form, content_type=kind, headers={"OTCSTicket": desk.ticket}
        )
        assert answer.get_json()["results"]["data"]["properties"]["description"] == text


def test_broken_json_in_a_body_field_is_a_400(desk: Desk) -> None:
    node = ids(desk.page())[0]
    assert desk.refused("PUT", f"/v2/nodes/{node}", {"body": "{"}) == (
        400,
        "Invalid datatype specified for argument 'body'",
    )


def test_a_typo_in_a_filter_means_everything(desk: Desk) -> None:
    everything = desk.get("/v2/businessworkspaces?expanded_view=true")["paging"]["total_count"]
    typo = desk.get(f"/v2/businessworkspaces?expanded_view=true&where_workspace_typ_id={desk.type_id()}")
    assert typo["paging"]["total_count"] == everything > desk.page()["paging"]["total_count"]


@pytest.mark.parametrize("yes", ["true", "True", "1"])
def test_booleans_come_in_three_spellings(desk: Desk, yes: str) -> None:
    assert desk.get(f"/v2/businessworkspaces?expanded_view={yes}")["results"]


def test_suppressed_response_codes_hide_the_status_in_the_body(desk: Desk) -> None:
    answer = desk.ask("GET", "/v2/nodes/1?suppress_response_codes")
    assert answer.status_code == 200
    assert answer.get_json() == {"error": "Could not get a node for 1", "statusCode": 400}


def test_a_wrong_type_of_argument_is_named(desk: Desk) -> None:
    assert desk.refused("GET", "/v2/businessworkspaces?where_workspace_type_id=abc") == (
        400,
        "Invalid datatype specified for argument 'where_workspace_type_id'",
    )


def test_error_texts_follow_the_language_so_that_only_the_status_can_be_trusted(desk: Desk) -> None:
    desk.store.switches.change({"error_language": "de"})
    status, text = desk.refused("GET", "/v2/nodes/1")
    assert status == 400
    assert "Could not get a node" not in text
    assert desk.raw("GET", "/v1/auth").get_json()["error"] != "Authentication Required"


def test_every_text_exists_in_both_languages() -> None:
    from ecmbraze.sandbox.ecm.refusals import TEXTS

    assert set(TEXTS["en"]) == set(TEXTS["de"])


def test_type_ids_differ_between_tenants(desk: Desk) -> None:
    other = Desk(seed=8)
    assert desk.type_id() != other.type_id()
    assert desk.category() != other.category()
    assert not set(ids(desk.page())) & set(ids(other.page()))


def test_type_names_follow_the_users_language(desk: Desk) -> None:
    desk.store.switches.change({"user_language": "de"})
    rows = [row["data"]["properties"] for row in desk.get("/v2/businessworkspacetypes")["results"]]
    assert {row["wksp_type_name"] for row in rows} == {"Kunden-Onboarding", "Kunden-Onboarding Archiv", "Kunde"}
    assert {row["wksp_type_names"]["en"] for row in rows} >= {"Customer Onboarding"}


def test_a_server_without_types_answers_500(desk: Desk) -> None:
    desk.store.definitions.types.clear()
    assert desk.refused("GET", "/v2/businessworkspacetypes")[0] == 500


def test_one_type_is_read_in_both_versions(desk: Desk) -> None:
    type_id = desk.type_id()
    new = desk.get(f"/v2/businessworkspacetypes/{type_id}")["results"]["data"]["properties"]
    assert new["wksp_type_name"] == "Customer Onboarding"
    assert desk.get(f"/v1/businessworkspacetypes/{type_id}")["workspace_type"] == type_id
    assert desk.refused("GET", "/v2/businessworkspacetypes/9999")[0] == 400
