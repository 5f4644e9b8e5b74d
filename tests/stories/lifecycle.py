"""Lifecycle in short: a contract comes to its end in a month, then it is completed."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.story import GROUP, Story
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute

CANVAS = "contract-expiry"


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Contract", ["Customer Number", "Also", "Status", Attribute(name="End", type_name="Date")])
    ecm.add_type("Contract", ["Contract"])


def _make(ecm: TwinEcm, person: str) -> int:
    return ecm.create("Contract", {"Contract.Customer Number": person, "Contract.Status": "Active"})


def _end(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {"Contract.End": f"{ecm.now() + timedelta(days=31):%Y-%m-%d}"})


def _complete(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {"Contract.Status": "Completed"})


STORY = Story(
    section={
        "workspace_types": ["Contract"],
        "customer": "Contract.Customer Number",
        "attributes": {"contract_end": "Contract.End"},
        "rules": [
            {
                "name": "expiry", "when": {"Contract.Status": "Active"},
                "before": {"date": "Contract.End", "days": [30]},
                "send": {
                    "event": "contract_expiry", "canvas": CANVAS, "consent": {"email": "opted_in", "group": GROUP},
                    "properties": {"workspace": "${workspace.id}", "ends": "${Contract.End}"},
                },
            },
            {
                "name": "completed", "when": {"Contract.Status": "Completed"},
                "send": {"event": "contract_completed", "properties": {"workspace": "${workspace.id}"}},
            },
        ],
    },
    category="Contract", furnish=_furnish, make=_make, acts=(_end, _complete), wait=timedelta(hours=30),
)  # fmt: skip
