"""One world of the flow consent: people with one to three workspaces of two types, and what may happen to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from ecmbraze.engine.scan.people import TOGETHER
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import AddressList, Fact, State
from tests.simulate.consent import away
from tests.simulate.consent.truth import DEFAULT, GRANT, WITHDRAWN, Lives, Turn
from tests.simulate.truth import People
from tests.stories import consent, onboarding
from tests.stories.story import GROUP
from tests.twins.ecm_world import Attribute
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

CLIENT, PROJECT = "Client", "Customer Onboarding"
CUSTOMER = {CLIENT: "Client.Customer Number", PROJECT: "Onboarding.Customer Number"}
FOLDER = "Consent History"
CATEGORY = "Choice"
BOUNCED = "Choice.Email Undeliverable"
STATUS = {"email": consent.EMAIL, f"group:{GROUP}": consent.NEWS}
NAMES = {"email": "email", f"group:{GROUP}": "news"}
WORDS = {
    "email": {GRANT: "Opted in", DEFAULT: "Not objected", WITHDRAWN: "Withdrawn", "unknown": "Unknown"},
    f"group:{GROUP}": {GRANT: "Opted in", DEFAULT: "Subscribed", WITHDRAWN: "Withdrawn", "unknown": "Unknown"},
}
_OVERDUE = timedelta(minutes=16)  # `everybody_within` of the story is 15m
_NEWS = f"group:{GROUP}"
SINCE, SOURCE = "Choice.Email Since", "Choice.Email Source"
_READS = (
    "ecm ",
    "ecm listing",
    "ecm workspace",
    "ecm content",
    "braze profiles",
    "braze groups",
    "braze unsubscribes",
    "braze hard bounces",
    "braze bounces",
)
_WRITES = ("braze withdraw", "braze withdraw", "ecm values", "ecm values", "ecm file", "ecm file", "braze campaign")


@dataclass(slots=True, kw_only=True)
class Place:
    """One workspace: whom it leads to since when, and what a person did to its record."""

    number: int
    person: str
    since: datetime
    baseline: bool
    edits: dict[str, tuple[Fact, Fact]] = field(default_factory=dict)
    """Attribute → (what stood there before, what a person wrote instead)."""
    edited: dict[str, datetime] = field(default_factory=dict)
    """Attribute → when they did last."""
    agreed: set[str] = field(default_factory=set)
    """Edited attributes that said what was on record when a round ended: they may count as ours since."""
    past: list[str] = field(default_factory=list)
    """Whom it led to before."""
    known: datetime
    """What staff did there before this was seen by a round that nothing stood in the way of."""
    lost: dict[str, Turn] = field(default_factory=dict)
    """Channel → the withdrawal that stands there unseen while it is out of sight."""
    open: bool = False
    """Whether a write to it was open when it went out of sight."""


class World:
    """Everything of one seed."""

    def __init__(self, house: House, people: tuple[str, ...]) -> None:
        self.house, self.people = house, people
        self.lives = Lives(house.braze, STATUS)
        self.places: dict[int, Place] = {}
        self.story: list[str] = []
        self.rounds = self.kills = self._moves = 0
        self.consents = People(house.braze)
        self._met = set(people)
        self.looked_at = set(people)
        """Whom the last round looked at: of those who came back after a short absence the look before counts."""
        self._began = house.clock.true()
        self.known = house.clock.true()
        """What staff did before this was seen by a round that nothing stood in the way of."""
        self.sights = away.Sights()
        self.late: set[int] = set()
        """Workspaces for which an older write waited when the last round began: the newest state comes one later."""
        self.typed: dict[tuple[int, str], Turn] = {}
        """(workspace, channel) → the withdrawal typed there that perhaps no round has taken in."""
        self.read: set[tuple[int, str]] = set()
        """Those of them that a round has read there before staff typed another one."""

    def note(self, text: str) -> None:
        self.story.append(f"{self.house.clock.true():%d %H:%M:%S} {text}")

    def open(self, kind: str, person: str, *, baseline: bool = False) -> int:
        ecm = self.house.ecm
        values = {CUSTOMER[kind]: person, **({"Onboarding.Stage": "Draft"} if kind == PROJECT else {})}
        number = ecm.create(kind, values, name=f"{kind} {person} {len(self.places)}")
        self.places[number] = Place(
            number=number, person=person, since=self.house.clock.true(), baseline=baseline, known=self.known
        )
        self.note(f"opened {number}, a {kind} of {person}")
        return number

    def readable(self, number: int) -> bool:
        space = self.house.ecm.spaces.get(number)
        return space is not None and not space.hidden

    # people at work

    def happen(self, rng: Random) -> None:
        """Let one thing happen."""
        doing: Callable[[Random], None] = rng.choices(
            (
                self._choose,
                self.withdraw,
                self.edit,
                self._take_back,
                self._open,
                self._stir,
                partial(away.vanish, self),
                partial(away.come_back, self),
                partial(away.work_there, self),
                self._move,
                self._bounce,
                self._hand_over,
            ),
            (10, 5, 2, 2, 1, 2, 3, 2, 2, 1, 1, 1),
        )[0]
        doing(rng)
        self.consents.look()

    def _choose(self, rng: Random) -> None:
        name = rng.choice(self.people)
        channel, state = rng.choice(("email", "email", GROUP)), rng.choice((GRANT, DEFAULT, WITHDRAWN, WITHDRAWN))
        if channel == GROUP and state == GRANT:
            state = DEFAULT
        person = self.house.braze.people[name]
        before, exported = person.email_subscribe, rng.random() < 0.5 or self.house.dates_all_choices
        theirs = self._sharing(name) if channel == "email" else [name]  # the state belongs to the address
        for one in theirs:
            self.house.braze.choose(one, **{channel: state})
            if channel == "email" and not exported:
                self.house.braze.people[one].chosen.clear()
        if channel == "email" and state == WITHDRAWN != before:
            self.house.braze.lists[AddressList.UNSUBSCRIBES][str(person.email)] = self.house.clock.true()
        self.lives.happened(theirs, channel if channel == "email" else f"group:{channel}")
        self.note(f"{name} chose {state} of {channel} {person.chosen}")

    def _sharing(self, name: str) -> list[str]:
        people = self.house.braze.people
        return [one for one in self.people if people[one].email == people[name].email]

    def _move(self, rng: Random) -> None:
        name = rng.choice(self.people)
        person = self.house.braze.people[name]
        self._moves += 1
        person.email, person.email_subscribe = f"{name.lower()}-{self._moves}@example.com", DEFAULT  # api/braze.md 5.2
        person.chosen.clear()
        self.lives.happened(chosen=False)
        self.note(f"{name} has another address")

    def _bounce(self, rng: Random) -> None:
        name = rng.choice(self.people)
        address, bounced = str(self.house.braze.people[name].email), self.house.braze.bounced
        if address in bounced:
            bounced.discard(address)
        else:
            bounced.add(address)
            self.house.braze.lists[AddressList.HARD_BOUNCES][address] = self.house.clock.true()
        self.note(f"{address} bounces or no longer does")

    def _hand_over(self, rng: Random) -> None:
        place = self._place(rng)
        if place is None or place.edits or self.typed_in(place):
            return
        place.past.append(place.person)
        others = [one for one in self.people if one != place.person]
        place.person, place.baseline = rng.choice(others), False
        kind = self.house.ecm.spaces[place.number].type
        self.house.ecm.edit(place.number, {CUSTOMER[kind]: place.person})
        self.may_seem_typed(place)
        self.note(f"{place.number} now leads to {place.person}, before to {place.past[-1]}")

    def typed_in(self, place: Place) -> list[str]:
        return [channel for number, channel in self.typed if number == place.number]

    def may_seem_typed(self, place: Place, *, open_before: bool = False) -> None:
        """Note that somebody edited a workspace in which the word of a withdrawal stands and a write of ours is open.

        Nothing stands beside the news that would show whether the write arrived: in doubt the withdrawal wins, and
        nobody knows whether it was one (docs/consent.md).
        """
        shown = self.house.ecm.spaces[place.number].values.get(STATUS[_NEWS])
        if shown == WORDS[_NEWS][WITHDRAWN] and (open_before or f"ws:{place.number}" in self.open_writes("category")):
            self.lives.may_type(place.person, _NEWS)

    def open_writes(self, *kinds: str) -> set[str]:
        """Return the workspaces to which writes of these kinds have not gone, or nobody knows whether they did."""
        left = ("ready", "waiting", "in flight", "in doubt")
        return {one.recipient for one in self.house.fates() if one.kind in kinds and one.state in left}

    def _place(self, rng: Random) -> Place | None:
        there = [place for place in self.places.values() if self.readable(place.number)]
        return rng.choice(there) if there else None

    def withdraw(self, rng: Random, there: Place | None = None) -> None:
        """Let staff type the word of a withdrawal, in a workspace out of our sight too."""
        channel = rng.choice(list(STATUS))
        if (place := there or self._place(rng)) is None:
            return
        attribute, word = STATUS[channel], WORDS[channel][WITHDRAWN]
        if self.house.ecm.spaces[place.number].values.get(attribute) == word:
            return
        if attribute in place.agreed:
            return
        before, _ = place.edits.pop(attribute, (None, None))
        self.house.ecm.edit(place.number, {attribute: word})
        self._types(place, channel, back=before == word)

    def _types(self, place: Place, channel: str, *, back: bool) -> None:
        """Note that staff typed the word of a withdrawal; ``back`` where it had stood there before their own edit.

        Then it is one all the same, but only a round that saw the edit can know.
        """
        attribute = STATUS[channel]
        if not self.readable(place.number):
            place.lost[channel] = Turn(
                at=self.house.clock.true(),
                state=WITHDRAWN,
                by_staff=True,
                perhaps=back and place.edited[attribute] >= place.known,
            )
            self.note(f"staff withdrew {place.person} from {channel} in {place.number}, out of sight")
            return
        if back and place.edited[attribute] >= place.known:
            self.lives.may_type(place.person, channel)
            self.note(f"{attribute} of {place.number} was put back to the word of a withdrawal")
            return
        if place.number in self.house.ecm.shown:
            self.read |= {(place.number, one) for one in self.typed_in(place)}
        self.typed[place.number, channel] = self.lives.types(place.person, channel)
        self.read.discard((place.number, channel))
        self.house.ecm.shown.discard(place.number)
        self.note(f"staff withdrew {place.person} from {channel} in {place.number}")

    def edit(self, rng: Random, there: Place | None = None) -> None:
        """Let somebody edit the record, in a workspace out of our sight too."""
        if (place := there or self._place(rng)) is None:
            return
        values = self.house.ecm.spaces[place.number].values
        channel, attribute = rng.choice((*STATUS.items(), ("", SOURCE)))
        value = rng.choice(("Opted in", "Subscribed", "By hand"))
        before = place.edits.get(attribute, (values.get(attribute), None))[0]
        typed = (place.number, channel) in self.typed or channel in place.lost
        if values.get(attribute) in (value, None) or typed or attribute in place.agreed:
            return
        if attribute in place.edits and value == before:
            self._put_back(place, attribute)
            return
        place.edits[attribute] = (before, value)
        place.edited[attribute] = self.house.clock.true()
        self.house.ecm.edit(place.number, {attribute: value})
        self.may_seem_typed(place)
        self.note(f"somebody edited {attribute} of {place.number} from {before} to {value}")

    def _take_back(self, rng: Random) -> None:
        edited = [one for one in self.places.values() if one.edits.keys() - one.agreed and self.readable(one.number)]
        if edited:
            place = rng.choice(edited)
            self._put_back(place, rng.choice([one for one in place.edits if one not in place.agreed]))

    def _put_back(self, place: Place, attribute: str) -> None:
        """Let somebody write what stood there before their edit: it is ours again."""
        before, _ = place.edits.pop(attribute)
        self.house.ecm.edit(place.number, {attribute: before})
        self.may_seem_typed(place)
        self.note(f"{attribute} of {place.number} was put back to {before}")
        for channel in [one for one in STATUS if STATUS[one] == attribute and before == WORDS[one][WITHDRAWN]]:
            self._types(place, channel, back=True)

    def _open(self, rng: Random) -> None:
        self.open(rng.choice(list(CUSTOMER)), rng.choice(self.people))

    def _stir(self, rng: Random) -> None:
        projects = [one for one in self.places if self.readable(one) and self.house.ecm.spaces[one].type == PROJECT]
        if projects:
            number = rng.choice(projects)
            done = {"Onboarding.Contract Status": "Approved", "Onboarding.Approved On": "2026-11-20"}
            self.house.ecm.edit(number, rng.choice((done, {"Onboarding.KYC Status": "Completed"})))
            self.may_seem_typed(self.places[number])
            self.note(f"stirred {number}")

    def _agree(self, *, calm: bool) -> None:
        """Take what says the same as the record for ours: nothing of a person's edit is lost where it goes on.

        Only where nothing else of the category was edited; after a calm round for certain, else perhaps.
        """
        for place in self.places.values():
            space = self.house.ecm.spaces.get(place.number)
            if not place.edits or space is None or space.hidden:
                continue
            for attribute in [one for one in place.agreed if space.values.get(one) != place.edits[one][1]]:
                place.agreed.discard(attribute)  # we wrote something newer: it was ours
                del place.edits[attribute]
            words = {
                attribute: {WORDS[channel].get(state, "") for state in self.lives.of[place.person, channel].passed()}
                for channel, attribute in STATUS.items()
            }
            said = {attribute: words.get(attribute, set()) for attribute in place.edits}
            if all(value in said[attribute] for attribute, (_, value) in place.edits.items()):
                certain = calm and not space.held and all(len(one) == 1 for one in said.values())
                place.agreed = set() if certain else {*place.edits}
                place.edits = {} if certain else place.edits

    # what goes wrong

    def trouble(self, rng: Random) -> None:
        """Let something stand in the way of the next round."""
        write = rng.random() < 0.7
        call, trouble = rng.choice(_WRITES if write else _READS), rng.choice(list(Trouble)) if write else Trouble.CUT
        skip, times = rng.choice((0, 0, 1, 3)), rng.randint(1, 3)
        fault = Fault(call=call, trouble=trouble, skip=skip, times=times)
        self.house.wire.faults.append(fault)
        self.note(f"{fault}")

    def mend(self, rng: Random, *, back: float) -> None:
        """Let everything be well again, but for what people decided; ``back`` is how likely what is gone comes back."""
        self.house.wire.faults.clear()
        for place in self.places.values():
            if not self.readable(place.number) and rng.random() < back:
                away.returns(self, place)
        for space in self.house.ecm.spaces.values():
            space.held = ""
        with closing(Ledger.open(self.house.state, read_only=False)) as ledger:
            now = self.house.clock.now()
            for record in sorted(self.house.quarantined()):
                ledger.plan_again(record, now)
            again = [Step(row=row, state=State.READY, why="operator: quarantine") for row in ledger.outbox.refused()]
            ledger.outbox.move(again, now)

    # rounds

    def _everybody_had_a_turn(self, began: datetime) -> bool:
        """Say whether a round looked at everybody: of more than one request holds only at those whose turn has come.

        To be asked of every round, also of one that was killed: it may have kept its looks.
        """
        before, self._began = self._began, began
        return len(self.people) <= TOGETHER or began - before > _OVERDUE

    def run(self, **more: Any) -> tuple[Outcome, bool]:
        """Run one round of all flows; return how it ended, and whether nothing stood in its way."""
        troubles, began = self.house.wire.troubled, self.house.clock.true()
        waiting = [one for one in self.house.fates() if one.kind == "category" and one.state in ("ready", "waiting")]
        self.late = {int(one.recipient.removeprefix("ws:")) for one in waiting}
        outcome = self.house.start(**more)
        self.rounds, self.kills = self.rounds + 1, self.kills + outcome.killed
        turned = self._everybody_had_a_turn(began)
        calm = turned and not outcome.killed and self.house.wire.troubled == troubles and 6 not in outcome.codes
        why = "".join(f"; {report.exit_reason}" for report in outcome.reports if report.exit_code)
        self.note(f"round {more or ''}: {'killed' if outcome.killed else outcome.codes}{why}")
        # Whom no workspace names any more nobody looks at.
        named = {place.person for place in self.places.values() if self.readable(place.number)}
        self.looked_at = self._met & named
        self.lives.round(self.looked_at, calm=calm, screened=bool(self.house.braze.messages))
        starts = 1
        for report in outcome.reports:
            if report.exit_code == 6 and not more:
                self.note(f"confirming {report.flow}")
                self.house.start(report.flow, confirm=report.plan_hash)
                calm, starts = False, starts + 1
        self.consents.look()
        places = {one.number: (one.person, self.readable(one.number)) for one in self.places.values()}
        self.sights.round(began, places, calm=calm, starts=starts)
        self._agree(calm=calm)
        if calm:
            self.typed.clear()
            self.read.clear()
            self.known = began
            for number in [one for one, (_, readable) in places.items() if readable]:
                self.places[number].known = began
            self._met = named
        return outcome, calm


def _sections(rng: Random) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the sections of the flows, and what else of the configuration is not as usual."""
    channels = [dict(one) for one in consent.STORY.section["channels"]]
    channels[0]["undeliverable"] = BOUNCED
    section = {
        **consent.STORY.section,
        "every": "1s",
        "channels": channels,
        "also": [{"workspace_types": [PROJECT], "customer": CUSTOMER[PROJECT]}],
    }
    guards = {
        "max_audience_share": 1.0,
        "max_changed_share": 1.0,
        "max_cleared_people": 1000,
        "max_cleared_share": 1.0,
    }
    flows = {"consent": section, "onboarding": {**onboarding.STORY.section, "every": "1s"}}
    return flows, {"guards": guards, "ecm": {"connections": rng.choice((1, 3))}}


Make = Callable[[Path, Mapping[str, Any], Mapping[str, Any]], House]
"""What makes an installation in a folder, of sections of flows and of what else is not as usual."""


def in_memory(folder: Path, flows: Mapping[str, Any], more: Mapping[str, Any]) -> House:
    return House(folder, settings(flows, **more))


def world_of(rng: Random, folder: Path, many: int, make: Make, *, couples: bool) -> World:
    """Return a world as its first round left it; ``couples`` says whether some share an address."""
    house, people = make(folder, *_sections(rng)), tuple(f"C-{number}" for number in range(1, many + 1))
    onboarding.STORY.furnish(house.ecm)
    consent.STORY.furnish(house.ecm)
    plain: list[Attribute | str] = [
        "Email Status",
        Attribute(name="Email Since", type_name="Date", with_time=copy(rng).random() < 0.5),  # and draw as ever
        "Email Source",
        "News Status",
    ]
    house.ecm.add_category("Choice", [*plain, "Email Undeliverable"])
    house.ecm.types[PROJECT] = (house.ecm.types[PROJECT][0], ("Onboarding", "Choice"))
    onboarding.STORY.people(house, *people)
    for person in people:
        house.braze.people[person].email_subscribe = rng.choice((GRANT, DEFAULT, DEFAULT, WITHDRAWN))
    for one, other in zip(people[::10], people[1::10], strict=False):  # a married couple
        if rng.random() < 0.5 and couples:
            theirs, hers = house.braze.people[one], house.braze.people[other]
            hers.email, hers.email_subscribe = theirs.email, theirs.email_subscribe
    world = World(house, people)
    for person in people:
        for _ in range(rng.randint(1, 3)):
            world.open(rng.choice((CLIENT, CLIENT, PROJECT)), person, baseline=True)
    for _ in range(2):
        house.clock.advance(1200)
        outcome = house.start()
        assert set(outcome.codes) == {0}, outcome.reports
    world.lives.baseline()
    return world
