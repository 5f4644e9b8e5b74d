"""The secret beside the state file that the history is keyed with: who has only the file cannot make another chain."""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger.connection import Explained, unusable
from ecmbraze.ledger.copying import sync_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryKey:
    """The secret, and the first row of the history that is keyed with it."""

    secret: bytes
    since: int

    def sign(self, text: str) -> str:
        """Return what nobody without the secret can make of a text."""
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What the state file keeps, to tell a wrong key from a broken chain."""
        return hashlib.sha256(self.secret).hexdigest()[:16]


def beside(state: Path) -> Path:
    """Return where the key of a state file stands."""
    return state.with_name(f"{state.name}.key")


def make(state: Path, since: int) -> HistoryKey:
    """Draw a key and write it, 0600, on disk, through no link. Raises StateUnusable where one stands already."""
    key = HistoryKey(secret=secrets.token_bytes(32), since=since)
    _write(beside(state), key)
    return key


def copy(key: HistoryKey, state: Path) -> None:
    """Write a key beside a copy of its state file."""
    _write(beside(state), key)


def _write(path: Path, key: HistoryKey) -> None:
    """Write it under another name first, so that a kill leaves no half of a key."""
    scratch = path.with_name(f"{path.name}.new")
    with Explained(path, unusable):
        scratch.unlink(missing_ok=True)
        try:
            descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                os.fchmod(file.fileno(), 0o600)
                json.dump({"key": key.secret.hex(), "since": key.since}, file)
                file.flush()
                os.fsync(file.fileno())
            os.link(scratch, path, follow_symlinks=False)  # a rename would overwrite a key
            sync_folder(path)
        except FileExistsError:
            raise StateUnusable(
                f"{path} exists already: it is the key of a state file that stood here.",
                undone="Nothing was written.",
                advice="Move it away together with that state file, which cannot be verified without it.",
            ) from None
        finally:
            scratch.unlink(missing_ok=True)


def read(state: Path) -> HistoryKey | None:
    """Return the key beside a state file; ``None`` where there is none. Raises StateUnusable for an unsafe one."""
    path = beside(state)
    with Explained(path, unusable):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise unusable(state, f"has a key that is a link ({path}): put the file itself there") from None
            raise
        with os.fdopen(descriptor, "rb") as file:
            entry, text = os.fstat(descriptor), file.read(1000)
    if not stat.S_ISREG(entry.st_mode) or entry.st_uid != os.geteuid() or entry.st_mode & 0o077:
        raise unusable(state, f"has a key that others may read or have made ({path}: `chmod 600`, or `chown`)")
    try:
        found = json.loads(text)
        return HistoryKey(secret=bytes.fromhex(found["key"]), since=int(found["since"]))
    except (ValueError, TypeError, KeyError):
        raise unusable(state, f"has a key that cannot be read ({path}): restore it from a backup") from None
