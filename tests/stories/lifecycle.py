"""Lifecycle in short: a contract comes to its end in a month, then it is completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from ecmbraze.model import Json
from tests.stories.story import GROUP, Occasion, Story, Truth, in_ecm
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


_HERE, _AHEAD, _GRACE = ZoneInfo("Europe/Berlin"), timedelta(days=30), timedelta(days=3)


def _stir(rng: Random, ecm: TwinEcm, number: int) -> None:
    match rng.randrange(6):
        case 0 | 1 | 2:
            end = ecm.now() + timedelta(days=rng.choice((30, 31, 32, 200)))
            ecm.edit(number, {"Contract.End": f"{end:%Y-%m-%d}"})
        case 3:
            ecm.edit(number, {"Contract.End": None})
        case 4 | 5:
            ecm.edit(number, {"Contract.Status": rng.choice(("Active", "Active", "Completed"))})


def _stands(ecm: TwinEcm, number: int, now: datetime) -> Iterator[tuple[Occasion, bool]]:
    values, here = ecm.spaces[number].values, ("workspace", number)
    end = values.get("Contract.End")
    if values.get("Contract.Status") == "Active" and isinstance(end, str):
        due = datetime.combine(date.fromisoformat(end) - _AHEAD, time(9), tzinfo=_HERE)
        if due <= now < due + _GRACE:
            told = (("contract_expiry", ""), (CANVAS, "opted_in"))
            yield Occasion(told=told, says=(("ends", end), here)), True
    if values.get("Contract.Status") == "Completed":
        yield Occasion(told=(("contract_completed", ""),), says=(here,)), True


def _values(ecm: TwinEcm, numbers: Sequence[int]) -> Mapping[str, Json]:
    ends = sorted((str(ecm.spaces[number].values.get("Contract.End") or ""), number) for number in numbers)
    return {"ecm_contract_end": (ends[-1][0] or None) if ends else None}


STORY = Story(
    section={
        "workspace_types": ["Contract"],
        "customer": "Contract.Customer Number",
        "attributes": {"contract_end": "Contract.End"},
        "rules": [
            {
                "name": "expiry",
                "when": {"Contract.Status": "Active"},
                "before": {"date": "Contract.End", "days": [30]},
                "send": {
                    "event": "contract_expiry",
                    "canvas": CANVAS,
                    "consent": {"email": "opted_in", "group": GROUP},
                    "properties": {"workspace": "${workspace.id}", "ends": "${Contract.End}"},
                },
            },
            {
                "name": "completed",
                "when": {"Contract.Status": "Completed"},
                "send": {"event": "contract_completed", "properties": {"workspace": "${workspace.id}"}},
            },
        ],
    },
    category="Contract",
    furnish=_furnish,
    make=_make,
    acts=(in_ecm(_end), in_ecm(_complete)),
    wait=timedelta(hours=30),
    truth=Truth(stir=_stir, stands=_stands, values=_values),
)
