"""Read the Avro files of Braze Currents in a folder that is synced with their bucket; changes nothing there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ecmbraze.errors import ConfigurationError, RecordGone, RecordUnreadable, TemporaryError
from ecmbraze.model import SPAM, ChoiceEvent, CurrentsFile
from ecmbraze.model.recipients import ExternalId, write

# api/braze.md 6.3: the types that say something of a choice or an address. Every other one is left out.
_GLOBAL, _GROUP = "behaviors.subscription.GlobalStateChange", "behaviors.subscriptiongroup.StateChange"
_SPAM, _BOUNCE, _LEFT = "messages.email.MarkAsSpam", "messages.email.Bounce", "messages.email.Unsubscribe"
_TYPES = (_GLOBAL, _GROUP, _SPAM, _BOUNCE, _LEFT)
_STATES = {"subscribed": "subscribed", "unsubscribed": "unsubscribed", "opted in": "opted_in", "opted_in": "opted_in"}
_TYPE, _DATE = re.compile(r"event_type=(.+)"), re.compile(r"date=(\d{4}-\d\d-\d\d-\d\d)")
# `date=` is the hour in which Braze queued an event: the file may come later, never so much earlier.
_LATE = timedelta(days=1)
# Braze writes some 15,000 events into a file, at most 100,000: what is so large is none of its files.
_LARGEST = 256 * 1024 * 1024
# Before Braze there were no events, and placeholders of test events are no times.
_FIRST, _LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2011, 9999))
# No longer than the interval that `check` knows may stand in the attribute of the source.
_LONGEST_SOURCE = 60


class CurrentsFolder:
    """The reader of every such folder."""

    def files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        """Return the files about choices modified at or after ``since``, the oldest first; see the port."""
        _library()
        root = Path(folder)
        try:
            found = [file for entry in _walk(root, since - _LATE) if (file := _file(root, entry))]
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

    def events(self, folder: str, file: CurrentsFile) -> Sequence[ChoiceEvent]:
        """Return what one file says of choices; see the port."""
        fastavro, path = _library(), Path(folder, file.name)
        if file.size > _LARGEST:
            raise RecordUnreadable(f"{file.name} is too large to be of Currents.", undone="It was not opened.")
        try:
            with path.open("rb") as stream:
                rows = fastavro.reader(stream)
                kind = _type_of(file.name) or _type_of(str(rows.writer_schema.get("name", "")).replace("_", "."))
                return [event for row in rows if kind for event in _event(kind, row)]
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


def _walk(folder: Path, since: datetime) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "_")):
                continue  # what a sync tool has in hand
            if entry.is_dir(follow_symlinks=False):
                if not _is_left_out(entry.name, since):
                    with suppress(FileNotFoundError):  # taken away meanwhile
                        yield from _walk(Path(entry.path), since)
            elif entry.name.endswith(".avro") and entry.is_file():
                yield entry


def _is_left_out(name: str, since: datetime) -> bool:
    """Say whether a folder holds events of another type, or only what was queued before."""
    if found := _TYPE.fullmatch(name):
        return not _type_of(name)
    if found := _DATE.fullmatch(name):
        try:
            return datetime.strptime(found[1], "%Y-%m-%d-%H").replace(tzinfo=UTC) < since
        except ValueError:
            return False
    return False


def _file(root: Path, entry: os.DirEntry[str]) -> CurrentsFile | None:
    """Return a file; ``None`` for one that is gone by now, or whose name or date is none that can be kept."""
    try:
        name, status = Path(entry.path).relative_to(root).as_posix(), entry.stat()
        name.encode()
        modified_at = datetime.fromtimestamp(int(status.st_mtime), UTC)
    except (FileNotFoundError, ValueError, OverflowError):
        return None
    return CurrentsFile(name=name, size=status.st_size, modified_at=modified_at)


def _type_of(text: str) -> str:
    """Return which type of event a path, or the name of a schema, names; empty for none that is read."""
    parts = text.split("/")
    named = [found[1] for part in parts if (found := _TYPE.fullmatch(part))] or [parts[-1].removesuffix(".avro")]
    return next((kind for kind in _TYPES for name in named if name.removeprefix("users.") == kind), "")


def _event(kind: str, row: Mapping[str, Any]) -> Iterator[ChoiceEvent]:
    """Yield the event of one row; nothing of one without id or possible time. Unknown fields are left out."""
    at = row.get("time")
    if not row.get("id") or not isinstance(at, int) or not _FIRST <= at <= _LAST:
        return
    person, state = row.get("external_user_id"), _STATES.get(str(row.get("subscription_status")).lower(), "")
    fact = ""
    if kind == _GLOBAL:
        channel = str(row.get("channel") or "").lower()
        fact = channel if channel in ("email", "push") and state else ""
    elif kind == _GROUP:
        fact = f"group:{row['subscription_group_id']}" if row.get("subscription_group_id") and state else ""
    elif kind == _SPAM:
        state = SPAM
    yield ChoiceEvent(
        id=str(row["id"]),
        person=write(ExternalId(value=str(person))) if person else "",
        addresses=tuple(str(row[name]) for name in ("email_address", "phone_number") if row.get(name)),
        fact=fact,
        state=state if fact or kind == _SPAM else "",
        at=datetime.fromtimestamp(at, UTC),
        source=_plain(str(row.get("state_change_source") or "")),
    )


def _plain(source: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in source).split())[:_LONGEST_SOURCE]
