"""The seal beside the state file: its digest as the last writer left it, so that silent damage shows; knows no SQL."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path

# SQLite's file change counter grows with every commit (sqlite.org/fileformat2.html, 1.3.7).
_COUNTER = slice(24, 28)
# From this size on the file is not read as a whole by every run, but by one of so many: once a day every 15 minutes.
LARGE, EACH = 32_000_000, 96
# SQLite's default size, which we never change.
_PAGE, _PAGE_DIGEST = 4096, 4
# So many are read at once.
_TOGETHER = 256


def put(state: Path, *, head: tuple[int, str], sign: Callable[[str], str] | None) -> None:
    """Write the seal of a closed state file, 0600, whole or not at all. Raises OSError for the disk.

    ``head`` is the length of its history and the digest of its last row; ``sign`` makes what only the key can make.
    """
    sealed, pages = _sealed(state), ""
    if "light" not in sealed:
        (sealed["counter"], sealed["digest"]), pages = _take(state), _pages(state)
    sealed |= {"length": head[0], "head": head[1]}
    if sign is not None:
        sealed["signature"] = sign(_signed(sealed))
    sealed["pages"] = pages
    scratch = _beside(state, ".seal.new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(sealed, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(beside(state))
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _sealed(state: Path) -> dict[str, object]:
    """Return what a light seal of a large file says of it; nothing where it is to be read as a whole.

    Light are all but one of so many in a row, each after a seal that is not.
    """
    lights = read(state).get("light", 0) if read(state) else EACH
    if state.stat().st_size < LARGE or not isinstance(lights, int) or lights + 1 >= EACH:
        return {}
    return {"counter": _counter(state), "digest": "", "light": lights + 1, "dates": _dates(state)}


def _dates(state: Path) -> list[int]:
    """Return what moves with every write to the file, and nobody can set back: SQLite or not."""
    entry = state.stat()
    return [entry.st_size, entry.st_ino, entry.st_ctime_ns]


class Look(Enum):
    """What the seal says of the file."""

    INTACT = "as its last writer left it"
    LIGHT = "as its last writer left it, by its dates"
    BROKEN = "changed by something that is no writer"
    SILENT = "written since, or never sealed"


def look(state: Path) -> Look:
    """Compare the file with its seal.

    A commit moves the counter: after a crash, or for a file put back from a backup, the seal says nothing. A writer
    at work moves it too, so the counter is read again after the digest.
    """
    sealed = read(state)
    if not sealed or _beside(state, "-journal").exists() or _counter(state) != sealed.get("counter"):
        return Look.SILENT
    if "light" in sealed:  # touched by whatever is no writer: then the file is checked itself
        return Look.LIGHT if sealed.get("dates") == _dates(state) else Look.SILENT
    counter, digest = _take(state)
    if counter != sealed["counter"] or counter != _counter(state) or _beside(state, "-journal").exists():
        return Look.SILENT  # a commit is under way or went by: pages only move while a journal lies beside them
    return Look.INTACT if digest == sealed.get("digest") else Look.BROKEN


def head(sealed: Mapping[str, object], sign: Callable[[str], str] | None) -> tuple[int, str] | None:
    """Return the length and the last digest that the history had when it was sealed; ``None`` without a seal.

    Raises ValueError for a seal that was not made with the key.
    """
    length, digest = sealed.get("length"), sealed.get("head")
    if not isinstance(length, int) or not isinstance(digest, str):
        return None
    if sign is not None and not hmac.compare_digest(str(sealed.get("signature", "")), sign(_signed(sealed))):
        raise ValueError("the seal was not made with the key")
    return length, digest


def _signed(sealed: Mapping[str, object]) -> str:
    names = ("counter", "digest", "length", "head", *(("light", "dates") if "light" in sealed else ()))
    return "\n".join(str(sealed.get(name)) for name in names)


def changed_pages(state: Path) -> set[int]:
    """Return the numbers of the pages, from 1, that are not as they were sealed; none where that is not known."""
    before = str(read(state).get("pages", ""))
    now = _pages(state)
    width = 2 * _PAGE_DIGEST
    old, new = ([text[at : at + width] for at in range(0, len(text), width)] for text in (before, now))
    return (
        {number for number, one in enumerate(new, 1) if number > len(old) or old[number - 1] != one} if old else set()
    )


def beside(state: Path) -> Path:
    """Return where the seal of a state file stands."""
    return _beside(state, ".seal")


def read(state: Path) -> Mapping[str, object]:
    """Return what the seal of a state file says; nothing where there is none that can be read."""
    with suppress(OSError, ValueError):
        sealed = json.loads(beside(state).read_text(encoding="ascii"))
        if isinstance(sealed, dict):
            return sealed
    return {}


def _take(state: Path) -> tuple[int, str]:
    """Return the counter, and the digest of the whole file."""
    counter = _counter(state)
    with state.open("rb") as file:
        return counter, hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def _pages(state: Path) -> str:
    """Return short digests of the pages: they tell where the file changed, not whether."""
    pages: list[str] = []
    with state.open("rb") as file:
        while some := file.read(_PAGE * _TOGETHER):
            pages.append(
                "".join(
                    hashlib.blake2b(some[at : at + _PAGE], digest_size=_PAGE_DIGEST).hexdigest()
                    for at in range(0, len(some), _PAGE)
                )
            )
    return "".join(pages)


def _counter(state: Path) -> int:
    with state.open("rb") as file:
        return int.from_bytes(file.read(100)[_COUNTER], "big")


def _beside(state: Path, ending: str) -> Path:
    return state.with_name(state.name + ending)
