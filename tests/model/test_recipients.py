"""Whom a record names is decided by the configuration: no value of a record chooses the kind of its identifier."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.model import TrackBatch, WorkspaceDetail, WorkspaceRow
from ecmbraze.model.recipients import Alias, Email, ExternalId, Identifier, read, write
from ecmbraze.planning.customers import Customer
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.braze.writes import track
from tests.systems.rig import BRAZE_URL, http

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PIECES = st.sampled_from(["email:", "alias:", "id:", "crm", ":", "%", "%3A", "%25", "victim@example.com", "/", "C-1"])
HOSTILE = st.lists(PIECES | st.text(max_size=4), min_size=1, max_size=5).map("".join)
IDENTIFIERS: st.SearchStrategy[Identifier] = (
    st.builds(ExternalId, value=HOSTILE)
    | st.builds(Alias, label=HOSTILE, name=HOSTILE)
    | st.builds(Email, address=HOSTILE.map(str.lower).filter(lambda text: text == text.lower()))
)


def detail(number: str) -> WorkspaceDetail:
    row = WorkspaceRow(id=7, type_id=1, name="A", created_at=NOW, modified_at=NOW, columns={})
    return WorkspaceDetail(row=row, facts={"Case.Customer Number": number}, sets={}, references=())


def mapped(number: str, **mapping: Any) -> str:
    (person,) = Customer.model_validate({"attribute": "Case.Customer Number", **mapping}).people(detail(number))
    return person


def sent(person: str) -> dict[str, Any]:
    """Return what names the person in a write to Braze."""
    body, _ = track(TrackBatch(attributes=((person, {}),)))
    (entry,) = json.loads(json.dumps(body))["attributes"]
    return {name: value for name, value in entry.items() if name != "_update_existing_only"}


@given(IDENTIFIERS)
def test_every_identifier_is_read_back_as_it_was_written(identifier: Identifier) -> None:
    assert read(write(identifier)) == identifier


@given(IDENTIFIERS, IDENTIFIERS)
def test_two_people_are_never_written_alike(one: Identifier, other: Identifier) -> None:
    assert (write(one) == write(other)) == (one == other)


@given(HOSTILE.map(str.strip).filter(bool))
def test_a_customer_number_is_sent_as_external_id_whatever_it_says(number: str) -> None:
    assert sent(mapped(number)) == {"external_id": number}


@given(HOSTILE.map(str.strip).filter(bool), st.sampled_from(["crm", "crm:x", "50%", "email:"]))
def test_an_alias_keeps_the_label_of_the_configuration(number: str, label: str) -> None:
    alias = {"alias_label": label, "alias_name": number}
    assert sent(mapped(number, **{"as": {"alias": label}})) == {"user_alias": alias}


@given(HOSTILE.map(str.strip).filter(bool))
def test_an_address_stays_an_address(number: str) -> None:
    assert sent(mapped(number, **{"as": "email"})) == {"email": number.lower()}


@pytest.mark.parametrize("number", ["C-1", "0000050031", "DE:4711", "emailer", "ann@example.com", "ID:7"])
def test_an_ordinary_customer_number_is_its_own_text_as_in_older_state_files(number: str) -> None:
    assert mapped(number) == number


def test_a_profile_whose_id_looks_like_an_address_is_asked_for_and_found_by_its_id() -> None:
    person = mapped("email:victim@example.com")
    with responses.RequestsMock() as net:
        found = {"external_id": "email:victim@example.com", "email": "attacker@example.com"}
        net.add(responses.POST, f"{BRAZE_URL}/users/export/ids", status=201, json={"users": [found]})
        net.add(
            responses.GET,
            f"{BRAZE_URL}/subscription/status/get",
            json={"status": {"email:victim@example.com": "Subscribed"}},
        )
        braze = BrazeClient(http(BRAZE_URL), api_key="fake-key-1234")
        profiles = braze.profiles([person])
        states = braze.group_states("g", [person])
        asked = json.loads(net.calls[0].request.body or b"")
    assert (asked["external_ids"], "email_address" in asked) == (["email:victim@example.com"], False)
    assert ([one.email for one in profiles[person]], states) == (["attacker@example.com"], {person: "subscribed"})
