"""Approvals in short: an agreement is approved and the gate opens, then it is revoked and the gate closes."""

from __future__ import annotations

from tests.stories.story import Story
from tests.twins.ecm import TwinEcm

CAMPAIGN = "financing-open"


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Financing", ["Customer Number", "Also", "Status"])
    ecm.add_category("Approval", ["Status"])
    ecm.add_type("Financing", ["Financing"])


def _make(ecm: TwinEcm, person: str) -> int:
    number = ecm.create("Financing", {"Financing.Customer Number": person, "Financing.Status": "Active"})
    ecm.file(number, "Agreement.pdf", values={"Approval.Status": "Draft"})
    return number


def agreement(ecm: TwinEcm, number: int) -> int:
    """Return the agreement of a workspace."""
    return next(paper.id for paper in ecm.papers.values() if paper.parent == number)


def _approve(ecm: TwinEcm, number: int) -> None:
    ecm.mark(agreement(ecm, number), {"Approval.Status": "Approved"})


def _revoke(ecm: TwinEcm, number: int) -> None:
    ecm.mark(agreement(ecm, number), {"Approval.Status": "Revoked"})


_DOCUMENT = {"workspace": "${workspace.id}", "agreement": "${document.id}", "version": "${document.version}"}
STORY = Story(
    section={
        "workspace_types": ["Financing"],
        "customer": "Financing.Customer Number",
        "gates": [
            {
                "name": "financing", "when": {"Financing.Status": "Active"},
                "all_of": [{"document": {"name": "Agreement*"}, "approved": {"Approval.Status": "Approved"}}],
                "send": {
                    "event": "financing_open", "campaign": CAMPAIGN, "consent": {"email": "subscribed"},
                    "properties": _DOCUMENT,
                },
                "closed": {"event": "financing_closed", "properties": _DOCUMENT},
            },
        ],
    },
    category="Financing", furnish=_furnish, make=_make, acts=(_approve, _revoke),
)  # fmt: skip
