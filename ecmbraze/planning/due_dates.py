"""Dates ahead: when a reminder of a date comes due, in the zone of the rule, and which one is the nearest; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import Field

from ecmbraze.model import Json
from ecmbraze.planning import dates
from ecmbraze.planning.naming import DateName
from ecmbraze.planning.rules import Section, Span
from ecmbraze.planning.zones import TimeOfDay, Zone


class Timed(Section):
    """At which time of day what is counted in days comes due, and how late it may still go."""

    at: TimeOfDay = Field(time(9), description="time of day, e.g. 09:00 in quotes")
    zone: Zone | None = Field(None, description="default: ecm.timezone")
    grace: Span = Field(timedelta(days=3), description="how late a reminder may still go after an outage")


class Before(Timed):
    """Reminders some days before a date of the record, or on the day itself with 0."""

    date: DateName = Field(description="attribute with the date ahead")
    days: tuple[Annotated[int, Field(ge=0, le=3660)], ...] = Field(min_length=1, description="how many days before it")

    def offsets(self) -> tuple[int, ...]:
        """Return the days before the date."""
        return self.days


class After(Timed):
    """Reminders some days after a date of the record."""

    date: DateName = Field(description="attribute with the date to count from")
    days: tuple[Annotated[int, Field(ge=0, le=3660)], ...] = Field(min_length=1, description="how many days after it")

    def offsets(self) -> tuple[int, ...]:
        """Return the days before the date: less than none."""
        return tuple(-n for n in self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One reminder of one date. ``token`` tells it from those of another date or distance."""

    day: date
    days: int
    due: datetime

    @property
    def token(self) -> str:
        return f"{self.day.isoformat()}{'-' if self.days >= 0 else '+'}{abs(self.days)}d"


def tokens(dated: Before | After, value: object) -> frozenset[str]:
    """Return the tokens of every reminder a date has; raises RecordUnreadable for what is no date."""
    return frozenset(reminder.token for reminder in reminders(dated, value, UTC))


def reminders(dated: Before | After, value: object, home: tzinfo) -> list[Reminder]:
    """Return the reminders of a date, the earliest first; none for an empty one.

    A local time that daylight saving skips moves forward, one that comes twice is taken the first time. Raises
    RecordUnreadable for what is no date.
    """
    day = dates.day(value, dated.zone, dated.date)
    return on_days(day, dated.offsets(), dated.at, dated.zone or home) if day else []


def on_days(day: date, days: Iterable[int], at: time, here: tzinfo) -> list[Reminder]:
    """Return a reminder so many days before a day, the earliest first; of two at one instant the nearer is last."""
    return sorted(_each(day, days, at, here), key=lambda reminder: (reminder.due, -reminder.days))


def _each(day: date, days: Iterable[int], at: time, here: tzinfo) -> Iterator[Reminder]:
    for n in set(days):
        try:
            due = datetime.combine(day - timedelta(days=n), at, tzinfo=here).astimezone(UTC)
        except OverflowError:  # what lies beyond the calendar never comes
            continue
        yield Reminder(day=day, days=n, due=due)


def nearest(found: list[Reminder], now: datetime) -> Reminder | None:
    """Return the last reminder whose time has come; after an outage it speaks for those before it."""
    past = [reminder for reminder in found if reminder.due <= now]
    return past[-1] if past else None


def following(found: list[Reminder], now: datetime) -> Reminder | None:
    """Return the next reminder ahead."""
    return next((reminder for reminder in found if reminder.due > now), None)


def came_due(found: list[Reminder], noted: Json, now: datetime) -> tuple[Reminder | None, str]:
    """Return the reminder to send now, if any, and what to note: the tokens of all whose time has come.

    Those of earlier dates stay noted: a date that moves away and back again is not reminded of twice.
    """
    seen = noted.split() if isinstance(noted, str) else []
    last = nearest(found, now)
    passed = [reminder.token for reminder in found if reminder.due <= now]
    return (None if last is None or last.token in seen else last), " ".join(dict.fromkeys([*seen, *passed]))
