"""The seeded tenants (issue 3: umlauts, emoji, empty values, zero-padded ids, odd records)."""

from __future__ import annotations

from typing import Any

import pytest

from ecmbraze.sandbox.clock import SandboxClock
from ecmbraze.sandbox.ecm import EcmStore
from ecmbraze.sandbox.world import CAMPAIGNS, CANVASES, GROUP, build
from tests.sandbox.desk import NOW, ONBOARDING, Desk, FakePeople


def workspaces(desk: Desk) -> list[dict[str, Any]]:
    return [desk.person.describe(node) for node in desk.store.tree.workspaces([desk.type_id()])]


def column(desk: Desk, name: str) -> list[Any]:
    return [w["values"][f"Onboarding.{name}"] for w in workspaces(desk)]


def test_the_same_seed_makes_the_same_world_and_another_seed_another(desk: Desk) -> None:
    assert workspaces(desk) == workspaces(Desk())
    assert workspaces(desk) != workspaces(Desk(seed=8))


def test_there_are_25_workspaces_of_20_customers_in_mixed_stages(desk: Desk) -> None:
    assert len(workspaces(desk)) == 25
    assert len(set(column(desk, "Customer Number"))) == len(desk.people.users) == 20
    assert set(column(desk, "Stage")) == {"Started", "Contract", "KYC", "Service"}
    assert set(column(desk, "Contract Status")) == {"Draft", "In Review", "Approved"}


def test_milestone_dates_agree_with_their_statuses(desk: Desk) -> None:
    pairs = (
        ("Contract", "Approved", "Approved"),
        ("KYC", "Completed", "Completed"),
        ("Service", "Active", "Activated"),
    )
    for workspace in workspaces(desk):
        for what, reached, dated in pairs:
            values = workspace["values"]
            has_date = values[f"Onboarding.{what} {dated} On"] is not None
            assert has_date == (values[f"Onboarding.{what} Status"] == reached)


def test_milestones_follow_each_other(desk: Desk) -> None:
    for workspace in workspaces(desk):
        named = ("Contract Approved On", "KYC Completed On", "Service Activated On")
        dates = [d for d in (workspace["values"][f"Onboarding.{name}"] for name in named) if d is not None]
        assert dates == sorted(dates)
        assert all(workspace["created"] < date < NOW.isoformat() for date in dates)


def test_customer_numbers_are_text_and_some_are_zero_padded(desk: Desk) -> None:
    numbers = column(desk, "Customer Number")
    assert "0000050031" in numbers
    assert all(isinstance(number, str) and number for number in numbers)
    assert set(numbers) == set(desk.people.users)


def test_there_are_umlauts_emoji_empty_and_multiple_values(desk: Desk) -> None:
    text = "".join(w["name"] for w in workspaces(desk)) + "".join(column(desk, "Product"))
    assert any(ord(c) > 0xFFFF for c in text)
    assert set("öüß") <= set(text)
    assert "" in column(desk, "Product")
    assert {0, None} < set(column(desk, "Contract Value"))
    assert {0, 1, 2} <= {len(tags) for tags in column(desk, "Tags")}
    assert {0, 1, 2} <= {len(rows) for rows in column(desk, "Contacts")}


def test_creation_lies_years_back_and_modification_seconds_or_more_later(desk: Desk) -> None:
    for workspace in workspaces(desk):
        assert workspace["created"] < workspace["modified"] < NOW.isoformat()
    assert len({w["created"][:4] for w in workspaces(desk)}) >= 3


def test_most_people_are_subscribed_some_opted_in_a_few_unsubscribed(desk: Desk) -> None:
    states = [user["email_subscribe"] for user in desk.people.users.values()]
    assert states.count("subscribed") > states.count("opted_in") > states.count("unsubscribed") > 0
    assert {user["email"].rsplit("@")[1] for user in desk.people.users.values()} == {"example.com", "example.org"}
    assert set(desk.people.messages) == {GROUP, *CAMPAIGNS, *CANVASES}


def test_the_odd_world_adds_the_records_that_must_be_refused() -> None:
    desk = Desk(world="onboarding-odd")
    odd = [w for w in workspaces(desk) if w["name"].startswith(("Odd", "🦄"))]
    numbers = [w["values"].get("Onboarding.Customer Number", "no category") for w in odd]
    for wanted in ("", "   ", "no category", 50031):
        assert wanted in numbers
    assert any(isinstance(number, list) for number in numbers)
    assert len(workspaces(desk)) == 25 + len(odd) == 39


def test_over_rest_the_odd_records_are_as_odd_as_they_are_stored() -> None:
    desk = Desk(world="onboarding-odd")
    number, stage = desk.key("Onboarding.Customer Number"), desk.key("Onboarding.Stage")
    rows = {r["data"]["properties"]["name"]: r["data"]["properties"] for r in desk.page("limit=500")["results"]}

    def values(name: str) -> Any:
        found = desk.get(f"/v2/nodes/{rows[name]['id']}/categories?metadata")["results"]
        return found[0]["data"]["categories"] if found else None

    assert [values(f"Odd {which} number")[number] for which in ("empty", "null", "blank")] == ["", None, "   "]
    assert values("Odd two numbers")[number] == ["0000050031", "C-1"]  # though its definition says: one value
    assert values("Odd two stages")[stage] == ["Contract", "KYC"]
    assert values("Odd no category") is None
    assert values("Odd number as number")[number] == 50031  # the zeros are lost
    assert values("Odd unknown customer")[number] == "0000099999"
    dates = [rows[f"Odd {which}"]["modify_date"] for which in ("future", "null date", "year one")]
    assert dates == ["2099-01-01T00:00:00", None, "0001-01-01T00:00:00"]
    assert rows["🦄" * 60]["wnf_wksp_type_id"] == desk.type_id()


def test_an_attribute_without_value_may_have_no_key_at_all(desk: Desk) -> None:
    made = desk.make("Bare", {"Onboarding.Stage": "KYC", "Onboarding.Contract Value": 0, "Onboarding.VIP": False})
    everywhere = (f"/v2/nodes/{made}/categories", f"/v2/nodes/{made}/categories/{desk.category()}")

    def keys() -> set[str]:
        many, one = (desk.get(path)["results"] for path in everywhere)
        assert many[0] == one
        return set(one["data"]["categories"])

    assert desk.key("Onboarding.Product") in keys()
    desk.switch(empty_values_absent=True)
    assert keys() == {desk.key(f"Onboarding.{name}") for name in ("Stage", "Contract Value", "VIP")}


def test_the_empty_world_has_types_and_messages_but_nobody() -> None:
    desk = Desk(world="empty")
    assert workspaces(desk) == []
    assert desk.people.users == {}
    assert desk.type_id(ONBOARDING)


def test_a_world_that_does_not_exist_is_named() -> None:
    store = EcmStore(SandboxClock(NOW))
    with pytest.raises(ValueError, match="unknown world 'moon'"):
        build(store, FakePeople(), world="moon", workspaces=None, customers=None)


def test_a_bigger_world_keeps_names_unique_and_shares_customers() -> None:
    desk = Desk(workspaces=3000)
    found = workspaces(desk)
    assert len({w["name"] for w in found}) == 3000
    assert len(desk.people.users) == 2400
