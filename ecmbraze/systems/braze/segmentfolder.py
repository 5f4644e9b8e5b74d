"""Read the exports of a segment from a copy of the storage that Braze puts them into; writes nothing there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ecmbraze.errors import TemporaryError

# Braze uploads the files of an export one by one, and nobody says which is the last (api/braze.md 4.4): one that has
# not grown for so long is whole. How few people half of it has, the guard for a segment that shrank sees.
QUIET = timedelta(minutes=15)
# What is older says nothing of who is silent now.
OLDEST = timedelta(hours=24)
_EXPORT = re.compile(r".+-(\d{9,11})")
_MOST_BYTES = 512 * 1024 * 1024


def newest(folder: str, segment_id: str, now: datetime) -> tuple[bytes, ...]:
    """Return the files of the newest whole export of a segment; raises TemporaryError where there is none today."""
    root = Path(folder)
    try:
        found = sorted(_exports(root, segment_id), reverse=True)
        whole = next(((at, files) for at, files in found if _quiet_since(files) <= now - QUIET), None)
        if whole is None or whole[0] < now - OLDEST:
            seen = f"; the newest is of {found[0][0]:%Y-%m-%d %H:%M} UTC" if found else ""
            raise _none(f"{folder} holds no whole export of the segment of the last 24 hours{seen}")
        if sum(path.stat().st_size for path in whole[1]) > _MOST_BYTES:
            raise _none(f"the export in {folder} has more than {_MOST_BYTES} bytes")
        return tuple(path.read_bytes() for path in sorted(whole[1]))
    except OSError as error:
        raise _none(f"{folder} cannot be read: {error.strerror or error}") from None


def _exports(root: Path, segment_id: str) -> Iterator[tuple[datetime, list[Path]]]:
    """Yield (when it was ordered, its files): segment-export/SEGMENT/DAY/UUID-TIMESTAMP/*.zip (api/braze.md 4.4)."""
    above = root / "segment-export" if (root / "segment-export").is_dir() else root
    for day in _folders(above / segment_id):
        for export in _folders(day):
            files = [one for one in export.iterdir() if one.suffix in (".zip", ".gz") and not one.name.startswith(".")]
            if files and (match := _EXPORT.fullmatch(export.name)):
                yield datetime.fromtimestamp(int(match[1]), UTC), files


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (one for one in folder.iterdir() if one.is_dir())


def _quiet_since(files: list[Path]) -> datetime:
    return max(datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files)


def _none(why: str) -> TemporaryError:
    return TemporaryError(
        f"The segment was not read: {why}.",
        undone="Nothing was concluded from it.",
        advice="Keep `segment_files` in step with the storage; each run orders an export for the next.",
    )
