"""What a flow gives to inherit its contract: a section, a world for it, and the edits that make it act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

from ecmbraze.flow import Flow
from ecmbraze.model import Json, Kind
from tests.twins.ecm import TwinEcm
from tests.twins.house import House, Outcome

GROUP = "g-news"
"""The subscription group that everybody is in."""
SHORTLY = timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a workspace stands at by the truth of ECM, of which its person is to be told."""

    told: tuple[tuple[str, str], ...]
    """(event, campaign or Canvas; the e-mail state it demands: none, subscribed, or opted_in with ``GROUP``)."""
    says: tuple[tuple[str, Json], ...]
    """What the messages say: their properties, by which they are told from those of another occasion."""
    again: bool = False
    """Whether it happens anew when the workspace leaves it and comes back; else once for ever."""
    end: str = ""
    """The event that tells of its end."""
    asks: bool = False
    """Whether it is a question, which may have to wait until an earlier one is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the simulator must know of a flow; none of it comes from the product."""

    stir: Callable[[Random, TwinEcm, int], None]
    """Does something at random to a workspace."""
    stands: Callable[[TwinEcm, int, datetime], Iterable[tuple[Occasion, bool]]]
    """What a workspace stands at now, and whether its messages must come: not where the flow may leave them out."""
    values: Callable[[TwinEcm, Sequence[int]], Mapping[str, Json]]
    """The attributes that the workspaces of one person give them together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A flow's own part of its contract.

    Each of ``acts``, on a workspace, its person or an asset, makes the flow write something in the next round; together
    they make it write everything that its section declares. Its campaigns and Canvases demand a consent, none a reason.
    """

    section: Mapping[str, Any]
    category: str
    """The category of its workspaces; it has the plain attributes ``Customer Number`` and ``Also``. Empty where what it
    plans is no workspaces."""
    furnish: Callable[[TwinEcm], None]
    """Defines the types and categories."""
    make: Callable[[TwinEcm, str], int]
    """Makes a workspace of a person at rest: nothing is to be written of it."""
    acts: tuple[Callable[[House, int], None], ...]
    killed: tuple[int, ...] = (0,)
    """The acts in whose rounds the program is killed wherever something changes."""
    wait: timedelta = SHORTLY
    """How long after an edit the next round comes; longer where time itself makes the flow act."""
    truth: Truth | None = None
    """Without it the flow lives in no simulated world."""

    @property
    def tells(self) -> bool:
        """Whether the flow messages people."""
        return bool(messages(self.section))

    @property
    def customer(self) -> str:
        return f"{self.category}.Customer Number"

    @property
    def also(self) -> str:
        """The attribute that another flow reads."""
        return f"{self.category}.Also"

    def create(self, house: House, person: str) -> int:
        """Make what the flow plans, at rest."""
        return self.make(house.ecm, person)

    def about(self, person: str, number: int) -> set[str]:
        """Return whom or what a write may be about that ``number`` led to: its person, and itself."""
        return {person, f"ws:{number}"}

    def begin(self, house: House) -> Iterator[Outcome]:
        """Yield the first rounds: of people in Braze nothing is known before workspaces name them."""
        for _ in range(2):
            yield house.start()
            house.clock.advance(SHORTLY)

    def act(self, house: House, number: int, step: int = 0) -> None:
        """Make one of the edits, and let time go by until the next round."""
        self.acts[step](house, number)
        house.clock.advance(self.wait)

    def people(self, house: House, *names: str) -> None:
        """Make people who get everything, and launch what the section sends."""
        house.braze.groups.add(GROUP)
        for name in names:
            email = f"{name.lower()}@example.com"
            house.braze.add(name, email=email, email_subscribe="opted_in", groups={GROUP: "subscribed"})
        for kind, message in messages(self.section):
            house.braze.launch(kind, message)


def in_ecm(edit: Callable[[TwinEcm, int], None]) -> Callable[[House, int], None]:
    """Return an edit in ECM as an act."""
    return lambda house, number: edit(house.ecm, number)


def messages(section: Any) -> list[tuple[Kind, str]]:
    """Return every campaign and Canvas that a section names anywhere."""
    if isinstance(section, Mapping):
        own = [(kind, section[kind]) for kind in (Kind.CAMPAIGN, Kind.CANVAS) if isinstance(section.get(kind), str)]
        return own + [found for value in section.values() for found in messages(value)]
    return [found for value in section for found in messages(value)] if isinstance(section, list) else []


def of_workspaces(flows: Iterable[Flow[Any]]) -> list[Flow[Any]]:
    """Return the flows that begin with a baseline of workspaces and write because of them."""
    return [flow for flow in flows if story_of(flow).category]


def story_of(flow: Flow[Any]) -> Story:
    """Return the story of a flow: of its tests, or where it is long in ``tests/stories/<flow>.py``."""
    apart = f"tests.stories.{flow.name}"
    found: Story = import_module(apart if find_spec(apart) else f"tests.flows.test_{flow.name}").STORY
    return found
