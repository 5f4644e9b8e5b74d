"""What the consent record is read from, in whole rounds: own writes that were lost, lists, looks, screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

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
        for person in people:
            house.braze.add(person, email=f"{person}@example.com")
            house.ecm.create("Customer", {"Customer.Customer Number": person})
        for _ in range(3):  # the workspaces, the people, and nothing more
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


def _folder(house: House) -> Path:
    path = house.folder.parent / "copy"
    path.mkdir()
    return path
