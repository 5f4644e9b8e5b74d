"""However short the time of each run, what a run has read it need not read again, so that all is done by and by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from ecmbraze.errors import TimeBudgetUsed
from ecmbraze.model import AddressList, ContentKind, ContentRow, Profile, WorkspaceDetail
from tests.flows.test_assets import Office
from tests.flows.test_consent import SECTION
from tests.stories import onboarding
from tests.stories.story import SHORTLY
from tests.twins.braze_content import TwinContent
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
        house.clock.advance(60 * 60.0)
        raise _limited()

    house.seconds = 60 * 60.0
    with monkeypatch.context() as patched:
        patched.setattr(house.braze, "profiles", limited)
        assert house.start().codes == (TimeBudgetUsed.exit_code,) * 2
    assert len(details) == len(_PEOPLE)
    house.seconds = _SHORT_S

    house.start()

    assert house.braze.messages


def _limited() -> TimeBudgetUsed:
    return TimeBudgetUsed("Braze limits the rate.", undone="Nothing was read.", advice="")


def test_a_list_whose_rate_limit_opens_too_late_is_left_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def address_list(which: AddressList, since: datetime) -> Mapping[str, datetime]:
        raise _limited()

    monkeypatch.setattr(house.braze, "address_list", address_list)

    outcome = house.start()

    assert outcome.codes == (0, 0)
    assert {entry.recipient for entry in house.braze.messages} == set(_PEOPLE)
    assert "the list of" in " ".join(note for report in outcome.reports for note in report.notes)


def test_a_look_at_people_whose_rate_limit_opens_too_late_ends_its_own_flow_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = house.braze.profiles, list[str]()

    def profiles(recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        if not asked:
            asked.extend(recipients)
            raise _limited()
        return ask(recipients)

    monkeypatch.setattr(house.braze, "profiles", profiles)

    outcome = house.start()

    assert {report.flow: report.exit_code for report in outcome.reports} == {"consent": 8, "onboarding": 0}
    assert {entry.recipient for entry in house.braze.messages} == set(_PEOPLE)


def test_so_does_a_look_at_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(tmp_path, flows={"onboarding": onboarding.STORY.section})
    onboarding.STORY.furnish(office.ecm)
    onboarding.STORY.people(office.house, "C-1")
    number = onboarding.STORY.create(office.house, "C-1")
    office.round()
    onboarding.STORY.act(office.house, number)

    def content_rows(twin: TwinContent, kind: ContentKind, since: datetime | None) -> Sequence[ContentRow]:
        raise _limited()

    monkeypatch.setattr(TwinContent, "content_rows", content_rows)

    outcome = office.round()

    assert {report.flow: report.exit_code for report in outcome.reports} == {"assets": 8, "onboarding": 0}
    assert office.house.braze.messages
