"""Follow-ups: what a person in ECM is asked to do, and what of it stands there; asks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ecmbraze.model.vocabulary import Json

# What a description in ECM may hold with our mark (api/ecm.md 8.1: the form says 250).
LONGEST_TEXT = 250 - len(" [ecmbraze 0123456789ab]")


# What the answer to a completion says where somebody else had completed the follow-up before.
DONE_BY_OTHERS = "completed already"


class Team(StrEnum):
    """What an assignee is: a role of the workspace, one user by login name, or a group."""

    ROLE = "role"
    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignee:
    """Who gets a follow-up, by name; ids are resolved when it is made, since people come and go."""

    team: Team
    name: str

    def __str__(self) -> str:
        return f"{self.team} {self.name!r}"


class Priority(StrEnum):
    """How urgent a follow-up is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One follow-up to be made. ``mark`` stands in its description and is how it is found again."""

    mark: str
    type: str = ""
    """The reminder type by its name in ECM; empty for a task."""
    task_list: str = ""
    """The task list of the workspace below which it stands; empty for a reminder."""
    escalates: str = ""
    """The mark of the follow-up of which it says that it is late: made only while that one is open."""
    text: str
    due: date
    priority: Priority
    assign: Assignee
    otherwise: Assignee | None = None
    """Who gets it when nobody stands behind ``assign``."""

    @property
    def description(self) -> str:
        """Return the text with the mark, cut so that the mark is whole."""
        text = self.text if len(self.text) <= LONGEST_TEXT else self.text[: LONGEST_TEXT - 1] + "…"
        return f"{text} [{self.mark}]"

    @property
    def place(self) -> dict[str, Json]:
        """Return what says where it stands, as an action carries it that makes or completes it."""
        return {"list": self.task_list} if self.task_list else {"type": self.type}

    def payload(self) -> Json:
        """Return it as an action carries it; the mark follows from the action's key."""
        return {
            **self.place,
            "text": self.text,
            "due": self.due.isoformat(),
            "priority": self.priority,
            "assign": _told(self.assign),
            "otherwise": _told(self.otherwise),
            **({"escalates": self.escalates} if self.escalates else {}),
        }

    @classmethod
    def of(cls, payload: Json, key: str) -> FollowUp:
        """Return the follow-up that an action carries under its business key; raises ValueError for anything else."""
        body = payload if isinstance(payload, Mapping) else {}
        assign = _assignee(body.get("assign"))
        if assign is None:
            raise ValueError("a follow-up without an assignee")
        return cls(
            mark=mark_of(key),
            type=str(body.get("type", "")),
            task_list=str(body.get("list", "")),
            escalates=str(body.get("escalates", "")),
            text=str(body.get("text")),
            assign=assign,
            due=date.fromisoformat(str(body.get("due"))),
            priority=Priority(str(body.get("priority"))),
            otherwise=_assignee(body.get("otherwise")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpState:
    """One follow-up as ECM lists it."""

    id: int
    description: str
    completed: bool

    def bears(self, mark: str) -> bool:
        """Say whether it is the one that was made with a mark; people may have written around it."""
        return f"[{mark}]" in self.description


def mark_of(key: str) -> str:
    """Return the mark of a follow-up: names no person, and the same in every run."""
    return f"ecmbraze {hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _told(assignee: Assignee | None) -> Json:
    return None if assignee is None else {assignee.team: assignee.name}


def _assignee(raw: Json) -> Assignee | None:
    if not isinstance(raw, Mapping) or len(raw) != 1:
        return None
    ((team, name),) = raw.items()
    return Assignee(team=Team(team), name=str(name))
