"""What people were asked and answered in a world with `feedback`, and what flows.md owes them; asks no product.

Whoever is asked has one open request, then a cool-down. What they answer stands once on the workspace that their token
names, and in a document of it; what belongs nowhere stands in quarantine.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple

from tests.simulate.truth import EARLY, Workspaces
from tests.stories.feedback import CAMPAIGN, FOLDER, STATUS
from tests.twins.house import Fate, House

FLOW = "feedback"
_OUTSTANDING = ("held", "in doubt", "in flight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How soon and how often people are asked: what the section of the flow says."""

    delay: timedelta
    cooldown: timedelta
    within: timedelta


class Request(NamedTuple):
    """One request that Braze took."""

    person: str
    ticket: int
    token: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Given:
    """One answer that a person gave, and the token it came with."""

    person: str
    token: str
    score: int
    at: datetime
    foreign: bool
    seen: bool = False
    """Whether a whole round looked at it: what was overwritten before that nobody can know."""

    @property
    def comment(self) -> str:
        return f"remark {self.score}"


class Surveys:
    """The questions and answers of one world; of one without the flow there are none."""

    def __init__(self, house: House, spaces: Workspaces, pace: Pace | None) -> None:
        self._house, self._spaces, self._pace = house, spaces, pace
        self.given: list[Given] = []
        self._closed: dict[int, datetime] = {}
        """Ticket → when it was closed, for the first time since a whole round saw it open."""
        self.vanished: set[int] = set()
        """Tickets that were out of sight at some time: what is answered about them may stand in quarantine."""
        self.looks: list[datetime] = []
        """When the whole rounds of the flow began."""

    def asked(self) -> list[Request]:
        """Return every request that Braze took, the oldest first."""
        return [
            Request(one.recipient, int(str(one.properties["ticket"])), str(one.properties["token"]), one.at)
            for one in self._house.braze.messages
            if one.name == CAMPAIGN
        ]

    def look(self) -> None:
        """Take in what was closed or went out of sight since the last look of the simulator."""
        for number in self._tickets():
            if not self._spaces.readable(number) and not self._poisoned(number):
                self.vanished.add(number)
            elif self._house.ecm.spaces[number].values.get(STATUS) == "Closed":
                self._closed.setdefault(number, self._house.clock.true())

    def saw(self, began: datetime) -> None:
        """Take in a whole round of the flow."""
        self.looks.append(began)
        for number in self._tickets():
            space = self._house.ecm.spaces.get(number)
            if space and space.values.get(STATUS) != "Closed":
                self._closed.pop(number, None)
        for person in {one.person for one in self.given}:
            [one for one in self.given if one.person == person][-1].seen = True

    def answer(self, rng: Random) -> str:
        """Let somebody who was asked fill in the survey; return what they did."""
        pace, now, asked = self._pace, self._house.clock.true(), self.asked()
        people = sorted({one.person for one in asked})
        if pace is None or not people:
            return "nobody was asked yet"
        person = rng.choice(people)
        mine = [one for one in asked if one.person == person and now < one.at + pace.within - 10 * EARLY]
        unread = any(not one.seen for one in self.given if one.person == person)
        if not mine or (unread and rng.random() < 0.8):
            return f"{person} does not answer"
        foreign = [one.token for one in asked if one.person != person]
        wrong = bool(foreign) and rng.random() < 0.1
        token = rng.choice(foreign) if wrong else (mine[-1] if rng.random() < 0.85 else rng.choice(mine)).token
        one = Given(person=person, token=token, score=len(self.given) + 1, at=now, foreign=wrong)
        self.given.append(one)
        self._house.braze.people[person].attributes |= {
            "survey_score": one.score,
            "survey_comment": one.comment,
            "survey_token": token,
            "survey_at": now.isoformat(),
        }
        return f"{person} answers {one.score}, {'with a foreign token' if wrong else f'of {self._ticket_of(token)}'}"

    def never(self, since: datetime) -> Iterator[str]:
        """Yield what is wrong with the requests that came since then: too soon, or too many at a time."""
        asked, pace = self.asked(), self._pace
        if pace is None:
            return
        yield from (f"{token} came {n} times" for token, n in Counter(one.token for one in asked).items() if n > 1)
        for one in asked:
            # Of an edit that moved no date the delay counts from the look before it.
            closed = self._closed.get(one.ticket) if one.ticket not in self._spaces.silent else None
            if one.at >= since and closed and one.at < closed + pace.delay - EARLY:
                yield f"{one} came so soon after {closed}"
        for person in {one.person for one in asked}:
            for first, second in pairwise(one for one in asked if one.person == person):
                if second.at >= since and second.at < self._until(first, second.at, pace) - EARLY:
                    yield f"{second} came although {first} was open, or the cool-down not over"

    def owes(self, person: str, number: int, fates: Iterable[Fate]) -> bool:
        """Say whether a person must have been asked about a ticket by the last whole round but one.

        Its delay was over, and nothing that went, or may have gone, kept the request back.
        """
        closed, pace = self._closed.get(number), self._pace
        if pace is None or closed is None or len(self.looks) < 2:
            return False
        if any(one.recipient == person and one.name == CAMPAIGN and one.state in _OUTSTANDING for one in fates):
            return False
        last = self.looks[-2]
        others = [one for one in self.asked() if one.person == person]
        until = [self._until(one, last, pace, seen=True) + EARLY for one in others]
        return last > closed + pace.delay + EARLY and all(last > one for one in until)

    def quiet(self, exempt: set[str]) -> Iterator[str]:
        """Yield what is wrong with the answers when nothing is open any more."""
        own = [one for one in self.given if not one.foreign]
        found = Counter(self._filed())
        may = Counter((self._ticket_of(one.token), one.comment) for one in own)
        for key, times in (found - may).items():
            yield f"the answer {key} stands {times} times more than it was given"
        for one in own:
            ticket = self._ticket_of(one.token)
            if one.seen and ticket not in self.vanished and not found[ticket, one.comment]:
                yield f"no document of {one} about {ticket}, which was seen"
        for number in set(self._tickets()) - self.vanished:
            mine = [one for one in own if one.seen and self._ticket_of(one.token) == number]
            latest = max((one.at for one in mine), default=None)
            # Of two people who answer in the same moment either is the last.
            last: set[int | None] = {one.score for one in mine if one.at == latest}
            unseen = {one.score for one in own if not one.seen and self._ticket_of(one.token) == number}
            stands = self._house.ecm.spaces[number].values.get("Feedback.Score")
            if stands not in unseen | (last or {None}):
                yield f"the score of {number} is {stands}, should be one of {last}"
        yield from self._aside(exempt)

    def _aside(self, exempt: set[str]) -> Iterator[str]:
        """Yield the people whose last answer belongs nowhere and is in no quarantine, or the other way round."""
        aside = self._house.quarantined()
        for person in {one.person for one in self.given} - exempt:
            last = [one for one in self.given if one.person == person][-1]
            gone = not last.foreign and self._ticket_of(last.token) in self.vanished
            if not gone and last.foreign != (f"person:{person}" in aside):
                yield f"{person} gave {last}, in quarantine are {sorted(aside)}"

    def _until(self, request: Request, at: datetime, pace: Pace, *, seen: bool = False) -> datetime:
        """Return how long a request kept others back: its cool-down, and the time for an answer while there is none.

        ``seen`` takes none that may have been overwritten before anybody looked.
        """
        answers = [one for one in self.given if one.token == request.token and one.person == request.person]
        done = any(one.at <= at and (one.seen or not seen) for one in answers)
        return request.at + (pace.cooldown if done else max(pace.cooldown, pace.within))

    def _filed(self) -> Iterator[tuple[int, str]]:
        """Yield (ticket, comment) of every document that an answer became."""
        for paper in self._house.ecm.papers.values():
            if paper.folder == FOLDER:
                assert len(paper.versions) == 1, f"{paper.name} has {len(paper.versions)} versions"
                found = json.loads(paper.versions[0][2].decode().rpartition("--- json\n")[2])
                yield paper.parent, str(found["comment"])

    def _ticket_of(self, token: str) -> int:
        return next((one.ticket for one in self.asked() if one.token == token), 0)

    def _tickets(self) -> list[int]:
        return [number for number, flow in self._spaces.flow_of.items() if flow == FLOW]

    def _poisoned(self, number: int) -> bool:
        space = self._house.ecm.spaces.get(number)
        return space is not None and not space.hidden and bool(space.unreadable)
