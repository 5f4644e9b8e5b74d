"""Plant each bug in a copy of the tree, run the tests named for it, and say whether they noticed.

Exit 0 when every bug is caught; 1 when one survives, when its text no longer stands in the source, or when its tests
fail without it. ``python -m tests.mutants [WORD]`` takes only the bugs in whose name or file the word stands.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.planted import Bug, bugs

ROOT = Path(__file__).parents[2]
_AT_ONCE = 2
_LIMIT_S = 3600
# pytest: some tests failed; a run that is interrupted, empty or wrongly called proves nothing.
_PASSED, _FAILED = 0, 1
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", "build", "dist", "*.egg-info")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bug."""

    bug: Bug
    word: str
    """``caught``, or what is wrong."""
    said: str = ""


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and print a line for each bug."""
    wanted = [bug for bug in bugs() if all(word in f"{bug.name} {bug.file}" for word in arguments)]
    began = time.monotonic()
    with _trees(min(_AT_ONCE, len(wanted) or 1)) as trees:
        sound = _pytest(ROOT, sorted({test for bug in wanted for test in bug.tests}), "-n", str(_AT_ONCE))
        if sound.returncode != _PASSED:
            print(f"{sound.stdout}\nThe tests fail without any bug; nothing was planted.")
            return 1
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(lambda bug: _tell(_plant(bug, trees)), wanted))
    wrong = [outcome for outcome in outcomes if outcome.word != "caught"]
    for outcome in wrong:
        print(f"\n{outcome.word}: {outcome.bug.name} ({outcome.bug.file})\n{outcome.said}")
    print(f"{len(outcomes) - len(wrong)} of {len(outcomes)} bugs caught in {time.monotonic() - began:.0f} s")
    return 1 if wrong or not outcomes else 0


@contextmanager
def _trees(n: int) -> Iterator[SimpleQueue[Path]]:
    """Yield copies of the tree, to be taken and given back."""
    free: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="ecmbraze-mutants-") as folder:
        for number in range(n):
            tree = Path(shutil.copytree(ROOT, Path(folder) / str(number), ignore=_LEFT_OUT))
            # What is compiled says by its hash whether it is of this source: a planted bug is never passed over.
            compileall.compile_dir(tree, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
            free.put(tree)
        yield free


def _plant(bug: Bug, trees: SimpleQueue[Path]) -> Outcome:
    tree = trees.get()
    file = tree / bug.file
    try:
        source = file.read_text(encoding="utf-8")
        if source.count(bug.old) != 1:
            return Outcome(bug, "gone", f"{bug.old!r} stands there {source.count(bug.old)} times")
        file.write_text(source.replace(bug.old, bug.new), encoding="utf-8")
        try:
            done = _pytest(tree, bug.tests, "-x", "-n", "0")
        finally:
            file.write_text(source, encoding="utf-8")
    finally:
        trees.put(tree)
    word = {_PASSED: "survived", _FAILED: "caught"}.get(
        done.returncode, f"not run, pytest ended with {done.returncode}"
    )
    return Outcome(bug, word, done.stdout[-2000:])


def _pytest(tree: Path, tests: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a tree; nothing more is compiled and kept, or a file of a moment ago would be imported again."""
    environ = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=tree,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )


_PRINTING = threading.Lock()


def _tell(outcome: Outcome) -> Outcome:
    with _PRINTING:
        print(f"{outcome.word:>8}  {outcome.bug.file}: {outcome.bug.name}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
