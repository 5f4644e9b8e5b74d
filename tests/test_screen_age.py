"""However slow both systems answer, what a message rests on was read at most a minute before it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import pytest

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, Document, DocumentRow, Profile, TrackBatch, TriggerBatch, WorkspaceDetail
from ecmbraze.model.claims import FoundClaim
from tests.stories import approvals, onboarding
from tests.stories.story import SHORTLY
from tests.twins.claims import FOLDER
from tests.twins.house import House, settings

_MINUTE_S = 60.0
_PEOPLE = [f"C-{number}" for number in range(1, 41)]


@dataclass(slots=True, kw_only=True)
class Slow:
    """Both systems of a house, each as slow as a test says; notes what each message rests on when it leaves."""

    house: House
    detail_s: float = 0.0
    profiles_s: Iterator[float] = field(default_factory=lambda: repeat(0.0))
    person_s: float = 0.0
    """What each person costs whose profile is asked for; as where each takes a request of its own."""
    claim_s: float = 0.0
    looks: list[int] = field(default_factory=list)
    """Of how many people each look of the round asked."""
    people: dict[str, float] = field(default_factory=dict)
    """Person → when their consent was read last."""
    records: dict[str, float] = field(default_factory=dict)
    """Person → when their workspace was read last."""
    ages: list[float] = field(default_factory=list)
    """Of each message that left, the age of the older of both, in seconds."""

    def workspace(self, read: Callable[[int], WorkspaceDetail]) -> Callable[[int], WorkspaceDetail]:
        def slow(number: int) -> WorkspaceDetail:
            self.house.clock.advance(self.detail_s)
            found = read(number)
            self.records[str(found.facts["Onboarding.Customer Number"])] = self.house.clock.monotonic()
            return found

        return slow

    def profiles(
        self, read: Callable[[Sequence[str]], Mapping[str, Sequence[Profile]]]
    ) -> Callable[[Sequence[str]], Mapping[str, Sequence[Profile]]]:
        def slow(people: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
            found = read(people)
            self.looks.append(len(people))
            self.people |= dict.fromkeys(people, self.house.clock.monotonic())
            self.house.clock.advance(next(self.profiles_s) + len(people) * self.person_s)
            return found

        return slow

    def read_claim(self, read: Callable[[int], FoundClaim]) -> Callable[[int], FoundClaim]:
        def slow(node_id: int) -> FoundClaim:
            self.house.clock.advance(self.claim_s)
            return read(node_id)

        return slow

    def track(self, send: Callable[[TrackBatch], Answer]) -> Callable[[TrackBatch], Answer]:
        def noted(batch: TrackBatch) -> Answer:
            self._leaves(person for person, _ in batch.events)
            return send(batch)

        return noted

    def trigger(self, send: Callable[[TriggerBatch], Answer]) -> Callable[[TriggerBatch], Answer]:
        def noted(batch: TriggerBatch) -> Answer:
            self._leaves(one.recipient for one in batch.recipients)
            return send(batch)

        return noted

    def _leaves(self, people: Iterator[str]) -> None:
        now = self.house.clock.monotonic()
        self.ages += [now - min(self.people[person], self.records[person]) for person in people]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Forty contracts are approved, and the next round is to tell their customers."""
    section = {"onboarding": onboarding.STORY.section}
    house = House(tmp_path, settings(section, fence={"folder": FOLDER}, braze={"trigger_batch": 50}))
    onboarding.STORY.furnish(house.ecm)
    onboarding.STORY.people(house, *_PEOPLE)
    numbers = [onboarding.STORY.create(house, person) for person in _PEOPLE]
    house.clock.advance(SHORTLY)
    assert house.start().codes == (0,)
    for number in numbers:
        onboarding.STORY.acts[0](house, number)
    house.clock.advance(SHORTLY)
    made = Slow(house=house)
    for system, names in (
        (house.ecm, ("workspace",)),
        (house.ecm.claims, ("read_claim",)),
        (house.braze, ("profiles", "track", "trigger")),
    ):
        for name in names:
            monkeypatch.setattr(system, name, getattr(made, name)(getattr(system, name)))
    return made


@pytest.mark.parametrize("detail_s", [0.5, 3.0, 7.0, 20.0, 45.0])
def test_slow_details_make_no_consent_older(slow: Slow, detail_s: float) -> None:
    slow.detail_s = detail_s

    assert slow.house.start().codes == (0,)

    assert len(slow.ages) == 2 * len(_PEOPLE)
    assert max(slow.ages) <= _MINUTE_S


def test_people_are_asked_about_no_oftener_than_their_records_can_be_read(slow: Slow) -> None:
    slow.detail_s = 7.0

    assert slow.house.start().codes == (0,)

    assert sum(slow.looks) <= 8 * len(_PEOPLE)  # of two messages each; all of them in each look were 14 times as many


@pytest.mark.parametrize("waits", [(50.0,), (70.0, 50.0), (5.0, 200.0)])
def test_a_rate_limit_within_the_looks_makes_no_consent_older(slow: Slow, waits: tuple[float, ...]) -> None:
    slow.profiles_s = chain(waits, repeat(1.0))

    assert slow.house.start().codes == (0,)

    assert len(slow.ages) == 2 * len(_PEOPLE)
    assert max(slow.ages) <= _MINUTE_S


def test_where_many_people_cannot_be_asked_for_in_time_fewer_are(slow: Slow) -> None:
    slow.person_s = 2.0

    assert slow.house.start().codes == (0,)

    assert len(slow.ages) == 2 * len(_PEOPLE)
    assert max(slow.ages) <= _MINUTE_S
    assert sum(slow.looks) <= 6 * len(_PEOPLE)


@pytest.mark.parametrize("per_minute", [30, 5, 2])
def test_where_others_use_up_the_rate_limit_of_braze_all_leaves_by_and_by(
    slow: Slow, monkeypatch: pytest.MonkeyPatch, per_minute: int
) -> None:
    clock, read, left, ends = slow.house.clock, slow.house.braze.profiles, 0, 0.0

    def limited(people: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        nonlocal left, ends
        for _ in people:  # as where each is keyed by an address
            if clock.monotonic() >= ends or not left:
                clock.advance(max(0.0, ends - clock.monotonic()))
                left, ends = per_minute, clock.monotonic() + _MINUTE_S
            left -= 1
        return read(people)

    monkeypatch.setattr(slow.house.braze, "profiles", limited)

    assert slow.house.start().codes == (0,)

    assert len(slow.ages) == 2 * len(_PEOPLE)
    assert max(slow.ages) <= _MINUTE_S


def test_attributes_alone_wait_for_nobody(slow: Slow) -> None:
    section = deepcopy(dict(onboarding.STORY.section))
    section["milestones"][0]["when"] = {"Onboarding.Contract Status": "Never"}
    slow.house.config = settings({"onboarding": section}, fence={"folder": FOLDER})
    slow.person_s = 10.0  # none of this is too late for what needs no consent

    assert slow.house.start().codes == (0,)

    assert slow.looks == [len(_PEOPLE)]
    assert sum(entry.kind == "attribute" for entry in slow.house.braze.book) >= len(_PEOPLE)


def test_where_braze_never_tells_of_people_in_time_nothing_leaves(slow: Slow) -> None:
    slow.profiles_s = repeat(90.0)

    outcome = slow.house.start()

    assert outcome.codes == (TemporaryError.exit_code,)
    assert slow.ages == []
    slow.profiles_s = repeat(0.0)
    assert slow.house.start().codes == (0,)
    assert len(slow.ages) == 2 * len(_PEOPLE)


def test_a_claim_that_moves_slowly_makes_no_consent_older(slow: Slow) -> None:
    slow.claim_s = 65.0

    outcome = slow.house.start()

    assert outcome.codes == (TemporaryError.exit_code,)
    assert slow.ages == []
    slow.claim_s = 0.0
    assert slow.house.start().codes == (0,)
    assert len(slow.ages) == 2 * len(_PEOPLE)
    assert max(slow.ages) <= _MINUTE_S


def test_whom_a_related_workspace_names_is_read_again_although_its_record_was_read_a_moment_ago(
    slow: Slow, tmp_path: Path
) -> None:
    section = {**onboarding.STORY.section, "customer": {"related": "Customer", "attribute": "Customer.Number"}}
    (tmp_path / "related").mkdir()
    house = House(tmp_path / "related", settings({"onboarding": section}, fence={"folder": FOLDER}))
    onboarding.STORY.furnish(house.ecm)
    house.ecm.add_category("Customer", ["Number"])
    house.ecm.add_type("Customer", ["Customer"])
    onboarding.STORY.people(house, "C-1", "C-2")
    customer = house.ecm.create("Customer", {"Customer.Number": "C-1"})
    numbers = [onboarding.STORY.create(house, "X") for _ in range(20)]
    for number in numbers:
        house.ecm.relate(number, customer)
    house.clock.advance(SHORTLY)
    assert house.start().codes == (0,)
    onboarding.STORY.acts[0](house, numbers[-1])
    for number in numbers[:-1]:
        house.ecm.edit(number, {"Onboarding.Stage": "Contract"})
    house.clock.advance(SHORTLY)
    reads = list[int]()

    def corrected(workspace_id: int) -> WorkspaceDetail:
        house.clock.advance(4.0)
        found = read(workspace_id)
        reads.append(workspace_id)
        if workspace_id == numbers[-1] and reads.count(customer) == 1:  # the last of the scan
            house.ecm.edit(customer, {"Customer.Number": "C-2"})
        return found

    read, house.ecm.workspace = house.ecm.workspace, corrected  # type: ignore[method-assign]  # as slow as it is

    outcome = house.start()

    assert outcome.codes == (0,)
    assert {line.state for line in outcome.report.actions if line.is_message} == {"superseded"}
    assert not [entry for entry in house.braze.book if entry.kind in ("event", "campaign")]


def test_a_message_that_creates_its_profile_is_held_against_its_record_too(slow: Slow, tmp_path: Path) -> None:
    (approved, _) = deepcopy(onboarding.STORY.section["milestones"])
    approved["send"]["consent"] = {"transactional": "they signed"}
    section = {**onboarding.STORY.section, "create_profiles": True, "milestones": [approved]}
    (tmp_path / "unknown").mkdir()
    house = House(tmp_path / "unknown", settings({"onboarding": section}))
    onboarding.STORY.furnish(house.ecm)
    onboarding.STORY.people(house)
    numbers = [onboarding.STORY.create(house, f"N-{n}") for n in range(2)]
    house.clock.advance(SHORTLY)
    assert house.start().codes == (0,)
    for number in numbers:
        onboarding.STORY.acts[0](house, number)
    house.clock.advance(SHORTLY)

    def put_back(batch: TrackBatch) -> Answer:
        house.clock.advance(_MINUTE_S)
        house.ecm.edit(numbers[0], {"Onboarding.Contract Status": "Draft"})
        answer = track(batch)
        house.braze.people.clear()  # the export of Braze does not show them yet
        return answer

    track, house.braze.track = house.braze.track, put_back  # type: ignore[method-assign]  # somebody edits meanwhile

    outcome = house.start()

    states = {line.customer: line.state for line in outcome.report.actions if line.kind == "campaign"}
    assert states == {"N-0": "superseded", "N-1": "sent"}


def test_what_expires_while_the_run_goes_on_does_not_leave(slow: Slow) -> None:
    section = deepcopy(dict(onboarding.STORY.section))
    section["milestones"][0]["send"]["expires"] = "4m"
    slow.house.config = settings({"onboarding": section}, fence={"folder": FOLDER}, braze={"trigger_batch": 50})
    slow.detail_s = 5.0

    outcome = slow.house.start()

    states = Counter(line.state for line in outcome.report.actions if line.is_message)
    assert set(states) == {"sent", "expired"}
    assert outcome.codes == (RecordUnreadable.exit_code,)
    expired = [line for line in outcome.report.actions if line.state == "expired"]
    assert {line.why for line in expired} == {
        "expired unsent: the run went on for so long that its time was over before its turn came"
    }
    assert len(slow.ages) == states["sent"]
    assert slow.house.start().count("sent") == 0


def test_what_expires_counts_from_when_it_could_be_planned_not_from_when_a_long_scan_began(slow: Slow) -> None:
    section = deepcopy(dict(onboarding.STORY.section))
    for milestone in section["milestones"]:
        milestone["send"]["expires"] = "1h"
    slow.house.config = settings({"onboarding": section}, fence={"folder": FOLDER})
    read, slow_s = slow.house.ecm.workspace, chain([0.75 * 3600] * 2, repeat(0.0))

    def late(workspace_id: int) -> WorkspaceDetail:
        slow.house.clock.advance(next(slow_s))
        return read(workspace_id)

    slow.house.ecm.workspace = late  # type: ignore[method-assign]  # as slow as it is

    assert slow.house.start().codes == (0,)
    assert len(slow.ages) == 2 * len(_PEOPLE)


@pytest.mark.parametrize("slow_s", [50.0, 55.0, 59.0])
@pytest.mark.parametrize("claim_s", [2.0, 8.0])
def test_a_record_that_is_read_for_nearly_a_minute_keeps_no_other_message_back(
    slow: Slow, slow_s: float, claim_s: float
) -> None:
    read, seen = slow.house.ecm.workspace, list[str]()

    def one_slow(workspace_id: int) -> WorkspaceDetail:
        found = read(workspace_id)
        person = str(found.facts["Onboarding.Customer Number"])
        seen.append(person)
        if person == _PEOPLE[0] and seen.count(person) > 1:  # the first of all, whenever a screen reads it
            slow.house.clock.advance(slow_s)
        return found

    slow.house.ecm.workspace = one_slow  # type: ignore[method-assign]  # as slow as it is
    slow.detail_s, slow.claim_s = 2.0, claim_s

    outcome = slow.house.start()

    others = {line.customer for line in outcome.report.actions if line.is_message and line.state == "sent"}
    assert others >= set(_PEOPLE[1:])
    assert max(slow.ages) <= _MINUTE_S


@pytest.mark.parametrize("edited", [False, True])
def test_a_workspace_of_very_many_documents_is_told_of_unless_it_changed_while_they_were_read(
    slow: Slow, tmp_path: Path, edited: bool
) -> None:
    (tmp_path / "many").mkdir()
    house = House(tmp_path / "many", settings({"approvals": approvals.STORY.section}))
    approvals.STORY.furnish(house.ecm)
    approvals.STORY.people(house, "C-1")
    number = approvals.STORY.create(house, "C-1")
    for n in range(20):
        house.ecm.file(number, f"Agreement {n}.pdf", values={"Approval.Status": "Draft"})
    house.clock.advance(SHORTLY)
    assert house.start().codes == (0,)
    approvals.STORY.act(house, number)
    reads = list[int]()

    def one_by_one(row: DocumentRow, *, classified: bool) -> Document:
        reads.append(row.id)
        if edited and len(reads) == 30:  # the first look in the scan, this one before the messages leave
            house.ecm.edit(number, {"Financing.Status": "Ended"})
        house.clock.advance(4.0)
        return read(row, classified=classified)

    read, house.ecm.document = house.ecm.document, one_by_one  # type: ignore[method-assign]  # as slow as it is

    outcome = house.start()

    assert outcome.codes == ((TemporaryError.exit_code,) if edited else (0,))
    assert len([entry for entry in house.braze.book if entry.kind in ("event", "campaign")]) == (0 if edited else 2)


def test_a_clock_that_steps_while_a_run_sends_sends_no_more(slow: Slow) -> None:
    def stepping() -> Iterator[float]:
        yield 0.0  # the events are looked at and leave
        slow.house.clock.ahead = 24 * 3600.0
        yield from repeat(0.0)

    slow.profiles_s = stepping()

    outcome = slow.house.start()

    assert outcome.codes == (TemporaryError.exit_code,)
    assert [entry.kind for entry in slow.house.braze.book if entry.kind in ("event", "campaign")] == ["event"] * 40
    slow.house.clock.ahead = 0.0
    assert slow.house.start().codes == (0,)
    assert sum(entry.kind == "campaign" for entry in slow.house.braze.book) == len(_PEOPLE)


def test_where_one_after_the_other_is_too_slow_the_run_does_not_try_them_all(slow: Slow) -> None:
    slow.detail_s, slow.claim_s = 55.0, 8.0  # alone a message is 63 s old once the claim has moved

    outcome = slow.house.start()

    assert outcome.codes == (TemporaryError.exit_code,)
    assert "answers so slowly" in outcome.report.exit_reason
    assert slow.ages == []
    late = [fate for fate in slow.house.fates() if fate.kind == "campaign" and "so slowly" in fate.why]
    assert len(late) == 10
