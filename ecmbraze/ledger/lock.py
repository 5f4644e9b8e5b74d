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
    path = _lock_file(state)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        if not lock(descriptor, path):
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            raise Locked(
                f"Another run holds the lock of {state} (held by pid {holder}).",
                undone="This one did nothing.",
                advice="Nothing to do: the next start goes on.",
            )
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise _unwritable(path, error) from error
        yield
    finally:
        os.close(descriptor)


def held(state: Path) -> bool:
    """Say whether a run holds the lock of ``state`` right now."""
    path = _lock_file(state)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unlockable(path, error) from error
    try:
        return not lock(descriptor, path, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    """Take a lock that goes with the descriptor; return False when another process has it.

    Raises StorageError where the file system gives no locks.
    """
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _unlockable(path, error) from error
    return True


def _lock_file(state: Path) -> Path:
    return state.with_name(state.name + ".lock")


def _not_ours(path: Path) -> StorageError:
    return StorageError(
        f"{path} is of another user: Permission denied.",
        undone="Without the lock another run could send the same; nothing was read or sent.",
        advice=f"`chown` {path} to the user who runs ecmbraze (somebody else, perhaps root, was the first to run it).",
    )


def _unwritable(path: Path, error: OSError) -> StorageError:
    if isinstance(error, PermissionError):
        return _not_ours(path)
    return StorageError(
        f"Cannot write {path}: {error.strerror}.",
        undone="Nothing was read or sent.",
        advice="Make room or remove the cause, then run the same command again.",
    )


def _unlockable(path: Path, error: OSError) -> StorageError:
    if isinstance(error, PermissionError):
        return _not_ours(path)
    return StorageError(
        f"Cannot lock {path}: {error.strerror}.",
        undone="Without the lock another run could send the same; nothing was read or sent.",
        advice="The state file needs a local disk, or a file system with locks; then run the same command again.",
    )
