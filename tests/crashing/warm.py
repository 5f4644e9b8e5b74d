"""The program as the crash tests run it: each command can be killed at any crossing of a seam."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.crashing.crossings import install
from tests.rehearsal import Rehearsal


class Warm:
    """Runs commands of a rehearsal, and has them die where it is ordered."""

    def __init__(self, stage: Rehearsal) -> None:
        self.stage, self._book = stage, stage.folder / "book"
        self.err = ""
        """What the last command said on stderr."""

    def run(self, *arguments: str, die_at: int | None = None) -> int:
        """Run one command line to its end, or to its ordered death: then the code is -9."""
        self._book.unlink(missing_ok=True)
        done = self.stage.ecmbraze(*arguments, before=partial(install, die_at, self._book))
        self.err = done.stderr
        return done.code

    @property
    def crossings(self) -> list[str]:
        """The crossings of the last command, in order."""
        return self._book.read_text(encoding="utf-8").splitlines() if self._book.exists() else []


@contextmanager
def warm(stage: Rehearsal) -> Iterator[Warm]:
    """Yield the program."""
    yield Warm(stage)
