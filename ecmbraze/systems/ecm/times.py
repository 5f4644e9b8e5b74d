"""Read the times of Extended ECM: with a zone or without, always whole seconds; guesses no zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ecmbraze.errors import ConfigurationError, RecordUnreadable
from ecmbraze.systems.shapes import excerpt

# Older than any Content Server; a null date of a database looks like 1970 or 0001 (fault E16).
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=5)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_MIDNIGHT = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")


@dataclass(slots=True)
class ServerNow:
    """The latest known time of the server. ``look`` asks for it again, once at most per page."""

    now: datetime
    look: Callable[[], datetime] | None = None

    def reached(self, moment: datetime) -> bool:
        """Say whether the moment lies in the past; a date that seems to lie ahead is held against a fresh look."""
        if moment <= self.now + _SKEW:  # two dates of every row of a listing
            return True
        if self.look is not None:
            self.now, self.look = self.look(), None
        return moment <= self.now + _SKEW


def instant(value: object, zone: tzinfo | None) -> datetime:
    """Return an aware UTC instant in whole seconds.

    Raises RecordUnreadable for what is no time, ConfigurationError for a zone-less one without `ecm.timezone` (E14).
    """
    try:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError
        moment = datetime.fromisoformat(value)
        moment = moment.replace(microsecond=0) if moment.microsecond else moment
        if moment.tzinfo is None and zone is None:
            raise ConfigurationError(
                f"ECM returns times without a zone ({excerpt(value)}).",
                undone="Nothing was concluded from them.",
                advice="Set ecm.timezone to the zone of the Content Server, for example Europe/Berlin.",
            )
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RecordUnreadable(f"{excerpt(value)!r} is no time.") from None


def plausible(value: object, what: str, zone: tzinfo | None, server: ServerNow | None) -> datetime:
    """Return a modify or create date; raises RecordUnreadable for one before 1990 or after the server's now (E16).

    Without ``server`` only the past is judged.
    """
    try:
        moment = instant(value, zone)
    except RecordUnreadable:
        moment = None
    if moment is None or moment < _EARLIEST or (server is not None and not server.reached(moment)):
        raise RecordUnreadable(f"implausible {what} {excerpt(value)}")
    return moment


def fact(value: str, zone: tzinfo | None) -> str:
    """Return a Date attribute: a day as ``YYYY-MM-DD``, else an instant with its offset (api/ecm.md 1.4)."""
    if match := _MIDNIGHT.fullmatch(value):
        try:
            return datetime.fromisoformat(match["day"]).date().isoformat()
        except ValueError:
            raise RecordUnreadable(f"{excerpt(value)!r} is no date.") from None
    moment = instant(value, zone)
    try:
        return (moment.astimezone(zone) if zone is not None else moment).isoformat()
    except OverflowError:  # "no end" written as the last instant there is, which zones east of UTC do not have
        return moment.isoformat()
