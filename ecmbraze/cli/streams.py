"""Standard streams that end no command: what nobody reads, or the disk does not take, is dropped (fault O10)."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any

_OUT, _ERR = 1, 2


class _Heard(io.FileIO):
    """One of the streams; once a write fails, all that follows goes nowhere."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, or drop."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


def hold() -> None:
    """Open those that are closed, so that no file of ours takes their number, and let none of them fail from now on."""
    for number in (0, _OUT, _ERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 it stays open
    sys.stdout, sys.stderr = _heard(sys.stdout, _OUT), _heard(sys.stderr, _ERR)


def _heard(there: Any, number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Heard(number, "w", closefd=False)),
        encoding=getattr(there, "encoding", "utf-8"),
        errors=getattr(there, "errors", "backslashreplace"),
        line_buffering=number == _ERR or getattr(there, "line_buffering", False),
    )


def not_taken() -> OSError | None:
    """Return why the disk did not take all that was printed; that nobody read it is no failure."""
    with suppress(OSError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Heard) else None
    return None if isinstance(failure, BrokenPipeError) else failure
