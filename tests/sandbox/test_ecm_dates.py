"""What moves a modify date, and how coarse it is (section 13, 9)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.desk import Desk


@pytest.fixture
def made(desk: Desk) -> int:
    found = desk.make("Alpha", {"Onboarding.Stage": "KYC"})
    desk.clock.advance(60)
    return found


def modified(desk: Desk, node: int) -> Any:
    rows = [row["data"]["properties"] for row in desk.page()["results"]]
    return next(row["modify_date"] for row in rows if row["id"] == node)


def put(desk: Desk, node: int, value: str) -> None:
    desk.put(f"/v2/nodes/{node}/categories/{desk.category()}", {desk.key("Onboarding.Stage"): value})


@pytest.mark.parametrize(("bumps", "date"), [(True, "2026-06-01T10:01:00"), (False, "2026-06-01T10:00:00")])
def test_a_category_write_moves_the_modify_date_only_if_the_switch_says_so(
    desk: Desk, made: int, bumps: bool, date: str
) -> None:
    desk.store.switches.change({"category_write_bumps_modify_date": bumps})
    put(desk, made, "Service")
    assert modified(desk, made) == date
    desk.person.edit(made, {"values": {"Onboarding.Stage": "KYC"}})
    assert modified(desk, made) == date


@pytest.mark.parametrize(("bumps", "date"), [(True, "2026-06-01T10:01:00"), (False, "2026-06-01T10:00:00")])
def test_a_child_moves_its_parents_modify_date_only_if_the_switch_says_so(
    desk: Desk, made: int, bumps: bool, date: str
) -> None:
    desk.store.switches.change({"child_change_bumps_parent": bumps})
    desk.post("/v2/nodes", {"body": json.dumps({"type": 0, "parent_id": made, "name": "Papers"})})
    assert modified(desk, made) == date


@pytest.mark.parametrize("bumps", [True, False])
@pytest.mark.parametrize("action", ["version", "edit", "move", "delete", "classify"])
def test_whatever_happens_to_a_child_moves_its_parent_only_if_the_switch_says_so(
    desk: Desk, made: int, action: str, bumps: bool
) -> None:
    target, child = desk.make("Beta"), desk.file(made, "a.pdf")
    before = modified(desk, made)
    desk.switch(child_change_bumps_parent=bumps)
    desk.later(60)
    more: dict[str, dict[str, Any]] = {
        "move": {"parent": target},
        "edit": {"name": "b.pdf"},
        "classify": {"name": "Letter"},
    }
    desk.office(action, child, **more.get(action, {}))
    assert (modified(desk, made) != before) is bumps


def test_a_change_deeper_down_never_moves_the_workspace(desk: Desk, made: int) -> None:
    inner = desk.office("folder", parent=made, name="Papers")
    desk.switch(child_change_bumps_parent=True)
    before = modified(desk, made)
    desk.later(60)
    desk.file(inner, "deep.pdf")
    assert modified(desk, made) == before
    assert desk.store.nodes[inner].modified == desk.store.now()


def test_a_rename_always_moves_the_modify_date(desk: Desk, made: int) -> None:
    desk.store.switches.change({"category_write_bumps_modify_date": False})
    desk.put(f"/v2/nodes/{made}", {"name": "Beta"})
    assert modified(desk, made) == "2026-06-01T10:01:00"


def test_an_edit_in_the_second_of_the_clients_look_leaves_the_same_modify_date(desk: Desk, made: int) -> None:
    put(desk, made, "Service")
    seen = modified(desk, made)
    desk.clock.advance(0.4)
    put(desk, made, "Contract")
    assert modified(desk, made) == seen  # `modified > seen` misses it


def test_no_stamp_is_finer_than_a_second(desk: Desk, made: int) -> None:
    desk.clock.advance(0.123456)
    put(desk, made, "Service")
    assert "." not in modified(desk, made)


def test_in_the_autumn_hour_two_instants_look_alike_without_zone(desk: Desk) -> None:
    first = desk.make("First", modified="2026-10-25T00:30:00+00:00")
    second = desk.make("Second", modified="2026-10-25T01:30:00+00:00")
    assert modified(desk, first) == modified(desk, second) == "2026-10-25T02:30:00"
    zulu = {desk.get(f"/v2/nodes/{n}")["results"]["data"]["properties"]["modify_date"] for n in (first, second)}
    assert zulu == {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}


@pytest.mark.parametrize("raw", [None, "2099-01-01T00:00:00", "0001-01-01T00:00:00", "yesterday"])
def test_an_implausible_modify_date_is_served_as_it_stands(desk: Desk, made: int, raw: str | None) -> None:
    desk.person.edit(made, {"raw_modified": raw})
    assert modified(desk, made) == raw


def test_the_book_names_every_edit_whoever_made_it(desk: Desk, made: int) -> None:
    before = len(desk.store.edits.read())
    put(desk, made, "Service")
    put(desk, made, "Service")  # changes nothing
    desk.person.edit(made, {"values": {"Onboarding.Stage": "KYC", "Onboarding.Product": "ü"}, "name": "Beta"})
    desk.person.perform([{"do": "hide", "id": made}, {"do": "show", "id": made}, {"do": "delete", "id": made}])
    book = [(e["what"], e["old"], e["new"], e["by"]) for e in desk.store.edits.read(before)]
    assert book == [
        ("Onboarding.Stage", "KYC", "Service", "api"),
        ("Onboarding.Stage", "Service", "KYC", "person"),
        ("Onboarding.Product", "", "ü", "person"),
        ("renamed", "Alpha", "Beta", "person"),
        ("hidden", None, None, "person"),
        ("shown", None, None, "person"),
        ("deleted", "Beta", None, "person"),
    ]


def test_seeding_a_world_is_no_edit() -> None:
    assert Desk().store.edits.read() == []
