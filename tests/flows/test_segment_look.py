"""Everybody of a segment looked at at once, over both twins: what that shows, and that half an export shows nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_consent import GROUP, NEWS, SECTION, STATUS
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

SEGMENT, PEOPLE, MINUTES = "seg", 60, timedelta(minutes=1)
Make = Callable[..., House]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(*, grouped: bool = False, **section: Any) -> House:
        channels = SECTION["channels"] if grouped else SECTION["channels"][:1]
        consent = {**SECTION, "channels": channels, "segment": SEGMENT, **section}
        house = House(tmp_path, settings({"consent": consent}))
        house.ecm.add_category("Customer", ["Number"])
        house.ecm.add_category("Consent", ["Email Status", "Email Since", "Source", "News Status"])
        house.ecm.add_type("Customer", ["Customer", "Consent"])
        house.braze.groups.add(GROUP)
        for number in range(PEOPLE):
            person = f"C-{number}"
            house.braze.add(person, email=f"{person}@x.org", email_subscribe="subscribed", groups={GROUP: "subscribed"})
            house.ecm.create("Customer", {"Customer.Number": person})
        house.braze.segments[SEGMENT] = [f"C-{number}" for number in range(PEOPLE)] + ["a stranger"]
        for _ in range(2):
            run(house)
        return house

    return made


def run(house: House, minutes: float = 20) -> Outcome:
    house.clock.advance(minutes * MINUTES)
    return house.start()


def calls(outcome: Outcome, name: str) -> int:
    return outcome.crossings.count(f"{name}:before")


def withdrawn(house: House) -> list[str]:
    return [
        str(one.values["Customer.Number"]) for one in house.ecm.spaces.values() if one.values.get(STATUS) == "Withdrawn"
    ]


def test_an_export_shows_everybody_at_once_and_no_turns_are_taken_until_the_next(make: Make) -> None:
    house = make()
    quiet = run(house)
    assert (quiet.codes, calls(quiet, "braze segment"), calls(quiet, "braze profiles")) == ((0,), 0, 0)
    for person in ("C-3", "C-59"):
        house.braze.people[person].email_subscribe = "unsubscribed"

    assert withdrawn(house) == []
    outcome = run(house, 60 * 24)

    assert (calls(outcome, "braze segment"), calls(outcome, "braze profiles")) == (1, 0)
    assert withdrawn(house) == ["C-3", "C-59"]
    assert run(house).count("planned") == 0


def test_who_is_not_in_the_segment_is_seen_in_turn_and_is_not_gone(make: Make) -> None:
    house = make()
    house.braze.segments[SEGMENT].remove("C-7")
    house.braze.people["C-7"].email_subscribe = "unsubscribed"

    outcome = run(house, 60 * 24)

    assert outcome.codes == (0,)
    assert withdrawn(house) == ["C-7"]
    assert calls(outcome, "braze profiles") == 1
    assert house.quarantined() == set()


@pytest.mark.parametrize("spoil", ["failed", "shrunk"])
def test_an_export_that_failed_or_shrank_is_no_look_and_says_so(make: Make, spoil: str) -> None:
    house = make()
    house.braze.people["C-1"].email_subscribe = "unsubscribed"
    if spoil == "failed":
        house.wire.faults.append(Fault(call="braze segment", trouble=Trouble.FAILED))
    else:
        house.braze.segments[SEGMENT] = house.braze.segments[SEGMENT][: PEOPLE // 2]

    outcome = run(house, 60 * 24)

    assert outcome.codes == (0,)
    assert [note for note in outcome.report.notes if note.startswith("nobody was looked at through the segment")]
    assert withdrawn(house) == ["C-1"]  # in turn: everybody was due
    assert calls(run(house), "braze segment") == 1


def test_where_groups_are_watched_who_changed_is_asked_for_them_and_the_others_keep_their_turn(make: Make) -> None:
    house = make(grouped=True)
    run(house, 60 * 12)
    house.braze.people["C-3"].email_subscribe = "unsubscribed"
    house.braze.people["C-3"].groups[GROUP] = "unsubscribed"
    with_export = run(house, 60 * 12)

    assert calls(with_export, "braze segment") == 1
    assert withdrawn(house) == ["C-3"]
    assert [one.values.get(NEWS) for one in house.ecm.spaces.values() if one.values.get(STATUS)] == ["Withdrawn"]


def test_a_segment_that_is_not_there_ends_the_flow_with_15(make: Make) -> None:
    house = make()
    del house.braze.segments[SEGMENT]

    assert run(house, 60 * 24).codes == (15,)


@pytest.mark.parametrize("apart", [1, PEOPLE])
def test_of_somebody_who_is_in_the_export_twice_the_profile_says_what_is_true(make: Make, apart: int) -> None:
    house = make()
    house.braze.people["C-3"].email_subscribe = "unsubscribed"
    older = replace(house.braze.people["C-3"], email_subscribe="subscribed")
    house.braze.people["older"], house.braze.segments[SEGMENT] = older, house.braze.segments[SEGMENT] + ["older"]
    if apart == 1:
        house.braze.segments[SEGMENT].sort(key=lambda name: name not in ("C-3", "older"))

    outcome = run(house, 60 * 24)

    assert withdrawn(house) == ["C-3"]
    assert calls(outcome, "braze profiles") == 1


def test_a_choice_made_while_the_export_was_awaited_lies_within_the_interval_of_its_entry(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, chosen = make(), list[datetime]()
    export = house.braze.segment

    def slow(*asked: Any) -> object:
        house.clock.advance(20 * MINUTES)
        chosen.append(house.clock.now())
        house.braze.people["C-3"].email_subscribe = "unsubscribed"
        house.clock.advance(20 * MINUTES)
        return export(*asked)

    monkeypatch.setattr(house.braze, "segment", slow)

    run(house, 60 * 24)

    (paper,) = house.ecm.papers.values()
    entry = json.loads(paper.versions[-1][2].decode().rpartition("--- json\n")[2])
    after, until = (datetime.fromisoformat(one) for one in entry["since"].values())
    assert after < chosen[0] <= until
