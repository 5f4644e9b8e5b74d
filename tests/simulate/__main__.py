"""Play the worlds of many seeds, in several processes: ``python -m tests.simulate [HOW_MANY | --seed N]``.

Without a number so many as ``ECMBRAZE_SEEDS`` says, 2,000 by default; after ``--within`` seconds no further one begins.
Prints every seed that failed, the first of them whole, and the line that plays it again; exit 1 when one did, or when
fewer than a quarter were played.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.simulate.playing import play
from tests.simulate.wrong import Wrong

_SEEDS = 2000
# A process is made anew after so many worlds, so that the states of its templates do not fill the memory.
_CHUNK = 25
_MOST_SHOWN = 20
_ENOUGH = 4  # of so many worlds that are asked for, one must be played
_WORLDS, _FIGURES = "worlds", ("rounds", "kills", "messages")
_MEMORY = Path("/dev/shm")


def replay(seed: int) -> str:
    """Return the line that plays a world again. Sets of text are walked in an order of their own in each process."""
    return f"PYTHONHASHSEED=0 {os.path.relpath(sys.executable)} -m tests.simulate --seed {seed}"


def main(arguments: Sequence[str]) -> int:
    """Play what was asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulate")
    asked.add_argument("seeds", nargs="?", type=int, default=int(os.environ.get("ECMBRAZE_SEEDS", _SEEDS)))
    asked.add_argument("--first", type=int, default=0, help="the first of the seeds")
    asked.add_argument("--within", type=float, default=float(os.environ.get("ECMBRAZE_WITHIN", "inf")))
    asked.add_argument("--seed", type=int, help="play this one only, and tell what happened in it")
    given = asked.parse_args(arguments)
    if given.seed is not None:
        return _one(given.seed)
    began, failed, figures = time.monotonic(), dict[int, str](), Counter[str]()
    chunks = [
        range(first, min(first + _CHUNK, given.first + given.seeds))
        for first in range(given.first, given.first + given.seeds, _CHUNK)
    ]
    with _memory() as folder, ProcessPoolExecutor(initializer=_in, initargs=(folder,)) as pool:
        for found, counted in pool.map(partial(_played, until=began + given.within), chunks):
            failed |= found
            figures += counted
    for seed in sorted(failed)[:_MOST_SHOWN]:
        print(f"{failed[seed] if seed == min(failed) else failed[seed].splitlines()[0]}\n  again: {replay(seed)}")
    told = ", ".join(f"{figures[name]} {name}" for name in _FIGURES)
    worlds = f"{figures[_WORLDS]}{'' if figures[_WORLDS] == given.seeds else f' of {given.seeds}'} worlds"
    print(f"{worlds}, {told}, {len(failed)} went wrong, {time.monotonic() - began:.0f} s")
    if too_few := figures[_WORLDS] * _ENOUGH < given.seeds:
        print("Too few were played to say anything: give them more time, or ask for fewer.")
    return 1 if failed or too_few else 0


def _one(seed: int) -> int:
    with _memory() as folder:
        _in(folder)
        try:
            world = play(seed)
        except Wrong as error:
            print(error)
            return 1
    print("\n".join([*world.story, f"seed {seed}: all is well"]))
    return 0


def _played(seeds: Sequence[int], until: float) -> tuple[dict[int, str], Counter[str]]:
    failed, figures = {}, Counter[str]()
    for seed in seeds:
        if time.monotonic() > until:  # one clock for all processes of a machine
            break
        figures[_WORLDS] += 1
        try:
            played = play(seed)
        except Wrong as error:
            failed[seed] = str(error)
        else:
            figures.update({name: getattr(played, name) for name in _FIGURES})
    return failed, figures


def _memory() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for the state files, in memory where there is room: an fsync shows nothing that a kill would."""
    return tempfile.TemporaryDirectory(prefix="ecmbraze-worlds-", dir=_MEMORY if _MEMORY.is_dir() else None)


def _in(folder: str) -> None:
    tempfile.tempdir = folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
