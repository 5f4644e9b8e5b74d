"""The options `--report` and `--show-personal-data`: checked before a run, written after it; hides no exit code."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from ecmbraze.cli.logs import LOG
from ecmbraze.cli.shared import login
from ecmbraze.engine.run_report import RunReport
from ecmbraze.errors import EcmbrazeError, StorageError, UsageError


def check(report: Path | None, *, personal: bool) -> None:
    """Raise UsageError when the report could not be written, or nothing is to be written."""
    if report:
        from ecmbraze.report import files  # most runs write none

        files.check(report)
    elif personal:
        raise UsageError(
            "--show-personal-data belongs to --report.",
            undone="Nothing was run.",
            advice="Add --report FILE.html, or leave it out.",
        )


def write(reports: Sequence[RunReport], report: Path | None, code: int, *, personal: bool) -> int:
    """Write the report and return the exit code: the run's own, or 16 when only the report went wrong."""
    if report is None:
        return code
    from ecmbraze.report import files

    try:
        files.write(reports, report, made_by=f"{login()}@{socket.gethostname()}", personal=personal)
    except EcmbrazeError as error:
        return _failed(f"{error.happened} {error.advice}".rstrip(), code)
    except Exception as error:  # a bug of the page must not hide what the run did
        return _failed(f"bug: {type(error).__name__}: {error}", code)
    return code


def _failed(happened: str, code: int) -> int:
    code = code or StorageError.exit_code
    fields = {"exit_code": code, "name": "report"}
    LOG.error("The run is done, but its report is not written. %s", happened, extra={"fields": fields})
    return code
