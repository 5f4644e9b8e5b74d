"""Consent in short: a person unsubscribes in Braze and comes back, then staff record two withdrawals in ECM."""

from __future__ import annotations

from tests.stories.story import GROUP, Story
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute
from tests.twins.house import House

EMAIL, NEWS = "Choice.Email Status", "Choice.News Status"
OUT = "Withdrawn"


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Client", ["Customer Number", "Also", "Segment"])
    since = Attribute(name="Email Since", type_name="Date")
    ecm.add_category("Choice", ["Email Status", since, "Email Source", "News Status"])
    ecm.add_type("Client", ["Client", "Choice"])


def _make(ecm: TwinEcm, person: str) -> int:
    return ecm.create("Client", {"Client.Customer Number": person}, name=f"Client {person}")


def _person(house: House, number: int) -> str:
    """Return whom a workspace was made for, whoever stands in it now."""
    return house.ecm.spaces[number].name.removeprefix("Client ")


def _leave(house: House, number: int) -> None:
    house.braze.choose(_person(house, number), email="unsubscribed")


def _come_back(house: House, number: int) -> None:
    house.braze.choose(_person(house, number), email="opted_in")


def _withdraw(house: House, number: int) -> None:
    house.ecm.edit(number, {EMAIL: OUT, NEWS: OUT})


STORY = Story(
    section={
        "workspace_types": ["Client"],
        "customer": "Client.Customer Number",
        "everybody_within": "15m",
        "channels": [
            {
                "name": "email",
                "watch": "email",
                "purpose": "Offers",
                "notice": "Privacy notice 2026-03",
                "status": EMAIL,
                "since": "Choice.Email Since",
                "source": "Choice.Email Source",
            },
            {
                "name": "news",
                "watch": {"group": GROUP},
                "purpose": "Newsletter",
                "status": NEWS,
                "values": {"subscribed": "Subscribed"},
            },
        ],
        "history": {"folder": "Consent History", "address": "masked"},
    },
    category="Client",
    furnish=_furnish,
    make=_make,
    acts=(_leave, _come_back, _withdraw),
    killed=(0, 2),
)
