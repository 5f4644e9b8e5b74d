"""What the consent record is read from, in whole rounds: own writes that were lost, lists, looks, screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import AddressList, Profile, keys
from tests.stories.onboarding import STORY as ONBOARDING
from tests.stories.story import Story
from tests.twins.braze import TwinBraze
from tests.twins.house import House, settings
from tests.twins.wire import Fault, Trouble

STATUS, SHORTLY = "Consent.Email Status", timedelta(minutes=20)
SECTION: Mapping[str, Any] = {
    "enabled": True,
    "workspace_types": ["Customer"],
    "customer": "Customer.Customer Number",
    "everybody_within": "20m",
    "channels": [{"name": "email", "watch": "email", "purpose": "Marketing by e-mail", "status": STATUS}],
}
Make = Callable[..., House]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(
        *people: str,
        section: Mapping[str, Any] = SECTION,
        flows: Mapping[str, Any] | None = None,
        story: Story | None = None,
    ) -> House:
        house = House(tmp_path, settings({"consent": section, **(flows or {})}))
        house.braze.groups.add(GROUP)
        house.ecm.add_category("Customer", ["Customer Number"])
        house.ecm.add_category("Consent", ["Email Status", "News Status"])
        house.ecm.add_type("Customer", ["Customer", "Consent"])
        house.ecm.add_category("Loan", ["Number"])
        house.ecm.add_type("Loan", ["Loan", "Consent"])
        if story:
            story.furnish(house.ecm)
            story.people(house, *people)
        for person in people:
            if not story:
                house.braze.add(person, email=f"{person}@example.com")
            house.ecm.create("Customer", {"Customer.Customer Number": person})
            if story:
                story.make(house.ecm, person)
        for _ in range(3 + len(people) // 50):  # the workspaces, the people, and nothing more
            house.clock.advance(SHORTLY)
            assert set(house.start().codes) == {0}
        return house

    return made


def _next(house: House) -> tuple[int, ...]:
    house.clock.advance(SHORTLY)
    return house.start().codes


def _choose(house: House, state: str, person: str = "C-1") -> None:
    house.braze.people[person].email_subscribe = state


def _status(house: House) -> list[object]:
    return [space.values.get(STATUS) for space in house.ecm.spaces.values()]


@pytest.mark.parametrize("trouble", [one for one in Trouble if one.unknown])
def test_a_state_whose_answer_was_lost_is_never_taken_for_an_edit_of_staff(make: Make, trouble: Trouble) -> None:
    house = make("C-1")
    _choose(house, "opted_in")
    assert _next(house) == (0,)
    _choose(house, "unsubscribed")
    house.wire.faults.append(Fault(call="ecm values", trouble=trouble))
    assert _next(house) == (5,)
    assert _status(house) == ["Withdrawn" if trouble.processed else "Opted in"]

    _choose(house, "opted_in")
    ends = [_next(house) for _ in range(3)]

    assert (ends, _status(house), house.quarantined()) == ([(0,)] * 3, ["Opted in"], set())
    assert [entry for entry in house.braze.book if entry.kind == "withdrawal"] == []
    assert "refused" not in {fate.state for fate in house.fates()}


def test_nor_is_one_whose_run_died_before_its_answer_was_kept(make: Make) -> None:
    house = make("C-1")
    _choose(house, "unsubscribed")
    house.clock.advance(SHORTLY)
    crossings = house.copy(_folder(house)).start().crossings
    assert house.start(die_at=crossings.index("ecm values:after") + 1).killed
    assert _status(house) == ["Withdrawn"]

    _choose(house, "opted_in")
    ends = [_next(house) for _ in range(3)]

    assert (ends, _status(house), house.quarantined()) == ([(0,)] * 3, ["Opted in"], set())


def test_what_staff_type_is_still_an_edit_although_an_answer_was_lost(make: Make) -> None:
    house = make("C-1")
    _choose(house, "opted_in")
    house.wire.faults.append(Fault(call="ecm values", trouble=Trouble.LOST_AFTER))
    assert _next(house) == (5,)
    (number,) = house.ecm.spaces
    house.ecm.edit(number, {STATUS: "by hand"})

    _choose(house, "subscribed")
    for _ in range(3):
        _next(house)

    assert _status(house) == ["by hand"]
    assert [fate.why for fate in house.fates() if fate.state == "refused"]


@pytest.fixture
def crowd(make: Make) -> House:
    """A house of so many that the rotation, at 50 a run, comes to each of them in every third run."""
    return make(*(f"C-{number:03}" for number in range(120)), section={**SECTION, "braze_requests": 1})


def _leave(house: House, person: str, address: str = "") -> None:
    """Let somebody unsubscribe by the link in an e-mail."""
    _choose(house, "unsubscribed", person)
    entry = address or f"{person}@example.com"
    house.braze.lists[AddressList.UNSUBSCRIBES][entry] = house.clock.now().replace(microsecond=0)


def _withdrawn(house: House) -> set[str]:
    found = [space for space in house.ecm.spaces.values() if space.values.get(STATUS) == "Withdrawn"]
    return {str(space.values["Customer.Customer Number"]) for space in found}


def test_who_unsubscribed_is_recorded_in_the_round_in_which_the_list_shows_it(crowd: House) -> None:
    people = ["C-003", "C-057", "C-118"]
    for person in people:
        _leave(crowd, person, f"{person.upper()}@Example.COM")

    assert _next(crowd) == (0,)

    assert _withdrawn(crowd) == set(people)


def test_without_the_list_they_are_seen_in_their_turn_and_the_report_says_why(crowd: House) -> None:
    for number in range(120):
        _leave(crowd, f"C-{number:03}")
    crowd.wire.faults.append(Fault(call="braze unsubscribes", trouble=Trouble.KEY_REFUSED, times=9))

    crowd.clock.advance(SHORTLY)
    report = crowd.start().report

    assert (report.exit_code, len(_withdrawn(crowd))) == (0, 50)
    assert any(note.startswith("the list of unsubscribes was not read, its people are seen") for note in report.notes)


def test_more_than_a_run_may_look_at_are_looked_at_in_the_next_ones_and_none_twice(crowd: House) -> None:
    for number in range(120):
        _leave(crowd, f"C-{number:03}")

    seen = []
    for _ in range(3):
        assert _next(crowd) == (0,)
        seen.append(len(_withdrawn(crowd)))

    assert seen == [50, 100, 120]


def test_a_list_whose_people_could_not_be_looked_at_does_not_count_as_read(make: Make) -> None:
    house = make("C-1", flows={"onboarding": ONBOARDING.section}, story=ONBOARDING)
    with closing(Ledger.open(house.state)) as ledger:
        before = ledger.mirror.looked(AddressList.UNSUBSCRIBES, keys.PEOPLE)
    house.wire.faults.append(Fault(call="braze profiles", trouble=Trouble.FAILED))

    assert sorted(_next(house)) == [0, 5]

    with closing(Ledger.open(house.state)) as ledger:
        assert ledger.mirror.looked(AddressList.UNSUBSCRIBES, keys.PEOPLE) == before


def test_an_entry_that_was_seen_costs_no_look_in_later_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make(*(f"C-{number}" for number in range(100)), section={**SECTION, "everybody_within": "30d"})
    asked: list[str] = []
    read = house.braze.profiles

    def profiles(recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        asked.append(recipients[0])
        return read(recipients)

    monkeypatch.setattr(house.braze, "profiles", profiles)
    house.clock.advance(SHORTLY)
    _leave(house, "C-77")
    for _ in range(4):
        house.start()
        house.clock.advance(SHORTLY)

    # Once more for a profile that lags behind the list; a request of the rotation's share leaves in any case.
    assert [person == "C-77" for person in asked] == [True, True, False, False]
    assert _withdrawn(house) == {"C-77"}


def test_an_address_that_belongs_to_nobody_is_nobodys(make: Make) -> None:
    house = make("C-1")
    house.braze.lists[AddressList.UNSUBSCRIBES]["stranger@example.com"] = house.clock.now()
    assert _next(house) == (0,)
    assert _withdrawn(house) == set()


def test_the_list_is_only_a_hint_the_state_comes_from_the_profile(make: Make) -> None:
    house = make("C-1", "C-2")
    _leave(house, "C-1")
    _choose(house, "opted_in", "C-1")  # and came back since
    assert _next(house) == (0,)
    assert _status(house) == ["Opted in", None]


def test_an_address_of_two_people_leads_to_both_also_under_another_mapping(make: Make) -> None:
    also = [{"workspace_types": ["Loan"], "customer": "Loan.Number"}]
    house = make("C-1", "C-2", section={**SECTION, "braze_requests": 1, "also": also})
    house.braze.add("L-9", email="C-1@example.com")
    house.ecm.create("Loan", {"Loan.Number": "L-9"})
    for _ in range(2):
        assert _next(house) == (0,)

    _leave(house, "C-1")
    _choose(house, "unsubscribed", "L-9")
    assert _next(house) == (0,)

    assert _status(house) == ["Withdrawn", None, "Withdrawn"]


GROUP = "g-news"
IN_GROUP: Mapping[str, Any] = {
    "name": "news",
    "watch": {"group": GROUP},
    "purpose": "Newsletter",
    "status": "Consent.News Status",
}


class Screens:
    """A house in which the rotation comes to everybody in every third run, and one of them is to get a message."""

    def __init__(self, make: Make, monkeypatch: pytest.MonkeyPatch, *channels: Mapping[str, Any]) -> None:
        section = {**SECTION, "braze_requests": 1, "channels": [*SECTION["channels"], *channels]}
        people = [f"C-{number:03}" for number in range(120)]
        self.house = make(*people, section=section, flows={"onboarding": ONBOARDING.section}, story=ONBOARDING)
        self.asked: list[str] = []
        read = type(self.house.braze).profiles

        def profiles(braze: TwinBraze, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
            self.asked += recipients
            return read(braze, recipients)

        monkeypatch.setattr(type(self.house.braze), "profiles", profiles)
        self.house.clock.advance(SHORTLY)
        self.house.copy(_folder(self.house)).start("consent")
        self.person = self.asked[0]  # the next run looks at them: they are not due again for two runs
        (number,) = (
            space.id
            for space in self.house.ecm.spaces.values()
            if space.values.get("Onboarding.Customer Number") == self.person
        )
        ONBOARDING.act(self.house, number)

    def send_while(self, happens: Callable[[], None]) -> None:
        """Start a round in which something happens between the rotation's look at the person and the screen."""
        tried = self.house.copy(_folder(self.house, "tried")).start().crossings
        last = max(n for n, name in enumerate(tried, 1) if name == "braze profiles:before")
        assert tried.count("braze profiles:before") > 1
        assert self.house.start(happen={last: happens}).codes == (0, 0)

    def status(self, name: str = STATUS) -> object:
        of_customer = (space for space in self.house.ecm.spaces.values() if space.type == "Customer")
        (found,) = (one for one in of_customer if one.values["Customer.Customer Number"] == self.person)
        return found.values.get(name)


def test_who_withdraws_between_stage_and_push_gets_no_message_and_is_recorded_in_that_round(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Screens(make, monkeypatch)

    world.send_while(lambda: _choose(world.house, "unsubscribed", world.person))

    assert not [entry for entry in world.house.braze.messages if entry.kind == "campaign"]
    assert (world.status(), len(world.house.ecm.papers)) == ("Withdrawn", 1)
    world.asked.clear()
    assert _next(world.house) == (0, 0)
    assert (world.status(), len(world.house.ecm.papers)) == ("Withdrawn", 1)
    assert world.person not in world.asked


def test_what_a_screen_read_of_another_choice_is_recorded_in_the_next_round(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Screens(make, monkeypatch)

    world.send_while(lambda: _choose(world.house, "subscribed", world.person))

    assert world.status() is None
    world.asked.clear()
    assert _next(world.house) == (0, 0)
    assert world.status() == "Not objected"
    assert world.person not in world.asked


def test_whom_a_screen_found_changed_is_looked_at_again_for_the_groups_it_did_not_read(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Screens(make, monkeypatch, IN_GROUP)

    def both() -> None:
        _choose(world.house, "unsubscribed", world.person)
        world.house.braze.people[world.person].groups[GROUP] = "subscribed"

    world.send_while(both)
    assert _next(world.house) == (0, 0)

    assert (world.status(), world.status("Consent.News Status")) == ("Withdrawn", "Not objected")


def test_whom_a_screen_read_without_all_groups_keeps_their_turn_in_the_rotation(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Screens(make, monkeypatch, IN_GROUP)
    world.send_while(lambda: world.house.braze.people[world.person].groups.update({GROUP: "unsubscribed"}))
    world.asked.clear()

    for _ in range(3):
        _next(world.house)

    assert world.person in world.asked
    assert world.status("Consent.News Status") == "Withdrawn"


def _folder(house: House, name: str = "copy") -> Path:
    path = house.folder.parent / name
    path.mkdir()
    return path
