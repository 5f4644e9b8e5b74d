"""Feedback in short: a case is closed and its customer asked; they answer, think again, and change their answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from random import Random

from ecmbraze.model import Json, Kind
from tests.stories.story import Occasion, Story, Truth, in_ecm
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute
from tests.twins.house import House

CAMPAIGN, STATUS, FOLDER = "how-was-it", "Ticket.Status", "Answers"
LONG = "Nobody called me back for days. " * 20


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Ticket", ["Customer Number", "Also", "Status"])
    at, asked = (Attribute(name=name, type_name="Date") for name in ("At", "Asked"))
    ecm.add_category("Feedback", [Attribute(name="Score", type_name="Integer"), "Comment", at, asked, "Survey"])
    ecm.add_type("Ticket", ["Ticket", "Feedback"])


def _make(ecm: TwinEcm, person: str) -> int:
    values = {"Ticket.Customer Number": person, STATUS: "Open"}
    return ecm.create("Ticket", values, name=f"Ticket {person}")


def _close(ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {STATUS: "Closed"})


def answer(house: House, person: str, score: int, comment: str) -> None:
    """Let a person fill in the survey they got last, as its web form writes it to their profile."""
    got = [one for one in house.braze.messages if one.kind == Kind.CAMPAIGN and one.recipient == person]
    token = got[-1].properties.get("token") if got else None
    house.braze.people[person].attributes |= {
        "survey_score": score,
        "survey_comment": comment,
        "survey_token": token,
        "survey_at": house.clock.now().isoformat(),
    }


def _answers(house: House, number: int) -> None:
    answer(house, house.ecm.spaces[number].name.removeprefix("Ticket "), 9, "Kind and quick")


def _thinks_again(house: House, number: int) -> None:
    answer(house, house.ecm.spaces[number].name.removeprefix("Ticket "), 2, LONG)


def _stir(rng: Random, ecm: TwinEcm, number: int) -> None:
    ecm.edit(number, {STATUS: rng.choice(("Open", "Closed", "Closed", "Waiting"))})


def _stands(ecm: TwinEcm, number: int, _now: datetime) -> Iterator[tuple[Occasion, bool]]:
    if ecm.spaces[number].values.get(STATUS) == "Closed":
        yield Occasion(told=((CAMPAIGN, "opted_in"),), says=(("ticket", number),), again=True, asks=True), True


def _values(ecm: TwinEcm, numbers: Sequence[int]) -> Mapping[str, Json]:
    return {}


STORY = Story(
    section={
        "workspace_types": ["Ticket"],
        "customer": "Ticket.Customer Number",
        "rules": [
            {
                "name": "survey",
                "when": {STATUS: "Closed"},
                "repeat": True,
                "delay": "10m",
                "hours": {"from": "00:00", "to": "23:59"},
                "send": {
                    "campaign": CAMPAIGN,
                    "consent": {"email": "opted_in"},
                    "properties": {"ticket": "${workspace.id}", "token": "${feedback.token}"},
                },
                "answer": {
                    "score": "survey_score",
                    "comment": "survey_comment",
                    "at": "survey_at",
                    "workspace": "survey_token",
                },
                "write": {
                    "Feedback.Score": "score",
                    "Feedback.Comment": "comment",
                    "Feedback.At": "at",
                    "Feedback.Asked": "asked",
                    "Feedback.Survey": "survey",
                },
                "comment_document": "always",
                "folder": FOLDER,
            },
        ],
    },
    category="Ticket",
    furnish=_furnish,
    make=_make,
    acts=(in_ecm(_close), _answers, _thinks_again),
    killed=(0, 1),
    truth=Truth(stir=_stir, stands=_stands, values=_values),
)
