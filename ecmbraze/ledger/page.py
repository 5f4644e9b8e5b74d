"""A page of records that are planned one after the other: what is asked about one is asked about all; no queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# Records in one page.
SIZE = 200


class Page:
    """What was answered about some records and the people whom they name: while they are planned none of it moves.

    A question takes the keys it is about and returns an answer for each; ``more`` is the rest of it. Whoever is not on
    the page is asked about alone.
    """

    def __init__(self, records: Iterable[str] = ()) -> None:
        self._records, self._people = dict.fromkeys(records), dict[str, None]()
        self._answers: dict[tuple[object, ...], dict[str, Any]] = {}
        self._passing: dict[tuple[object, ...], Any] = {}

    def name(self, people: Iterable[str]) -> None:
        """Add people whom its records name."""
        self._people |= dict.fromkeys(people)

    def turn(self) -> None:
        """Come to the next change: what the last one put into the plan counts from now on."""
        self._passing.clear()

    def of_record(self, key: str, ask: Callable[..., Mapping[str, Answer]], *more: str) -> Answer:
        """Return the answer about a record."""
        return self._answer(key, self._records, ask, more)

    def of_person(self, person: str, ask: Callable[..., Mapping[str, Answer]], *more: str) -> Answer:
        """Return the answer about somebody."""
        return self._answer(person, self._people, ask, more)

    def of_change(self, key: str, ask: Callable[..., Mapping[str, Answer]], *more: str) -> Answer:
        """Return an answer that holds for the change in hand alone: the plan moves with each."""
        asked = (ask, key, *more)
        if asked not in self._passing:
            self._passing[asked] = ask([key], *more)[key]
        answer: Answer = self._passing[asked]
        return answer

    def _answer(
        self, key: str, page: Mapping[str, None], ask: Callable[..., Mapping[str, Answer]], more: Sequence[str]
    ) -> Answer:
        known = self._answers.setdefault((ask, *more), {})
        if key not in known:
            known |= ask(list(page) if key in page else [key], *more)
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
