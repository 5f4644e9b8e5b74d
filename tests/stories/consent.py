"""Consent in short: somebody takes their opt-in back in Braze, then staff record a withdrawal in ECM."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.story import Story
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute
from tests.twins.house import House

STATUS = "Consent.Email Status"


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Client", ["Customer Number", "Also"])
    ecm.add_category("Consent", ["Email Status", "Email Source", Attribute(name="Email Since", type_name="Date")])
    ecm.add_type("Client", ["Client", "Consent"])


def _make(ecm: TwinEcm, person: str) -> int:
    return ecm.create("Client", {"Client.Customer Number": person})


def _take_back(house: House, number: int) -> None:
    person = str(house.ecm.spaces[number].values["Client.Customer Number"])
    house.braze.people[person].email_subscribe = "subscribed"


def _record(house: House, number: int) -> None:
    house.ecm.edit(number, {STATUS: "Withdrawn"})


STORY = Story(
    section={
        "workspace_types": ["Client"],
        "customer": "Client.Customer Number",
        "everybody_within": "24h",
        "channels": [
            {
                "name": "email", "watch": "email", "purpose": "Marketing by e-mail", "status": STATUS,
                "since": "Consent.Email Since", "source": "Consent.Email Source",
            },
        ],
    },
    category="Client", furnish=_furnish, make=_make, acts=(_take_back, _record), wait=timedelta(hours=25),
)  # fmt: skip
