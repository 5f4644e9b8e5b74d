"""What the consent record is read from, in whole rounds: own writes that were lost, lists, looks, screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.model import AddressList, Profile
from tests.twins.house import House, settings
from tests.twins.wire import Fault, Trouble

STATUS, SHORTLY = "Consent.Email Status", timedelta(minutes=20)
SECTION: Mapping[str, Any] = {
    "enabled": True, "workspace_types": ["Customer"], "customer": "Customer.Customer Number", "everybody_within": "20m",
    "channels": [{"name": "email", "watch": "email", "purpose": "Marketing by e-mail", "status": STATUS}],
}  # fmt: skip
Make = Callable[..., House]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(*people: str, section: Mapping[str, Any] = SECTION, **more: Any) -> House:
        house = House(tmp_path, settings({"consent": section}, **more))
        house.ecm.add_category("Customer", ["Customer Number"])
        house.ecm.add_category("Consent", ["Email Status"])
        house.ecm.add_type("Customer", ["Customer", "Consent"])
        house.ecm.add_category("Loan", ["Number"])
        house.ecm.add_type("Loan", ["Loan", "Consent"])
        for person in people:
            house.braze.add(person, email=f"{person}@example.com")
            house.ecm.create("Customer", {"Customer.Customer Number": person})
        for _ in range(3 + len(people) // 50):  # the workspaces, the people, and nothing more
            house.clock.advance(SHORTLY)
            assert house.start().codes == (0,)
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


def _folder(house: House) -> Path:
    path = house.folder.parent / "copy"
    path.mkdir()
    return path
