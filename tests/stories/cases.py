"""Cases in short: a case is resolved, then a claim form comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from ecmbraze.model import Json
from tests.stories.story import Occasion, Story, Truth, in_ecm
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute, Paper

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


def _forms(ecm: TwinEcm, number: int) -> list[Paper]:
    return [paper for paper in ecm.papers.values() if paper.parent == number]


def _stir(rng: Random, ecm: TwinEcm, number: int) -> None:
    forms = _forms(ecm, number)
    match rng.randrange(8):
        case 0 | 1 | 2 | 3:
            ecm.edit(number, {"Case.Status": rng.choice(("Open", "Resolved", "Closed"))})
        case 4 | 5 if len(forms) < 3:
            kind, folder = rng.choice(("Claim", "Claim", "Invoice")), rng.choice(("", "Incoming"))
            ecm.file(number, f"Claim Form {rng.randrange(99)}.pdf", folder=folder, values={"Form.Kind": kind})
        case 6 if forms:
            ecm.mark(rng.choice(forms).id, {"Form.Kind": rng.choice(("Claim", "Invoice"))})
        case 7 if forms:
            rng.choice((ecm.revise, ecm.remove))(rng.choice(forms).id)
        case _:
            ecm.edit(number)


def _stands(ecm: TwinEcm, number: int, _now: datetime) -> Iterator[tuple[Occasion, bool]]:
    space, here = ecm.spaces[number], ("workspace", number)
    if space.values.get("Case.Status") == "Resolved":
        yield Occasion(told=(("case_resolved", ""), (CAMPAIGN, "subscribed")), says=(here,), again=True), True
    for paper in _forms(ecm, number):
        if paper.values.get("Form.Kind") == "Claim":
            born = paper.created <= space.created + timedelta(seconds=60)
            yield Occasion(told=(("claim_form", ""),), says=(("document", paper.id), here)), not born


def _values(ecm: TwinEcm, numbers: Sequence[int]) -> Mapping[str, Json]:
    states = {number: ecm.spaces[number].values.get("Case.Status") for number in numbers}
    newest = max(numbers, default=0)  # all were opened on the same day
    still = sum(state not in ("Resolved", "Closed") for state in states.values())
    return {"ecm_last_case_status": states.get(newest), "ecm_open_cases": still}


STORY = Story(
    section={
        "workspace_types": ["Case"],
        "customer": "Case.Customer Number",
        "status": "Case.Status",
        "closed": {"Case.Status": ["Resolved", "Closed"]},
        "opened": "Case.Opened On",
        "rules": [
            {
                "name": "resolved",
                "when": {"Case.Status": "Resolved"},
                "repeat": True,
                "send": {
                    "event": "case_resolved",
                    "campaign": CAMPAIGN,
                    "consent": {"email": "subscribed"},
                    "properties": {"workspace": "${workspace.id}"},
                },
            },
            {
                "name": "form",
                "document": {"name": "Claim Form*", "when": {"Form.Kind": "Claim"}},
                "send": {
                    "event": "claim_form",
                    "properties": {"workspace": "${workspace.id}", "document": "${document.id}"},
                },
            },
        ],
    },
    category="Case",
    furnish=_furnish,
    make=_make,
    acts=(in_ecm(_resolve), in_ecm(_claim)),
    truth=Truth(stir=_stir, stands=_stands, values=_values),
)
