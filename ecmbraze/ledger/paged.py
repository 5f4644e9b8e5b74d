"""A list of JSON that is in memory up to a page, and beyond it in a nameless file; gone with its last reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecmbraze.errors import StorageError
from ecmbraze.ledger.scratch import Scratch

PAGE = 500
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # one for all


class Paged:
    """Values in the order they came. Where the disk has no room for a page it stays in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: Scratch | None = None
        self._pages: list[tuple[int, int] | Sequence[Any]] = []
        self._last: list[Any] = []

    @property
    def full(self) -> int:
        """How many pages are full; that of this number is the last, which may be empty."""
        return len(self._pages)

    def append(self, value: Any) -> None:
        self._last.append(value)
        if len(self._last) == PAGE:
            self._pages.append(self._put_away(self._last))
            self._last = []

    def page(self, number: int) -> Sequence[Any]:
        """Return the values of a page; once they were put away tuples are lists."""
        if number == self.full:
            return self._last
        place = self._pages[number]
        if not isinstance(place, tuple):
            return place
        assert self._file is not None, "a place is one in the file"
        return json.loads(self._file.read(*place))  # type: ignore[no-any-return]  # a page is a list

    def _put_away(self, page: Sequence[Any]) -> tuple[int, int] | Sequence[Any]:
        try:
            self._file = self._file or Scratch(self._folder)
            text = _COMPACT.encode(page).encode("ascii")
            return self._file.add(text), len(text)
        except StorageError:  # a report never ends what it reports
            return page
