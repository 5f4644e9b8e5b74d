"""One run at a time per state file: a flock that dies with its holder and is never broken by age."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ecmbraze.errors import Locked, StorageError

# What stands behind the pid of a holder that is an initial load.
_LOADS = " loads"


@contextmanager
def run_lock(
    state: Path, *, load: bool = False, wait: Callable[[], None] | None = None
) -> Iterator[Callable[[], None]]:
    """Hold the lock of ``state`` until the block ends; raise Locked at once when another process has it.

    Yields what raises Locked once the lock file is no longer the one that is held: another run may have begun (U07).

    An initial load takes it slice by slice, for days. Whoever comes meanwhile with a ``wait``, which is called again
    and again, gets it after the slice in hand; one may wait so, and the load waits behind it.

    The lock file stays: unlinking it would let two holders each have "the" lock.
    """
    path = _lock_file(state)
    with _opened(path) as descriptor:
        if load and wait is not None:
            with _opened(_turn_file(state)) as turn:
                _until_locked(turn, path, wait)
                _until_locked(descriptor, path, wait)
        elif not lock(descriptor, path):
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            if wait is None or not holder.endswith(_LOADS):
                raise _locked(state, holder)
            with _opened(_turn_file(state)) as turn:
                if not lock(turn, path):
                    raise _locked(state, f"{holder}, and another run waits for it already")
                _until_locked(descriptor, path, wait)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}{_LOADS if load else ''}\n".encode(), 0)
        except OSError as error:
            raise _unwritable(path, error) from error
        yield partial(_refuse_replaced, path, descriptor)


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


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_replaced(path: Path, descriptor: int) -> None:
    try:
        there = path.lstat()
    except OSError:  # that it cannot be looked at is no sign that it is still ours
        there = None
    if there is None or not os.path.samestat(there, os.fstat(descriptor)):
        raise Locked(
            f"{path} was removed or replaced while this run held it: another run may have begun.",
            undone="This one sent nothing from then on; what was on its way is settled, or looked for by the next run.",
            advice="Leave the lock file where it is: it does not outlive its run. The next run goes on.",
        )


def _until_locked(descriptor: int, path: Path, wait: Callable[[], None]) -> None:
    while not lock(descriptor, path):
        wait()


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


def _turn_file(state: Path) -> Path:
    return state.with_name(state.name + ".lock-next")


def _locked(state: Path, holder: str) -> Locked:
    return Locked(
        f"Another run holds the lock of {state} (held by pid {holder}).",
        undone="This one did nothing.",
        advice="A schedule goes on with its next start; what you typed yourself, type again after that run.",
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
