"""Date facts as ECM shows them, read the same way by every rule: an instant, a day or none; pure, and total.

Whatever a fact holds, the answer is a date, ``None``, or RecordUnreadable: one odd date must not end a run.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from dateutil import parser

from ecmbraze.errors import RecordUnreadable

# A whole day, perhaps with a time: dateutil also reads "2027" and "20270501", which are numbers in a wrong attribute.
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?")
_BARE_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_LAST, _FIRST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
# People write 9999-12-31 for "no end"; what lies beyond the calendar there is never reached.
_NO_END = 9000


def instant(value: object, zone: tzinfo, of: str = "") -> datetime | None:
    """Return a date fact as a UTC instant, ``None`` for an empty one; a bare day begins at midnight in ``zone``.

    ECM's null date, year 1, is empty. An instant beyond the calendar is the last there is. Raises RecordUnreadable
    for what is no date, and names what it is the value ``of``.
    """
    moment = _parsed(value, of)
    return None if moment is None else _in_zone(moment if moment.tzinfo else moment.replace(tzinfo=zone), UTC)


def day(value: object, zone: tzinfo | None, of: str = "") -> date | None:
    """Return the day of a date fact, ``None`` for an empty one: as ECM shows it, or an instant's day in ``zone``.

    Raises RecordUnreadable for what is no date, and names what it is the value ``of``.
    """
    moment = _parsed(value, of)
    if moment is None:
        return None
    return _in_zone(moment, zone).date() if moment.tzinfo and zone else moment.date()


def is_bare_day(value: object) -> bool:
    """Say whether a date fact is a day without a time: it tells no order within that day."""
    return isinstance(value, str) and _BARE_DAY.fullmatch(value) is not None


def plus(moment: datetime, span: timedelta) -> datetime:
    """Return an instant so much later; what lies beyond the calendar is the last instant there is."""
    try:
        return moment + span
    except OverflowError:
        return _LAST if span > timedelta() else _FIRST


def local(moment: datetime, zone: tzinfo) -> date:
    """Return the day on which an instant falls in a zone."""
    return _in_zone(moment, zone).date()


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return _LAST if moment.year > _NO_END else _FIRST


def _parsed(value: object, of: str) -> datetime | None:
    if value in (None, "", ()):
        return None
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        moment = parser.isoparse(value)
    except (ValueError, OverflowError):
        raise RecordUnreadable(f"{f'{of}: ' if of else ''}{value!r} is no date.") from None
    return None if moment.year == 1 else moment
