"""What a profile shows of an answer, and to which request it belongs: by token, or as the only one; never guessed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hmac import compare_digest

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Facts
from ecmbraze.planning import dates
from ecmbraze.planning.feedback.options import AnswerAttributes, fact
from ecmbraze.planning.feedback.requests import Request

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as the profile shows it."""

    score: str
    comment: str
    at: datetime | None
    """When it was given, where the survey says so."""
    token: str

    @property
    def digest(self) -> str:
        """What tells it from any other: kept in place of what the person wrote."""
        text = json.dumps([self.score, self.comment, self.at.isoformat() if self.at else "", self.token])
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def latest(self, seen: datetime) -> datetime:
        """Return when it was given at the latest: of one that bears a day and no time, at the end of that day.

        Braze shows a day as its midnight.
        """
        if self.at is None:
            return seen
        return min(self.at + _DAY, seen) if self.at.time() == time() else self.at

    @property
    def text(self) -> str:
        """Return it in words, for whoever has to decide where it belongs."""
        return f"score {self.score!r}" + (f", comment {self.comment!r}" if self.comment else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The request an answer belongs to; without one, ``why`` nobody can say."""

    request: Request | None
    why: str


def read(facts: Facts, names: AnswerAttributes) -> Answer | None:
    """Return the answer that a profile shows; ``None`` when there is none."""

    def text(name: str | None) -> str:
        value = facts.get(fact(name)) if name else None
        return "" if value is None else str(value)

    if not text(names.score):
        return None
    return Answer(
        score=text(names.score), comment=text(names.comment), at=_instant(text(names.at)), token=text(names.workspace)
    )


def _instant(text: str) -> datetime | None:
    try:
        return dates.instant(text or None, UTC)
    except RecordUnreadable:  # the survey wrote something else there: when it was first seen stands in
        return None


def match(
    answer: Answer,
    requests: Sequence[Request],
    done: Sequence[str],
    *,
    seen: datetime,
    first: bool,
    token: Callable[[str], str],
    span: Callable[[str], timedelta],
) -> Match:
    """Return the request that an answer belongs to.

    ``requests`` are those of the person whose answers stand in these attributes, ``done`` the keys of those answered.
    ``first`` says that no earlier look saw the profile without it: then only a token or a time dates it.
    """
    if answer.token:
        for one in requests:
            if compare_digest(token(one.key), answer.token):
                return Match(request=one, why="by its token")
        return Match(request=None, why="its token is that of no request to this person")
    asked = [one for one in requests if one.asked and one.at]
    if first and answer.at is None:
        return Match(request=None, why="it may be older than the request: nobody had looked before, and it has no time")
    moment = answer.at if answer.at and first else answer.latest(seen)
    alive = [one for one in asked if one.at and one.at <= moment <= one.at + span(one.rule)]
    found = [one for one in alive if one.key not in done] or [one for one in alive if one.key in done][-1:]
    if len(found) == 1:
        return Match(request=found[0], why="the only open request")
    many = f"{len(found)} requests are open" if found else "no request is open"
    return Match(request=None, why=f"it has no token, and {many}")
