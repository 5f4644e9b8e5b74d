"""Subscription groups: by phone, per address, and of addresses that nobody has yet (api/braze.md 5.2, 5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.braze_desk import GROUP, Braze

SMS = "ed060000-0000-4000-8000-00000000000b"
DAY = 86_400


@pytest.fixture
def texting(braze: Braze) -> Braze:
    """A workspace with a group of text messages, and two people who share a number."""
    braze.store.put_group(SMS, "Texts", "sms")
    for person in ("p1", "p2"):
        braze.store.put_user(person, {"phone": "+49301", "email": f"{person}@example.com"})
    return braze


def set_group(braze: Braze, state: str, group: str = GROUP, **whom: Any) -> int:
    body = {"subscription_group_id": group, "subscription_state": state, **whom}
    return braze.post("/subscription/status/set", body).status_code


def states(braze: Braze, group: str = GROUP, **whom: Any) -> dict[str, str]:
    found: dict[str, str] = braze.get("/subscription/status/get", subscription_group_id=group, **whom).get_json()[
        "status"
    ]
    return found


def test_a_state_set_by_phone_reaches_everybody_with_the_number(texting: Braze) -> None:
    assert set_group(texting, "unsubscribed", SMS, phone="+49301") == 201

    assert states(texting, SMS, external_id=["p1", "p2"]) == {"p1": "Unsubscribed", "p2": "Unsubscribed"}
    assert states(texting, SMS, phone="+49301") == {"+49301": "Unsubscribed"}


@pytest.mark.parametrize(("group", "others"), [(SMS, "Subscribed"), (GROUP, "Unknown")])
def test_the_channel_of_the_group_says_which_address_is_shared(texting: Braze, group: str, others: str) -> None:
    set_group(texting, "subscribed", group, external_id="p1")

    assert states(texting, group, external_id=["p1", "p2"]) == {"p1": "Subscribed", "p2": others}

    texting.track(
        {
            "external_id": "p2",
            "subscription_groups": [{"subscription_group_id": group, "subscription_state": "unsubscribed"}],
        }
    )
    assert states(texting, group, external_id="p1") == {"p1": "Unsubscribed" if group == SMS else "Subscribed"}


def test_email_and_phone_do_not_go_together_and_neither_is_400(braze: Braze) -> None:
    assert set_group(braze, "subscribed", email="u1@example.com", phone="+49301") == 400
    assert set_group(braze, "subscribed") == 400


@pytest.mark.parametrize(("field", "address"), [("email", "new@example.com"), ("phone", "+49302")])
@pytest.mark.parametrize(("days", "state"), [(29, "Unsubscribed"), (31, "Unknown")])
def test_a_state_of_an_address_nobody_has_waits_30_days_for_somebody(
    braze: Braze, field: str, address: str, days: int, state: str
) -> None:
    assert set_group(braze, "unsubscribed", **{field: address}) == 201
    assert states(braze, **{field: address}) == {address: "Unknown"}

    braze.later(days * DAY)
    braze.track({"external_id": "new", field: address})

    assert states(braze, external_id="new") == {"new": state}


def test_deleting_and_making_somebody_again_loses_the_withdrawal(braze: Braze) -> None:
    set_group(braze, "unsubscribed", external_id="u1")
    braze.post("/users/delete", {"external_ids": ["u1"]})
    braze.track({"external_id": "u1", "email": "u1@example.com"})

    assert states(braze, external_id="u1") == {"u1": "Unknown"}
