"""Cases in short: a case is resolved, then a claim form comes."""

from __future__ import annotations

from tests.stories.story import Story
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute

CAMPAIGN = "case-resolved"


def _furnish(ecm: TwinEcm) -> None:
    opened = Attribute(name="Opened On", type_name="Date")
    ecm.add_category("Case", ["Customer Number", "Also", "Status", opened])
    ecm.add_category("Form", ["Kind"])
    ecm.add_type("Case", ["Case"])


def _make(ecm: TwinEcm, person: str) -> int:
    return ecm.create("Case", {"Case.Customer Number": person, "Case.Status": "Open", "Case.Opened On": "2026-11-02"})


def _resolve(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {"Case.Status": "Resolved"})


def _claim(ecm: TwinEcm, number: int) -> None:
    ecm.file(number, "Claim Form 7.pdf", folder="Incoming", values={"Form.Kind": "Claim"})
    ecm.edit(number, {"Case.Status": "Open"})


STORY = Story(
    section={
        "workspace_types": ["Case"],
        "customer": "Case.Customer Number",
        "status": "Case.Status",
        "closed": {"Case.Status": ["Resolved", "Closed"]},
        "opened": "Case.Opened On",
        "rules": [
            {
                "name": "resolved", "when": {"Case.Status": "Resolved"}, "repeat": True,
                "send": {
                    "event": "case_resolved", "campaign": CAMPAIGN, "consent": {"email": "subscribed"},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
            {
                "name": "form", "document": {"name": "Claim Form*", "when": {"Form.Kind": "Claim"}},
                "send": {
                    "event": "claim_form",
                    "properties": {"workspace": "${workspace.id}", "document": "${document.id}"},
                },
            },
        ],
    },
    category="Case", furnish=_furnish, make=_make, acts=(_resolve, _claim),
)  # fmt: skip
