"""The test's side of the launcher: a rehearsal whose commands are forked instead of started."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rehearsal import Rehearsal


class Warm:
    """Runs commands of a rehearsal in children of one warm process."""

    def __init__(self, stage: Rehearsal, process: subprocess.Popen[str]) -> None:
        self.stage, self._process = stage, process
        self.book, self._out, self._err = (stage.folder / name for name in ("book", "out", "err"))

    def run(self, *arguments: str, die_at: int | None = None) -> int:
        """Run one command line to its end, or to its ordered death: then the code is -9."""
        self.book.unlink(missing_ok=True)
        command = self.stage.command(*arguments)
        environ = {name: value for name, value in self.stage.environ().items() if isinstance(value, str)}
        order = {
            "arguments": command[3:], "environ": environ, "die_at": die_at, "book": str(self.book),
            "out": str(self._out), "err": str(self._err),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    @property
    def crossings(self) -> list[str]:
        """The crossings of the last command, in order."""
        return self.book.read_text(encoding="utf-8").splitlines() if self.book.exists() else []

    @property
    def err(self) -> str:
        """What the last command said on stderr."""
        return self._err.read_text(encoding="utf-8")


@contextmanager
def warm(stage: Rehearsal) -> Iterator[Warm]:
    """Start the launcher and end it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crashing.launcher"], stdin=pipe, stdout=pipe, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        yield Warm(stage, process)
    finally:
        process.communicate()
