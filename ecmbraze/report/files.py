"""Write run reports to a file, by its ending: .json, .csv or .html; private, and completely or not at all.

The JSON and the CSV hold everything for machines; the page for people is made in :mod:`ecmbraze.report.page`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TextIO

from ecmbraze.engine.report_lines import ActionLine
from ecmbraze.engine.run_report import RunReport
from ecmbraze.errors import StorageError, UsageError
from ecmbraze.report import json_text
from ecmbraze.report.plain import printable

_NAMES = tuple(field.name for field in fields(ActionLine))
# How a report of ours begins, also one of an earlier version.
_OURS = {
    ".json": re.compile(r'\{\s*("runs": \[\s*\]\s*\}|("runs": \[\s*\{\s*)?"schema_version": \d+,\s*"run_id":)'),
    ".csv": re.compile(r'"flow","record",'),
    ".html": re.compile(r'<!doctype html>\s<html lang="en">(?s:.{0,700}?)<meta name="generator" content="ecmbraze '),
}
_BEGINNING = 2000
# Characters of a CSV that are written at once.
_PIECE = 64_000
# What a spreadsheet takes for a formula (fault D10), half-width and full-width; one that splits cells at semicolons
# sees it after a semicolon too.
_FORMULA = re.compile(r'(^|;)(?=[\s"]*[=+\-@\t\r＝＋－＠])')


def check(path: Path) -> None:
    """Raise UsageError unless a report can be written there: before the run, so that the run's result is not lost."""
    form = path.suffix.lower()
    if form not in _OURS:
        raise _refused(path, "the ending says the form.", "End it in .html (for people), .json or .csv (for machines).")
    try:
        if not path.parent.is_dir():
            raise _refused(path, f"there is no folder {path.parent}.", "Make it, or name another.")
        if path.is_symlink() or (path.exists() and not path.is_file()):
            kind = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "no regular file"
            raise _refused(path, f"that is {kind}.", "Name a file.")
        if path.exists() and not _is_ours(path, form):
            raise _refused(
                path,
                "that file is no report of ecmbraze, and it is not overwritten.",
                "Name a new file, or move that one away.",
            )
        with _scratch(path):
            pass
    except OSError as error:
        advice = "Name a file in a folder that this account may write."
        raise _refused(path, f"{error.strerror}.", advice) from error


def write(reports: Sequence[RunReport], path: Path, *, made_by: str = "", personal: bool = False) -> None:
    """Write the reports of one start, mode 0600; ``personal`` shows in a page whom it is about.

    Raises StorageError when the disk refuses, and UsageError when meanwhile something else stands there.
    """
    check(path)
    makers: Mapping[str, Callable[[], Iterator[str]]] = {
        ".json": lambda: _json(reports),
        ".csv": lambda: as_csv(reports),
        ".html": lambda: _page(reports, made_by, personal),
    }
    try:
        with _scratch(path) as (scratch, file):
            file.writelines(makers[path.suffix.lower()]())
            file.flush()
            os.fsync(file.fileno())
            scratch.replace(path)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", undone="The run itself is done.") from error


def _json(reports: Sequence[RunReport]) -> Iterator[str]:
    """Yield the report as interface.md has it; of several flows ``{runs: [...]}``."""
    return json_text.pieces(reports, together=len(reports) != 1)


def as_csv(reports: Sequence[RunReport]) -> Iterator[str]:
    """Yield one line per action and per record left out; no cell can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["flow", *_NAMES])
    for report in reports:
        for line in chain(report.actions, report.skipped):
            state = "" if isinstance(line, ActionLine) else "skipped"
            cells = [getattr(line, name, state if name == "state" else "") for name in _NAMES]
            writer.writerow([_cell(_text(value)) for value in (report.flow, *cells)])
            if out.tell() > _PIECE:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
    yield out.getvalue()


def _page(reports: Sequence[RunReport], made_by: str, personal: bool) -> Iterator[str]:
    from ecmbraze.report.page import pieces  # the template engine is loaded only where a page is made

    return pieces(reports, made_by=made_by, personal=personal)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1000)  # lines that follow each other say much the same
def _cell(text: str) -> str:
    return printable(_FORMULA.sub(r"\1'", text))


def _refused(path: Path, why: str, advice: str) -> UsageError:
    return UsageError(f"--report {path}: {why}", undone="Nothing was run.", advice=advice)


def _is_ours(path: Path, form: str) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return bool(_OURS[form].match(file.read(_BEGINNING)))


@contextmanager
def _scratch(path: Path) -> Iterator[tuple[Path, TextIO]]:
    """Yield a new private file beside the path, and leave none behind."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    # Half a character, which JSON can carry and UTF-8 cannot, becomes the escape by which JSON writes it.
    file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
    try:
        with file:
            yield scratch, file
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
