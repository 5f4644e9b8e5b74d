"""Success in short: a ticket waits, its customer is silent, two follow-ups are made, and the ticket is closed."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.story import Story, in_ecm
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute
from tests.twins.house import House

SEGMENT, STATUS = "silent", "Ticket.Status"


def _furnish(ecm: TwinEcm) -> None:
    opened = Attribute(name="Opened On", type_name="Date")
    ecm.add_category("Ticket", ["Customer Number", "Also", "Status", opened])
    ecm.add_type("Ticket", ["Ticket"])
    ecm.office.groups |= {"Retention", "Leads"}


def _make(ecm: TwinEcm, person: str) -> int:
    values = {"Ticket.Customer Number": person, STATUS: "Closed", "Ticket.Opened On": "2026-09-01"}
    return ecm.create("Ticket", values, name=f"Ticket {person}")


def _reopens(house: House, number: int) -> None:
    house.braze.segments[SEGMENT] = sorted(house.braze.people)
    house.ecm.edit(number, {STATUS: "Open"})


def _is_late(house: House, number: int) -> None:
    house.clock.advance(timedelta(days=2))


def _closes(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {STATUS: "Closed"})


STORY = Story(
    section={
        "workspace_types": ["Ticket"],
        "customer": "Ticket.Customer Number",
        "closed": {STATUS: "Closed"},
        "opened": "Ticket.Opened On",
        "attributes": {"open_ticket": "customer.open_since"},
        "rules": [
            {
                "name": "silent",
                "unresolved": "14d",
                "engagement": {"segment": SEGMENT},
                "follow_up": {
                    "type": "Follow-up",
                    "assign": {"group": "Retention"},
                    "text": "A ticket is open since ${customer.open_since}.",
                },
                "escalate": {"after": "1d", "assign": {"group": "Leads"}},
            }
        ],
    },
    category="Ticket",
    furnish=_furnish,
    make=_make,
    acts=(_reopens, _is_late, in_ecm(_closes)),
    killed=(0, 1, 2),
)
