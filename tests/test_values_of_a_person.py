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
