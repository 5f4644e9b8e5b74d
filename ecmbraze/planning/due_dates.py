"""Dates ahead: when a reminder of a date comes due, in the zone of the rule, and which one is the nearest; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated

from dateutil import parser
from pydantic import Field

from ecmbraze.errors import RecordUnreadable
from ecmbraze.planning.rules import Section, Span
from ecmbraze.planning.zones import TimeOfDay, Zone


class Before(Section):
    """Reminders some days before a date of the record, or on the day itself with 0."""

    date: str = Field(description="attribute with the date ahead")
    days: tuple[Annotated[int, Field(ge=0, le=3660)], ...] = Field(min_length=1, description="how many days before it")
    at: TimeOfDay = Field(time(9), description="time of day, e.g. 09:00 in quotes")
    zone: Zone | None = Field(None, description="default: ecm.timezone")
    grace: Span = Field(timedelta(days=3), description="how late a reminder may still go after an outage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One reminder of one date. ``token`` tells it from those of another date or distance."""

    day: date
    days: int
    due: datetime

    @property
    def token(self) -> str:
        return f"{self.day.isoformat()}-{self.days}d"


def tokens(before: Before, value: object) -> frozenset[str]:
    """Return the tokens of every reminder a date has; raises RecordUnreadable for what is no date."""
    return frozenset(reminder.token for reminder in reminders(before, value, UTC))


def reminders(before: Before, value: object, home: tzinfo) -> list[Reminder]:
    """Return the reminders of a date, the earliest first; none for an empty one.

    A local time that daylight saving skips moves forward, one that comes twice is taken the first time. Raises
    RecordUnreadable for what is no date.
    """
    if value in (None, "", ()):
        return []
    day = local_day(value, before.zone)
    return sorted(_each(before, day, before.zone or home), key=lambda reminder: reminder.due)


def _each(before: Before, day: date, here: tzinfo) -> Iterator[Reminder]:
    for days in set(before.days):
        local = datetime.combine(day - timedelta(days=days), before.at, tzinfo=here)
        yield Reminder(day=day, days=days, due=local.astimezone(UTC))


def local_day(value: object, here: tzinfo | None) -> date:
    """Return the day of a date fact: as ECM shows it, or for an instant the day on which it falls in another zone."""
    try:
        moment = parser.isoparse(str(value))
    except ValueError:
        raise RecordUnreadable(f"{value!r} is no date.") from None
    return moment.astimezone(here).date() if moment.tzinfo and here else moment.date()


def nearest(found: list[Reminder], now: datetime) -> Reminder | None:
    """Return the last reminder whose time has come; after an outage it speaks for those before it."""
    past = [reminder for reminder in found if reminder.due <= now]
    return past[-1] if past else None


def following(found: list[Reminder], now: datetime) -> Reminder | None:
    """Return the next reminder ahead."""
    return next((reminder for reminder in found if reminder.due > now), None)
