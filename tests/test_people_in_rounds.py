"""People in Braze as records: whom workspaces name is looked at in turns, and nothing is news before all were."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.twins.house import House, settings

STATUS = "Consent.Email Status"
_ONE_REQUEST = 50  # people per export


def _house(folder: Path, people: int) -> House:
    """Return an installation of the flow consent that looks at 50 people a run; each has a workspace of their own."""
    channel = {"name": "email", "watch": "email", "purpose": "Marketing", "status": STATUS}
    section = {
        "workspace_types": ["Customer"],
        "customer": "Customer.Number",
        "channels": [channel],
        "braze_requests": 1,
    }
    house = House(folder, settings({"consent": section}))
    house.ecm.add_category("Customer", ["Number"])
    house.ecm.add_category("Consent", ["Email Status"])
    house.ecm.add_type("Customer", ["Customer", "Consent"])
    for number in range(people):
        house.braze.add(f"C-{number:03}").email_subscribe = "subscribed"
        house.ecm.create("Customer", {"Customer.Number": f"C-{number:03}"})
    return house


def _run(house: House) -> int:
    """Start a round a quarter of an hour later; return how many writes it planned."""
    house.clock.advance(timedelta(minutes=15))
    return house.start().count("planned")


def test_before_everybody_was_read_nobody_is_news(tmp_path: Path) -> None:
    house = _house(tmp_path, _ONE_REQUEST + 10)

    assert [_run(house) for _ in range(5)] == [0, 0, 0, 0, 0]
    assert {space.values.get(STATUS) for space in house.ecm.spaces.values()} == {None}

    house.braze.people["C-007"].email_subscribe = "unsubscribed"
    assert sum(_run(house) for _ in range(3)) == 2


def test_whom_no_workspace_named_for_a_month_is_looked_at_in_the_round_that_names_them_again(tmp_path: Path) -> None:
    house = _house(tmp_path, 2)
    for _ in range(2):
        _run(house)
    house.ecm.delete(next(number for number, one in house.ecm.spaces.items() if "C-000" in one.values.values()))
    for _ in range(3):  # gone after two listings
        _run(house)
    house.clock.advance(timedelta(days=30))
    house.braze.people["C-000"].email_subscribe = "unsubscribed"
    _run(house)

    number = house.ecm.create("Customer", {"Customer.Number": "C-000"})
    _run(house)

    assert house.ecm.spaces[number].values[STATUS] == "Withdrawn"


def test_a_withdrawal_that_staff_record_reaches_braze_once(tmp_path: Path) -> None:
    house = _house(tmp_path, 2)
    for _ in range(2):
        _run(house)
    house.ecm.edit(next(iter(house.ecm.spaces)), {STATUS: "Withdrawn"})

    for _ in range(3):
        _run(house)

    withdrawn = [(entry.recipient, entry.name) for entry in house.braze.book if entry.kind == "withdrawal"]
    assert withdrawn == [("C-000", "email")]
    assert house.braze.people["C-000"].email_subscribe == "unsubscribed"
    assert house.braze.people["C-001"].email_subscribe == "subscribed"
