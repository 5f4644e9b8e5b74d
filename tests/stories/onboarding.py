"""Onboarding in short: a contract is approved, then the customer is identified."""

from __future__ import annotations

from tests.stories.story import GROUP, Story
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute

CAMPAIGN, CANVAS = "onboarding-approved", "onboarding-identified"


def _furnish(ecm: TwinEcm) -> None:
    names = ("Customer Number", "Also", "Stage", "Contract Status", "KYC Status", "Complaint")
    ecm.add_category("Onboarding", [*names, Attribute(name="Approved On", type_name="Date")])
    ecm.add_type("Customer Onboarding", ["Onboarding"])


def _make(ecm: TwinEcm, person: str) -> int:
    return ecm.create("Customer Onboarding", {"Onboarding.Customer Number": person, "Onboarding.Stage": "Draft"})


def _approve(ecm: TwinEcm, number: int) -> None:
    told = {"Contract Status": "Approved", "Approved On": f"{ecm.now():%Y-%m-%d}", "Stage": "Contract"}
    ecm.edit(number, {f"Onboarding.{name}": value for name, value in told.items()})


def _identify(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {"Onboarding.KYC Status": "Completed"})


STORY = Story(
    section={
        "workspace_types": ["Customer Onboarding"],
        "customer": "Onboarding.Customer Number",
        "attributes": {"stage": "Onboarding.Stage"},
        "milestones": [
            {
                "name": "approved", "when": {"Onboarding.Contract Status": "Approved"},
                "date": "Onboarding.Approved On", "suppress_when": {"Onboarding.Complaint": "Open"},
                "send": {
                    "event": "approved", "campaign": CAMPAIGN, "consent": {"email": "subscribed"},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
            {
                "name": "identified", "when": {"Onboarding.KYC Status": "Completed"},
                "send": {
                    "event": "identified", "canvas": CANVAS, "consent": {"email": "opted_in", "group": GROUP},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
        ],
    },
    category="Onboarding", furnish=_furnish, make=_make, acts=(_approve, _identify),
)  # fmt: skip
