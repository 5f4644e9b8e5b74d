"""One run at a time per state file: a flock that dies with its holder and is never broken by age."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecmbraze.errors import Locked, StorageError


@contextmanager
def run_lock(state: Path) -> Iterator[None]:
    """Hold the lock of ``state`` until the block ends; raise Locked at once when another process has it.

    The lock file stays: unlinking it would let two holders each have "the" lock.
    """
    path = state.with_name(state.name + ".lock")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            raise Locked(
                f"Another run holds the lock of {state} (held by pid {holder}).", undone="This one did nothing.",
                advice="Nothing to do: the next start goes on.",
            ) from None  # fmt: skip
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise _unwritable(path, error) from error
        yield
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot write {path}: {error.strerror}.", undone="Nothing was read or sent.",
        advice="Make room or remove the cause, then run the same command again.",
    )  # fmt: skip


def held(state: Path) -> bool:
    """Say whether a run holds the lock of ``state`` right now: then a journal beside it is alive, not hot."""
    try:
        descriptor = os.open(state.with_name(state.name + ".lock"), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
