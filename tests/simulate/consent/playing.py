"""Play the consent world of one seed: days of choices, edits, faults and kills, each stretch ended by quiet rounds."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from tests.simulate.consent import away, oracle
from tests.simulate.consent.world import Make, World, in_memory, world_of
from tests.simulate.wrong import Wrong

# 1 is a bug, 2 a wrong call, 10 to 16 a state file or a disk that nothing here touches.
_POSSIBLE = frozenset({0, 3, 4, 5, 6, 7, 8})


def play(seed: int, *, people: int = 4, days: int = 6, make: Make = in_memory, couples: bool = True) -> World:
    """Play one world to its end; raises Wrong with all that is wrong."""
    rng, folder = Random(f"consent {seed}"), Path(mkdtemp(prefix="ecmbraze-consent-"))
    story: list[str] = []
    try:
        world = world_of(rng, folder, people, make, couples=couples)
        story = world.story
        world.house.wire.takes = lambda name: rng.choice((0.05, 0.2, 1.0))
        for day in range(days):
            _day(world, rng, back=0.8 if day == days - 1 else 0.2)
        return world
    except Exception as error:
        told = "\n  ".join(story)
        raise Wrong(f"seed {seed}: {type(error).__name__}: {error}\nWhat happened:\n  {told}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _day(world: World, rng: Random, *, back: float) -> None:
    """Let a few rounds go by amid choices, edits and faults, then one or two quiet ones."""
    for _ in range(rng.randint(1, 3)):
        for _ in range(rng.randint(1, 2 + len(world.people) // 2)):
            world.house.clock.advance(rng.choice((1.0, 30.0, 700.0)) + rng.random())
            world.happen(rng)
        if rng.random() < 0.4:
            world.trouble(rng)
        world.house.clock.advance(rng.choice((1, 400, 1000, 8000)) + rng.random())
        _round(world, die_at=rng.randint(1, 150) if rng.random() < 0.4 else None)
        if rng.random() < 0.3:
            away.vanish_amid(world, rng)
    world.mend(rng, back=back)
    for _ in range(2):
        world.house.clock.advance(rng.choice((4, 8, 25)) * 3600)
        calm = _round(world)
    found = [*oracle.quiet(world)] if calm else []
    assert not found, "\n".join(found)


def _round(world: World, die_at: int | None = None) -> bool:
    """Play a round and judge it; return whether nothing stood in its way."""
    seen = len(world.house.braze.messages)
    outcome, calm = world.run(**({"die_at": die_at} if die_at else {}))
    assert set(outcome.codes) <= _POSSIBLE, [(report.exit_code, report.exit_reason) for report in outcome.reports]
    found = [*oracle.always(world), *oracle.messages(world, seen), *(oracle.calm(world) if calm else ())]
    assert not found, "\n".join(found)
    return calm
