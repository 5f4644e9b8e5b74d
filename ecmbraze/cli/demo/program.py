"""Run the program as its users do, each command line in a process of its own; prints nothing, decides nothing."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ecmbraze.cli import app
from ecmbraze.cli.commands import import_all

_WORDS_ONLY = ("init",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One command, and what it left behind."""

    typed: str
    code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> dict[str, Any]:
        """What it says as JSON; nothing where it failed before, or has no JSON to say."""
        try:
            told: dict[str, Any] = json.loads(self.stdout)
        except json.JSONDecodeError:
            return {}
        return told

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The run reports; none where the command makes none, or failed before."""
        return [report for report in self.told.get("runs", [self.told]) if "by_action" in report]

    @property
    def reason(self) -> str:
        """Why it ended as it did: the reason of the run that failed, else its last words."""
        reasons = [str(report["exit_reason"]) for report in self.reports if report["exit_code"]]
        return ", ".join(reasons) or self.stderr.strip().rpartition("\n")[2]


def ecmbraze(arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> Done:
    """Run one command line in a folder to its end, with what it says as JSON where it can say it so.

    The process is forked from this one, which has imported everything: a start costs milliseconds, most of which a new
    interpreter would spend on imports. The caller has no threads, and nothing of it is used in the fork but the code.
    """
    _imported()
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            as_json = () if arguments[0] in _WORDS_ONLY else ("--json",)
            _become([*arguments, *as_json], folder, environ, out, err)
        code = _ended(pid)
        return Done(typed=shlex.join(("ecmbraze", *arguments)), code=code, stdout=_read(out), stderr=_read(err))


_imported = cache(import_all)


def _ended(pid: int) -> int:
    """Wait for a process and return its exit code; where the wait is interrupted it ends too."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _become(arguments: list[str], folder: Path, environ: Mapping[str, str], out: BinaryIO, err: BinaryIO) -> NoReturn:
    """Be the program until it ends, and end with its exit code; never return into the caller's code."""
    code = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        os.chdir(folder)
        os.environ.update(environ)
        code = app.run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()
