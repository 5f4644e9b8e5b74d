"""A state file that another one has overtaken sends nothing: restored, copied, swapped, on two machines, cut short."""

from __future__ import annotations

import atexit
import shutil
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import pytest

from ecmbraze.flows import BY_NAME
from tests import hand
from tests.rehearsal import SOAK
from tests.stories.book import once
from tests.stories.story import story_of
from tests.twins.claims import FOLDER
from tests.twins.house import House, settings
from tests.twins.wire import Fault, Trouble

_PEOPLE = ("C-1", "C-2", "C-3", "C-4")
_STORY = story_of(BY_NAME["onboarding"])
_CAMPAIGN = "onboarding-approved"
_MESSAGES = {(person, name): 1 for person in _PEOPLE for name in ("approved", _CAMPAIGN)}


@cache
def furnished() -> House:
    """Return a house with a fence after its baseline; every test works on a copy."""
    folder = mkdtemp()
    atexit.register(shutil.rmtree, folder)
    config = settings(
        {"onboarding": _STORY.section}, fence={"folder": FOLDER}, braze={"track_batch": 2, "trigger_batch": 1}
    )
    house = House(Path(folder), config)
    _STORY.furnish(house.ecm)
    _STORY.people(house, *_PEOPLE)
    for person in _PEOPLE:
        _STORY.make(house.ecm, person)
    for _ in range(2):
        assert house.start().codes == (0,)
        house.clock.advance(timedelta(minutes=20))
    return house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return furnished().copy(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return tmp_path / "second"


def approve(house: House, *places: int) -> None:
    """Approve the contracts of some people, or of all, and let time go by until the next round."""
    numbers = sorted(house.ecm.spaces)
    for place in places or range(len(_PEOPLE)):
        _STORY.acts[0](house, numbers[place])
    house.clock.advance(timedelta(minutes=20))


def test_the_claim_is_made_in_the_first_round_and_moves_in_each(house: House) -> None:
    made = len(house.ecm.claims.moves)
    assert made >= 3  # made, moved in the first round, moved in the second

    house.start()

    assert len(house.ecm.claims.moves) == made + 1


def test_s08_an_older_copy_that_was_put_back_sends_nothing(house: House, second: Path) -> None:
    kept = house.fork(second)
    approve(house)
    house.start()
    assert once(house) == _MESSAGES
    house.put_back(kept)

    ended = house.start()

    assert ended.codes == (13,)
    assert "another copy of this file has sent since" in ended.report.exit_reason
    assert "state adopt" in ended.report.exit_reason
    assert once(house) == _MESSAGES
    dry = house.start(dry_run=True).report
    assert "a live run sends nothing of this (exit 13)" in " ".join(dry.notes)


def test_s09_of_two_machines_the_second_is_fenced_in_its_first_round(house: House, second: Path) -> None:
    copied = house.fork(second)
    approve(house)

    first, other, again = house.start(), copied.start(), house.start()

    assert (first.codes, other.codes, again.codes) == ((0,), (13,), (0,))
    assert once(house) == _MESSAGES


def test_s19_a_machine_that_is_overtaken_in_the_middle_of_a_round_stops_before_its_next_message(
    house: House, second: Path
) -> None:
    approve(house)
    names = house.copy(second.with_name("dry")).start().crossings
    wave = next(number for number, name in enumerate(names, 1) if name == "braze track:after")
    swapped: list[House] = []

    def overtake() -> None:
        swapped.append(house.fork(second))
        assert swapped[0].start().codes == (4,)  # the copy holds what was on its way

    ended = house.start(happen={wave: overtake})

    assert ended.codes == (13,)
    for _ in range(3):  # the wave that both knew is looked for
        house.clock.advance(timedelta(hours=7))
        assert swapped[0].start().codes == (0,)
    assert once(house) == _MESSAGES


def test_a_claim_that_is_deleted_edited_or_unreadable_is_never_taken_again_silently(house: House) -> None:
    approve(house)
    for text, told in ((None, "is deleted or may not be read"), ("a note", "was edited")):
        house.ecm.claims.edit(text)
        for _ in range(2):
            ended = house.start()
            assert ended.codes == (13,)
            assert told in ended.report.exit_reason
    assert not once(house)


def test_while_ecm_cannot_move_the_claim_nothing_is_sent_and_the_run_ends_with_5(house: House) -> None:
    approve(house)
    for trouble in (Trouble.LOST_BEFORE, Trouble.FAILED, Trouble.NOT_SENT, Trouble.LIMITED):
        house.wire.faults = [Fault(call="claim move", trouble=trouble, times=9)]
        assert house.start().codes == (5,)
        assert not once(house)
    house.wire.faults = [Fault(call="claim read", trouble=Trouble.CUT, times=9)]
    assert house.start().codes == (5,)
    house.wire.faults = []

    assert house.start().codes == (0,)
    assert once(house) == _MESSAGES


def test_a_move_whose_answer_is_lost_counts_by_what_then_stands_there(house: House) -> None:
    approve(house)
    house.wire.faults = [Fault(call="claim move", trouble=Trouble.LOST_AFTER, times=99)]

    assert house.start().codes == (0,)

    assert once(house) == _MESSAGES


def test_a_wave_whose_claim_did_not_move_is_ready_again_and_goes_in_the_next_run(house: House) -> None:
    approve(house)
    house.wire.faults = [Fault(call="claim move", trouble=Trouble.NOT_SENT, skip=1, times=99)]

    assert house.start().codes == (5,)

    assert not once(house)
    assert {fate.state for fate in house.fates() if fate.kind in ("event", "campaign")} == {"ready"}
    house.wire.faults = []
    assert house.start().codes == (0,)
    assert once(house) == _MESSAGES


def test_an_ecm_that_ignores_its_own_locks_is_no_place_for_a_claim(tmp_path: Path) -> None:
    house = House(tmp_path, settings({"onboarding": _STORY.section}, fence={"folder": FOLDER}))
    _STORY.furnish(house.ecm)
    house.ecm.claims.locks = False

    for _ in range(2):
        ended = house.start()
        assert ended.codes == (15,)
        assert "both believe that they own it" in ended.report.exit_reason


def test_a_fence_that_left_the_configuration_must_be_waived_in_words(house: House) -> None:
    house.config = settings({"onboarding": _STORY.section})
    assert house.start().codes == (15,)
    house.config = settings({"onboarding": _STORY.section}, fence="none")

    assert house.start().codes == (0,)


def test_s17_a_history_whose_end_was_cut_off_together_with_its_seal_is_12(house: House) -> None:
    with hand.unnoticed(house.state) as file:
        file.execute("DROP TRIGGER history_stays")
        file.execute("DELETE FROM history WHERE seq > (SELECT max(seq) - 4 FROM history)")
        file.execute(
            "CREATE TRIGGER history_stays BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'history only grows'); END"
        )
    house.state.with_name("state.db.seal").unlink()
    approve(house)

    ended = house.start()

    assert ended.codes == (12,)
    assert not once(house)


def test_a_history_that_is_not_the_one_filed_with_the_claim_is_12(house: House) -> None:
    text = house.ecm.claims.text
    assert text is not None
    house.ecm.claims.edit(f"{text[:-1]}{'0' if text[-1] != '0' else '1'}")

    ended = house.start()

    assert ended.codes == (12,)
    assert "recomputed, cut or exchanged" in ended.report.exit_reason


@pytest.mark.parametrize("dead", ["BEGIN:before", "COMMIT:before", "COMMIT:after", "claim", "braze"])
def test_a_kill_at_each_crossing_leaves_a_claim_that_is_still_ours_and_no_message_is_lost(
    house: House, second: Path, dead: str
) -> None:
    approve(house)
    names = house.copy(second / "counted").start().crossings
    places = [number for number, name in enumerate(names, 1) if name.startswith(dead)]
    for number in places if SOAK else places[:: max(1, len(places) // 2)]:
        tried = house.copy(second / f"{dead.replace(':', '-')}-{number}")
        assert tried.start(die_at=number).killed
        for _ in range(3):
            tried.clock.advance(timedelta(hours=7))
            assert 13 not in tried.start().codes, names[number - 1]
        assert all(count == 1 for count in once(tried).values())
        held = [fate for fate in tried.fates() if fate.state == "held"]
        assert len(once(tried)) + len(held) >= len(_MESSAGES)
        if "braze" not in dead:  # what the claim proves never left is not held
            sent = {(fate.recipient, fate.name) for fate in tried.fates() if fate.state == "sent"}
            assert set(_MESSAGES) - sent <= {(fate.recipient, fate.name) for fate in held}


@pytest.fixture
def canary(tmp_path: Path) -> House:
    """Return a house whose claim lies in the canary profile, after its baseline."""
    config = settings({"onboarding": _STORY.section}, fence="canary", verify={"canary": "canary"})
    house = House(tmp_path, config)
    _STORY.furnish(house.ecm)
    _STORY.people(house, *_PEOPLE, "canary")
    for person in _PEOPLE:
        _STORY.make(house.ecm, person)
    for _ in range(2):
        assert house.start().codes == (0,)
        house.clock.advance(timedelta(minutes=20))
    return house


def test_the_canary_profile_carries_the_claim_where_the_configuration_says_so(canary: House, second: Path) -> None:
    kept = canary.fork(second)
    approve(canary)
    assert canary.start().codes == (0,)
    assert canary.start().codes == (0,)  # at once: what shows late still counts as ours
    assert once(canary) == _MESSAGES
    canary.clock.advance(timedelta(minutes=20))

    assert kept.start().codes == (13,)
    canary.put_back(kept)
    assert canary.start().codes == (13,)

    canary.adopt(kept)
    canary.clock.advance(timedelta(minutes=1))
    assert canary.start().codes == (4,)
    assert once(canary) == _MESSAGES
    assert not canary.ecm.claims.moves


def test_a_claim_that_left_the_canary_profile_or_the_profile_itself_stops_everything(canary: House) -> None:
    approve(canary)
    del canary.braze.people["canary"].attributes["ecmbraze_fence"]
    assert canary.start().codes == (13,)
    del canary.braze.people["canary"]
    assert canary.start().codes == (15,)
    assert not once(canary)


def test_a_claim_that_lies_elsewhere_than_the_configuration_says_is_15(canary: House, house: House) -> None:
    canary.config, house.config = (
        settings({"onboarding": _STORY.section}, fence={"folder": FOLDER}),
        settings({"onboarding": _STORY.section}, fence="canary", verify={"canary": "C-1"}),
    )

    for one in (canary, house):
        ended = one.start()
        assert ended.codes == (15,)
        assert "lies elsewhere" in ended.report.exit_reason


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200 if SOAK else 8))
def test_seeded_interleavings_of_a_file_and_its_copy_message_nobody_twice(
    house: House, second: Path, seed: int
) -> None:
    rng = Random(seed)
    approve(house)
    crossings = len(_measured(second.with_name("measured"), house))
    forked, starts = sorted(rng.randrange(1, crossings + 1) for _ in range(2))
    machines: list[House] = [house]
    codes: list[tuple[int, ...]] = []

    def fork() -> None:
        machines.append(house.fork(second))

    def start() -> None:
        codes.append(machines[1].start(**_perhaps_killed(rng, crossings)).codes)

    def both() -> None:
        fork()
        start()

    happen: dict[int, Any] = {forked: both} if forked == starts else {forked: fork, starts: start}
    codes.append(house.start(happen=happen).codes)
    for _ in range(4):
        house.clock.advance(timedelta(hours=7))
        for machine in rng.sample(machines, len(machines)):
            codes.append(machine.start().codes)

    assert all(count == 1 for count in once(house).values()), (forked, starts)
    assert (13,) in codes
    assert codes[-1] != codes[-2] or (13,) in (codes[-1], codes[-2])


def _perhaps_killed(rng: Random, crossings: int) -> dict[str, Any]:
    return {"die_at": rng.randrange(1, crossings)} if rng.random() < 0.3 else {}


_MEASURED: list[tuple[str, ...]] = []


def _measured(folder: Path, house: House) -> tuple[str, ...]:
    if not _MEASURED:
        _MEASURED.append(house.copy(folder).start().crossings)
    return _MEASURED[0]
