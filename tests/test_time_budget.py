"""However short the time of each run, what a run has read it need not read again, so that all is done by and by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ecmbraze.errors import TimeBudgetUsed
from ecmbraze.model import Profile, WorkspaceDetail
from tests.flows.test_consent import SECTION
from tests.stories import onboarding
from tests.stories.story import SHORTLY
from tests.twins.house import House, settings

_BUDGET_S = 14 * 60.0
_SHORT_S = 3 * 60.0
"""Too little to read all of them again."""
_PEOPLE = [f"C-{number}" for number in range(1, 11)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Ten contracts are approved, and each run has a quarter of an hour."""
    consent = {**SECTION, "channels": SECTION["channels"][:1], "everybody_within": "15m"}
    made = House(tmp_path, settings({"onboarding": onboarding.STORY.section, "consent": consent}))
    made.ecm.add_category("Customer", ["Number"])
    made.ecm.add_category("Consent", ["Email Status", "Email Since", "Source", "News Status"])
    made.ecm.add_type("Customer", ["Customer", "Consent"])
    onboarding.STORY.furnish(made.ecm)
    onboarding.STORY.people(made, *_PEOPLE)
    numbers = [onboarding.STORY.create(made, person) for person in _PEOPLE]
    for person in _PEOPLE:
        made.ecm.create("Customer", {"Customer.Number": person})
    for _ in range(2):
        made.clock.advance(SHORTLY)
        assert made.start().codes == (0, 0)
    for number in numbers:
        onboarding.STORY.acts[0](made, number)
    made.clock.advance(SHORTLY)
    made.seconds = _BUDGET_S
    return made


@pytest.fixture
def details(house: House, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The workspaces that are read from now on, the first ten each within 100 seconds, then in 20."""
    read, found = house.ecm.workspace, list[int]()

    def workspace(workspace_id: int) -> WorkspaceDetail:
        house.clock.advance(100.0 if len(found) < len(_PEOPLE) else 20.0)
        found.append(workspace_id)
        return read(workspace_id)

    monkeypatch.setattr(house.ecm, "workspace", workspace)
    return found


def test_what_was_read_is_kept_where_no_time_is_left_to_plan_it(house: House, details: list[int]) -> None:
    assert house.start("onboarding").codes == (TimeBudgetUsed.exit_code,)
    assert len(details) == len(_PEOPLE)
    house.seconds = _SHORT_S

    house.start("onboarding")

    assert house.braze.messages


def test_what_was_read_is_kept_where_no_time_is_left_to_look_at_people(
    house: House, details: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        raise TimeBudgetUsed("Braze limits the rate.", undone="Nothing was read.", advice="")

    house.seconds = 60 * 60.0
    with monkeypatch.context() as patched:
        patched.setattr(house.braze, "profiles", limited)
        assert house.start().codes == (TimeBudgetUsed.exit_code,) * 2
    assert len(details) == len(_PEOPLE)
    house.seconds = _SHORT_S

    house.start()

    assert house.braze.messages
