"""Inactivity: since when nobody but ourselves touched a record, and when that silence is long enough; pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from pydantic import Field

from ecmbraze.model import BY_US, Json, Record
from ecmbraze.planning import dates
from ecmbraze.planning.due_dates import Reminder, Timed, on_days
from ecmbraze.planning.naming import DateName

# Beside the rules in the memory of a record; the blank keeps it apart from their names.
NOTED = "last activity"


class Inactive(Timed):
    """So many days in which nobody but our own account touched the workspace."""

    days: int = Field(ge=3, le=3660, description="how many days nobody touched it")
    activity: DateName | None = Field(
        None, description="date attribute that counts as activity too, e.g. of the last call"
    )


def touched(record: Record, noted: Json) -> datetime:
    """Return when somebody else last touched a record.

    Our own edit hides when that was, so it is noted. Where nothing is, the modify date counts, whoever made it: too
    late a reminder harms less than one to a customer we just served.
    """
    if record.named.get(BY_US) is True and isinstance(noted, str):
        return datetime.fromisoformat(noted)
    return record.modified_at


def silence(inactive: Inactive, record: Record, last: datetime, home: tzinfo) -> list[Reminder]:
    """Return the one reminder of the silence since the last activity; raises RecordUnreadable for what is no date."""
    here = inactive.zone or home
    since = max(dates.local(last, here), _told(inactive, record, here) or date.min)
    return on_days(since, (-inactive.days,), inactive.at, here)


def stirred(inactive: Inactive, record: Record, occurrence: str, home: tzinfo) -> bool:
    """Say whether a record read again was touched after the silence that an occurrence names."""
    since, here = date.fromisoformat(occurrence[:10]), inactive.zone or home
    told = _told(inactive, record, here)
    theirs = record.named.get(BY_US) is not True and dates.local(record.modified_at, here) > since
    return theirs or (told is not None and told > since)


def _told(inactive: Inactive, record: Record, here: tzinfo) -> date | None:
    return dates.day(record.facts[inactive.activity], here, inactive.activity) if inactive.activity else None
