"""Bytes that are too many for memory and worth no table, in a file without a name, gone with its last reader."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ecmbraze.ledger.connection import of_the_disk

PIECE = 64 * 1024


class Scratch:
    """A private file; may be read from any thread. Raises StorageError where there is no room.

    It lies on the disk of ``folder``, where temporary files go without one, or where that may not be written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._size = 0
        with _room(), _nameless(folder) as made:
            self._file = os.dup(made.fileno())
        weakref.finalize(self, os.close, self._file)

    def add(self, content: bytes) -> int:
        """Put something behind what is there; return where it begins."""
        begins = self._size
        with _room():
            while content:
                written = os.pwrite(self._file, content, self._size)
                self._size, content = self._size + written, content[written:]
        return begins

    def read(self, begins: int, size: int) -> bytes:
        """Return so many bytes from a place on; fewer at the end."""
        found = b""
        while len(found) < size and (more := os.pread(self._file, size - len(found), begins + len(found))):
            found += more
        return found

    def pieces(self) -> Iterator[bytes]:
        """Yield everything, from the first byte on."""
        at = 0
        while piece := self.read(at, PIECE):
            at += len(piece)
            yield piece


def _nameless(folder: Path | None) -> IO[bytes]:
    with suppress(OSError):
        if folder is not None:
            return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise of_the_disk(Path(tempfile.gettempdir()), error.strerror) from None
