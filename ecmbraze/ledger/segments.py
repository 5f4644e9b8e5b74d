"""The old part of the history as files beside the state file: written, read back, only then cut; still one chain.

A segment holds no personal data and may be moved anywhere. What the state file keeps of it is the number and the digest
of its last row, from which the next one follows.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger.codec import dump, instant, load
from ecmbraze.ledger.connection import Explained, unusable
from ecmbraze.ledger.copying import sync_folder
from ecmbraze.ledger.history import GENESIS, Head, History

_COLUMNS = "seq, at, kind, body, previous, hash"
# A segment is closed when so large a part of the span that is kept lies in it: ten days of 400.
_PARTS = 40
Row = tuple[int, str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One closed part of the history, from the row after ``before`` to ``end``."""

    before: Head
    end: Head
    file: str


def cut(database: Database, history: History, state: Path, now: datetime, keep: timedelta) -> Segment | None:
    """Move what is older than ``keep`` into a file and out of the history; ``None`` while that is no whole segment.

    A kill between the file and the commit leaves a file that the next try writes anew.
    """
    before = history.anchor
    oldest = database.execute("SELECT at FROM history ORDER BY seq LIMIT 1").fetchone()
    if oldest is None or oldest[0] >= instant(now - keep - keep / _PARTS):
        return None
    kept = database.execute("SELECT min(seq) FROM history WHERE at >= ?", (instant(now - keep),)).fetchone()[0]
    last = (kept or history.head().length) - 1
    if last <= before.length:
        return None
    name = f"{state.name}.history-{before.length + 1:010}-{last:010}.jsonl.gz"
    rows = database.execute(f"SELECT {_COLUMNS} FROM history WHERE seq <= ? ORDER BY seq", (last,))
    _write(state.with_name(name), rows)
    said = set[str]()
    segment = Segment(before=before, end=_read_through(history, state.with_name(name), before, said), file=name)
    if segment.end != Head(length=last, digest=_digest(database, last)):
        raise unusable(state, f"has a segment that could not be read back ({name})")
    with database.atomic():
        database.conn.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (last, segment.end.digest, name, instant(now)))
        database.conn.execute("DELETE FROM history WHERE seq <= ?", (last,))
        _forget_remarks(database, said)
        history.append(now, "segment", {"rows": last - before.length, "last": last, "file": name})
    return segment


def _digest(database: Database, row: int) -> str:
    return str(database.execute("SELECT hash FROM history WHERE seq = ?", (row,)).fetchone()[0])


def _forget_remarks(database: Database, said: set[str]) -> None:
    """Drop the texts that only rows of the segment speak of."""
    for (body,) in database.execute("SELECT body FROM history"):
        said.difference_update(_remarks(load(body)))
    database.conn.executemany("DELETE FROM remark WHERE digest = ?", ((digest,) for digest in said))


def segments(database: Database) -> list[Segment]:
    """Return the closed segments, oldest first."""
    found, before = list[Segment](), Head(length=0, digest=GENESIS)
    for last, digest, name in database.execute("SELECT last, digest, file FROM segment ORDER BY last"):
        found.append(Segment(before=before, end=Head(length=last, digest=digest), file=name))
        before = found[-1].end
    return found


def check(history: History, database: Database, state: Path) -> tuple[int, int]:
    """Return how many segments lie beside the state file and follow from each other, and how many were moved away.

    Raises StateUnusable for one that is not what was cut.
    """
    there, away = 0, 0
    for segment in segments(database):
        path = state.with_name(segment.file)
        if not path.exists():
            away += 1
            continue
        if _read_through(history, path, segment.before, set()) != segment.end:
            raise unusable(state, f"has a segment of its history that is not what was cut off ({segment.file})")
        there += 1
    return there, away


def _write(path: Path, rows: Iterator[Row]) -> None:
    scratch = path.with_name(f".{path.name}.new")
    with Explained(path, unusable):
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as raw:
                os.fchmod(raw.fileno(), 0o600)
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as file:
                    for row in rows:
                        file.write(f"{dump(row)}\n".encode())
                raw.flush()
                os.fsync(raw.fileno())
            scratch.replace(path)
            sync_folder(path)
        finally:
            scratch.unlink(missing_ok=True)


def _read_through(history: History, path: Path, before: Head, said: set[str]) -> Head:
    """Return how far a file is one chain from ``before`` on; ``said`` takes the digests of what was remarked."""
    end = before
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as raw, gzip.GzipFile(fileobj=raw) as file:
            for line in file:
                row: Row = tuple(json.loads(line))
                if row[0] != end.length + 1 or not history.follows(end.digest, row):
                    return end
                said |= _remarks(load(row[3]))
                end = Head(length=row[0], digest=row[5])
    except (OSError, EOFError, zlib.error, ValueError, TypeError, IndexError, AttributeError):
        return Head(length=end.length, digest="")
    return end


def _remarks(body: object) -> set[str]:
    """Return the digests of what a row says somebody wrote, wherever in it they stand."""
    if isinstance(body, dict):
        inner = [_remarks(value) for name, value in body.items() if name != "remark"]
        own = {body["remark"]} if isinstance(body.get("remark"), str) else set()
        return own.union(*inner) - {""}
    return set[str]().union(*map(_remarks, body)) if isinstance(body, list) else set()
