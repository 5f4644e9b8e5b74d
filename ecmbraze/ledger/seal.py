"""The seal beside the state file: its digest as the last writer left it, so that silent damage shows; knows no SQL."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from enum import Enum
from pathlib import Path

# SQLite's file change counter grows with every commit (sqlite.org/fileformat2.html, 1.3.7).
_COUNTER = slice(24, 28)
_CHUNK = 1 << 20


def put(state: Path) -> None:
    """Write the seal of a closed state file, 0600, whole or not at all. Raises OSError for the disk."""
    counter, digest = _take(state)
    scratch = _beside(state, ".seal.new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"counter": counter, "digest": digest}, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(beside(state))
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


class Look(Enum):
    """What the seal says of the file."""

    INTACT = "as its last writer left it"
    BROKEN = "changed by something that is no writer"
    SILENT = "written since, or never sealed"


def look(state: Path) -> Look:
    """Compare the file with its seal.

    A commit moves the counter: after a crash, or for a file put back from a backup, the seal says nothing. A writer
    at work moves it too, so the counter is read again after the digest.
    """
    sealed: object = None
    with suppress(OSError, ValueError):
        sealed = json.loads(beside(state).read_text(encoding="ascii"))
    if not isinstance(sealed, dict) or _beside(state, "-journal").exists() or _counter(state) != sealed.get("counter"):
        return Look.SILENT
    counter, digest = _take(state)
    if counter != sealed["counter"] or counter != _counter(state) or _beside(state, "-journal").exists():
        return Look.SILENT  # a commit is under way or went by: pages only move while a journal lies beside them
    return Look.INTACT if digest == sealed.get("digest") else Look.BROKEN


def beside(state: Path) -> Path:
    """Return where the seal of a state file stands."""
    return _beside(state, ".seal")


def _take(state: Path) -> tuple[int, str]:
    counter, digest = _counter(state), hashlib.blake2b(digest_size=32)
    with state.open("rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return counter, digest.hexdigest()


def _counter(state: Path) -> int:
    with state.open("rb") as file:
        return int.from_bytes(file.read(100)[_COUNTER], "big")


def _beside(state: Path, ending: str) -> Path:
    return state.with_name(state.name + ending)
