"""Read the times of Extended ECM: with a zone or without, always whole seconds; guesses no zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from dateutil import parser

from ecmbraze.errors import ConfigurationError, RecordUnreadable

# Older than any Content Server; a null date of a database looks like 1970 or 0001 (fault E16).
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=5)


def instant(value: object, zone: tzinfo | None) -> datetime:
    """Return an aware UTC instant.

    Raises RecordUnreadable for what is no time, ConfigurationError for a zone-less one without `ecm.timezone` (E14).
    """
    try:
        moment = parser.isoparse(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise RecordUnreadable(f"{value!r} is no time.")
    if moment.tzinfo is None:
        if zone is None:
            raise ConfigurationError(
                "ECM returns times without a zone.", advice="Set ecm.timezone to the zone of the Content Server."
            )  # fmt: skip
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise RecordUnreadable(f"implausible date {value}.") from None


def plausible(value: object, zone: tzinfo | None, now: datetime) -> datetime:
    """Return a modify or create date; raises RecordUnreadable for one before 1990 or after ``now``."""
    moment = instant(value, zone)
    if not _EARLIEST <= moment <= now + _SKEW:
        raise RecordUnreadable(f"implausible date {value}.")
    return moment


def fact(value: str, zone: tzinfo | None) -> str:
    """Return a Date attribute: a day as ``YYYY-MM-DD``, anything finer as an instant with its offset."""
    day, _, time = value.partition("T")
    if time in ("", "00:00:00", "00:00:00Z"):
        return day
    return instant(value, zone).isoformat()
