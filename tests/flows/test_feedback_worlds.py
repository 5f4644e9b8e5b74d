"""Seeded lives of feedback over both twins, with faults and kills, held against what people did: no answer is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Kind
from tests.rehearsal import SOAK
from tests.stories import feedback
from tests.stories.feedback import CAMPAIGN, STATUS
from tests.twins.house import House, settings
from tests.twins.wire import Fault, Trouble

_PEOPLE = ("C-1", "C-2", "C-3")
_COOLDOWN, _WITHIN = timedelta(days=2), timedelta(days=4)
_TROUBLES = (Trouble.LOST_BEFORE, Trouble.LOST_AFTER, Trouble.FAILED, Trouble.CUT, Trouble.NOT_SENT, Trouble.LIMITED)
_CALLS = ("braze campaign", "braze profiles", "ecm values", "ecm file", "ecm", "braze")
_ROUNDS, _WORLDS = 30, range(200) if SOAK else range(2)


@dataclass
class Given:
    """One answer that a person gave, and the token it came with."""

    person: str
    token: str
    score: int
    comment: str
    foreign: bool


@dataclass
class World:
    """One life; what people did is noted here and not in the product."""

    house: House
    rng: Random
    tickets: dict[int, str] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Who answered since a round came to its end undisturbed: what is overwritten before that nobody can know."""
    reopened: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, seed: int) -> World:
        section = deepcopy(dict(feedback.STORY.section))
        section["rules"][0] |= {"delay": "1h", "answer_within": "4d"}
        house = House(folder, settings({"feedback": {**section, "cooldown": "2d"}}))
        feedback.STORY.furnish(house.ecm)
        feedback.STORY.people(house, *_PEOPLE)
        world = cls(house, Random(seed))
        world.tickets = {feedback.STORY.make(house.ecm, who): who for who in (*_PEOPLE, "C-1", "C-2")}
        for _ in range(2):
            world.round()
        return world

    def asked(self) -> list[tuple[str, int, str, datetime]]:
        """Return (person, ticket, token, when) of every request that Braze took."""
        return [
            (one.recipient, int(str(one.properties["ticket"])), str(one.properties["token"]), one.at)
            for one in self.house.braze.messages
            if (one.kind, one.name) == (Kind.CAMPAIGN, CAMPAIGN)
        ]

    def step(self) -> None:
        """Let something happen, and a round after it, perhaps disturbed."""
        for number in self.rng.sample(sorted(self.tickets), 2):
            self.house.ecm.edit(number, {STATUS: self.rng.choice(("Closed", "Closed", "Open"))})
        self._answers()
        disturbed = self.rng.random() < 0.5
        if disturbed:
            fault = Fault(call=self.rng.choice(_CALLS), trouble=self.rng.choice(_TROUBLES), skip=self.rng.randrange(3))
            self.house.wire.faults = [fault]
        self.round(die_at=self.rng.randrange(1, 90) if self.rng.random() < 0.3 else None)

    def _answers(self) -> None:
        person = self.rng.choice(_PEOPLE)
        now, mine = self.house.clock.now(), [one for one in self.asked() if one[0] == person]
        if person in self.unread or not mine or now > mine[-1][3] + _WITHIN - timedelta(days=1):
            return
        foreign = [token for who, _, token, _ in self.asked() if who != person]
        wrong = bool(foreign) and self.rng.random() < 0.15
        token = self.rng.choice(foreign) if wrong else mine[-1][2]
        score = len(self.given) + 1
        self.given.append(Given(person, token, score, f"remark {score}", wrong))
        self.unread.add(person)
        self.house.braze.people[person].attributes |= {
            "survey_score": score,
            "survey_comment": f"remark {score}",
            "survey_token": token,
            "survey_at": now.isoformat(),
        }

    def round(self, die_at: int | None = None) -> None:
        self.house.clock.advance(timedelta(minutes=self.rng.choice((20, 60, 300, 900))))
        before, troubled = len(self.asked()), self.house.wire.troubled
        outcome = self.house.start(die_at=die_at)
        for _, number, _, _ in self.asked()[before:]:
            if self.house.ecm.spaces[number].values[STATUS] != "Closed":
                self.reopened.append(f"ticket {number} was open when its person was asked")
        if not outcome.killed and self.house.wire.troubled == troubled:
            self.unread.clear()
        self.house.wire.faults.clear()

    def settle(self) -> None:
        """Let the faults be over, and everything that is still to come do so."""
        for hours in (1, 7, 1, 1):
            self.house.clock.advance(timedelta(hours=hours))
            self.house.start()

    def wrong(self) -> Iterator[str]:
        """Yield what is not as it must be."""
        yield from self.reopened
        yield from self._wrong_requests()
        yield from self._wrong_answers()
        with closing(Ledger.open(self.house.state, read_only=True)) as ledger:
            aside = {row[1]: row[4] for row in ledger.quarantined("feedback")}
        for person in _PEOPLE:
            last = next((one for one in reversed(self.given) if one.person == person), None)
            if last and last.foreign != (f"person:{person}" in aside):
                yield f"{person} gave {last}, and in quarantine is {aside}"
        left = [fate for fate in self.house.fates() if fate.state in ("in flight", "in doubt", "refused")]
        yield from (f"left open: {fate}" for fate in left)

    def _wrong_requests(self) -> Iterator[str]:
        tokens = Counter(token for _, _, token, _ in self.asked())
        yield from (f"asked twice: {token}" for token, n in tokens.items() if n > 1)
        for person in _PEOPLE:
            times = [at for who, _, _, at in self.asked() if who == person]
            for first, second in pairwise(times):
                if second - first < _COOLDOWN - timedelta(minutes=5):
                    yield f"{person} was asked at {first} and at {second}"

    def _wrong_answers(self) -> Iterator[str]:
        ticket_of = {token: number for _, number, token, _ in self.asked()}
        order = {token: place for place, (_, _, token, _) in enumerate(self.asked())}
        own = [one for one in self.given if not one.foreign]
        filed = [
            json.loads(paper.versions[-1][2].decode().rpartition("--- json\n")[2]) | {"ticket": paper.parent}
            for paper in self.house.ecm.papers.values()
        ]
        found = Counter((one["ticket"], one["comment"]) for one in filed)
        due = Counter((ticket_of[one.token], one.comment) for one in own)
        if found != due:
            yield f"documents: {found - due} too many, {due - found} missing"
        for number in self.tickets:
            mine = [one for one in own if ticket_of[one.token] == number]
            last = max(mine, key=lambda one: (order[one.token], one.score), default=None)
            stands = self.house.ecm.spaces[number].values.get("Feedback.Score")
            if stands != (last.score if last else None):
                yield f"ticket {number} says {stands}, its person said {last}"


@pytest.mark.soak
@pytest.mark.parametrize("seed", _WORLDS)
def test_every_answer_is_in_one_place_and_nobody_is_asked_too_often(tmp_path: Path, seed: int) -> None:
    world = World.make(tmp_path, seed)
    for _ in range(_ROUNDS):
        world.step()
    world.settle()

    assert list(world.wrong()) == []
    assert world.asked()
    assert world.given
