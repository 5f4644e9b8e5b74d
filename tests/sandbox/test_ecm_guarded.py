"""What refuses changes: permissions, holds, reservations (api/ecm.md 5.3, 10, section 13, 19)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.sandbox.desk import BASE, Desk


@pytest.fixture
def made(desk: Desk) -> int:
    return desk.make("Alpha", {"Onboarding.Stage": "KYC"})


@pytest.fixture
def letter(desk: Desk, made: int) -> int:
    return desk.file(desk.office("folder", parent=made, name="Papers"), "Letter.pdf")


def do(desk: Desk, action: str, node: int, **more: Any) -> None:
    desk.person.perform([{"do": action, "id": node, **more}])


def shown(desk: Desk, node: int) -> Any:
    return desk.get(f"/v2/nodes/{node}")["results"]["data"]["properties"]


def attempts(desk: Desk, node: int, inside: int) -> dict[str, int]:
    """Return the status of each kind of change to a workspace and to a document in it."""
    headers, one = {"OTCSTicket": desk.ticket}, f"/v2/nodes/{node}"
    new = {"body": json.dumps({"type": 0, "parent_id": node, "name": "New"})}

    def file() -> Any:
        return (io.BytesIO(b"x"), "x.txt", "text/plain")

    upload = {"body": json.dumps({"type": 144, "parent_id": node, "name": "New.txt"}), "file": file()}
    asked = {
        "attributes": desk.ask("PUT", f"{one}/categories/{desk.category()}", {desk.key("Onboarding.Stage"): "KYC"}),
        "roles": desk.ask(
            "PUT", one, {"body": json.dumps({"roles": {"categories": {desk.key("Onboarding.Stage"): "KYC"}}})}
        ),
        "rename": desk.ask("PUT", one, {"name": "Alpha"}),
        "folder": desk.ask("POST", "/v2/nodes", new),
        "upload": desk.client.post(f"{BASE}/v2/nodes", data=upload, headers=headers),
        "version": desk.client.post(f"{BASE}/v2/nodes/{inside}/versions", data={"file": file()}, headers=headers),
        "read": desk.ask("GET", f"{one}/categories"),
    }
    return {name: answer.status_code for name, answer in asked.items()}


def good(found: dict[str, int]) -> set[str]:
    return {name for name, status in found.items() if status == 200}


def test_what_may_be_changed_is_changed(desk: Desk, made: int, letter: int) -> None:
    assert good(attempts(desk, made, letter)) == {
        "attributes",
        "roles",
        "rename",
        "folder",
        "upload",
        "version",
        "read",
    }


@pytest.mark.parametrize(
    ("right", "lost"),
    [
        ("edit_attributes", {"attributes", "roles"}),
        ("modify", {"attributes", "roles", "rename"}),
        ("create", {"folder", "upload"}),
    ],
)
def test_a_right_that_is_missing_is_a_403_for_what_needs_it_and_only_for_that(
    desk: Desk, made: int, letter: int, right: str, lost: set[str]
) -> None:
    do(desk, "deny", made, rights=[right])
    found = attempts(desk, made, letter)
    assert {name for name, status in found.items() if status == 403} == lost
    assert shown(desk, made)[f"perm_{right}"] is False
    desk.switch(forbidden_status=500)
    assert {status for name, status in attempts(desk, made, letter).items() if name in lost} == {500}
    do(desk, "grant", made)
    assert shown(desk, made)[f"perm_{right}"] is True
    again = attempts(desk, made, letter)
    assert {name for name in lost - {"folder", "upload"} if again[name] != 200} == set()


def test_the_refusal_names_the_item_and_is_json(desk: Desk, made: int) -> None:
    do(desk, "deny", made, rights=["edit_attributes"])
    path = f"/v2/nodes/{made}/categories/{desk.category()}"
    refused = desk.refused("PUT", path, {desk.key("Onboarding.Stage"): "Service"})
    assert refused == (403, "Insufficient permissions to perform this action on 'Alpha'.")


def test_without_the_right_to_modify_there_is_no_right_to_edit_attributes(desk: Desk, made: int) -> None:
    do(desk, "deny", made, rights=["modify"])
    properties = shown(desk, made)
    told = [properties[f"perm_{right}"] for right in ("modify", "edit_attributes", "see_contents", "delete")]
    assert told == [False, False, True, True]
    rows = {row["data"]["properties"]["id"]: row["data"]["properties"] for row in desk.page("limit=500")["results"]}
    assert [node for node, row in rows.items() if not row["perm_modify"]] == [made]


def test_what_is_made_below_begins_with_the_permissions_of_its_parent(desk: Desk, made: int, letter: int) -> None:
    do(desk, "deny", made, rights=["edit_attributes"])
    inside = desk.office("folder", parent=made, name="Later")
    assert shown(desk, inside)["perm_edit_attributes"] is False
    assert shown(desk, letter)["perm_edit_attributes"] is True


def test_contents_that_may_not_be_seen_are_a_403_though_the_item_is_seen(desk: Desk, made: int, letter: int) -> None:
    desk.office("deny", letter, rights=["see_contents"])
    assert shown(desk, letter)["name"] == "Letter.pdf"
    assert desk.refused("GET", f"/v1/nodes/{letter}/content")[0] == 403
    do(desk, "deny", made, rights=["see_contents"])
    assert desk.refused("GET", f"/v2/nodes/{made}/nodes")[0] == 403


def test_a_delete_needs_its_right(desk: Desk, letter: int) -> None:
    desk.office("deny", letter, rights=["delete"])
    assert desk.refused("DELETE", f"/v2/nodes/{letter}")[0] == 403
    desk.office("grant", letter, rights=["delete"])
    assert desk.ask("DELETE", f"/v2/nodes/{letter}").status_code == 200


@pytest.mark.parametrize(("covers", "version"), [(True, 400), (False, 200)])
def test_a_hold_on_a_workspace_refuses_every_change_and_reaches_what_lies_below_as_the_switch_says(
    desk: Desk, made: int, letter: int, covers: bool, version: int
) -> None:
    desk.switch(hold_covers_below=covers)
    do(desk, "hold", made, status=400)
    found = attempts(desk, made, letter)
    assert good(found) == {"read"} | ({"version"} if version == 200 else set())
    assert found["version"] == version
    do(desk, "release", made)
    assert len(good(attempts(desk, made, letter))) == 7


def test_a_document_is_put_on_hold_and_released(desk: Desk, made: int, letter: int) -> None:
    desk.office("hold", letter)
    assert attempts(desk, made, letter)["version"] == 403
    assert desk.refused("PUT", f"/v2/nodes/{letter}", {"name": "x"}) == (403, "The item 'Letter.pdf' cannot be changed")
    assert desk.filing.show(letter)["held"] is True
    desk.office("release", letter)
    assert attempts(desk, made, letter)["version"] == 200


def test_a_workspace_that_a_colleague_reserved_refuses_changes_until_it_is_free(
    desk: Desk, made: int, letter: int
) -> None:
    do(desk, "reserve", made, by_user="user07")
    properties = shown(desk, made)
    assert (properties["reserved"], properties["reserved_user_id"]) == (True, 2049)
    assert properties["reserved_date"] == "2026-06-01T08:00:00Z"
    assert good(attempts(desk, made, letter)) == {"version", "read"}
    assert desk.refused("PUT", f"/v2/nodes/{made}", {"reserved_user_id": 1000})[0] == 403
    do(desk, "unreserve", made)
    assert shown(desk, made)["reserved"] is False
    assert len(good(attempts(desk, made, letter))) == 7


def test_what_the_account_reserved_itself_it_may_change_and_set_free(desk: Desk, made: int, letter: int) -> None:
    desk.put(f"/v2/nodes/{made}", {"reserved_user_id": 1000})
    assert shown(desk, made)["reserved_user_id"] == 1000
    assert len(good(attempts(desk, made, letter))) == 7
    desk.put(f"/v2/nodes/{made}", {"body": json.dumps({"reserved_user_id": None})})
    assert shown(desk, made)["reserved"] is False


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"do": "deny", "rights": ["edit_atributes"]}, "did you mean 'edit_attributes'?"),
        ({"do": "deny"}, "wants 'rights'"),
        ({"do": "reserve", "by_user": "user99"}, "no user 'user99'"),
    ],
)
def test_a_misspelt_right_or_colleague_is_said(desk: Desk, made: int, operation: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        desk.person.perform([{"id": made, **operation}])
