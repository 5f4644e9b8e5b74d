"""What is noted of one rule of one customer: how far its follow-ups have come, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ecmbraze.model import Json


class Step(StrEnum):
    """How far the follow-ups of an episode have come."""

    OPEN = "open"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What is noted of one rule of one customer; without a step no follow-up is open."""

    number: int = 0
    """How many there were, with this one; stands in the business keys."""
    step: Step | None = None
    place: str = ""
    """The workspace on which the follow-ups stand."""
    on: date | None = None
    """The day on which the first of them was planned."""
    type: str = ""
    """The reminder type; empty for tasks."""
    task_list: str = ""
    """The list of the tasks; empty for reminders."""
    asked: str = ""
    """A digest of what the rule asked of whom when it was planned; see ``SuccessRule.asked``."""
    left: str = ""
    """The workspace it was on until that belonged to somebody else, while the cause has not gone since."""
    behind: tuple[Episode, ...] = ()
    """Earlier ones whose workspace went, with their follow-ups: completed should it come back."""

    @classmethod
    def of(cls, noted: Json) -> Episode:
        """Return the episode that was noted."""
        raw = noted if isinstance(noted, Mapping) else {}
        return cls(
            number=int(str(raw.get("n", 0))),
            step=Step(str(raw["step"])) if raw.get("step") else None,
            place=str(raw.get("place", "")),
            on=date.fromisoformat(str(raw["on"])) if raw.get("on") else None,
            type=str(raw.get("type", "")),
            task_list=str(raw.get("list", "")),
            asked=str(raw.get("asked", "")),
            left=str(raw.get("left", "")),
            behind=tuple(cls.of(one) for one in _several(raw.get("behind"))),
        )

    def as_json(self) -> Json:
        """Return it as it is noted; of one that is over its number alone."""
        noted: dict[str, Json] = {"n": self.number, **({"left": self.left} if self.left else {})}
        if self.step is not None:
            on = self.on.isoformat() if self.on else None
            noted |= {"step": self.step, "place": self.place, "on": on, "asked": self.asked, **self.stands}
        return {**noted, "behind": [one.as_json() for one in self.behind]} if self.behind else noted

    @property
    def over(self) -> Episode:
        """What is left of it when no follow-up of it is open."""
        return Episode(number=self.number, left=self.left, behind=self.behind)

    @property
    def stands(self) -> dict[str, Json]:
        """Whether they are reminders of a type, or tasks of a list."""
        return {"list": self.task_list} if self.task_list else {"type": self.type}

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of which a follow-up was made."""
        if self.step is None:
            return ()
        return (Step.OPEN,) if self.step is Step.OPEN else (Step.OPEN, Step.ESCALATED)


def _several(raw: Json) -> Sequence[Json]:
    return raw if isinstance(raw, list | tuple) else ()
