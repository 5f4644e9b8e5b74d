"""Time zones and times of day as people write them in the configuration; reads no clock."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from ecmbraze.suggest import did_you_mean

# What lies beside the zones and is none (docs.python.org, zoneinfo.available_timezones).
_NO_NAMES = ("posix", "right", "posixrules")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_TEXT = WithJsonSchema({"type": "string"})


def zone_named(raw: object) -> ZoneInfo:
    """Return the zone; raises ValueError with the nearest one for a name that is none."""
    if isinstance(raw, ZoneInfo):
        return raw
    if isinstance(raw, str) and raw.partition("/")[0] not in _NO_NAMES:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(raw)
    # The names are files: to list them takes longer than to read the whole configuration.
    raise ValueError(f"zone {str(raw)!r} unknown{did_you_mean(str(raw), available_timezones())}")


def _time_of_day(raw: object) -> time:
    if isinstance(raw, time):
        return raw
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    if not match:
        raise ValueError(f'{raw!r} is no time of day: write it as "09:00"')
    return time(int(match[1]), int(match[2]))


Zone = Annotated[ZoneInfo, BeforeValidator(zone_named), _TEXT]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), _TEXT]
