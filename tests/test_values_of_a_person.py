"""What a profile holds in the end is what the workspaces of its person say now, whatever went out with a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.model import Kind
from tests.stories import onboarding
from tests.twins.house import House, settings

STORY, STAGE = onboarding.STORY, "Onboarding.Stage"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One person with two workspaces, after the baseline."""
    house = House(tmp_path, settings({"onboarding": STORY.section}))
    STORY.furnish(house.ecm)
    STORY.people(house, "C-1")
    for _ in range(2):
        STORY.make(house.ecm, "C-1")
    house.clock.advance(1200)
    house.start()
    house.clock.advance(1200)
    return house


def test_a_message_that_left_late_does_not_put_old_values_back(house: House) -> None:
    campaign = house.braze.campaigns[Kind.CAMPAIGN, onboarding.CAMPAIGN]
    newest = max(house.ecm.spaces)
    campaign.state = "paused"
    STORY.act(house, newest)
    assert house.start().codes == (15,)
    house.ecm.edit(newest, {STAGE: "Signed"})
    house.clock.advance(1200)
    house.start()

    campaign.state = ""
    house.start()

    assert [entry.name for entry in house.braze.messages] == ["approved", onboarding.CAMPAIGN]
    assert house.braze.people["C-1"].attributes["ecm_stage"] == "Signed"


def test_two_workspaces_that_move_in_the_same_look_do_not_hide_each_others_change(house: House) -> None:
    for number in list(house.ecm.spaces):
        STORY.act(house, number)

    house.start()

    assert house.braze.people["C-1"].attributes["ecm_approved_on"] == "2026-11-20T00:00:00.000Z"
    assert house.braze.people["C-1"].attributes["ecm_stage"] == "Contract"


def _backfill(house: House) -> None:
    now = house.clock.now()
    house.start("onboarding", since=now.replace(month=1), until=now)
    house.clock.advance(1200)


def _names(house: House, number: int, person: str) -> None:
    house.ecm.edit(number, {STORY.customer: person})
    house.clock.advance(1200)


@pytest.mark.parametrize("then", [(), ("C-3",), ("C-3", "C-1")], ids=", ".join)
@pytest.mark.parametrize("gone", [True, False])
def test_what_a_backfill_wrote_goes_with_its_workspace(house: House, then: tuple[str, ...], gone: bool) -> None:
    """A backfill leaves the past of the flow as it is: whom it wrote to stands in no fact."""
    STORY.people(house, "C-2", "C-3")
    number = max(house.ecm.spaces)
    _names(house, number, "C-2")
    _backfill(house)
    assert house.braze.people["C-2"].attributes["ecm_stage"] == "Draft"

    for person in then:
        _names(house, number, person)
        _backfill(house)
    if gone:
        house.ecm.delete(number)
    for _ in range(3):
        house.start()
        house.clock.advance(1200)

    holds = {who for who in ("C-2", "C-3") if house.braze.people[who].attributes.get("ecm_stage")}
    assert holds == (set() if gone else {("C-2", *then)[-1]} - {"C-1"})


def test_whom_a_workspace_names_no_more_loses_its_values_although_something_happened_to_it_since(house: House) -> None:
    """What happened waits for a name, in quarantine; the values of whom it named before do not."""
    STORY.people(house, "C-2", "C-3")
    number = max(house.ecm.spaces)
    _names(house, number, "C-2")
    house.start()
    assert house.braze.people["C-2"].attributes["ecm_stage"] == "Draft"

    house.ecm.edit(number, {STORY.customer: None})
    STORY.act(house, number)
    codes, told = house.start().codes, len(house.braze.messages)

    assert (codes, house.quarantined()) == ((3,), {f"ws:{number}"})
    assert house.braze.people["C-2"].attributes.get("ecm_stage") is None
    assert told == 0
    house.clock.advance(1200)
    _names(house, number, "C-3")
    house.start()
    assert house.braze.people["C-3"].attributes["ecm_stage"] == "Contract"
    assert [entry.recipient for entry in house.braze.messages] == ["C-3", "C-3"]


def test_a_refused_value_is_not_kept_for_a_replay_once_the_record_says_again_what_braze_has(house: House) -> None:
    """Replayed, it would stand in the profile for good: the record does not change any more."""
    newest = max(house.ecm.spaces)
    for stage, why in (("Signed", ""), ("Revoked", "bad value"), ("Signed", "")):
        house.braze.refused = {"C-1": why} if why else {}
        house.ecm.edit(newest, {STAGE: stage})
        house.start()
        house.clock.advance(1200)

    refused = [fate for fate in house.fates() if fate.name == "ecm_stage" and fate.state == "refused"]
    assert (refused, house.braze.people["C-1"].attributes["ecm_stage"]) == ([], "Signed")
