"""Whom an identifier means in the simulated Braze, and how consent follows the address (api/braze.md 1.3, 5.2)."""

from __future__ import annotations

from tests.sandbox.braze_desk import GROUP, Braze, event

SHARED = "family@example.com"


def state(braze: Braze, person: str) -> str | None:
    found = braze.export("email_subscribe", external_ids=[person]).get_json()["users"][0]
    return None if not found else str(found["email_subscribe"])


def test_a_number_is_the_same_external_id_as_its_text(braze: Braze) -> None:
    braze.track({"external_id": 12345, "a": 1})

    assert braze.export("external_id", external_ids=["12345"]).get_json()["users"] == [{"external_id": "12345"}]


def test_an_unknown_id_with_a_known_address_makes_a_second_profile(braze: Braze) -> None:
    braze.track({"external_id": "n1", "email": "u1@example.com"})

    users = braze.export("external_id", email_address="U1@example.com").get_json()["users"]
    assert sorted(user["external_id"] for user in users) == ["n1", "u1"]


def test_an_address_means_the_freshest_profile_that_has_an_external_id(braze: Braze) -> None:
    braze.track({"email": SHARED, "a": "anonymous"})
    braze.track({"external_id": "u1", "email": SHARED}, {"external_id": "u2", "email": SHARED})
    braze.track({"external_id": "u1", "b": 1})

    braze.track({"email": SHARED, "who": "this one"})

    assert (braze.custom("u1").get("who"), braze.custom("u2").get("who")) == ("this one", None)


def test_an_unknown_address_makes_a_profile_and_email_goes_before_phone(braze: Braze) -> None:
    braze.track({"email": "new@example.com", "phone": "+49301234567", "a": 1})

    assert braze.export("email", email_address="new@example.com").get_json()["users"] == [{"email": "new@example.com"}]
    assert braze.export("email", phone="+49301234567").get_json()["users"] == []  # only looked up by, not set


def test_with_an_external_id_the_address_is_set(braze: Braze) -> None:
    braze.track({"external_id": "u1", "email": "other@example.com"})

    assert braze.user("u1")["email"] == "other@example.com"


def test_an_unknown_alias_makes_nobody_unless_told_to_and_an_event_never_does(braze: Braze) -> None:
    alias = {"alias_label": "crm", "alias_name": "A-1"}
    people = len(braze.store.users)

    braze.track({"user_alias": alias, "a": 1}, events=[event("", external_id=None, user_alias=alias)])
    told = {"user_alias": alias, "_update_existing_only": False}
    braze.track(events=[event("", external_id=None, **told)])
    assert len(braze.store.users) == people
    braze.track({**told, "a": 1})

    assert braze.export("braze_id", user_aliases=[alias]).get_json().get("invalid_user_ids") is None


def test_an_alias_is_case_sensitive(braze: Braze) -> None:
    braze.store.put_user("u1", {"user_aliases": [{"alias_label": "crm", "alias_name": "Ann"}]})
    lower = {"alias_label": "crm", "alias_name": "ann"}

    assert braze.export("email", user_aliases=[lower]).get_json()["invalid_user_ids"] == [lower]


def test_an_unknown_braze_id_makes_nobody(braze: Braze) -> None:
    people = len(braze.store.users)

    braze.track({"braze_id": "0" * 24, "a": 1})

    assert len(braze.store.users) == people


def test_an_event_of_an_unknown_person_makes_a_profile_unless_told_not_to(braze: Braze) -> None:
    braze.track(events=[event("n1"), event("n2", _update_existing_only=True)])

    assert braze.export("external_id", external_ids=["n1", "n2"]).get_json()["invalid_user_ids"] == ["n2"]


def test_a_withdrawal_reaches_everybody_with_the_address(braze: Braze) -> None:
    braze.track({"external_id": "u1", "email": SHARED}, {"external_id": "u2", "email": SHARED.upper()})

    group = [{"subscription_group_id": GROUP, "subscription_state": "unsubscribed"}]
    braze.track({"external_id": "u1", "email_subscribe": "unsubscribed", "subscription_groups": group})

    query = {"subscription_group_id": GROUP, "external_id[]": ["u1", "u2"]}
    assert (state(braze, "u1"), state(braze, "u2")) == ("unsubscribed", "unsubscribed")
    told = braze.get("/subscription/status/get", **query).get_json()["status"]
    assert told == {"u1": "Unsubscribed", "u2": "Unsubscribed"}


def test_an_address_that_somebody_has_brings_its_state_along(braze: Braze) -> None:
    braze.store.put_user("u2", {"email_subscribe": "unsubscribed"})

    braze.track({"external_id": "u1", "email": "U2@example.com"})

    assert state(braze, "u1") == "unsubscribed"


def test_the_same_address_in_other_letters_resets_nothing(braze: Braze) -> None:
    braze.store.put_user("u1", {"email_subscribe": "unsubscribed"})

    braze.track({"external_id": "u1", "email": "U1@EXAMPLE.com"})

    assert state(braze, "u1") == "unsubscribed"


def test_a_state_beside_a_new_address_is_meant_for_the_new_one(braze: Braze) -> None:
    braze.track({"external_id": "u1", "email_subscribe": "unsubscribed", "email": "new@example.com"})

    assert state(braze, "u1") == "unsubscribed"
    listed = braze.get("/email/unsubscribes", start_date="2026-11-01", end_date="2026-11-25").get_json()["emails"]
    assert [entry["email"] for entry in listed] == ["new@example.com"]


def test_a_state_set_for_an_unknown_address_waits_for_it(braze: Braze) -> None:
    braze.post("/email/status", {"email": "later@example.com", "subscription_state": "unsubscribed"})

    braze.track({"external_id": "n1", "email": "later@example.com"})

    assert state(braze, "n1") == "unsubscribed"


def test_deleting_the_last_holder_of_an_address_loses_its_withdrawal(braze: Braze) -> None:
    braze.store.put_user("u1", {"email_subscribe": "unsubscribed"})
    braze.post("/users/delete", {"external_ids": ["u1"]})

    braze.track({"external_id": "u1", "email": "u1@example.com"})

    assert state(braze, "u1") == "subscribed"


def test_a_hard_bounce_leaves_the_state_as_it_is(braze: Braze) -> None:
    braze.store.put_user("u1", {"email_subscribe": "opted_in", "hard_bounced": True})

    assert state(braze, "u1") == "opted_in"
