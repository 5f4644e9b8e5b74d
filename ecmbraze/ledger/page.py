"""A page of records that are planned one after the other: what is asked about one is asked about all; no queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# Records in one page, and keys in one question: SQLite takes no more than 999 values everywhere.
SIZE = 200


class _Parts:
    """Keys by the part of them in which they are asked about."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._part_of: dict[str, list[str]] = {}
        self._last: list[str] = []
        self.add(keys)

    def add(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key in self._part_of:
                continue
            if len(self._last) % SIZE == 0:
                self._last = []
            self._last.append(key)
            self._part_of[key] = self._last

    def beside(self, key: str) -> Sequence[str]:
        """Return the keys that are asked about with one; of one that is not there itself."""
        return self._part_of.get(key) or [key]


class Page:
    """What was answered about some records and the people whom they name: while they are planned none of it moves.

    A question takes the keys it is about and returns an answer for each; ``more`` is the rest of it. Whoever is not on
    the page is asked about alone.
    """

    def __init__(self, records: Iterable[str] = ()) -> None:
        self._records, self._people = _Parts(records), _Parts()
        self._answers: dict[tuple[object, ...], dict[str, Any]] = {}

    def name(self, people: Iterable[str]) -> None:
        """Add people whom its records name."""
        self._people.add(people)

    def of_record(self, key: str, ask: Callable[..., Mapping[str, Answer]], *more: str) -> Answer:
        """Return the answer about a record."""
        return self._answer(key, self._records, ask, more)

    def of_person(self, person: str, ask: Callable[..., Mapping[str, Answer]], *more: str) -> Answer:
        """Return the answer about somebody."""
        return self._answer(person, self._people, ask, more)

    def beside(self, person: str) -> Sequence[str]:
        """Return the people who are asked about with one."""
        return self._people.beside(person)

    def _answer(
        self, key: str, page: _Parts, ask: Callable[..., Mapping[str, Answer]], more: tuple[str, ...]
    ) -> Answer:
        known = self._answers.get((ask, more))
        if known is None:
            known = self._answers[ask, more] = {}
        if key not in known:
            known |= ask(list(page.beside(key)), *more)
        answer: Answer = known[key]
        return answer


class Paged:
    """Who asks by pages while records are planned, and otherwise one by one."""

    _in_hand: Page | None = None

    @property
    def _page(self) -> Page:
        return self._in_hand or Page()

    @contextmanager
    def page(self, records: Iterable[str]) -> Iterator[Page]:
        """Ask about these records together, until the block ends."""
        outer, self._in_hand = self._in_hand, Page(records)
        try:
            yield self._in_hand
        finally:
            self._in_hand = outer


def gathered(keys: Iterable[str], rows: Iterable[tuple[str, Answer]]) -> Mapping[str, list[Answer]]:
    """Return key → what its rows say, in their order; of a key without any an empty list."""
    found: dict[str, list[Answer]] = {key: [] for key in keys}
    for key, value in rows:
        found[key].append(value)
    return found
