"""What a listing knows of its rows while it is divided by the beginnings of names, in little memory; asks nothing."""

from __future__ import annotations

import string
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ecmbraze.model import WorkspaceRow

# Names begin with these, or with what was seen among the rows that were served.
_ACCENTED = "ÄÖÜÅØÆÉÈÇŁŚŠŽ"
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase + _ACCENTED
_WITHIN = " -._(&" + _ACCENTED.lower()
# A longer beginning divides no more: names have 248 characters at most (api/ecm.md 11), many of one name none.
LONGEST = 100
_BUCKETS = 1021


class Ids:
    """Which ids were met, in eight bytes each: a million of them take ten times as much in a set of Python."""

    def __init__(self) -> None:
        self._size, self._buckets = 0, [array("q") for _ in range(_BUCKETS)]

    def __len__(self) -> int:
        return self._size

    def add(self, ids: Iterable[int]) -> set[int]:
        """Take ids in and return those that were not there."""
        new = set[int]()
        for one in ids:
            bucket = self._buckets[one % _BUCKETS]
            at = bisect_left(bucket, one)
            if at == len(bucket) or bucket[at] != one:
                bucket.insert(at, one)
                new.add(one)
        self._size += len(new)
        return new


@dataclass(slots=True)
class Beginnings:
    """The letters with which names go on after a beginning, each with how many workspaces were met that have it."""

    prefix: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    selected: bool | None = None
    """Whether all names that were shown begin so, and any was: else the server may not have selected by it."""

    def take(self, rows: Sequence[WorkspaceRow], new: set[int]) -> None:
        """Note the rows of a page; ``new`` are the workspaces not met before."""
        at, prefix = len(self.prefix), self.prefix
        self.counts.update(row.name[at] for row in rows if row.id in new and row.name[at:] and row.name[:at] == prefix)
        if rows and self.selected is not False:
            self.selected = all(row.name[:at].casefold() == prefix.casefold() for row in rows)

    def guesses(self, more: Iterable[str] = ()) -> list[str]:
        """Return the letters to ask for: first those that were met, then what names are made of elsewhere."""
        within = _WITHIN if self.prefix else ""
        return list(dict.fromkeys([*sorted(self.counts), *_LETTERS, *within, *sorted(more)]))
