"""Onboarding in short: a contract is approved, then the customer is identified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from random import Random

from ecmbraze.model import Json
from tests.stories.story import GROUP, Occasion, Story, Truth, in_ecm
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


def _stir(rng: Random, ecm: TwinEcm, number: int) -> None:
    day = f"{ecm.now():%Y-%m-%d}"
    edits: tuple[Mapping[str, str | None], ...] = (
        {"Contract Status": "Approved", "Approved On": day},
        {"Contract Status": "Draft"},
        {"KYC Status": "Completed"},
        {"KYC Status": "Completed", "Contract Status": "Approved", "Approved On": day},
        {"KYC Status": None},
        {"Stage": f"Stage {rng.randrange(9)}"},
        {"Complaint": rng.choice(("Open", None))},
        {"Stage": None},
        {},
    )
    ecm.edit(number, {f"Onboarding.{name}": value for name, value in rng.choice(edits).items()})


def _stands(ecm: TwinEcm, number: int, _now: datetime) -> Iterator[tuple[Occasion, bool]]:
    values, says = ecm.spaces[number].values, (("workspace", number),)
    if values.get("Onboarding.Contract Status") == "Approved":
        calm = values.get("Onboarding.Complaint") != "Open"
        yield Occasion(told=(("approved", ""), (CAMPAIGN, "subscribed")), says=says), calm
    if values.get("Onboarding.KYC Status") == "Completed":
        yield Occasion(told=(("identified", ""), (CANVAS, "opted_in")), says=says), True


def _values(ecm: TwinEcm, numbers: Sequence[int]) -> Mapping[str, Json]:
    def reached(number: int) -> str:
        values = ecm.spaces[number].values
        return str(values.get("Onboarding.Approved On") or "") if _approved(ecm, number) else ""

    if not numbers:
        return {"ecm_stage": None, "ecm_approved_on": None}
    newest = max(numbers, key=lambda number: (reached(number), number))
    return {"ecm_stage": ecm.spaces[newest].values.get("Onboarding.Stage"), "ecm_approved_on": reached(newest) or None}


def _approved(ecm: TwinEcm, number: int) -> bool:
    return ecm.spaces[number].values.get("Onboarding.Contract Status") == "Approved"


STORY = Story(
    section={
        "workspace_types": ["Customer Onboarding"],
        "customer": "Onboarding.Customer Number",
        "messages": "all",
        "attributes": {"stage": "Onboarding.Stage"},
        "milestones": [
            {
                "name": "approved",
                "when": {"Onboarding.Contract Status": "Approved"},
                "date": "Onboarding.Approved On",
                "suppress_when": {"Onboarding.Complaint": "Open"},
                "send": {
                    "event": "approved",
                    "campaign": CAMPAIGN,
                    "consent": {"email": "subscribed"},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
            {
                "name": "identified",
                "when": {"Onboarding.KYC Status": "Completed"},
                "send": {
                    "event": "identified",
                    "canvas": CANVAS,
                    "consent": {"email": "opted_in", "group": GROUP},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
        ],
    },
    category="Onboarding",
    furnish=_furnish,
    make=_make,
    acts=(in_ecm(_approve), in_ecm(_identify)),
    truth=Truth(stir=_stir, stands=_stands, values=_values),
)
