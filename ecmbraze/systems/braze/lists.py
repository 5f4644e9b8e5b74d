"""Read the dated lists: who unsubscribed, which addresses bounced, which numbers are invalid; says no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecmbraze.errors import TemporaryError
from ecmbraze.model import AddressList
from ecmbraze.ports import Clock
from ecmbraze.systems.braze.asking import Asking, odd
from ecmbraze.systems.braze.profiles import moment
from ecmbraze.systems.shapes import ShapeError, listing, mapping

_PAGE = 500  # api/braze.md 5.7
# Rows of a page that are asked for again with the next one.
_AGAIN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a list stands, and under which names its rows."""

    path: str
    rows: str = "emails"
    address: str = "email"
    stamp: str


_PLACES: Mapping[AddressList, _Place] = {
    AddressList.UNSUBSCRIBES: _Place(path="/email/unsubscribes", stamp="unsubscribed_at"),
    AddressList.HARD_BOUNCES: _Place(path="/email/hard_bounces", stamp="hard_bounced_at"),
    AddressList.INVALID_PHONES: _Place(
        path="/sms/invalid_phone_numbers", rows="sms", address="phone", stamp="invalid_detected_at"
    ),
}
# How often a list is read from its beginning because rows left it meanwhile.
_READINGS = 3

_Row = tuple[str, str]


class AddressLists:
    """The lists of one key."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self._asking, self._clock = asking, clock

    def read(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        """Return address, lower case, or number → when it came onto the list last, from the UTC day of ``since`` on.

        A moment that cannot be read counts as now. Raises TemporaryError when the list changes as fast as it is read.
        """
        place = _PLACES[which]
        for _ in range(_READINGS):
            rows = self._rows(place, since)
            if rows is not None:
                break
        else:
            raise TemporaryError(
                f"The list {place.path} changed each time it was read.",
                undone="Nothing was concluded from it.",
                advice="The next run reads it again.",
            )
        found: dict[str, datetime] = {}
        for email, text in rows:
            at = moment(text) or self._clock.now()
            found[email] = max(at, found.get(email, at))
        return found

    def _rows(self, place: _Place, since: datetime) -> set[_Row] | None:
        """Return the rows of a list, oldest first asked for; ``None`` when some left it between two pages.

        Days are midnights UTC, and a day that is not over ends at the next one (api/braze.md 5.7). Each page begins
        with the last rows of the one before it: one that shows none of them may have lost what stood between. What is
        added meanwhile moves nothing, or shows more of the same rows once more.
        """
        day, tomorrow = f"{since.astimezone(UTC):%Y-%m-%d}", f"{self._clock.now() + timedelta(days=1):%Y-%m-%d}"
        found: set[_Row] = set()
        offset = 0
        while True:
            page = self._page(place, day, tomorrow, offset)
            if found and found.isdisjoint(page):
                return None
            if len(page) < _PAGE:
                return found.union(page)
            if found.issuperset(page):
                raise odd(place.path, ShapeError("the same page came twice"))
            found.update(page)
            offset += len(page) - _AGAIN

    def _page(self, place: _Place, day: str, until: str, offset: int) -> list[_Row]:
        params = {
            "start_date": day,
            "end_date": until,
            "limit": str(_PAGE),
            "offset": str(offset),
            "sort_direction": "asc",
        }
        body = self._asking.ask("GET", place.path, params=params)
        try:
            entries = [mapping(entry, "address") for entry in listing(body.get(place.rows), "list of addresses")]
            return [(_address(entry.get(place.address)), str(entry.get(place.stamp, ""))) for entry in entries]
        except ShapeError as error:
            raise odd(place.path, error) from None


def _address(raw: object) -> str:
    """Return an address in lower case; raises ShapeError for what nobody could be compared with."""
    if not isinstance(raw, str) or not any(mark in raw for mark in "@0123456789"):
        raise ShapeError("an entry without an address")
    return raw.strip().lower()
