"""Approvals in short: an agreement is approved and the gate opens, then it is revoked and the gate closes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from random import Random

from ecmbraze.model import Json
from tests.stories.story import Occasion, Story, Truth, in_ecm
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Paper

CAMPAIGN = "financing-open"


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Financing", ["Customer Number", "Also", "Status"])
    ecm.add_category("Approval", ["Status", "Version"])
    ecm.add_type("Financing", ["Financing"])


def _make(ecm: TwinEcm, person: str) -> int:
    number = ecm.create("Financing", {"Financing.Customer Number": person, "Financing.Status": "Active"})
    ecm.file(number, "Agreement.pdf", values={"Approval.Status": "Draft"})
    return number


def _agreement(ecm: TwinEcm, number: int) -> Paper:
    return next(paper for paper in ecm.papers.values() if paper.parent == number)


def _approve(ecm: TwinEcm, number: int) -> None:
    paper = _agreement(ecm, number)
    ecm.mark(paper.id, {"Approval.Status": "Approved", "Approval.Version": str(len(paper.versions))})


def _revoke(ecm: TwinEcm, number: int) -> None:
    ecm.mark(_agreement(ecm, number).id, {"Approval.Status": "Revoked"})


def _stir(rng: Random, ecm: TwinEcm, number: int) -> None:
    match rng.randrange(6):
        case 0 | 1 | 2:
            _approve(ecm, number)
        case 3:
            _revoke(ecm, number)
        case 4:
            ecm.revise(_agreement(ecm, number).id)
        case 5:
            ecm.edit(number, {"Financing.Status": rng.choice(("Active", "Active", "Ended"))})


def _open(ecm: TwinEcm, number: int) -> Paper | None:
    """Return the agreement while the gate stands open."""
    paper = _agreement(ecm, number)
    approved = paper.values.get("Approval.Status") == "Approved"
    newest = paper.values.get("Approval.Version") == str(len(paper.versions))
    return paper if approved and newest and ecm.spaces[number].values.get("Financing.Status") == "Active" else None


def _stands(ecm: TwinEcm, number: int, _now: datetime) -> Iterator[tuple[Occasion, bool]]:
    if paper := _open(ecm, number):
        told = (("financing_open", ""), (CAMPAIGN, "subscribed"))
        says = (("agreement", paper.id), ("version", str(len(paper.versions))), ("workspace", number))
        yield Occasion(told=told, says=says, again=True, end="financing_closed"), True


def _values(ecm: TwinEcm, numbers: Sequence[int]) -> Mapping[str, Json]:
    newest = max(numbers, key=lambda number: (ecm.spaces[number].created, number), default=0)
    paper = _open(ecm, newest) if newest else None
    return {
        "ecm_financing_eligible": paper is not None,
        "ecm_financing_document": paper.name if paper else None,
        "ecm_financing_version": str(len(paper.versions)) if paper else None,
    }


_DOCUMENT = {"workspace": "${workspace.id}", "agreement": "${document.id}", "version": "${document.version}"}
STORY = Story(
    section={
        "workspace_types": ["Financing"],
        "customer": "Financing.Customer Number",
        "gates": [
            {
                "name": "financing",
                "when": {"Financing.Status": "Active"},
                "all_of": [
                    {
                        "document": {"name": "Agreement*"},
                        "approved": {"Approval.Status": "Approved"},
                        "approved_by": {"version": "Approval.Version"},
                    },
                ],
                "send": {
                    "event": "financing_open",
                    "campaign": CAMPAIGN,
                    "consent": {"email": "subscribed"},
                    "properties": _DOCUMENT,
                },
                "closed": {"event": "financing_closed", "properties": _DOCUMENT},
            },
        ],
    },
    category="Financing",
    furnish=_furnish,
    make=_make,
    acts=(in_ecm(_approve), in_ecm(_revoke)),
    truth=Truth(stir=_stir, stands=_stands, values=_values),
)
