"""The world of one seed: several flows, a few people and their workspaces, what is true of them, and its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Json
from tests.simulate.surveys import FLOW as FEEDBACK
from tests.simulate.surveys import Pace, Surveys
from tests.simulate.truth import People, Workspaces
from tests.stories.story import Story, Truth
from tests.twins.braze import Entry
from tests.twins.house import House, Outcome

PEOPLE = ("A-1", "B-2", "C-3", "D-4")
STRANGER = "Z-9"
"""Somebody whom Braze comes to know only later."""
# The switch is read before each wave of requests (README.md): what is in flight by then arrives.
_IN_FLIGHT = timedelta(seconds=15)
_NAMES = ("event", "campaign", "canvas")


class World:
    """Everything of one seed; ``several`` are the flows whose workspaces may name several people."""

    def __init__(self, house: House, stories: dict[str, Story], several: frozenset[str], pace: Pace | None) -> None:
        self.house, self.stories, self.several = house, stories, several
        self.spaces, self.people = Workspaces(house.ecm, stories, several), People(house.braze)
        self.surveys = Surveys(house, self.spaces, pace)
        self.flow_of = {name: flow for flow, story in stories.items() for name in _named(story.section)}
        """Event, campaign or Canvas → the flow that sends it."""
        self.exempt: set[str] = set()
        """People of whom Braze refuses everything: nothing is owed to them."""
        self.doubts: set[tuple[str, str]] = set()
        """(recipient, name) of writes whose outcome our side cannot know."""
        self.at_baseline: dict[str, dict[str, Json]] = {}
        self.stops: list[tuple[str, datetime, datetime | None]] = []
        """(flow, or * for all; since when nothing of it may come, until when) of every pause."""
        self.story: list[str] = []
        """What happened, for whoever looks at a failure."""
        self.rounds = self.kills = 0
        self.running = False

    def truth(self, flow: str) -> Truth:
        """Return what the simulator knows of a flow."""
        truth = self.stories[flow].truth
        assert truth
        return truth

    def expected(self, person: str) -> dict[str, Json]:
        """Return the attributes that the workspaces of a person say now."""
        found: dict[str, Json] = {}
        for flow in self.stories:
            mine = [n for n, of in self.spaces.flow_of.items() if of == flow and self.spaces.readable(n)]
            theirs = [number for number in mine if person in self.spaces.people(number)]
            found |= self.truth(flow).values(self.house.ecm, theirs)
        return found

    def look(self) -> None:
        """Take in what people did and what time has changed."""
        self.spaces.look_at_all()
        self.people.look()
        self.surveys.look()

    def note(self, text: str) -> None:
        self.story.append(f"{self.house.clock.true():%d %H:%M:%S} {text}")

    # operators

    def pause(self, flow: str) -> None:
        """Stop the sending of one flow, or of every one with ``*``, as an operator does."""
        with closing(Ledger.open(self.house.state)) as ledger:
            ledger.waiting.pause(flow, self.house.clock.now(), "someone", "a look")
        now = self.house.clock.true()
        self.stops.append((flow, now + _IN_FLIGHT if self.running else now, None))
        self.note(f"paused {flow}")

    def resume(self, *flows: str) -> None:
        """Let them send again."""
        now = self.house.clock.true()
        self.stops = [(of, since, now if of in flows and until is None else until) for of, since, until in self.stops]
        with closing(Ledger.open(self.house.state)) as ledger:
            for flow in flows:
                ledger.waiting.resume(flow, self.house.clock.now())
        self.note(f"resumed {', '.join(flows)}")

    def stopped(self, entry: Entry) -> str:
        """Return why a message must not have come when it did; empty where nobody had paused its flow."""
        for flow, since, until in self.stops:
            if flow in ("*", self.flow_of[entry.name]) and since < entry.at and (until is None or entry.at < until):
                return f"{flow} was paused from {since} to {until}"
        return ""

    # runs

    def run(self, flows: Iterable[str] = (), **more: Any) -> Outcome:
        """Start one round; if a guard stops a flow, a person looks and confirms it."""
        names = list(flows) or list(self.stories)
        troubles, books = self.house.wire.troubled, self.books()
        still = any(flow == "*" and until is None for flow, _, until in self.stops)
        self.running, began = True, self.house.clock.true()
        outcome = self.house.start(*names, **more)
        self.running = False
        self.rounds, self.kills = self.rounds + 1, self.kills + outcome.killed
        self.note(f"run {names} {more or ''}: {'killed' if outcome.killed else outcome.codes}")
        if still and any(flow == "*" and until is None for flow, _, until in self.stops):
            assert self.books() == books, "something was written although every flow was paused"
        if outcome.killed:
            self.doubts |= {(f.recipient, f.name) for f in self.house.fates() if f.state == "in flight"}
        self.doubts |= set(self.house.braze.doubts)
        calm = not outcome.killed and self.house.wire.troubled == troubles and not more
        for report in outcome.reports:
            if calm and report.exit_code in (0, 3, 4):
                if report.flow == FEEDBACK:
                    self.surveys.saw(began)
                self.spaces.saw(
                    n for n, flow in self.spaces.flow_of.items() if flow == report.flow and self.spaces.readable(n)
                )
            if report.exit_code == 6 and not more.get("dry_run"):
                self.note(f"confirming {report.flow}")
                self.house.start(report.flow, confirm=report.plan_hash)
        return outcome

    def books(self) -> tuple[int, int]:
        """Return how much both systems have taken of us so far."""
        return len(self.house.braze.book), len(self.house.ecm.book)


def _named(section: object) -> Iterator[str]:
    """Yield every event, campaign and Canvas that a section names anywhere."""
    if isinstance(section, Mapping):
        yield from (section[name] for name in _NAMES if isinstance(section.get(name), str))
    parts = section.values() if isinstance(section, Mapping) else section if isinstance(section, list) else ()
    for part in parts:
        yield from _named(part)
