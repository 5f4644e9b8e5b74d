"""Read and tell moments in the formats Braze takes and gives; knows no clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# api/braze.md 1.6 "Dates"; the form with a blank before the zone was recorded (1.7).
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d:?\d\d)?)?")
_OTHERS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d:\d{3}(Z|[+-]\d{4})"), "%Y-%m-%dT%H:%M:%S:%f%z"),
    (re.compile(r"\d\d/\d\d/\d{4}"), "%m/%d/%Y"),
    (re.compile(r"[A-Z][a-z]{2} \d\d \d\d \d\d:\d\d:\d\d\.(Z|[+-]\d\d:?\d\d) \d{4}"), "%a %m %d %H:%M:%S.%z %Y"),
)
LAST_YEAR = 3000


def parse(text: object) -> datetime | None:
    """Return the moment a text means, UTC when it names no zone; ``None`` when it is no date."""
    if not isinstance(text, str):
        return None
    try:
        if found := _ISO.fullmatch(text):
            day, time, zone = found.groups()
            return _utc(datetime.fromisoformat(f"{day}T{time or '00:00'}{zone or ''}"))
        for shape, form in _OTHERS:
            if shape.fullmatch(text):
                return _utc(datetime.strptime(text, form))  # noqa: DTZ007 - a form without a zone is UTC
    except (ValueError, OverflowError):
        return None
    return None


def stamp(moment: datetime) -> str:
    """Return a moment as most reads give it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def whole_stamp(moment: datetime) -> str:
    """Return a moment as the details of content give it (api/braze.md 7.3)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def offset_stamp(moment: datetime) -> str:
    """Return a moment as the interaction rows of the export give it (api/braze.md 4.3)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+00:00"


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
