"""Find and read the Avro files of a folder that is synced with a bucket of Currents; changes nothing there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ecmbraze.errors import ConfigurationError, RecordGone, RecordUnreadable, TemporaryError
from ecmbraze.model import CurrentsFile

_TYPE, _DATE = re.compile(r"event_type=(.+)"), re.compile(r"date=(\d{4}-\d\d-\d\d-\d\d)")
# `date=` is the hour in which Braze queued an event: the file may come later, never so much earlier.
_LATE = timedelta(days=1)
# Braze writes some 15,000 events into a file, at most 100,000: what is so large is none of its files.
_LARGEST = 256 * 1024 * 1024


def files(folder: str, since: datetime, types: Sequence[str]) -> Sequence[CurrentsFile]:
    """Return the files about some types of events modified at or after ``since``, the oldest first; see the port.

    A file whose path names no type is among them.
    """
    _library()
    root = Path(folder)
    try:
        found = [file for entry in _walk(root, since - _LATE, types) if (file := _file(root, entry))]
    except OSError as error:
        raise TemporaryError(
            f"The Currents folder {folder} cannot be listed: {error.strerror or error}.",
            undone="No Currents file was read.",
            advice="Make it readable, or correct `currents`.",
        ) from None
    return sorted(
        (file for file in found if file.size and file.modified_at >= since),
        key=lambda file: (file.modified_at, file.name),
    )


def rows(folder: str, file: CurrentsFile, types: Sequence[str]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return (type, event) of one file, in its order; nothing of one of another type.

    Raises RecordUnreadable for one that is not complete: half a file tells nothing; RecordGone for one that went.
    """
    fastavro, path = _library(), Path(folder, file.name)
    if file.size > _LARGEST:
        raise RecordUnreadable(f"{file.name} is too large to be of Currents.", undone="It was not opened.")
    try:
        with path.open("rb") as stream:
            reader = fastavro.reader(stream)
            own = str(reader.writer_schema.get("name", "")).replace("_", ".")
            kind = _type_of(file.name, types) or _type_of(own, types)
            return [(kind, row) for row in reader] if kind else []
    except FileNotFoundError:  # the bucket's life cycle, or who keeps the folder in step, was faster
        raise RecordGone(f"{file.name} is gone.", undone="None of its events was read.") from None
    except Exception as error:  # the library raises whatever a spoiled byte leads it to: EOFError, ValueError, …
        raise RecordUnreadable(
            f"{file.name} cannot be read: {error or type(error).__name__}", undone="None of its events was read."
        ) from None


def _library() -> Any:
    """Return fastavro; raises ConfigurationError where it is not installed."""
    try:
        import fastavro
    except ImportError:
        raise ConfigurationError(
            "`currents` needs the library fastavro, which is not installed.",
            undone="Nobody was looked at in Braze; nothing was recorded.",
            advice="Type `pip install 'ecmbraze[currents]'`, or take `currents` out of the configuration.",
        ) from None
    return fastavro


def _walk(folder: Path, since: datetime, types: Sequence[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "_")):
                continue  # what a sync tool has in hand
            if entry.is_dir(follow_symlinks=False):
                if not _is_left_out(entry.name, since, types):
                    with suppress(FileNotFoundError):  # taken away meanwhile
                        yield from _walk(Path(entry.path), since, types)
            elif entry.name.endswith(".avro") and entry.is_file():
                yield entry


def _is_left_out(name: str, since: datetime, types: Sequence[str]) -> bool:
    """Say whether a folder holds events of another type, or only what was queued before."""
    if _TYPE.fullmatch(name):
        return not _type_of(name, types)
    queued_at = _queued(name)
    return queued_at is not None and queued_at < since


def _queued(name: str) -> datetime | None:
    """Return the hour that a folder is named after; ``None`` for any other."""
    if not (found := _DATE.fullmatch(name)):
        return None
    try:
        return datetime.strptime(found[1], "%Y-%m-%d-%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def _file(root: Path, entry: os.DirEntry[str]) -> CurrentsFile | None:
    """Return a file; ``None`` for one that is gone by now, or whose name or date is none that can be kept."""
    try:
        name, status = Path(entry.path).relative_to(root).as_posix(), entry.stat()
        name.encode()
        modified_at = datetime.fromtimestamp(int(status.st_mtime), UTC)
    except (FileNotFoundError, ValueError, OverflowError):
        return None
    queued_at = next((hour for part in name.split("/") if (hour := _queued(part))), None)
    return CurrentsFile(name=name, size=status.st_size, modified_at=modified_at, queued_at=queued_at)


def _type_of(text: str, types: Sequence[str]) -> str:
    """Return which of some types of events a path, or the name of a schema, names; empty for none of them."""
    parts = text.split("/")
    named = [found[1] for part in parts if (found := _TYPE.fullmatch(part))] or [parts[-1].removesuffix(".avro")]
    return next((kind for kind in types for name in named if name.removeprefix("users.") == kind), "")
