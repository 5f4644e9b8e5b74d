"""Play the world of one seed: disturbed for a day, then quiet. Some seeds are worlds of the flow consent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.simulate import oracle
from tests.simulate.building import world_of
from tests.simulate.consent import playing as consent
from tests.simulate.happenings import answer, happen, mend, switch, trouble
from tests.simulate.world import World
from tests.simulate.wrong import Wrong

# 1 is a bug, 2 a wrong call, 10 to 16 a state file or a disk that nothing here touches; 15 may be a paused campaign.
_POSSIBLE = frozenset({0, 3, 4, 5, 6, 7, 8, 15})
_QUIET = (8 * 3600, 25 * 3600, 25 * 3600)
_MOST = 6
_SECONDS = (0.05, 0.2, 1.0)
# Every so many-th seed is a world whose Extended ECM is read slowly: a look takes minutes then.
_SLOW, _SLOW_SECONDS = 10, (0.2, 3.0, 12.0, 25.0)
_SLOW_READS = ("ecm workspace", "ecm document", "ecm folder")
# Every so many-th seed is a world of the flow consent.
_CONSENT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One world that kept every promise: what happened in it, and its figures."""

    story: Sequence[str]
    rounds: int
    kills: int
    messages: int


def play(seed: int) -> Played:
    """Play one world to its end; raises Wrong with all that is wrong."""
    world = consent.play(seed) if seed % _CONSENT == _CONSENT - 1 else _play(seed)
    messages = len(world.house.braze.messages)
    return Played(story=world.story, rounds=world.rounds, kills=world.kills, messages=messages)


def _play(seed: int) -> World:
    world, rng = world_of(seed)
    try:
        seconds = partial(_lasts, rng, slow=seed % _SLOW == _SLOW - 3)
        world.house.wire.takes = partial(_takes, world, rng, seconds)
        try:
            for _ in range(rng.randint(3, 5)):
                _disturb(world, rng)
            world.house.wire.takes = seconds
            _let_be(world, rng)
            _refuse(oracle.quiet(world))
        except Exception as error:
            told = "\n  ".join(world.story)
            raise Wrong(f"seed {seed}: {type(error).__name__}: {error}\nWhat happened:\n  {told}") from error
        return world
    finally:
        shutil.rmtree(world.house.folder.parent, ignore_errors=True)


def _takes(world: World, rng: Random, seconds: Callable[[str], float], name: str) -> float:
    """Return how long a call lasts, in which an operator may turn a switch."""
    if world.running and rng.random() < 0.004:
        switch(world, rng)
    return seconds(name)


def _lasts(rng: Random, name: str, *, slow: bool) -> float:
    return rng.choice(_SLOW_SECONDS if slow and name in _SLOW_READS else _SECONDS)


def _disturb(world: World, rng: Random) -> None:
    """Let a few things happen, and one round amid them."""
    names = list(world.stories)
    flows = sorted(rng.sample(names, rng.choice((1, 1, 2, len(names)))), key=names.index)
    for _ in range(rng.randint(3, 8)):
        happen(world, rng, flows)
    if rng.random() < 0.7:
        trouble(world, rng)
    if rng.random() < 0.15:
        switch(world, rng)
    world.house.clock.advance(rng.choice((1, 40, 400, 2000, 8000, 25_000)) + rng.random())
    world.look()
    seen = len(world.house.braze.messages)
    match rng.randrange(16):
        case 0 | 1 | 2 | 3 | 8 | 9:
            world.run(flows, die_at=rng.choice((rng.randint(1, 60), rng.randint(20, 120), rng.randint(20, 120))))
        case 4 | 5 | 10:
            busy = {rng.randint(1, 120): lambda: happen(world, rng, names) for _ in range(rng.randint(1, 4))}
            world.run(flows, happen=busy)
        case 6:
            books = world.books()
            world.run(flows, dry_run=True)
            assert world.books() == books, "a dry run wrote"
        case 7 if len(flows) == 1:
            now, waiting = world.house.clock.now(), oracle.unsent(world)
            world.run(flows, since=now.replace(year=2026, month=1), until=now)
            assert waiting or len(world.house.braze.messages) == seen, "a backfill messaged"
        case _:
            world.run(flows)
    world.house.clock.advance(rng.choice((1.5, 3.5)))
    world.look()
    _refuse(oracle.never(world, seen))


def _let_be(world: World, rng: Random) -> None:
    """Mend everything and let runs go on until nothing is open."""
    mend(world)
    for number in range(len(_QUIET) + _MOST):
        world.house.clock.advance(_QUIET[number] if number < len(_QUIET) else 25 * 3600)
        world.look()
        seen = len(world.house.braze.messages)
        outcome = world.run()
        _refuse(oracle.never(world, seen))
        assert set(outcome.codes) <= _POSSIBLE - {7, 8, 15}, outcome.codes
        for _ in range(3 if number + 1 < len(_QUIET) else 0):
            answer(world, rng)
        if number + 1 >= len(_QUIET) and not any(fate.state == "waiting" for fate in world.house.fates()):
            break
    # What is to be written to a workspace that is gone waits, and its run ends with 5.
    gone = any(not world.spaces.readable(number) for number in world.spaces.flow_of)
    fine = {0, 3, 4} | ({5} if gone and "feedback" in world.stories else set())
    assert set(outcome.codes) <= fine, [(report.exit_code, report.exit_reason) for report in outcome.reports]


def _refuse(wrong: object) -> None:
    found = list(wrong)  # type: ignore[call-overload]  # an iterator of sentences
    assert not found, "\n".join(found)
